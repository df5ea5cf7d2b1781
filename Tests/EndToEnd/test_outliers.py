"""Outlier detection: what is held against an endpoint, how long it is left alone, and how it comes back."""

import threading
import time

import grpc
import pytest

from support.faulty import ERRORS
from support.fleet import NO_PANIC, fleet  # noqa: F401, a fixture
from support.gateway import wait_until
from support.grpc_mock import channel
from support.load import GRPC_INFER, H1, Clients
from support.rawhttp import Client, Incomplete, answer, build, post

# Ejected for longer than a test takes, unless a test says otherwise.
LONG = f"outlierDetection: {{ consecutiveErrors: 3, baseEjectionTime: 10m }}, {NO_PANIC}"
SHORT = f"outlierDetection: {{ consecutiveErrors: 3, baseEjectionTime: 500ms }}, {NO_PANIC}"
# Where an endpoint hangs or stops in the middle.
QUICK = "timeouts: { connect: 500ms, firstByte: 300ms }"
IDLE = "idleTimeout: 400ms"
# A machine that stops somebody for a while is nobody's fault.
PATIENT = "timeouts: { connect: 5s, firstByte: 10s }"
# In turn, so that each endpoint certainly gets its part.
IN_TURN = "balance: roundRobin"


def config(detection: str = LONG, *more: str, timeouts: str = PATIENT) -> str:
    return ", ".join([detection, timeouts, IN_TURN, *more])


