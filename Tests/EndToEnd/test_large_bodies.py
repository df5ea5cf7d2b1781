"""Bodies large enough to be moved inside the kernel: every byte arrives in order, whatever either side does, and what
comes after them is told from them.
"""

import os
import threading
import time

import pytest

from support.gateway import wait_until
from support.rawhttp import Incomplete, answer, build, get, post

MIB = 1 << 20
# Just below and above what is moved, and what a pipe holds.
SIZES = [32_767, 32_768, 65_535, 65_537, 131_073, 614_400, 4 * MIB + 1]


def sending(client, data: bytes) -> threading.Thread:
    thread = threading.Thread(target=client.send_all_it_takes, args=(data,))
    thread.start()
    return thread


@pytest.mark.parametrize("size", SIZES)
def test_requests_follow_large_ones_on_the_same_connections(proxy, size):
    bodies = [os.urandom(size), b"small", os.urandom(size)]
    proxy.upstream.reply = lambda request, connection: answer(request.body)
    with proxy.connect() as client:
        sender = sending(client, b"".join(post(body) for body in bodies))
        assert [client.response().body for _ in bodies] == bodies
        sender.join()


def test_an_endpoint_that_reads_slowly_gets_every_byte(proxy):
    body = os.urandom(3 * MIB)

    def serve(connection):
        got = bytearray()

        def sink(part):
            got.extend(part)
            time.sleep(0.002)

        request = connection.read_head()
        connection.reader.body(request, sink)
        request.body = bytes(got)
        proxy.upstream.record(connection, request)
        connection.send(answer(b"done"))
        return True

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        sender = sending(client, post(body) + post(b"x"))
        assert client.response().body == b"done"
        assert client.response().body == b"done"
        sender.join()
    assert [request.body for request in proxy.upstream.requests] == [body, b"x"]


def test_a_client_that_reads_slowly_gets_every_byte(proxy):
    body = os.urandom(3 * MIB)
    proxy.upstream.reply = lambda request, connection: answer(body)
    with proxy.connect(receive_buffer=16_384) as client:
        client.send(get())
        got = bytearray()

        def sink(part):
            got.extend(part)
            time.sleep(0.002)

        client.response(sink=sink)
        assert bytes(got) == body
        assert client.exchange(get("/again")).body == body


def test_a_body_that_comes_in_small_pieces(proxy):
    body = os.urandom(200_000)
    proxy.upstream.reply = lambda request, connection: answer(request.body)
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", f"Content-Length: {len(body)}"))
        for start in range(0, len(body), 7001):
            client.send(body[start : start + 7001])
            time.sleep(0.001)
        assert client.response().body == body


def test_an_answer_cut_short_is_seen_as_cut(proxy):
    def serve(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + bytes(2 * MIB))
        return False

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        with pytest.raises(Incomplete) as cut:
            client.exchange(get())
        assert len(cut.value.partial.body) <= 2 * MIB
    proxy.gateway.wait_metric("sluice_requests_total", 1, cause="upstream_reset")


def test_a_client_that_leaves_inside_a_large_body(proxy):
    def serve(connection):
        connection.read_head()
        proxy.upstream.left = connection.wait_end()
        return False

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 8000000") + bytes(MIB))
        time.sleep(0.2)
        client.reset()
    wait_until(lambda: getattr(proxy.upstream, "left", False), what="the endpoint to be told")


def test_an_endpoint_that_answers_inside_a_large_body(proxy):
    def serve(connection):
        connection.read_head()
        connection.send(answer(b"enough", "413 Content Too Large"))
        connection.wait_end()
        return False

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        sender = sending(client, post(bytes(8 * MIB)))
        response = client.response()
        assert (response.status, response.body) == (413, b"enough")
        sender.join()
