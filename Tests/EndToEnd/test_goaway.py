"""Connections that are asked to go: by the gateway when it stops, reloads or finds them old, and by endpoints."""

import signal
import struct
import time

import grpc
import pytest

from support import http2
from support.gateway import free_port, wait_until
from support.grpc_mock import SERVICE, GrpcServer, channel
from support.http2 import GOAWAY, LARGEST_WINDOW, Code, H2Client
from support.http2_server import by_path
from support.http2_upstream import ask, front, servers, version  # noqa: F401, fixtures among them
from support.rawhttp import get
from support.together import together

CONFIG = """
shutdown: { drain: 5s }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
"""
# The last stream that a first GOAWAY names: whatever is on its way is served (RFC 9113 section 6.8).
ANY_STREAM = LARGEST_WINDOW
# Seconds from the first GOAWAY to the last, where the client does not answer the PING between them; a little less.
GRACE = 0.9


def in_front_of(server: GrpcServer, text: str) -> str:
    return text.replace("endpoints:", "protocol: http2, endpoints:").replace("{address}", server.address)


class Going(H2Client):
    """A client that keeps the GOAWAY frames: (last stream, code) of each."""

    def __init__(self, *arguments, **options):
        self.goaways = []
        super().__init__(*arguments, **options)

    def advance(self):
        got = super().advance()
        if got is not None and got.kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", got.payload[:8]))
        return got

    def wait_goaways(self, count: int) -> list:
        self.until(lambda: len(self.goaways) >= count)
        return self.goaways


def connect(gateway, port: int | None = None) -> Going:
    return Going(gateway.host, port or gateway.port)


@pytest.fixture
def held(proxies):
    """The endpoint holds back what it answers to /held."""
    proxy = proxies(CONFIG)
    holding = proxy.upstream.holding()
    plain = proxy.upstream.reply
    proxy.upstream.reply = lambda request, connection: (
        holding(request, connection) if request.target == "/held" else plain)
    return proxy


# --- the end of the process


def test_running_streams_finish(held):
    with connect(held.gateway) as client:
        stream = client.open(http2.request(path="/held"))
        held.upstream.wait_requests(1)
        held.gateway.signal(signal.SIGTERM)
        first, last = client.wait_goaways(2)
        assert first == (ANY_STREAM, Code.NO_ERROR), "the first one refuses nothing"
        assert last == (stream, Code.NO_ERROR)
        held.upstream.release()
        answer = client.answer(stream)
        assert (answer.status, bytes(answer.body)) == (200, b"ok")
        client.expect_end()
    assert held.gateway.wait_exit() == 0


def test_streams_on_their_way_are_served(held):
    """What the client sent before it read the first GOAWAY is no loss."""
    with connect(held.gateway) as client:
        client.open(http2.request(path="/held"))
        held.upstream.wait_requests(1)
        client.settle()
        begin = time.monotonic()
        held.gateway.signal(signal.SIGTERM)
        wait_until(client.readable, 10, "GOAWAY is there to be read")
        late = client.open(http2.request(path="/late"))
        is_soon = time.monotonic() - begin < GRACE
        last, code = client.wait_goaways(2)[-1]
        is_too_late = last < late and not is_soon
        if not is_too_late:
            assert (last, code) == (late, Code.NO_ERROR)
            assert client.answer(late).status == 200
        held.upstream.release()
        client.answer(1)
        client.expect_end()
    assert held.gateway.wait_exit() == 0
    if is_too_late:
        pytest.skip("this process stood still for longer than the gateway waits")


def test_streams_after_the_last_goaway_may_be_sent_again(held):
    with connect(held.gateway) as client:
        stream = client.open(http2.request(path="/held"))
        held.upstream.wait_requests(1)
        held.gateway.signal(signal.SIGTERM)
        last, _ = client.wait_goaways(2)[-1]
        late = client.open(http2.request("POST", "/late"))
        assert late > last, "the client cannot know that it was not served"
        held.upstream.release()
        assert client.answer(stream).status == 200
        client.expect_end()
        assert client.answers[late].status == 0 and client.answers[late].reset in (None, Code.REFUSED_STREAM)
    assert held.gateway.wait_exit() == 0
    assert [request.target for request in held.upstream.requests] == ["/held"]


def test_idle_connections_end_at_once(held):
    with connect(held.gateway) as client, connect(held.gateway) as fresh:
        assert client.get("/").status == 200
        fresh.settle()
        begin = time.monotonic()
        held.gateway.signal(signal.SIGTERM)
        for each in (client, fresh):
            each.expect_end()
            assert each.goaways and all(code == Code.NO_ERROR for _, code in each.goaways)
        assert held.gateway.wait_exit() == 0
        # Far from the time for draining.
        assert time.monotonic() - begin < 4.5


