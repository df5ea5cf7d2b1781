"""How a backend chooses among its endpoints: by turn, by load, or by what requests agree in."""

import gzip
import json
import socket
import threading
import time
from collections import Counter

import pytest

from support.fleet import NO_PANIC, fleet  # noqa: F401, a fixture
from support.gateway import wait_until
from support.load import INFER
from support.rawhttp import Reader, Response, build
from support.triton_messages import message

KIB = 1 << 10
# So many requests that go anywhere go to both of two endpoints, but for once in ten thousand million times.
MANY = 36
# Which keys are whose depends on ports, which are others each time. Of so many keys each of three has some, and so have
# both that take over those of the third, just as surely.
KEYS = range(1, 137)


# --- by turn


@pytest.mark.parametrize("weights, shares", [((), (30, 30, 30)), ((3, 2, 1), (45, 30, 15))])
def test_round_robin(fleet, weights, shares):
    for _ in range(3):
        fleet.add()
    fleet.start("balance: roundRobin", weights=weights)
    found = fleet.served(90)
    assert [abs(found[each.name] - share) <= 1 for each, share in zip(fleet.endpoints, shares)] == [True] * 3, found


def test_round_robin_is_smooth(fleet):
    """Of weights 2 and 1 no four requests in a row go to the same, and none to the lesser one twice."""
    fleet.add(), fleet.add()
    fleet.start("balance: roundRobin", weights=(2, 1))
    with fleet.connect() as client:
        order = "".join(client.exchange(build("GET", "/")).get("x-served-by")[0] for _ in range(30))
    assert "fff" not in order.strip("f") and "ss" not in order, order


# --- by load


@pytest.mark.parametrize("loops", [1, 2])
def test_least_request_leaves_a_slow_endpoint_alone(fleet, loops):
    """While it has one request that it does not answer, all others go to the other one: whichever loop sent that."""
    fleet.add(), fleet.add(fault="hang")
    slow = fleet.endpoints[1]
    fleet.start("balance: leastRequest", loops=loops)
    clients = [fleet.connect(timeout=20) for _ in range(6)]
    stuck = clients.pop()
    while not slow.requests:
        stuck.send(build("GET", "/"))
        wait_until(lambda: stuck.readable() or slow.requests, 20, "it is answered, or stuck")
        if stuck.readable():
            assert stuck.response().get("x-served-by") == "first"
    for _ in range(10):
        for client in clients:
            assert client.exchange(build("GET", "/")).get("x-served-by") == "first"
    assert slow.requests == 1
    for client in [stuck, *clients]:
        client.close()


def test_least_request_goes_by_weight(fleet):
    for _ in range(2):
        fleet.add(fault="hang", health="ok")
    fleet.start("balance: leastRequest", weights=(3, 1))
    clients = [fleet.connect(timeout=20) for _ in range(24)]
    for index, client in enumerate(clients):
        client.send(build("GET", "/"))
        wait_until(lambda: sum(each.requests for each in fleet.endpoints) == index + 1, 20, "it is there")
    assert abs(fleet.endpoints[0].requests - 18) <= 1
    for client in clients:
        client.close()


def test_an_endpoint_without_room_is_passed_over(fleet):
    for _ in range(3):
        fleet.add(fault="slow", slow=2)
    fleet.start("balance: roundRobin, limits: { perEndpointInFlight: 2 }")
    clients = [fleet.connect(timeout=20).send(build("GET", "/")) for _ in range(6)]
    wait_until(lambda: [each.requests for each in fleet.endpoints] == [2, 2, 2], 20, "each has its two")
    for client in clients:
        assert client.response().status == 200
        client.close()


# --- by what requests agree in


def places(fleet, ask, keys, times: int = 3) -> dict:
    """Which endpoint serves each key, and that it always does."""
    found = {}
    for key in keys:
        served = {ask(key) for _ in range(times)}
        assert len(served) == 1, f"{key} went to {served}"
        found[key] = served.pop()
    return found


def by_header(fleet):
    return lambda key: fleet.ask("/", fields=(f"x-user: {key}",)).get("x-served-by")


def by_cookie(fleet):
    return lambda key: fleet.ask("/", fields=(f"Cookie: a=b; session={key}; c=d",)).get("x-served-by")


def by_json(fleet):
    body = '{"id":"x","parameters":{"priority":1,"sequence_id":%d,"sequence_start":true},"inputs":[]}'
    return lambda key: fleet.infer((body % key).encode()).get("x-served-by")


def by_text(fleet):
    body = '{"inputs":[],"parameters":{"sequence_id":"user-%d"}}'
    return lambda key: fleet.infer((body % key).encode()).get("x-served-by")


def by_message(fleet):
    return lambda key: fleet.call(message=message(key))


HASHES = {
    "header": ("{ header: x-user }", by_header),
    "cookie": ("{ cookie: session }", by_cookie),
    "sequence in JSON": ("sequenceId", by_json),
    "sequence as text": ("sequenceId", by_text),
    "sequence in a message": ("sequenceId", by_message),
}


