"""Bodies of every size, streamed both ways, and interim answers."""

import hashlib
import os
import threading

import pytest

from support.rawhttp import answer, build, chunked, get, post


# --- bodies


@pytest.mark.parametrize("size", [0, 1, 1000, 16_384, 65_536, 1 << 20, 8 << 20])
def test_bodies_arrive_byte_for_byte(proxy, size):
    body = os.urandom(size)
    proxy.upstream.reply = lambda request, connection: answer(request.body)
    with proxy.connect() as client:

        def exchange(data):
            sender = threading.Thread(target=client.send, args=(data,))
            sender.start()
            response = client.response()
            sender.join()
            return response

        assert exchange(post(body)).body == body
        assert (
            exchange(build("POST", "/", "test", "Transfer-Encoding: chunked") + chunked(*([body] if body else []))).body
            == body
        )
    first, second = proxy.upstream.requests
    assert (first.get("content-length"), first.framing) == (str(size), "length")
    assert second.framing == "chunked"


@pytest.mark.parametrize("size", [0, 1, 100_000, 8 << 20])
def test_chunked_answers(proxy, size):
    body = os.urandom(size)
    parts = [body[start : start + 10_000] for start in range(0, size, 10_000)]
    proxy.upstream.reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*parts)
    with proxy.connect() as client:
        for _ in range(2):
            response = client.exchange(get())
            assert (response.framing, response.body) == ("chunked", body)


def test_answers_stream_as_they_come(proxy):
    """Server-sent events: each one reaches the client before the endpoint writes the next."""
    events = [b"data: %d\n\n" % index for index in range(5)]
    taken = threading.Semaphore(0)

    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in events:
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
            assert taken.acquire(timeout=10)
        return b"0\r\n\r\n"

    proxy.upstream.reply = reply
    seen = []

    def sink(part):
        seen.append(part)
        taken.release()

    with proxy.connect() as client:
        client.send(get())
        assert client.response(sink=sink).get("content-type") == "text/event-stream"
    assert b"".join(seen) == b"".join(events)


def test_requests_stream_as_they_come(proxy):
    """The endpoint has the first part of a body before the client sends the second."""
    got = threading.Semaphore(0)
    parts = []

    def serve(connection):
        head = connection.read_head()
        connection.reader.body(head, lambda part: (parts.append(part), got.release()))
        connection.send(answer())
        return True

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Transfer-Encoding: chunked", "Connection: close"))
        for index in range(5):
            client.send(b"5\r\npart%d\r\n" % index)
            assert got.acquire(timeout=10), f"part {index} did not arrive"
        client.send(b"0\r\n\r\n")
        assert client.response().status == 200
    assert b"".join(parts) == b"part0part1part2part3part4"


def test_large_bodies_both_ways_at_once(proxy):
    """An endpoint that echoes while it reads: neither direction waits for the other to end."""
    size = 32 << 20
    block = os.urandom(1 << 16)
    sent = hashlib.sha256()

    def serve(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.reader.exactly(size, "echo", connection.send)
        return True

    proxy.upstream.serve = serve
    before = proxy.gateway.rss()
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", f"Content-Length: {size}", "Connection: close"))

        def feed():
            for _ in range(size // len(block)):
                sent.update(block)
                client.send(block)

        feeder = threading.Thread(target=feed)
        feeder.start()
        received = hashlib.sha256()
        client.response(sink=received.update)
        feeder.join()
    assert received.digest() == sent.digest()
    assert proxy.gateway.rss() - before < 16 << 20


# --- interim answers


def test_interim_answers_are_relayed(proxy):
    proxy.upstream.reply = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + answer(b"ok")
    )
    with proxy.connect() as client:
        response = client.exchange(get())
        assert [(interim.status, interim.get("link")) for interim in response.interim] == [
            (103, "</a>; rel=preload"),
            (102, None),
        ]
        assert (response.status, response.body) == (200, b"ok")
        assert client.exchange(get()).status == 200


def test_interim_answers_are_relayed_as_they_come(proxy):
    def reply(request, connection):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        proxy.upstream.hold()
        return answer()

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        client.send(get())
        assert client.readable(10)
        proxy.upstream.release()
        assert [interim.status for interim in client.response().interim] == [103]


def test_interim_answers_are_not_for_http_1_0(proxy):
    """RFC 9110 section 15.2."""
    proxy.upstream.reply = b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"ok")
    with proxy.connect() as client:
        response = client.exchange(b"GET / HTTP/1.0\r\nHost: test\r\n\r\n")
    assert (response.interim, response.body) == ([], b"ok")


def expecting(proxy, decision: bytes):
    """An endpoint that reads the head, sends `decision`, and then reads the body."""

    def serve(connection):
        head = connection.read_head()
        connection.send(decision)
        connection.reader.body(head)
        proxy.upstream.record(connection, head)
        connection.send(answer(b"took " + head.body))
        return True

    proxy.upstream.serve = serve
    return build("POST", "/", "test", "Expect: 100-continue", "Content-Length: 5")


def test_expect_continue(proxy):
    head = expecting(proxy, b"HTTP/1.1 100 Continue\r\n\r\n")
    with proxy.connect() as client:
        client.send(head)
        assert client.readable(10), "no 100 came"
        client.send(b"hello")
        response = client.response()
    assert [interim.status for interim in response.interim] == [100]
    assert response.body == b"took hello"


def test_expect_continue_when_the_client_does_not_wait(proxy):
    head = expecting(proxy, b"HTTP/1.1 100 Continue\r\n\r\n")
    assert proxy.send(head + b"hello").body == b"took hello"


def test_expect_continue_when_the_endpoint_does_not_answer_it(proxy):
    head = expecting(proxy, b"")
    assert proxy.send(head + b"hello").body == b"took hello"


def test_expect_continue_refused_by_the_endpoint(proxy):
    def serve(connection):
        connection.read_head()
        connection.send(answer(b"no", "417 Expectation Failed", "Connection: close"))

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        response = client.exchange(build("POST", "/", "test", "Expect: 100-continue", "Content-Length: 5"))
        assert (response.status, response.body) == (417, b"no")


def test_expect_continue_refused_by_the_gateway(denying):
    """Nobody is invited to send a body that will be refused."""
    with denying.connect() as client:
        response = client.exchange(build("POST", "/locked", "test", "Expect: 100-continue", "Content-Length: 5000000"))
        assert (response.status, response.interim) == (401, [])
    with denying.connect() as client:
        response = client.exchange(build("POST", "/small", "test", "Expect: 100-continue", "Content-Length: 5000000"))
        assert (response.status, response.interim) == (413, [])
