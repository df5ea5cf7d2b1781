"""gRPC through the gateway is what it is without: calls of all four kinds, metadata, statuses, cancellation."""

import json
import os
import threading
import time

import grpc
import pytest

from support.gateway import Gateway, settle, wait_until
from support.grpc_mock import MIB, SERVICE, GrpcServer, channel

CONFIG = """
accessLog: { path: access.log, format: json }
backends:
  main: { protocol: http2, endpoints: [{address}] }
routes:
  - { name: calls, backends: [{ name: main }] }
"""
SECONDS = 20
STATUSES = [each for each in grpc.StatusCode if each is not grpc.StatusCode.OK]


@pytest.fixture(scope="module")
def _server():
    with GrpcServer() as running:
        yield running


@pytest.fixture
def server(_server):
    _server.clear()
    yield _server
    _server.release()


@pytest.fixture(scope="module")
def gateway(_server, tmp_path_factory):
    with Gateway(CONFIG.replace("{address}", _server.address), tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["direct", "sluice"])
def calls(request, server):
    """The same test twice: against the server, which proves the test, and through the gateway."""
    if request.param == "direct":
        address = server.address
    else:
        gateway = request.getfixturevalue("gateway")
        gateway.check_alive()
        address = f"{gateway.host}:{gateway.port}"
    with channel(address) as opened:
        yield opened


@pytest.fixture
def through(server, gateway):
    """Calls through the gateway only, for what it does itself."""
    gateway.check_alive()
    with channel(f"{gateway.host}:{gateway.port}") as opened:
        yield opened


def echo(opened, data: bytes, **more) -> bytes:
    return opened.unary_unary(SERVICE + "Echo")(data, timeout=SECONDS, **more)


# --- the four kinds


def test_unary(calls, server):
    assert echo(calls, b"hello") == b"hello"
    assert server.the_call().messages == [b"hello"]


def test_client_streaming(calls):
    collect = calls.stream_unary(SERVICE + "Collect")
    assert collect((b"x" * size for size in (1, 20, 300)), timeout=SECONDS) == b"3 321"
    assert collect(iter(()), timeout=SECONDS) == b"0 0"


def test_server_streaming(calls):
    produce = calls.unary_stream(SERVICE + "Produce")
    answers = list(produce(b"200 1000 0", timeout=SECONDS))
    assert [int.from_bytes(each[:4], "big") for each in answers] == list(range(200))
    assert {len(each) for each in answers} == {1000}
    assert list(produce(b"0 0 0", timeout=SECONDS)) == []


def test_bidirectional_streaming(calls):
    """Ping-pong: each answer comes before the next request is sent."""
    order = []

    def requests():
        for number in range(20):
            order.append(("sent", number))
            yield b"%d" % number
            wait_until(lambda: ("got", number) in order, SECONDS, f"answer {number}")

    for answer in calls.stream_stream(SERVICE + "Chat")(requests(), timeout=SECONDS):
        order.append(("got", int(answer)))
    assert order == [pair for number in range(20) for pair in (("sent", number), ("got", number))]


def test_messages_leave_as_they_are_made(calls, server):
    """The first one comes before the server makes the second, which it does when the first has come."""
    answers = calls.unary_stream(SERVICE + "Produce")(b"4 10 held", timeout=SECONDS)
    next(answers)
    assert server.the_call().sent == 1, "the first message waited for the second"
    server.release()
    assert len(list(answers)) == 3


# --- messages