def test_what_runs_after_the_drain_is_cut(proxies):
    proxy = proxies(CONFIG.replace("5s", "500ms"))
    proxy.upstream.reply = proxy.upstream.holding()
    with connect(proxy.gateway) as client:
        client.open(http2.request())
        proxy.upstream.wait_requests(1)
        begin = time.monotonic()
        proxy.gateway.signal(signal.SIGTERM)
        client.expect_end()
        assert 0.4 < time.monotonic() - begin < 8
        assert client.answers[1].status in (0, 503)
    assert proxy.gateway.wait_exit() == 0


# --- a listener that is taken away


def test_listener_removal(held):
    """Running streams finish, the connection goes, the other listener does not notice."""
    gateway, extra = held.gateway, free_port()
    text = CONFIG.replace("{address}", held.upstream.address)
    kept = f"listeners:\n  - address: {gateway.host}:{gateway.port}\n"
    gateway.replace_config(text + kept + f"  - address: {gateway.host}:{extra}\n")

    def both() -> bool:
        try:
            connect(gateway, extra).sock.close()
            return True
        except OSError:
            return False

    wait_until(both, 10, "the second listener accepts")
    with connect(gateway, extra) as client, connect(gateway) as other:
        assert other.get("/").status == 200
        stream = client.open(http2.request(path="/held"))
        held.upstream.wait_requests(2)
        gateway.replace_config(text + kept)
        assert client.wait_goaways(2) == [(ANY_STREAM, Code.NO_ERROR), (stream, Code.NO_ERROR)]
        wait_until(lambda: not both(), 10, "nothing new is accepted")
        held.upstream.release()
        assert client.answer(stream).status == 200
        client.expect_end()
        assert other.get("/").status == 200 and not other.goaways


# --- connections that are old

AGED = """
listeners:
  - address: 127.0.0.1:${port}
    limits: { maxConnectionAge: 1s }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
"""


def test_old_connections_are_asked_to_go(proxies):
    proxy = proxies(AGED)
    proxy.upstream.reply = proxy.upstream.holding()
    begin = time.monotonic()
    with connect(proxy.gateway) as client, connect(proxy.gateway) as idle:
        stream = client.open(http2.request())
        first, last = client.wait_goaways(2)
        # A tenth of jitter, and what a busy machine adds.
        assert 0.88 < time.monotonic() - begin < 8
        assert (first, last) == ((ANY_STREAM, Code.NO_ERROR), (stream, Code.NO_ERROR))
        idle.expect_end()
        assert idle.goaways[-1][1] == Code.NO_ERROR
        # The stream is not cut.
        time.sleep(0.3)
        proxy.upstream.release()
        assert client.answer(stream).status == 200
        client.expect_end()


def test_old_connections_do_not_go_all_at_once(proxies):
    proxy = proxies(AGED)

    def age(_) -> float:
        begin = time.monotonic()
        with connect(proxy.gateway) as client:
            client.wait_goaways(1)
            return time.monotonic() - begin

    def spread() -> float:
        ages = together(age, range(20))
        assert min(ages) > 0.85, ages
        return max(ages) - min(ages)

    # Of 20 draws from 0.2 s all are so close once in 10^10 times, and again where the machine stops just then.
    assert any(spread() > 0.05 for _ in range(3)), "twenty connections go at once"


def test_old_connections_of_http1(proxies):
    proxy = proxies(AGED)
    begin = time.monotonic()
    with proxy.connect() as client:
        is_asked = "close" in client.exchange(get()).tokens("connection")
        assert not is_asked or time.monotonic() - begin > 0.85
        if not is_asked:
            time.sleep(1.2)
            assert client.closed_within(0) or "close" in client.exchange(get()).tokens("connection")
        client.expect_end()


def test_calls_survive_the_age_of_their_connection(gateways):
    """A gRPC client that never reconnects by itself is moved, and loses no call."""
    with GrpcServer() as server:
        gateway = gateways(in_front_of(server, AGED))
        with channel(f"{gateway.host}:{gateway.port}") as opened:
            echo = opened.unary_unary(SERVICE + "Echo")

            def has_moved_twice() -> bool:
                for _ in range(50):
                    assert echo(b"x", timeout=10) == b"x"
                return gateway.metrics().sum("sluice_connections_total", protocol="http2") >= 3

            wait_until(has_moved_twice, 20, "a third connection")


# --- endpoints that go