def exhaust(fleet, until, seconds: float = 20, ask=None) -> None:
    """Requests, whatever becomes of them, until something has come about."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        try:
            (ask or fleet.ask)()
        except Incomplete:
            pass


def find_out(fleet, fault: str, *more: str, ask=None, **options) -> None:
    """Starts a gateway that ejects the second endpoint, and not the first.

    That a busy machine may have stopped for longer than an endpoint gets that hangs: then once more with another one.
    """
    timeouts, route = (QUICK, IDLE) if fault in ("hang", "half") else (PATIENT, "")
    good, bad = fleet.endpoints
    for _ in range(5 if timeouts == QUICK else 1):
        fleet.start(config(LONG, *more, timeouts=timeouts), route=route, **options)
        exhaust(fleet, until=lambda: not fleet.is_up(bad) or not fleet.is_up(good), ask=ask)
        if fleet.is_up(good):
            # What it knows stays, and patience comes.
            fleet.reload(config(LONG, *more), **options)
            # Whoever was stopped has read by now what had come for it.
            for _ in range(4):
                bad.counts()
            return
    raise AssertionError("the good one is ejected")


@pytest.mark.parametrize("fault", ["refuse", "reset", "hang", "half", "502", "504"])
def test_what_counts(fleet, fault):
    """Connection errors, resets, timeouts, 502 and 504: three in a row, and the endpoint is left alone."""
    fleet.add()
    bad = fleet.add(fault=fault)
    # What is asked of a Triton by itself needs connections too.
    find_out(fleet, fault, "server: generic", has_grpc=False)
    before = bad.requests
    # A connection is opened for each request that would go there.
    connections = bad.counts()["connections"]
    assert fleet.served(30) == {"first": 30}
    assert (bad.requests, bad.counts()["connections"]) == (before, connections)
    # What a request may have caused itself is judged a moment later, and some more get there until then.
    assert before >= 3 or fault == "refuse"


@pytest.mark.parametrize("fault", ["500", "503", "400", "slow"])
def test_what_does_not(fleet, fault):
    """Triton's busy, its models' errors and its being slow take nobody away, however many there are."""
    fleet.add()
    bad = fleet.add(fault=fault, slow=0.05)
    fleet.start(config())
    found = fleet.served(40)
    assert found["first"] == found["second"] == 20
    assert fleet.is_up(bad)


@pytest.mark.parametrize("fault", ["reset", "hang", "half", "refuse"])
def test_what_counts_for_grpc(fleet, fault):
    fleet.add()
    bad = fleet.add(fault=fault)
    # By time, not by number: what a call may have caused itself is judged a moment later.
    find_out(fleet, fault, ask=fleet.call)
    before = bad.requests
    assert [fleet.call() for _ in range(10)] == ["first"] * 10
    assert bad.requests == before


@pytest.mark.parametrize("fault", ["500", "503", "400"])
def test_what_does_not_for_grpc(fleet, fault):
    """INTERNAL, UNAVAILABLE and INVALID_ARGUMENT are answers."""
    fleet.add()
    bad = fleet.add(fault=fault)
    fleet.start(config(), has_grpc=True)
    assert "first" in {fleet.call(message=b"\x0a\x01x") for _ in range(16)}
    assert bad.requests >= 8 or fault == "400"
    assert fleet.is_up(bad)


def test_an_answer_begins_the_count_anew(fleet):
    """Two errors, an answer, two errors: nobody is three times in a row at fault."""
    fleet.add()
    bad = fleet.add()
    fleet.start(config())
    for _ in range(4):
        bad.set(fault="502")
        for _ in range(2):
            wanted = bad.requests + 1
            exhaust(fleet, until=lambda: bad.requests >= wanted)
        bad.set(fault="ok")
        wanted = bad.requests + 1
        exhaust(fleet, until=lambda: bad.requests >= wanted)
    assert fleet.is_up(bad)
    bad.set(fault="502")
    exhaust(fleet, until=lambda: not fleet.is_up(bad))


def test_turned_off(fleet):
    fleet.add()
    bad = fleet.add(fault="502")
    fleet.start(config(f"outlierDetection: {{ consecutiveErrors: 0 }}, {NO_PANIC}"))
    fleet.served(60)
    assert bad.requests == 30
    assert fleet.is_up(bad)


def test_always_on(fleet):
    """Nothing is written: five errors in a row, thirty seconds."""
    fleet.add()
    bad = fleet.add(fault="502")
    fleet.start(f"{IN_TURN}, {NO_PANIC}")
    exhaust(fleet, until=lambda: not fleet.is_up(bad))
    assert bad.requests >= 5
    assert fleet.served(20) == {"first": 20}


@pytest.mark.parametrize("percent, bad, out", [(50, 3, 2), (10, 2, 1), (100, 3, 3), (0, 2, 0)])
def test_max_ejection_percent(fleet, percent, bad, out):
    """Of four endpoints as many as that at most, one whatever it says, and none with 0."""
    fleet.add()
    broken = [fleet.add(fault="502") for _ in range(3)][:bad]
    for each in fleet.endpoints[1 + bad :]:
        each.set(fault="ok")
    fleet.start(config(LONG.replace("3,", f"3, maxEjectionPercent: {percent},")))
    # More than enough for each to be found out.
    fleet.served(80)
    wait_until(lambda: sum(not fleet.is_up(each) for each in broken) == out, 20, f"{out} are out")
    fleet.served(40)
    assert sum(not fleet.is_up(each) for each in fleet.endpoints) == out


def test_the_last_one_stays(fleet):
    only = fleet.add(fault="502")
    fleet.start(config())
    assert fleet.served(20) == {"first": 20}
    assert only.requests == 20
    assert fleet.is_up(only)


def test_it_comes_back_when_it_serves_again(fleet):
    """After its time one request goes there; when that is answered it has its part again."""
    fleet.add()
    bad = fleet.add(fault="502")
    fleet.start(config(SHORT))
    exhaust(fleet, until=lambda: not fleet.is_up(bad))
    bad.set(fault="ok")
    exhaust(fleet, until=lambda: fleet.is_up(bad))
    assert fleet.served(20) == {"first": 10, "second": 10}


def test_a_single_request_finds_out(fleet):
    """While it is on probation nobody else is sent there, however long the one takes."""
    fleet.add()
    bad = fleet.add(fault="502")
    fleet.start(config(SHORT.replace("500ms", "2s")).replace("firstByte: 10s", "firstByte: 20s"))
    exhaust(fleet, until=lambda: not fleet.is_up(bad))
    bad.set(fault="hang")
    before = bad.requests
    with fleet.connect(timeout=30) as other:
        # Its time is over when a request does not come back.
        probe = {}

        def find() -> None:
            with fleet.connect(timeout=40) as client:
                while bad.requests == before:
                    probe["answer"] = client.exchange(build("GET", "/"))

        finder = threading.Thread(target=find)
        finder.start()
        wait_until(lambda: bad.requests == before + 1, 20, "a request goes there")
        served = [other.exchange(build("GET", "/")).get("x-served-by") for _ in range(20)]
        assert served == ["first"] * 20
        assert bad.requests == before + 1
        bad.set(fault="refuse")
        finder.join()
    assert not fleet.is_up(bad)


def test_the_time_grows(fleet):
    """Each ejection in a row lasts longer by the base time: at least one, two and three of them."""
    fleet.add()
    bad = fleet.add(fault="refuse")
    fleet.start(config(SHORT))
    # When it was looked at last before and first after it came about.
    times = []
    for count in range(1, 5):
        looks = [time.monotonic()]

        def is_out() -> bool:
            looks.append(time.monotonic())
            return fleet.status(bad)["ejections"] >= count

        exhaust(fleet, until=is_out)
        assert fleet.status(bad)["ejections"] == count
        times.append((looks[-2], time.monotonic()))
    gaps = [after[1] - before[0] for before, after in zip(times, times[1:])]
    assert [gap >= number * 0.5 - 0.2 for number, gap in enumerate(gaps, 1)] == [True] * 3, gaps


def test_a_check_that_passes_again_ends_it(fleet):
    """It was restarted: nobody waits for the end of a long ejection."""
    fleet.add()
    bad = fleet.add()
    fleet.start(config(LONG, "health: { interval: 200ms, timeout: 5s }"))
    fleet.wait_checked(bad)
    bad.set(fault="502")
    exhaust(fleet, until=lambda: not fleet.is_up(bad))
    bad.set(fault="refuse")
    wait_until(lambda: fleet.status(bad)["state"] == "unhealthy", 20, "the check fails")
    bad.set(fault="ok")
    exhaust(fleet, until=lambda: fleet.is_up(bad))


def test_a_check_alone_does_not_end_it(fleet):
    """A server that is stuck in a model still answers its health path."""
    fleet.add()
    bad = fleet.add(fault="hang", health="ok")
    find_out(fleet, "hang", "health: { interval: 100ms, timeout: 5s }")
    fleet.wait_checked(bad, 4)
    assert fleet.served(10) == {"first": 10}
    assert not fleet.is_up(bad)


def test_it_survives_a_reload(fleet):
    fleet.add()
    bad = fleet.add(fault="502")
    fleet.start(config())
    exhaust(fleet, until=lambda: not fleet.is_up(bad))
    bad.set(fault="ok")
    fleet.reload(config(LONG, "limits: { queue: 7 }"))
    assert not fleet.is_up(bad)
    assert fleet.served(20) == {"first": 20}
    fleet.reload(config(LONG.replace("3,", "0,")))
    fleet.wait_up(bad)
    assert fleet.served(20) == {"first": 10, "second": 10}


def test_what_is_said_of_it(fleet):
    fleet.add()
    bad = fleet.add(fault="502")
    fleet.start(config())
    exhaust(fleet, until=lambda: not fleet.is_up(bad))
    said = fleet.status(bad)
    assert (said["state"], said["reason"], said["ejections"]) == ("ejected", "status_502", 1)
    wait_until(lambda: bad.address in fleet.gateway.stderr_text(), 20, "the log has it")


def test_a_client_that_leaves_is_not_the_endpoints_fault(fleet):
    slow = fleet.add(fault="hang")
    fleet.add(fault="hang")
    fleet.start(f"{LONG}, {IN_TURN}")
    for _ in range(12):
        before = slow.requests + fleet.endpoints[1].requests
        with fleet.connect() as client:
            client.send(build("GET", "/"))
            wait_until(lambda: slow.requests + fleet.endpoints[1].requests > before, 20, "it arrives")
    fleet.gateway.wait_metric("sluice_requests_total", 12, cause="client_closed")
    assert all(fleet.is_up(each) for each in fleet.endpoints)


def test_a_poisonous_request_takes_nobody_away(gateways, upstreams):
    """It breaks whatever it meets; those who are served meanwhile show that the endpoints are well."""
    def reply(request, connection):
        if request.target == "/poison":
            connection.reset()
            return None
        return answer()

    endpoints = [upstreams(reply), upstreams(reply)]
    for _ in range(2):
        gateway = gateways(f"""