@pytest.mark.parametrize("size", [0, 1, 16_384, 65_531, 5 * MIB, 64 * MIB])
def test_messages_of_any_size(calls, size):
    data = (b"0123456789abcdefghijklmnopqrstuvw" * (size // 33 + 1))[:size]
    assert echo(calls, data) == data


def test_many_large_messages_on_one_stream(calls):
    sent = [bytes([number]) * 4 * MIB for number in range(12)]
    for index, answer in enumerate(calls.stream_stream(SERVICE + "Chat")(iter(sent), timeout=SECONDS)):
        assert answer == sent[index]
    assert index == 11


def test_empty_messages_are_messages(calls):
    assert list(calls.stream_stream(SERVICE + "Chat")(iter([b""] * 50), timeout=SECONDS)) == [b""] * 50


def test_compressed_messages_pass(calls, server):
    data = b"compressible " * 10_000
    assert echo(calls, data, compression=grpc.Compression.Gzip) == data
    assert server.the_call().messages == [data]


# --- metadata


def test_metadata_both_ways(calls, server):
    every_byte = bytes(range(256))
    sent = [
        ("echo-text", "plain; with, marks=\"1\""), ("echo-binary-bin", every_byte), ("echo-twice", "one"),
        ("echo-twice", "two"), ("trail-text", "late"), ("trail-binary-bin", every_byte[::-1]),
        ("x-long", "l" * 4000), ("authorization", "Bearer token"), ("user-agent-like", "x/1")]
    answer, call = calls.unary_unary(SERVICE + "Echo").with_call(b"m", metadata=sent, timeout=SECONDS)
    assert answer == b"m"
    seen = server.the_call()
    for key in {key for key, _ in sent}:
        assert seen.values(key) == [value for name, value in sent if name == key], key
    initial, trailing = list(call.initial_metadata()), list(call.trailing_metadata())
    assert [pair for pair in initial if pair[0].startswith("echo-")] == sent[:4]
    assert [pair for pair in trailing if pair[0].startswith("trail-")] == sent[4:6]
    assert ("served-by", "main") in trailing


def test_what_the_gateway_adds(through, server):
    echo(through, b"")
    call = server.the_call()
    assert call.value("x-forwarded-for") == "127.0.0.1" and call.value("x-forwarded-proto") == "http"
    assert call.value("via").endswith("sluice") and call.value("x-request-id")
    assert call.value("user-agent").startswith("grpc-python/")


# --- statuses


@pytest.mark.parametrize("code", STATUSES, ids=lambda code: code.name)
def test_status_without_an_answer(calls, code):
    details = f"{code.name}: 100 % wrong, süß, a\nb"
    with pytest.raises(grpc.RpcError) as raised:
        calls.unary_unary(SERVICE + "Fail")(
            details.encode(), metadata=[("code", str(code.value[0])), ("trail-why", "so")], timeout=SECONDS)
    assert (raised.value.code(), raised.value.details()) == (code, details)
    assert ("trail-why", "so") in list(raised.value.trailing_metadata())


def test_status_after_answers(calls):
    answers = calls.stream_stream(SERVICE + "Chat")(iter([b"1", b"2", b"abort"]), timeout=SECONDS)
    assert [next(answers), next(answers)] == [b"1", b"2"]
    with pytest.raises(grpc.RpcError) as raised:
        next(answers)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.ABORTED, "as asked")


def test_unknown_method(calls):
    with pytest.raises(grpc.RpcError) as raised:
        calls.unary_unary("/test.Service/Nonesuch")(b"", timeout=SECONDS)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "x-sluice-cause" not in dict(raised.value.trailing_metadata())


# --- ends


def test_client_ends_first(calls, server):
    """The server hears that no more requests come and answers after that."""
    answers = calls.stream_stream(SERVICE + "Chat")(iter([b"a"]), timeout=SECONDS)
    assert list(answers) == [b"a"]
    assert server.the_call().read_to_end.wait(5)


def test_server_ends_first(calls, server):
    """The answer is complete although the client could send more; it hears so and stops."""
    produced = []

    def endless():
        while len(produced) < 100_000:
            produced.append(1)
            yield b"more"
            time.sleep(0.005)

    call = calls.stream_unary(SERVICE + "Early")(endless(), timeout=SECONDS)
    assert call == b"more"
    assert settle(lambda: len(produced), 10) < 2000


@pytest.mark.parametrize("kind", ["before the answer", "in the answer", "in the request"])
def test_client_cancels(calls, server, kind):
    if kind == "before the answer":
        call = calls.unary_unary(SERVICE + "Hold").future(b"", timeout=SECONDS)
    elif kind == "in the answer":
        call = calls.unary_stream(SERVICE + "Produce")(b"10000 10 0.01", timeout=SECONDS)
        next(call)
    else:
        call = calls.stream_stream(SERVICE + "Chat")(iter_forever(), timeout=SECONDS)
        next(call)
    seen = server.wait_calls(1)[0]
    call.cancel()
    assert seen.ended.wait(5), "the server works on for nobody"


def iter_forever():
    while True:
        yield b"x"
        time.sleep(0.02)


def test_client_disappears(server, gateway):
    """The end of a connection cancels what ran on it."""
    opened = channel(f"{gateway.host}:{gateway.port}")
    call = opened.unary_unary(SERVICE + "Hold").future(b"")
    seen = server.wait_calls(1)[0]
    assert not call.done()
    opened.close()
    assert seen.ended.wait(5)


def test_deadline(calls, server):
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as raised:
        calls.unary_unary(SERVICE + "Hold")(b"", timeout=1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert 0.9 < time.monotonic() - begin < 8
    seen = server.the_call()
    assert seen.seconds_left is not None and seen.seconds_left <= 1.05, "the server was not told"
    assert seen.ended.wait(10)


# --- many, and slow ones


def test_a_hundred_calls_at_once_on_one_connection(calls, server):
    """None is answered before all have arrived."""
    hold = calls.unary_unary(SERVICE + "Hold")
    pending = [hold.future(b"%d" % number, timeout=2 * SECONDS) for number in range(100)]
    server.wait_calls(100, SECONDS)
    server.release()
    assert [int(each.result()) for each in pending] == list(range(100))


def test_more_calls_than_streams(calls):
    pending = [calls.unary_unary(SERVICE + "Echo").future(b"%d" % number, timeout=SECONDS) for number in range(1000)]
    assert [int(each.result()) for each in pending] == list(range(1000))


def test_calls_share_connections_upstream(through, gateway):
    for _ in range(50):
        echo(through, b"")
    assert gateway.metrics().sum("sluice_upstream_connections_open", backend="main") <= os.cpu_count()


def test_client_that_does_not_read(through, gateway, server):
    """The server is stopped by flow control, and what lies between is bounded. Other calls go on."""
    echo(through, b"")
    before = gateway.rss()
    answers = through.unary_stream(SERVICE + "Produce")(b"2000 1048576 0", timeout=60)
    next(answers)
    call = server.wait_calls(2)[1]
    sent = settle(lambda: call.sent)
    assert sent < 200, f"{sent} MiB left the server unread"
    assert gateway.rss() - before < 64 * MIB
    assert echo(through, b"meanwhile") == b"meanwhile"
    # It goes on as soon as the client does.
    for _ in range(sent + 50):
        next(answers)
    answers.cancel()
    assert call.ended.wait(5)


def test_server_that_does_not_read(through, gateway, server):
    echo(through, b"")
    before = gateway.rss()
    produced = []

    def requests():
        for _ in range(1000):
            produced.append(1)
            yield bytes(MIB)

    call = through.stream_unary(SERVICE + "Deaf").future(requests(), timeout=60)
    sent = settle(lambda: len(produced))
    assert sent < 200, f"{sent} MiB left the client unread"
    assert gateway.rss() - before < 64 * MIB
    assert echo(through, b"meanwhile") == b"meanwhile"
    call.cancel()


def ping_pong(opened, count: int):
    """Small messages, each behind the answer to the one before."""
    turn = threading.Semaphore(1)

    def requests():
        for _ in range(count):
            turn.acquire()
            yield b"x" * 130

    for answer in opened.stream_stream(SERVICE + "Chat")(requests(), timeout=60):
        turn.release()
        yield answer


def one_way(opened, count: int):
    return opened.stream_stream(SERVICE + "Chat")(iter([b"x" * 130] * count), timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("chat, count", [(ping_pong, 4000), (one_way, 6000)])
def test_long_streams_are_no_flood(through, gateway, chat, count):
    """gRPC's C++ library, which is Triton's and its client's, sends a small WINDOW_UPDATE or two for each message."""
    results, aborts = [], gateway.metrics().sum("sluice_http2_aborts_total")

    def talk():
        try:
            results.append(sum(1 for _ in chat(through, count)))
        except grpc.RpcError as error:
            results.append(error.details())

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [count] * 4
    assert gateway.metrics().sum("sluice_http2_aborts_total") == aborts


# --- what is counted


def test_statuses_are_counted(through, gateway):
    name = "sluice_grpc_responses_total"
    wait_until(lambda: gateway.metrics().sum("sluice_requests_in_flight") == 0, 10, "other tests' calls have ended")
    before = gateway.metrics()
    for _ in range(3):
        echo(through, b"")
    for code in ("5", "14"):
        with pytest.raises(grpc.RpcError):
            through.unary_unary(SERVICE + "Fail")(b"x", metadata=[("code", code)], timeout=SECONDS)
    with pytest.raises(grpc.RpcError):
        list(through.stream_stream(SERVICE + "Chat")(iter([b"1", b"abort"]), timeout=SECONDS))

    def added(status: str) -> float:
        labels = {"route": "calls", "backend": "main", "grpc_status": status}
        return gateway.metrics().sum(name, **labels) - before.sum(name, **labels)

    wait_until(lambda: [added(status) for status in ("0", "5", "14", "10")] == [3, 1, 1, 1], 10, "all statuses counted")
    assert gateway.metrics().sum("sluice_requests_total", route="calls", backend="main", code="200") >= 6


def test_statuses_are_logged(through, gateway):
    def logged(identifier: str) -> dict | None:
        """Among lines of other tests, which may come late; the last one may still be written."""
        lines = (gateway.workdir / "access.log").read_text().split("\n")[:-1]
        return next((json.loads(line) for line in lines if f'"{identifier}"' in line), None)

    echo(through, b"four", metadata=[("x-request-id", "logged-good")])
    with pytest.raises(grpc.RpcError):
        through.unary_unary(SERVICE + "Fail")(
            b"x", metadata=[("code", "9"), ("x-request-id", "logged-bad")], timeout=SECONDS)
    good, bad = [wait_until(lambda: logged(name), 10, f"a line for {name}") for name in ("logged-good", "logged-bad")]
    assert (good["path"], bad["path"]) == (SERVICE + "Echo", SERVICE + "Fail")
    assert (good["grpcStatus"], bad["grpcStatus"]) == (0, 9)
    for record in (good, bad):
        assert (record["protocol"], record["method"], record["status"], record["route"]) == (
            "HTTP/2", "POST", 200, "calls")
    # The prefix of five bytes belongs to the body.
    assert (good["requestBytes"], good["responseBytes"]) == (9, 9)