@pytest.mark.parametrize("kind", HASHES)
def test_equal_keys_stay_together(fleet, kind):
    """Each key has its endpoint, not all have the same, and another gateway finds the same ones."""
    for _ in range(3):
        fleet.add()
    what, make = HASHES[kind]
    backend = f"balance: {{ hash: {what} }}, {NO_PANIC}"
    fleet.start(backend, loops=2)
    before = places(fleet, make(fleet), range(1, 25))
    assert len(set(before.values())) > 1
    fleet.start(backend)
    assert places(fleet, make(fleet), range(1, 25)) == before


def test_who_asks_before_sending_what_it_goes_by_is_told_to(fleet):
    """The body says where it goes, so no endpoint can ask for it."""
    fleet.add(), fleet.add()
    fleet.start("balance: { hash: sequenceId }")
    body = b'{"parameters":{"sequence_id":7}}'
    with fleet.connect() as client:
        client.send(build("POST", INFER, "test", "expect: 100-continue", f"content-length: {len(body)}"))
        assert client.reader.head(Response).status == 100
        assert client.exchange(body, "POST").status == 200


def test_only_the_keys_of_the_endpoint_that_goes_move(fleet):
    for _ in range(3):
        fleet.add()
    backend = f"balance: {{ hash: {{ header: x-user }} }}, health: {{ interval: 100ms, timeout: 5s }}, {NO_PANIC}"
    fleet.start(backend)
    ask = by_header(fleet)
    before = places(fleet, ask, KEYS, 1)
    assert set(before.values()) == {"first", "second", "third"}
    gone = fleet.endpoints[1]
    gone.set(fault="refuse")
    fleet.wait_up(gone, False)
    after = places(fleet, ask, KEYS, 1)
    assert {key for key in before if before[key] != after[key]} == {key for key in before if before[key] == "second"}
    assert {after[key] for key in before if before[key] == "second"} == {"first", "third"}
    gone.set(fault="ok")
    fleet.wait_up(gone)
    assert places(fleet, ask, KEYS, 1) == before
    # Nor does a new configuration move what need not.
    fleet.reload(backend, only=fleet.endpoints[:2])
    fewer = places(fleet, ask, KEYS, 1)
    assert all(fewer[key] == before[key] for key in before if before[key] != "third")


def test_by_client_address(fleet):
    for _ in range(3):
        fleet.add()
    fleet.start("balance: { hash: clientAddress }")

    def ask(last: int) -> str:
        with socket.create_connection((fleet.gateway.host, fleet.gateway.port), 10, (f"127.0.0.{last}", 0)) as sock:
            sock.sendall(build("GET", "/"))
            return Reader(sock).response().get("x-served-by")

    assert len(set(places(fleet, ask, range(2, 62)).values())) == 3


def test_a_key_waits_for_its_endpoint(fleet):
    """A sequence that went elsewhere would have lost its state."""
    for _ in range(2):
        fleet.add()
    fleet.start("balance: { hash: { header: x-user } }, limits: { perEndpointInFlight: 1 }")
    ask = by_header(fleet)
    mine = places(fleet, ask, ["me"])["me"]
    owner = next(each for each in fleet.endpoints if each.name == mine)
    owner.set(fault="slow", slow=1)
    with fleet.connect(timeout=20) as first, fleet.connect(timeout=20) as second:
        first.send(build("GET", "/", "test", "x-user: me"))
        wait_until(lambda: owner.requests == 4, 20, "the first is there, after the three above")
        second.send(build("GET", "/", "test", "x-user: me"))
        assert [each.response().get("x-served-by") for each in (first, second)] == [mine, mine]


@pytest.mark.parametrize("what", ["header", "cookie", "sequence"])
def test_without_a_key_by_load(fleet, what):
    """Requests that carry none are spread, whatever they are."""
    for _ in range(2):
        fleet.add()
    fleet.start("balance: { hash: %s }" % {"header": "{ header: x-user }", "cookie": "{ cookie: session }",
                                            "sequence": "sequenceId"}[what])
    bodies = [None]
    if what == "sequence":
        bodies = [b"", b"{}", b'{"parameters":{}}', b"no json", b'{"inputs":[{"sequence_id":7}]}']
    for body in bodies:
        found = Counter(fleet.infer(body).get("x-served-by") if body is not None else
                        fleet.ask("/", fields=("Cookie: other=1",)).get("x-served-by") for _ in range(MANY))
        assert set(found) == {"first", "second"}, body