backends:
  main: {{ endpoints: ['{endpoints[0].address}', '{endpoints[1].address}'], {LONG}, {IN_TURN} }}
routes:
  - {{ name: all, backends: [{{ name: main }}] }}
""")
        with Clients(lambda: H1(gateway.port), 8, ("get",), 0.002) as others:
            wait_until(lambda: len(others.results) > 50, 20, "others are served")
            for _ in range(60):
                with Client(gateway.host, gateway.port) as client:
                    assert client.exchange(post(b"x", "/poison")).cause == "upstream_reset"
        assert not others.failures
        # Nobody is served while the machine stops the gateway; then once more.
        if [each["ejections"] for each in gateway.status()["backends"][0]["endpoints"]] == [0, 0]:
            assert gateway.metrics().sum("sluice_endpoint_up") == 2
            return
    raise AssertionError("an endpoint is ejected each time")


# --- a model that is not ready


@pytest.mark.parametrize("protocol", ["h1", "gRPC"])
def test_a_model_that_is_not_ready_leaves_that_endpoint(fleet, protocol):
    """Requests for it go elsewhere, those for other models still go there, and the endpoint is up."""
    fleet.add()
    bad = fleet.add(fault="400")
    # A call's model is in its message, which is read where a route asks for it.
    fleet.start(config(), route="" if protocol == "h1" else "match: [{ model: late }, { model: other }]")

    def ask(model: str) -> None:
        if protocol == "h1":
            fleet.infer(path=f"/v2/models/{model}/infer")
        else:
            fleet.call(message=b"\x0a" + bytes([len(model)]) + model.encode())

    assert ERRORS["400"][2].endswith("has no available versions")
    begin = time.monotonic()
    for _ in range(8):
        ask("late")
    late = bad.requests
    if time.monotonic() - begin < 0.9:
        # Of eight in turn; it is left out for a second at first.
        assert late == 1
    before = bad.requests
    for _ in range(6):
        ask("other")
    assert bad.requests > before, "another model was never tried there"
    assert fleet.is_up(bad)
    bad.set(fault="ok")

    def is_back() -> bool:
        before = bad.requests
        ask("late")
        ask("late")
        return bad.requests > before

    wait_until(is_back, 20, "the model is asked for there again")


def test_busy_does_not_take_a_model_away(fleet):
    fleet.add()
    bad = fleet.add(fault="503")
    fleet.start(config())
    for _ in range(20):
        fleet.infer()
    assert bad.requests == 10


def test_a_deadline_of_the_client_is_its_own(fleet):
    """Calls with too little time would otherwise eject everybody."""
    endpoints = [fleet.add(fault="slow", slow=0.4), fleet.add(fault="slow", slow=0.4)]
    fleet.start(f"{LONG}, {IN_TURN}")
    assert {fleet.call(GRPC_INFER, metadata=()) for _ in range(2)} == {"first", "second"}
    with channel(f"{fleet.gateway.host}:{fleet.gateway.port}") as to:
        for _ in range(10):
            try:
                to.unary_unary(GRPC_INFER)(b"\x0a\x01m", timeout=0.1)
            except grpc.RpcError as error:
                assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert all(fleet.is_up(each) for each in endpoints)
