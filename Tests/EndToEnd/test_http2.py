"""HTTP/2 in front of clients: what works over HTTP/1.1 works over it, with clients that are not ours and with one that
sees every frame."""

import os
import re
import subprocess
import threading

import pytest

from support.certificates import Authority
from support.http2 import H2Client, connect, data, headers, request, trusting
from support.rawhttp import answer, chunked

MIB = 1 << 20
SIZES = [0, 1, 16_384, 70_000, 5 * MIB]


def echo(asked, connection):
    return answer(asked.body)


# --- clients that are not ours


def run(*command, body: bytes | None = None):
    done = subprocess.run([str(part) for part in command], input=body, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done


def curl(*arguments, body: bytes | None = None):
    return run("curl", "-sS", "--noproxy", "*", "--max-time", "30", *arguments, body=body)


def spoken(*arguments) -> str:
    """The version of HTTP curl got its answer in, and the status."""
    return curl("-o", os.devnull, "-w", "%{http_version} %{http_code}", *arguments).stdout.decode()


def test_curl_with_prior_knowledge(proxy):
    proxy.upstream.reply = answer(b"hello", "200 OK", "X-Custom: 1")
    done = curl("--http2-prior-knowledge", "-i", proxy.gateway.url + "/v2/x?a=b")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/2 200") and b"\r\nx-custom: 1" in head and body == b"hello"
    assert proxy.upstream.requests[0].target == "/v2/x?a=b"


def test_one_port_for_both(proxy):
    assert spoken("--http2-prior-knowledge", proxy.gateway.url) == "2 200"
    assert spoken("--http1.1", proxy.gateway.url) == "1.1 200"
    assert spoken("--http1.0", proxy.gateway.url).endswith(" 200")


def test_upgrade_is_ignored(proxy):
    """RFC 9113 section 3.1: what RFC 7540 had is gone."""
    assert spoken("--http2", proxy.gateway.url) == "1.1 200"
    assert spoken("--http2", "-d", "body", proxy.gateway.url) == "1.1 200"
    for asked in proxy.upstream.requests:
        assert not asked.has("upgrade") and not asked.has("http2-settings")


@pytest.mark.parametrize("size", SIZES)
def test_curl_sends_and_gets_bodies(proxy, size):
    proxy.upstream.reply = echo
    body = os.urandom(size)
    plain = ["--http2-prior-knowledge", "--data-binary", "@-", proxy.gateway.url]
    assert curl(*plain, body=body).stdout == body
    # Of a length that is not told beforehand.
    assert curl("--http2-prior-knowledge", "-X", "POST", "-T", "-", proxy.gateway.url, body=body).stdout == body


def test_nghttp(proxy):
    """It begins with PRIORITY frames that build a tree of idle streams, as old browsers do."""
    proxy.upstream.reply = echo
    url = proxy.gateway.url
    done = run("nghttp", "-v", f"{url}/a", f"{url}/b").stdout.decode()
    assert done.count(":status: 200") == 2 and "RST_STREAM" not in done
    assert done.count("recv GOAWAY") == 0
    assert sorted(asked.target for asked in proxy.upstream.requests) == ["/a", "/b"]


@pytest.mark.parametrize("more", [[], ["-d", "BODY"]], ids=["GET", "POST"])
def test_h2load(proxy, tmp_path, more):
    body = tmp_path / "body"
    body.write_bytes(bytes(128))
    more = [str(body) if part == "BODY" else part for part in more]
    done = run("h2load", "-n", 400, "-c", 8, "-m", 16, *more, f"{proxy.gateway.url}/v2/x").stdout.decode()
    assert re.search(r"400 total, 400 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout", done), done
    assert "status codes: 400 2xx" in done
    assert len(proxy.upstream.wait_requests(400)) == 400


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def secured(proxies, authority):
    shown = authority.issue("ec", "localhost", "127.0.0.1").yaml
    return proxies(f"""
listeners:
  - address: 127.0.0.1:${{port}}
    tls: {{ certificates: [{shown}] }}
backends: {{ main: {{ endpoints: [{{address}}] }} }}
routes: [{{ name: all, backends: [{{ name: main }}] }}]
""")


def test_curl_over_tls(secured, authority):
    url = f"https://localhost:{secured.gateway.port}/"
    own = ["--cacert", authority.certificate, "--resolve", f"localhost:{secured.gateway.port}:127.0.0.1", url]
    said = curl("-v", "--http2", *own).stderr.decode()
    assert "server accepted h2" in said and "HTTP/2 200" in said
    assert spoken("--http1.1", *own) == "1.1 200"
    assert spoken("--no-alpn", *own) == "1.1 200"
    assert {asked.get("x-forwarded-proto") for asked in secured.upstream.requests} == {"https"}


def test_h2load_over_tls(secured):
    done = run("h2load", "-n", 200, "-c", 4, "-m", 16, f"https://127.0.0.1:{secured.gateway.port}/").stdout.decode()
    assert "200 succeeded" in done and "h2" in done


def test_alpn_decides(secured, authority):
    gateway = secured.gateway
    with H2Client(gateway.host, gateway.port, trusting(authority.certificate, "h2", "http/1.1")) as client:
        assert client.sock.selected_alpn_protocol() == "h2"
        assert client.get().status == 200
    with H2Client(gateway.host, gateway.port, trusting(authority.certificate, "http/1.1"), hello=None) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
    with H2Client(gateway.host, gateway.port, trusting(authority.certificate, "h2", "http/1.1")) as client:
        secured.upstream.reply = echo
        body = os.urandom(MIB)
        assert client.post(body).body == body


# --- messages


@pytest.mark.parametrize("size", SIZES)
def test_bodies_both_ways(proxy, size):
    proxy.upstream.reply = echo
    body = os.urandom(size)
    with connect(proxy) as client:
        for _ in range(2):
            got = client.post(body)
            assert (got.status, got.body, got.get("content-length")) == (200, body, str(size))
        stream = client.open(request("POST"), end=False)
        client.upload(stream, body)
        assert client.answer(stream).body == body


@pytest.mark.parametrize("size", SIZES)
def test_bodies_of_unknown_length(proxy, size):
    body = os.urandom(size)
    proxy.upstream.reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (
        chunked(body) if size else b"0\r\n\r\n"
    )
    with connect(proxy) as client:
        got = client.get()
        assert (got.status, got.body, got.get("content-length")) == (200, body, None)
        proxy.upstream.reply = lambda asked, connection: connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + body) and None
        assert client.get().body == body