def test_a_sequence_is_looked_for_in_64_kib(fleet):
    """In front of the tensors it is found; behind more than 64 KiB the request is one without a sequence."""
    for _ in range(2):
        fleet.add()
    fleet.start("balance: { hash: sequenceId }")
    tensor = '"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["%s"]}]'
    parameters = '"parameters":{"sequence_id":42}'

    def served(text: str) -> set:
        return {fleet.infer(text.encode()).get("x-served-by") for _ in range(MANY)}

    assert len(served("{%s,%s}" % (parameters, tensor % ("a" * 200 * KIB)))) == 1
    assert len(served("{%s,%s}" % (tensor % ("a" * 40 * KIB), parameters))) == 1
    assert len(served("{%s,%s}" % (tensor % ("a" * 80 * KIB), parameters))) == 2
    # Not where a text only looks like it.
    assert len(served("{%s}" % (tensor % r'\"parameters\":{\"sequence_id\":42}'))) == 2


def test_the_body_arrives_as_it_was(fleet):
    """Looking into it changes nothing, and it is neither cut nor kept."""
    for _ in range(2):
        fleet.add()
    fleet.start("balance: { hash: sequenceId }")
    for size in (0, 1, 63 * KIB, 65 * KIB, 3000 * KIB):
        body = b'{"parameters":{"sequence_id":1},"x":"' + b"y" * size + b'"}'
        assert fleet.infer(body).status == 200


def test_a_body_that_comes_late(fleet):
    """The key decides, so the request waits for as much of its body as has it."""
    for _ in range(2):
        fleet.add()
    fleet.start("balance: { hash: sequenceId }")
    owner = by_json(fleet)(7)
    body = b'{"parameters":{"sequence_id":7},"inputs":[]}'
    for cut in (1, 20, len(body) - 1):
        with fleet.connect() as client:
            client.send(build("POST", INFER, "test", f"Content-Length: {len(body)}") + body[:cut])
            time.sleep(0.05)
            assert client.send(body[cut:]).response("POST").get("x-served-by") == owner


def test_a_repeated_key_is_refused(fleet):
    """Who reads the first and who reads the last would not agree."""
    fleet.add(), fleet.add()
    fleet.start("balance: { hash: sequenceId }")
    for body in (b'{"parameters":{"sequence_id":1,"sequence_id":2}}',
                 b'{"parameters":{"sequence_id":1},"parameters":{"sequence_id":1}}'):
        answer = fleet.infer(body)
        assert (answer.status, answer.cause) == (400, "bad_request"), body
    assert fleet.call(message=message(1, times=2)) == "INVALID_ARGUMENT bad_request"
    assert sum(each.requests for each in fleet.endpoints) == 0


def test_compressed_bodies_are_not_read(fleet):
    fleet.add(), fleet.add()
    fleet.start("balance: { hash: sequenceId }")
    body = gzip.compress(b'{"parameters":{"sequence_id":1}}')
    found = {fleet.infer(body, fields=("Content-Encoding: gzip",)).get("x-served-by") for _ in range(MANY)}
    assert found == {"first", "second"}


def test_other_requests_are_not_looked_into(fleet):
    """Only inference has sequences."""
    fleet.add(), fleet.add()
    fleet.start("balance: { hash: sequenceId }")
    body = json.dumps({"parameters": {"sequence_id": 1}}).encode()
    found = {fleet.infer(body, "/v2/repository/index").get("x-served-by") for _ in range(MANY)}
    assert found == {"first", "second"}


# --- newcomers


def test_slow_start(fleet):
    """One that comes back gets a tenth of its part at first; an hour is longer than this test."""
    fleet.add(), fleet.add()
    late = fleet.endpoints[1]
    backend = ("balance: roundRobin, slowStart: 1h, outlierDetection: { consecutiveErrors: 0 }, "
               f"health: {{ interval: 100ms, timeout: 5s }}, {NO_PANIC}")
    fleet.start(backend)
    fleet.wait_checked(late)
    assert fleet.served(20) == {"first": 10, "second": 10}
    late.set(health="not ready")
    fleet.wait_up(late, False)
    late.set(health="ok")
    fleet.wait_up(late)
    found = fleet.served(110)
    assert 9 <= found["second"] <= 11, found


def test_slow_start_of_a_new_endpoint(fleet):
    fleet.add(), fleet.add()
    fleet.start("balance: roundRobin, slowStart: 1h", only=fleet.endpoints[:1])
    assert fleet.served(5) == {"first": 5}
    fleet.reload("balance: roundRobin, slowStart: 1h")
    found = fleet.served(110)
    assert 9 <= found["second"] <= 11, found


# --- every policy


@pytest.mark.parametrize("policy", ["roundRobin", "leastRequest", "{ hash: { header: x-user } }"])
def test_limits_hold_whatever_the_policy(fleet, policy):
    """Eight clients on two loops, two places at each endpoint: nothing is refused and nothing is lost."""
    for _ in range(2):
        fleet.add(delay=0.002)
    fleet.start(f"balance: {policy}, limits: {{ perEndpointInFlight: 2, queueTimeout: 30s }}", loops=2)
    statuses = []

    def work(number: int) -> None:
        with fleet.connect(timeout=40) as client:
            for index in range(25):
                answer = client.exchange(build("GET", "/", "test", f"x-user: {number}-{index}"))
                statuses.append(answer.status)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert statuses == [200] * 200
