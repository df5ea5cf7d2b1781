"""Retries: what is sent again and where to, what never is, and how many there may be."""

import threading
import time
from collections import Counter

import pytest

from support.fleet import NO_PANIC, fleet  # noqa: F401, a fixture
from support.gateway import wait_until
from support.load import GRPC_INFER, INFER
from support.rawhttp import Client, Incomplete, answer, build, chunked
from support.triton_messages import message

KIB = 1 << 10
# Nobody is ejected meanwhile, and in turn each endpoint gets its part.
BACKEND = ("balance: roundRobin, outlierDetection: { consecutiveErrors: 0 }, timeouts: { connect: 500ms }, "
           + NO_PANIC)
ALL = "connectFailure, refusedStream, reset, timeout, 503"


def retries(on: str = ALL, attempts: int = 1, more: str = "", fault: str = "", each: str = "20s") -> str:
    """`each` is the time of a try: long, so that a slow machine is no failure, but where a `fault` uses it up."""
    each = "1s" if fault == "hang" else each
    return f"retries: {{ attempts: {attempts}, on: [{on}], perTryTimeout: {each}, budgetPercent: 100{more} }}"


def many(fault: str, count: int) -> int:
    """How many requests: half of them come to the endpoint with the fault, and those that hang take a second each."""
    return 2 if fault == "hang" else count


def made(fleet, **labels) -> float:
    return fleet.gateway.metrics().sum("sluice_retries_total", route="all", **labels)


def outcome(fleet, method: str = "GET", path: str = "/", body: bytes | None = None, fields: tuple = ()) -> str:
    """Who served it, or status and cause, or that it was cut."""
    try:
        got = fleet.ask(path, method, body, fields)
    except Incomplete:
        return "cut"
    return got.get("x-served-by") if got.status == 200 else f"{got.status} {got.cause or ''}".strip()


REASONS = {"refuse": "connect_failure", "reset": "reset", "hang": "timeout", "503": "status"}


@pytest.mark.parametrize("fault", REASONS)
def test_a_get_goes_elsewhere(fleet, fault):
    fleet.add(), fleet.add(fault=fault)
    fleet.start(BACKEND, retries(fault=fault))
    count = many(fault, 6)
    assert Counter(outcome(fleet) for _ in range(count)) == {"first": count}
    assert made(fleet) == made(fleet, reason=REASONS[fault]) == count // 2


def test_without_the_key_it_does_not(fleet):
    fleet.add(), fleet.add(fault="503")
    fleet.start(BACKEND)
    assert Counter(outcome(fleet) for _ in range(6)) == {"first": 3, "503": 3}
    fleet.endpoints[1].set(fault="reset")
    assert Counter(outcome(fleet) for _ in range(6)) == {"first": 3, "502 upstream_reset": 3}


@pytest.mark.parametrize("fault, on", [
    ("reset", "connectFailure, refusedStream, timeout, 503"),
    ("503", "connectFailure, refusedStream, reset, timeout, 500"),
    ("hang", "connectFailure, refusedStream, reset, 503")])