def test_new_streams_go_to_a_new_connection(front, servers):
    server = servers(lambda stream: (stream.wait_complete(), server.hold() if stream.path == "/held" else 0,
                                     stream.answer()))
    gateway = front(server)
    with H2Client(gateway.host, gateway.port) as client:
        running = client.open(http2.request(path="/held"))
        first = server.wait_streams(1)[0]
        first.connection.goaway(ANY_STREAM)
        first.connection.goaway(first.number)
        # The frame has been read by the time a PING behind it is answered.
        first.connection.send(http2.ping(b"goneaway"))
        server.wait(lambda: first.connection.received(http2.PING), 5, "PING")
        for _ in range(3):
            assert client.get("/").status == 200
        assert len(server.connections) == 2
        assert [len(each.streams) for each in server.connections] == [1, 3]
        assert not first.connection.closed.is_set()
        server.release()
        assert client.answer(running).status == 200
    assert first.connection.wait_end(5), "the old connection is of no use any more"


def refused_by_reset(stream) -> None:
    stream.reset(Code.REFUSED_STREAM)


def refused_by_goaway(stream) -> None:
    stream.connection.goaway(stream.number - 2 if stream.number > 1 else 0)


REFUSALS = {"RST_STREAM": refused_by_reset, "GOAWAY": refused_by_goaway}


@pytest.fixture(params=REFUSALS.values(), ids=REFUSALS.keys())
def refusing(request, servers):
    """An endpoint that refuses the first POST when as much of it has come as the test says, and takes the next."""
    server = servers()
    server.refused = []
    server.after = 0

    def serve(stream):
        if stream.get(":method") == "POST" and not server.refused:
            stream.wait_body(server.after)
            server.refused.append(stream)
            request.param(stream)
            return
        stream.wait_complete().answer(bytes(stream.body))

    server.serve = serve
    return server


def retries(gateway) -> float:
    return gateway.metrics().sum("sluice_retries_total", reason="refused_stream")


@pytest.mark.parametrize("size", [0, 1, 60_000])
def test_refused_streams_are_sent_again(front, refusing, version, size):
    gateway, refusing.after = front(refusing), size
    assert ask(gateway, version).status == 200
    got = ask(gateway, version, "POST", "/", b"x" * size)
    assert (got.status, got.body, got.cause) == (200, b"x" * size, None)
    assert len(refusing.streams) == 3 and len(refusing.connections) == 2
    assert retries(gateway) == 1


def test_what_is_still_to_come_goes_to_the_second_try(front, refusing):
    """The stream is refused before the whole body has come: what came is kept, the rest follows."""
    gateway, refusing.after = front(refusing), 10
    with H2Client(gateway.host, gateway.port) as client:
        stream = client.open(http2.request("POST"), end=False)
        client.send(http2.data(stream, b"0123456789"))
        refusing.wait_streams(2)
        client.send(http2.data(stream, b"abcdef", end=True))
        answer = client.answer(stream)
    assert (answer.status, bytes(answer.body)) == (200, b"0123456789abcdef")


def test_a_body_that_is_not_kept_cannot_be_sent_again(front, refusing, version):
    gateway, refusing.after = front(refusing), 200_000
    got = ask(gateway, version, "POST", "/", b"x" * 200_000)
    assert (got.status, got.cause) == (502, "upstream_reset")
    assert retries(gateway) == 0


def test_an_endpoint_that_refuses_everything(front, servers, version):
    """Tried a few times, then answered."""
    server = servers(by_path({}, default=refused_by_reset))
    gateway = front(server)
    got = ask(gateway, version, "POST", "/", b"x")
    assert got.status in (502, 503) and got.cause in ("upstream_reset", "no_endpoint"), got
    assert len(server.streams) <= 5


def test_goaway_with_an_error(front, servers, version):
    """Streams it does not name have not been looked at, whatever the error."""
    server = servers(by_path({"/calm": lambda stream: (
        stream.wait_complete(),
        stream.connection.goaway(0, Code.ENHANCE_YOUR_CALM) if len(server.connections) == 1 else stream.answer())}))
    got = ask(front(server), version, "POST", "/calm", b"x")
    assert (got.status, got.body) == (200, b"ok")


def test_calls_survive_a_server_that_ages(gateways):
    """A real gRPC server's way to spread its clients."""
    ages = [("grpc.max_connection_age_ms", 300), ("grpc.max_connection_age_grace_ms", 10000)]
    with GrpcServer(options=ages) as server:
        gateway = gateways(in_front_of(server, CONFIG))
        with channel(f"{gateway.host}:{gateway.port}") as opened:
            echo, delay = (opened.unary_unary(SERVICE + name) for name in ("Echo", "Delay"))
            until, pending = time.monotonic() + 2, []
            while time.monotonic() < until:
                pending.append(delay.future(b"0.4", timeout=10))
                assert echo(b"x", timeout=10) == b"x"
                time.sleep(0.01)
            assert {each.result() for each in pending} == {b"0.4"}