@pytest.mark.parametrize(
    "method, reply, status, length",
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 200, "1000"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 10\r\n\r\n', 304, "10"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "0"),
        ("POST", b"HTTP/1.1 500 Internal\r\nContent-Length: 0\r\n\r\n", 500, "0"),
    ],
)
def test_answers_without_a_body(proxy, method, reply, status, length):
    proxy.upstream.reply = reply
    with connect(proxy) as client:
        for _ in range(2):
            got = client.answer(client.open(request(method)))
            assert (got.status, got.get("content-length"), got.body, got.reset) == (status, length, b"", None)


def test_interim_answers(proxy):
    proxy.upstream.reply = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + answer()
    with connect(proxy) as client:
        got = client.get()
        assert got.interim == [(103, [("link", "</a>")]), (102, [])]
        assert (got.status, got.body) == (200, b"ok")


def test_an_interim_answer_does_not_wait_for_the_final_one(proxy):
    def reply(asked, connection):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        proxy.upstream.hold()
        return answer()

    proxy.upstream.reply = reply
    with connect(proxy) as client:
        stream = client.open(request())
        client.until(lambda: client.answers[stream].interim)
        assert client.answers[stream].status == 0
        proxy.upstream.release()
        assert client.answer(stream).status == 200


def test_expect_continue(proxy):
    def serve(connection):
        head = connection.read_head()
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.reader.body(head)
        proxy.upstream.record(connection, head)
        connection.send(answer(b"took " + head.body))
        return True

    proxy.upstream.serve = serve
    with connect(proxy) as client:
        fields = request("POST", "/", ("expect", "100-continue"), ("content-length", "5"))
        stream = client.open(fields, end=False)
        client.until(lambda: client.answers[stream].interim)
        assert client.answers[stream].interim == [(100, [])]
        client.send(data(stream, b"hello", end=True))
        assert client.answer(stream).body == b"took hello"


def test_trailers_of_an_answer(proxy):
    proxy.upstream.reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunked(
        b"hello", trailers=b"X-Sum: 42\r\nx-other: a\r\n"
    )
    with connect(proxy) as client:
        got = client.get("/", ("te", "trailers"))
        assert (got.body, got.trailers) == (b"hello", [("x-sum", "42"), ("x-other", "a")])


def test_trailers_of_a_request(proxy):
    with connect(proxy) as client:
        stream = client.open(request("POST", "/", ("trailer", "x-sum")), end=False)
        client.send(data(stream, b"hello"), headers(stream, [("x-sum", "42")]))
        assert client.answer(stream).status == 200
    (asked,) = proxy.upstream.wait_requests(1)
    assert (asked.body, asked.trailer("x-sum")) == (b"hello", "42")


def test_events_arrive_one_by_one(proxy):
    steps = [threading.Event() for _ in range(4)]

    def reply(asked, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for index, step in enumerate(steps):
            assert step.wait(10)
            event = b"data: %d\n\n" % index
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
        return b"0\r\n\r\n"

    proxy.upstream.reply = reply
    with connect(proxy) as client:
        stream = client.open(request())
        expected = b""
        for index, step in enumerate(steps):
            step.set()
            expected += b"data: %d\n\n" % index
            client.until(lambda: len(client.answers[stream].body) >= len(expected))
            assert client.answers[stream].body == expected
        assert client.answer(stream).get("content-type") == "text/event-stream"


def test_an_answer_before_the_request_is_whole(proxy):
    """Then the rest of the request is not wanted (RFC 9113 section 8.1), and the connection goes on."""

    def serve(connection):
        connection.read_head()
        connection.send(answer(b"enough", "400 Bad Request", "Connection: close"))

    proxy.upstream.serve = serve
    with connect(proxy) as client:
        stream = client.open(request("POST"), end=False)
        client.send(data(stream, b"hello"))
        got = client.answer(stream)
        assert (got.status, got.body) == (400, b"enough")
        client.send(data(stream, b"more"))
        proxy.upstream.serve = None
        assert client.get().status == 200


def test_an_answer_that_breaks_off(proxy):
    """It must not look complete."""
    proxy.upstream.reply = lambda asked, connection: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"
    ) and None
    with connect(proxy) as client:
        got = client.get()
        assert (got.status, got.ended) == (200, False) and got.reset is not None
        proxy.upstream.reply = answer()
        assert client.get().status == 200
