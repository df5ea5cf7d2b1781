"""HTTP/2 towards endpoints, for clients of both versions: one exchange whatever is spoken on either side."""

import ssl
import threading
import time
from collections import Counter

import pytest

from support import http2
from support.certificates import Authority
from support.gateway import Gateway, wait_until
from support.http2 import Code, H2Client
from support.http2_server import Http2Server, by_path, echoing
from support.http2_upstream import VERSIONS, ask, config, front, servers, version  # noqa: F401, fixtures among them
from support.mock_upstream import refused_port
from support.rawhttp import Client, build, chunked

MIB = 1 << 20


@pytest.fixture(scope="module")
def _echo(tmp_path_factory):
    with Http2Server(echoing) as server:
        with Gateway(config(server), tmp_path_factory.mktemp("gateway")) as gateway:
            yield gateway, server


@pytest.fixture
def echo(_echo):
    """A gateway, shared by the module, whose endpoint sends bodies back; and the endpoint."""
    gateway, server = _echo
    gateway.check_alive()
    yield gateway, server
    gateway.check_alive()


@pytest.mark.parametrize("size", [0, 1, 16_384, 70_000, 5 * MIB])
def test_bodies(echo, version, size):
    gateway, _ = echo
    body = (b"0123456789abcdefghijklmnopqrstuvw" * (size // 33 + 1))[:size]
    got = ask(gateway, version, "POST", "/", body)
    assert (got.status, got.broken, got.get("content-length")) == (200, False, str(size))
    assert got.body == body


def test_what_the_endpoint_is_asked(echo, version):
    gateway, server = echo
    ask(gateway, version, "POST", "/v2/a%20b?x=1&y=%2f", b"body", (("x-kept", "as it is"), ("te", "trailers")))
    stream = server.streams[-1]
    assert stream.fields[:4] and {name for name, _ in stream.fields[:4]} == {
        ":method", ":scheme", ":path", ":authority"}, "pseudo-header fields come first"
    assert [stream.get(f":{name}") for name in ("method", "scheme", "path", "authority")] == [
        "POST", "http", "/v2/a%20b?x=1&y=%2f", "test"]
    assert (stream.get("x-kept"), stream.get("content-length")) == ("as it is", "4")
    assert stream.get("x-forwarded-for") == "127.0.0.1" and stream.get("via").endswith(" sluice")
    names = [name for name, _ in stream.fields]
    assert all(name == name.lower() for name in names)
    assert not {"host", "connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"} & set(names)
    assert stream.get("te") == "trailers"


def test_connection_fields_of_a_client_stay_behind(echo):
    gateway, server = echo
    fields = (("connection", "keep-alive, x-hop"), ("x-hop", "1"), ("keep-alive", "timeout=5"), ("x-kept", "2"))
    assert ask(gateway, "HTTP/1.1", "POST", "/", b"x", fields).status == 200
    names = [name for name, _ in server.streams[-1].fields]
    assert "x-kept" in names and not {"connection", "x-hop", "keep-alive"} & set(names)


def test_a_chunked_body_has_no_length(echo):
    gateway, server = echo
    with Client(gateway.host, gateway.port) as client:
        got = client.exchange(build("POST", "/", "test", "Transfer-Encoding: chunked") + chunked(b"one", b"two"))
    assert (got.status, got.body) == (200, b"onetwo")
    assert server.streams[-1].get("content-length") is None


def test_parts_of_a_body_leave_as_they_come(echo):
    gateway, server = echo
    with Client(gateway.host, gateway.port) as client:
        client.send(build("POST", "/slow", "test", "Content-Length: 6") + b"abc")
        wait_until(lambda: server.streams and server.streams[-1].path == "/slow" and
                   server.streams[-1].body == b"abc", 10, "the first half")
        assert client.exchange(b"def").body == b"abcdef"


def test_trailers_of_an_answer(front, servers, version):
    def serve(stream):
        stream.wait_complete().head(("content-type", "text/plain"))
        stream.data(b"body").finish(("x-checksum", "1234"), ("x-more", "yes"))

    fields = (("te", "trailers"),)
    got = ask(front(servers(serve)), version, "POST", "/", b"x", fields)
    assert (got.status, got.body, got.broken) == (200, b"body", False)
    assert got.trailers == [("x-checksum", "1234"), ("x-more", "yes")]


def test_interim_answers(front, servers, version):
    def serve(stream):
        stream.head(("link", "</a>; rel=preload"), status=103)
        stream.wait_complete().answer(b"final")

    got = ask(front(servers(serve)), version)
    assert (got.status, got.body, got.interim) == (200, b"final", [103])


def test_expect_continue(front, servers):
    def serve(stream):
        assert stream.get("expect") == "100-continue"
        stream.head(status=100)
        stream.wait_complete().answer(bytes(stream.body))

    gateway = front(servers(serve))
    with Client(gateway.host, gateway.port) as client:
        client.send(build("POST", "/", "test", "Content-Length: 5", "Expect: 100-continue"))
        assert client.readable(10), "no 100"
        client.send(b"hello")
        got = client.response()
    assert (got.status, got.body, [each.status for each in got.interim]) == (200, b"hello", [100])


@pytest.mark.parametrize("method, status, fields", [
    ("HEAD", 200, (("content-length", "1234"),)),
    ("GET", 204, ()),
    ("GET", 304, (("etag", '"x"'),)),
])
def test_answers_without_a_body(front, servers, version, method, status, fields):
    gateway = front(servers(lambda stream: stream.wait_complete().head(*fields, status=status, end=True)))
    got = ask(gateway, version, method)
    assert (got.status, got.body, got.broken) == (status, b"", False)
    assert set(fields) <= set(got.fields)


def test_an_answer_without_length_ends_with_its_stream(front, servers, version):
    gateway = front(servers(lambda stream: stream.head().data(b"one").data(b"two", end=True)))
    got = ask(gateway, version)
    assert (got.status, got.body, got.broken) == (200, b"onetwo", False)


def test_an_answer_before_the_request_is_over(front, servers, version):
    """RFC 9113 section 8.1: a full answer, then RST_STREAM NO_ERROR because the rest of the request is not needed."""

    def serve(stream):
        stream.wait_body(1)
        stream.answer(b"enough", status=413)
        stream.reset(Code.NO_ERROR)

    got = ask(front(servers(serve)), version, "POST", "/", bytes(4 * MIB))
    assert (got.status, got.body, got.cause) == (413, b"enough", None)


def test_cookies(echo):
    """Crumbs of HTTP/2 pass to HTTP/2, joined or not, with nothing lost."""
    gateway, server = echo
    assert ask(gateway, "HTTP/2", fields=(("cookie", "a=1"), ("cookie", "b=2"))).status == 200
    crumbs = [value for name, value in server.streams[-1].fields if name == "cookie"]
    assert "; ".join(crumbs) == "a=1; b=2"


# --- connections


def test_one_connection_for_many_requests(front, servers, version):
    server = servers()
    gateway = front(server)
    for _ in range(20):
        assert ask(gateway, version).status == 200
    assert len(server.connections) == 1
    assert gateway.metrics().sum("sluice_upstream_connections_open", backend="main") == 1


def test_finished_streams_are_not_reset(front, servers, version):
    """Endpoints count RST_STREAM and hang up on who sends many (CVE-2023-44487)."""
    server = servers(by_path({"/trailers": lambda stream: (
        stream.wait_complete().head().data(b"x"), stream.finish(("grpc-status", "0")))}))
    gateway = front(server)
    for method, path, body in (("GET", "/", None), ("POST", "/", b"body"), ("POST", "/trailers", b"")):
        assert ask(gateway, version, method, path, body).status == 200
    # What was sent about them has come when the next request has.
    assert ask(gateway, version).status == 200
    assert server.connections[0].received(http2.RESET) == []


def at_once(gateway, count: int) -> list:
    """Starts requests; gives their threads and what they got."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(ask(gateway, "HTTP/1.1").status)) for _ in range(count)]
    for thread in threads:
        thread.start()
    return [threads, results]


def joined(threads: list) -> None:
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a request hangs"


def test_requests_at_once_share_it(front, servers):
    server = servers(lambda stream: (server.hold(), stream.answer()))
    gateway = front(server)
    ask_first = at_once(gateway, 1)
    server.wait_streams(1)
    threads, results = at_once(gateway, 19)
    server.wait_streams(20)
    server.release()
    joined(ask_first[0] + threads)
    assert ask_first[1] + results == [200] * 20
    assert len(server.connections) == 1


def test_an_endpoint_that_takes_one_stream_at_a_time(front, servers):
    """Requests wait or go to further connections, and never is a stream opened beyond what was allowed."""
    server = servers(settings=[(http2.STREAMS, 1)])
    most = []

    def serve(stream):
        # Before the gateway knows the limit of a new connection it cannot keep it.
        if stream.knows_settings:
            earlier = [each for each in stream.connection.streams.values() if each.number < stream.number]
            most.append(1 + sum(not each.ended.is_set() for each in earlier))
        stream.wait_complete()
        time.sleep(0.1)
        stream.ended.set()
        stream.answer()

    server.serve = serve
    gateway = front(server)
    assert ask(gateway, "HTTP/1.1").status == 200
    threads, results = at_once(gateway, 8)
    joined(threads)
    assert results == [200] * 8
    assert most and max(most) == 1, most


@pytest.mark.parametrize("limit", [1, 4])
def test_an_endpoint_that_holds_to_its_limit(front, servers, limit):
    """A burst of requests: none is lost because the endpoint takes only some at a time and refuses the others."""
    server = servers(settings=[(http2.STREAMS, limit)])

    def serve(stream):
        earlier = [each for each in list(stream.connection.streams.values()) if each.number < stream.number]
        if sum(not each.ended.is_set() for each in earlier) >= limit:
            stream.ended.set()
            stream.reset(Code.REFUSED_STREAM)
            return
        stream.wait_complete()
        time.sleep(0.02)
        stream.ended.set()
        stream.answer()

    server.serve = serve
    gateway = front(server)
    assert ask(gateway, "HTTP/2").status == 200
    with H2Client(gateway.host, gateway.port) as client:
        streams = [client.open(http2.request()) for _ in range(60)]
        answers = [client.answer(stream) for stream in streams]
    assert Counter((answer.status, answer.cause) for answer in answers) == {(200, None): 60}


def test_limits_count_streams(front, servers):
    server = servers(lambda stream: (server.hold(), stream.answer()))
    gateway = front(server, "limits: { inFlight: 2 }")
    threads, results = at_once(gateway, 5)
    server.wait_streams(2)
    gateway.wait_metric("sluice_requests_queued", 3, backend="main")
    assert len(server.streams) == 2
    server.release()
    joined(threads)
    assert results == [200] * 5


def test_an_idle_connection_is_closed(front, servers):
    server = servers()
    gateway = front(server, "timeouts: { idle: 300ms }")
    assert ask(gateway, "HTTP/1.1").status == 200
    assert server.connections[0].wait_end()
    assert ask(gateway, "HTTP/1.1").status == 200
    assert len(server.connections) == 2


def test_a_connection_with_a_request_is_not_idle(front, servers):
    server = servers(lambda stream: (time.sleep(0.8), stream.answer(b"late")))
    gateway = front(server, "timeouts: { idle: 200ms }")
    assert ask(gateway, "HTTP/1.1").body == b"late"


def test_a_connection_the_endpoint_closed_is_not_used(front, servers, version):
    server = servers()
    gateway = front(server)
    assert ask(gateway, version).status == 200
    server.connections[0].close()
    wait_until(lambda: gateway.metrics().sum("sluice_upstream_connections_open") == 0, what="the gateway has seen it")
    for _ in range(3):
        assert ask(gateway, version, "POST", "/", b"x").status == 200
    assert len(server.connections) == 2


def test_refused(front):
    with refused_port() as port:
        class Nobody:
            address = f"127.0.0.1:{port.getsockname()[1]}"

        gateway = front(Nobody)
        for version in VERSIONS:
            got = ask(gateway, version, "POST", "/", b"x")
            assert (got.status, got.cause) == (502, "connect_failed")


def test_settings_are_honoured(front, servers):
    """No dynamic table, windows of one byte: everything arrives all the same."""
    server = servers(echoing, settings=[(http2.TABLE_SIZE, 0), (http2.INITIAL_WINDOW, 1)])
    gateway = front(server)
    for _ in range(5):
        got = ask(gateway, "HTTP/1.1", "POST", "/", b"x" * 100, (("x-repeated", "the same each time"),))
        assert (got.status, got.body) == (200, b"x" * 100)
    assert all(stream.get("x-repeated") == "the same each time" for stream in server.streams)
    assert set(server.streams[-1].pieces) <= {0, 1}


def test_pings_are_answered(front, servers):
    server = servers()
    assert ask(front(server), "HTTP/1.1").status == 200
    connection = server.connections[0].send(http2.ping(b"12345678"))
    server.wait(lambda: any(
        frame.flags & http2.ACK and frame.payload == b"12345678" for frame in connection.received(http2.PING)),
        what="the answer to a PING")


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def serving(authority, *protocols: str) -> ssl.SSLContext:
    certificate = authority.issue("endpoint", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def test_tls(front, servers, authority, version):
    server = servers(echoing, context=serving(authority, "h2"))
    gateway = front(server, f"tls: {{ ca: {authority.certificate} }}")
    for _ in range(3):
        got = ask(gateway, version, "POST", "/", b"sealed" * 10_000)
        assert (got.status, got.body) == (200, b"sealed" * 10_000)
    assert len(server.connections) == 1
    assert server.connections[0].sock.selected_alpn_protocol() == "h2"
    assert server.streams[0].get(":scheme") in ("http", "https")


def test_tls_endpoint_that_knows_no_alpn(front, servers, authority):
    """It is spoken to as the configuration says."""
    gateway = front(servers(context=serving(authority)), f"tls: {{ ca: {authority.certificate} }}")
    assert ask(gateway, "HTTP/1.1", "POST", "/", b"x").status == 200