def test_only_what_is_listed(fleet, fault, on):
    fleet.add(), fleet.add(fault=fault)
    fleet.start(BACKEND, retries(on, fault=fault))
    failure = {"reset": "502 upstream_reset", "503": "503", "hang": "504 try_timeout"}[fault]
    count = many(fault, 4)
    assert Counter(outcome(fleet) for _ in range(count)) == {"first": count // 2, failure: count // 2}
    assert made(fleet) == 0


@pytest.mark.parametrize("method, is_sent", [
    ("GET", True), ("HEAD", True), ("OPTIONS", True), ("PUT", True), ("DELETE", True), ("POST", False),
    ("PATCH", False)])
def test_what_may_run_twice(fleet, method, is_sent):
    """RFC 9110 section 9.2.2: an endpoint may have done what was asked before it broke."""
    fleet.add(), fleet.add(fault="reset")
    fleet.start(BACKEND, retries())
    found = Counter(outcome(fleet, method, body=b"x" if method in ("POST", "PUT", "PATCH") else None) for _ in range(4))
    assert found == ({"first": 4} if is_sent else {"first": 2, "502 upstream_reset": 2})


def test_what_was_never_sent_may_go_anywhere(fleet):
    fleet.add(), fleet.add(fault="refuse")
    fleet.start(BACKEND, retries("connectFailure"))
    assert Counter(outcome(fleet, "POST", body=b"x" * 5000) for _ in range(6)) == {"first": 6}
    assert made(fleet, reason="connect_failure") == 3


# --- inference

SEQUENCE = b'{"parameters":{"sequence_id":5},"inputs":[]}'


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("fault", ["reset", "hang", "503"])
def test_inference(fleet, allowed, fault):
    """A pure function of its input may run twice, if the operator says that it is one."""
    fleet.add(), fleet.add(fault=fault)
    fleet.start(BACKEND, retries(more=", inference: true" if allowed else "", fault=fault))
    count = many(fault, 4)
    found = Counter(outcome(fleet, "POST", INFER, b'{"inputs":[]}') for _ in range(count))
    # Busy was said by somebody who has not begun, but only the operator can know that of the one who says it.
    failure = {"reset": "502 upstream_reset", "503": "503", "hang": "504 try_timeout"}[fault]
    assert found == ({"first": count} if allowed else {"first": count // 2, failure: count // 2})


@pytest.mark.parametrize("path, body", [
    (INFER, SEQUENCE), ("/v2/models/m/versions/3/infer", SEQUENCE), ("/v2/models/m/load", b"{}"), ("/v2/other", b"{}")])
def test_what_is_no_pure_inference(fleet, path, body):
    """A sequence's state would see the request twice."""
    fleet.add(), fleet.add(fault="reset")
    fleet.start(BACKEND, retries(more=", inference: true"))
    found = Counter(outcome(fleet, "POST", path, body) for _ in range(4))
    assert found == {"first": 2, "502 upstream_reset": 2}


@pytest.mark.parametrize("fault, reason", [
    ("reset", "reset"), ("hang", "timeout"), ("503", "status"), ("refuse", "connect_failure"),
    ("refused_stream", "refused_stream")])
def test_calls(fleet, fault, reason):
    fleet.add(), fleet.add(fault=fault)
    fleet.start(BACKEND, retries(more=", inference: true", fault=fault))
    count = many(fault, 6)
    assert Counter(fleet.call() for _ in range(count)) == {"first": count}
    # A stream that is refused is first offered to the same endpoint a few times more.
    assert made(fleet) == made(fleet, reason=reason) >= count // 2
    assert made(fleet) == count // 2 or fault == "refused_stream"


@pytest.mark.parametrize("path, body", [(GRPC_INFER, message(5)), ("/inference.GRPCInferenceService/ModelReady", b"")])
def test_calls_that_may_not_run_twice(fleet, path, body):
    """A sequence, and methods that are no inference: gRPC has no idempotent ones. What was refused was not looked at."""
    fleet.add(), fleet.add(fault="reset")
    fleet.start(BACKEND, retries(more=", inference: true"))
    assert Counter(fleet.call(path, body) for _ in range(4)) == {"first": 2, "UNAVAILABLE upstream_reset": 2}
    fleet.endpoints[1].set(fault="refused_stream")
    assert Counter(fleet.call(path, body) for _ in range(4)) == {"first": 4}


def test_a_call_that_is_not_retried_says_why_it_failed(fleet):
    fleet.add(fault="503")
    fleet.start(BACKEND, retries(attempts=2, more=", inference: true"))
    assert fleet.call() == "UNAVAILABLE"
    assert fleet.endpoints[0].requests == 3


# --- how often and how long


@pytest.mark.parametrize("endpoints, attempts", [(3, 2), (1, 2), (2, 4), (3, 1)])
def test_attempts(fleet, endpoints, attempts):
    """As many extra tries as that, at each endpoint once before any gets a second one."""
    for _ in range(endpoints):
        fleet.add(fault="503")
    fleet.start(BACKEND, retries(attempts=attempts))
    assert outcome(fleet) == "503", "the last answer is the client's"
    tries = [each.requests for each in fleet.endpoints]
    assert sum(tries) == 1 + attempts
    assert max(tries) - min(tries) <= 1, tries


def test_a_try_has_its_time(fleet):
    fleet.add(fault="hang"), fleet.add(fault="hang")
    fleet.start(BACKEND, retries(each="400ms"))
    begin = time.monotonic()
    assert outcome(fleet) == "504 try_timeout"
    assert time.monotonic() - begin >= 0.8, "two tries of 400 ms"
    assert fleet.gateway.metrics().sum("sluice_requests_total", code="504", cause="try_timeout") == 1


def test_the_exchange_has_its_own(fleet):
    """However many tries are left."""
    fleet.add(fault="hang"), fleet.add(fault="hang")
    fleet.start(BACKEND, "timeout: 900ms, " + retries(attempts=10, each="400ms"))
    tries = 0
    # One alone, if the machine stood still for most of the time.
    for _ in range(5):
        assert outcome(fleet) == "504 exchange_timeout"
        before, tries = tries, sum(each.requests for each in fleet.endpoints)
        assert tries - before <= 3
        if tries - before >= 2:
            return
    raise AssertionError("never tried again")


def test_a_try_is_only_timed_until_it_answers(fleet):
    """A long answer is no failure."""
    fleet.add(fault="half")
    fleet.start(BACKEND, "idleTimeout: 1500ms, " + retries(each="1s"))
    with fleet.connect() as client:
        begin = time.monotonic()
        client.send(build("GET", "/"))
        with pytest.raises(Incomplete):
            client.response()
        assert time.monotonic() - begin >= 1.4
    assert fleet.endpoints[0].requests == 1


def test_never_after_the_answer_began(fleet):
    fleet.add(), fleet.add(fault="half")
    fleet.start(BACKEND, "idleTimeout: 1s, " + retries())
    assert Counter(outcome(fleet) for _ in range(2)) == {"first": 1, "cut": 1}
    assert [each.requests for each in fleet.endpoints] == [1, 1]


# --- budget


def storm(fleet, count: int) -> float:
    """So many GETs as fast as they go; how long it took."""
    begin = time.monotonic()

    def work() -> None:
        with fleet.connect(timeout=30) as client:
            for _ in range(count // 8):
                client.exchange(build("GET", "/"))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    return time.monotonic() - begin


def test_budget(fleet):
    """Everything fails, and retries are no more than a fifth of the requests, or ten in a second."""
    fleet.add(fault="503")
    fleet.start(BACKEND, retries().replace("budgetPercent: 100", "budgetPercent: 20"), loops=2)
    taken = storm(fleet, 800)
    assert made(fleet) <= max(160, 10 * (taken + 1))
    assert made(fleet) >= 10, "hardly any was allowed"
    assert fleet.endpoints[0].requests == 800 + made(fleet)


def test_no_budget_means_no_retries(fleet):
    fleet.add(), fleet.add(fault="503")
    fleet.start(BACKEND, retries().replace("budgetPercent: 100", "budgetPercent: 0"))
    assert Counter(outcome(fleet) for _ in range(6)) == {"first": 3, "503": 3}
    assert made(fleet) == 0


def test_the_whole_budget(fleet):
    fleet.add(fault="503")
    fleet.start(BACKEND, retries())
    storm(fleet, 200)
    assert made(fleet) == 200


# --- bodies


@pytest.fixture
def pair(gateways, upstreams):
    def make(route: str):
        bad = upstreams(lambda request, connection: connection.reset())
        good = upstreams(lambda request, connection: answer(request.body))
        gateway = gateways(f"""
loops: 1
backends:
  main: {{ endpoints: ['{bad.address}', '{good.address}'], {BACKEND} }}
routes:
  - {{ name: all, {route}, backends: [{{ name: main }}] }}
""")
        return gateway, bad, good

    return make


def pattern(size: int) -> bytes:
    return bytes(range(256)) * (size // 256) + b"z" * (size % 256)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 20 * KIB, 190 * KIB])
def test_the_body_is_sent_again_whole(pair, size, is_chunked):
    gateway, bad, good = pair(retries(more=", maxBufferedBytes: 200KiB"))
    body = pattern(size)
    for _ in range(4):
        with Client(gateway.host, gateway.port) as client:
            if is_chunked:
                data = build("PUT", "/", "test", "Transfer-Encoding: chunked") + chunked(*([body] if body else []))
            else:
                data = build("PUT", "/", "test", f"Content-Length: {size}") + body
            sender = threading.Thread(target=client.send_all_it_takes, args=(data,))
            sender.start()
            got = client.response("PUT")
            sender.join()
            assert (got.status, got.body) == (200, body)
    assert len(bad.requests) == 2 and len(good.requests) == 4
    assert {each.get("x-request-id") for each in bad.requests} < {each.get("x-request-id") for each in good.requests}


def test_a_longer_body_is_sent_once(pair):
    gateway, bad, good = pair(retries(more=", maxBufferedBytes: 200KiB"))
    body = pattern(500 * KIB)
    statuses = []
    for _ in range(4):
        with Client(gateway.host, gateway.port) as client:
            data = build("PUT", "/", "test", f"Content-Length: {len(body)}") + body
            sender = threading.Thread(target=client.send_all_it_takes, args=(data,))
            sender.start()
            statuses.append(client.response("PUT").status)
            sender.join()
    assert sorted(statuses) == [200, 200, 502, 502]
    assert len(good.requests) == 2


def test_nothing_is_kept_with_a_limit_of_0(pair):
    """What has no body can still be sent again."""
    gateway, _, _ = pair(retries(more=", maxBufferedBytes: 0"))
    with Client(gateway.host, gateway.port) as client:
        assert [client.exchange(build("GET", "/")).status for _ in range(4)] == [200] * 4
        upload = build("PUT", "/", "test", "Content-Length: 3") + b"abc"
        assert sorted(client.exchange(upload, "PUT").status for _ in range(4)) == [200, 200, 502, 502]


# --- around it


def test_copies_for_a_mirror_are_not_sent_again(fleet, upstreams):
    fleet.add()
    shadow = upstreams(answer(b"busy", "503 Service Unavailable"))
    text = fleet.text(BACKEND, "mirrors: [{ backend: shadow }], " + retries())
    fleet.gateway = fleet.gateways(text.replace("routes:", f"  shadow: {{ endpoints: ['{shadow.address}'] }}\nroutes:"))
    assert outcome(fleet) == "first"
    fleet.gateway.wait_metric("sluice_mirror_requests_total", 1, outcome="error")
    assert len(shadow.requests) == 1


def test_a_copy_is_made_once(fleet, upstreams):
    """However often the original has to be sent."""
    fleet.add(fault="503")
    shadow = upstreams()
    text = fleet.text(BACKEND, "mirrors: [{ backend: shadow }], " + retries(attempts=3))
    fleet.gateway = fleet.gateways(text.replace("routes:", f"  shadow: {{ endpoints: ['{shadow.address}'] }}\nroutes:"))
    assert outcome(fleet) == "503"
    assert fleet.endpoints[0].requests == 4
    fleet.gateway.wait_metric("sluice_mirror_requests_total", 1)
    time.sleep(0.2)
    assert len(shadow.requests) == 1


def test_a_request_counts_once(fleet):
    fleet.add(), fleet.add(fault="503")
    fleet.start(BACKEND, retries())
    for _ in range(6):
        outcome(fleet)
    metrics = fleet.gateway.metrics()
    assert metrics.sum("sluice_requests_total") == metrics.sum("sluice_requests_total", code="200", cause="") == 6
    assert metrics.sum("sluice_request_duration_seconds_count", route="all") == 6
    assert metrics.sum("sluice_queue_duration_seconds_count", route="all") == 6
    assert metrics.sum("sluice_requests_in_flight") == 0


def test_a_client_that_leaves_ends_it(fleet):
    fleet.add(fault="hang"), fleet.add(fault="hang")
    fleet.start(BACKEND, retries(attempts=10, fault="hang"))
    with fleet.connect() as client:
        client.send(build("GET", "/"))
        wait_until(lambda: sum(each.requests for each in fleet.endpoints) >= 2, 20, "it is tried again")
    fleet.gateway.wait_metric("sluice_requests_total", 1, cause="client_closed")
    metrics = fleet.gateway.metrics()
    assert metrics.sum("sluice_requests_in_flight") == metrics.sum("sluice_requests_queued") == 0


def test_places_are_given_back(fleet):
    """Each try takes a place, and gives it back before it waits for the next one."""
    fleet.add(fault="reset"), fleet.add(fault="503")
    fleet.start(BACKEND + ", limits: { inFlight: 1, perEndpointInFlight: 1, queue: 50, queueTimeout: 20s }",
                retries(attempts=3), loops=2)
    storm(fleet, 80)
    for each in fleet.endpoints:
        each.set(fault="ok")
    assert outcome(fleet) in ("first", "second")
    assert fleet.gateway.metrics().sum("sluice_requests_in_flight") == 0


def test_a_stale_connection_needs_no_retries(fleet):
    """A pooled connection that ended before the request: nothing was looked at, with or without the key."""
    only = fleet.add()
    fleet.start(BACKEND)
    for _ in range(5):
        assert outcome(fleet) == "first"
        only.set(fault="refuse")
        only.set(fault="ok")
