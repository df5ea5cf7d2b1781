"""Flow control is real: a slow side slows its own stream, never the others of the connection, and costs no memory."""

import threading
import time

import pytest

from support.gateway import settle, wait_until
from support.http2 import (
    DATA, FRAME, INITIAL_WINDOW, LARGEST_WINDOW, PADDED, PREFACE, WINDOW, Code, Fault, connect, data, frame, request,
    settings, window_update,
)
from support.rawhttp import answer

MIB = 1 << 20
LARGE = 200 * MIB
# For one answer: what its stream, the sockets and the pipe between them may hold, and the allocator's generosity.
HELD = 16 * MIB


def sending(proxy, total: int):
    """An endpoint whose answers to /large are of `total` bytes; `sent` is what it could write of them so far."""
    state = {"sent": 0}

    def reply(asked, connection):
        if asked.target != "/large":
            return answer(b"small")
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        for _ in range(total // 65_536):
            connection.sock.sendall(bytes(65_536))
            state["sent"] += 65_536
        return b""

    proxy.upstream.reply = reply
    return state


def taking(proxy):
    """An endpoint that does not read the bodies of /large until it is released."""

    def serve(connection):
        head = connection.read_head()
        if head.target == "/large":
            proxy.upstream.hold()
        size = 0

        def count(part):
            nonlocal size
            size += len(part)

        connection.reader.body(head, count)
        proxy.upstream.record(connection, head)
        connection.send(answer(b"%d" % size))
        return True

    proxy.upstream.serve = serve


# --- downwards


def test_a_reader_that_sleeps_holds_up_no_other_stream(proxy):
    sending(proxy, 8 * MIB)
    with connect(proxy, credit=False) as client:
        # Room on the connection, none beyond the first window on the stream.
        client.send(window_update(0, 1 << 30))
        large = client.open(request("GET", "/large"))
        client.until(lambda: len(client.answers[large].body) == WINDOW)
        for _ in range(50):
            assert client.get("/small").body == b"small"
        assert len(client.answers[large].body) == WINDOW
        client.send(window_update(large, 1 << 30))
        assert len(client.answer(large).body) == 8 * MIB


def test_an_answer_nobody_reads_is_not_held_in_memory(proxy):
    state = sending(proxy, LARGE)
    with connect(proxy, credit=False) as client:
        client.get("/small")
        before = proxy.gateway.rss()
        client.send(window_update(0, LARGEST_WINDOW - WINDOW))
        large = client.open(request("GET", "/large"))
        client.until(lambda: len(client.answers[large].body) == WINDOW)
        stopped = settle(lambda: state["sent"])
        assert stopped < 32 * MIB, f"the endpoint could write {stopped >> 20} MiB"
        assert proxy.gateway.rss() - before < HELD
        assert client.get("/small").body == b"small"


def test_many_answers_nobody_reads(proxy):
    """As many streams as there may be, each with a large answer behind it and its window used up."""
    sending(proxy, 4 * MIB)
    with connect(proxy, credit=False) as client:
        client.get("/small")
        before = proxy.gateway.rss()
        client.send(window_update(0, LARGEST_WINDOW - WINDOW))
        streams = [client.open(request("GET", "/large")) for _ in range(60)]
        client.until(lambda: all(len(client.answers[stream].body) == WINDOW for stream in streams))
        assert proxy.gateway.rss() - before < 48 * MIB
        assert client.get("/small").body == b"small"


def test_an_answer_streams_through_a_window(proxy):
    """Whole and in order, with credit given in odd steps."""
    body = bytes(range(251)) * 4000
    proxy.upstream.reply = answer(body)
    with connect(proxy, credit=False, hello=PREFACE + settings((INITIAL_WINDOW, 1000))) as client:
        client.send(window_update(0, 1 << 30))
        stream = client.open(request())
        given = 1000
        while not client.answers[stream].ended:
            client.until(lambda: len(client.answers[stream].body) == min(given, len(body)))
            client.send(window_update(stream, 70_001))
            given += 70_001
            if given > len(body) + 70_001:
                client.answer(stream)
        assert client.answers[stream].body == body


def test_streams_share_the_connection_fairly(proxy):
    """A small answer does not wait for a large one that began before it."""
    # Forty times what comes of it meanwhile on a quiet machine, and few enough to be kept where all of it comes first.
    sending(proxy, 512 * MIB)
    with connect(proxy, hello=PREFACE + settings((INITIAL_WINDOW, LARGEST_WINDOW))) as client:
        client.send(window_update(0, 1 << 30))
        large = client.open(request("GET", "/large"))
        client.until(lambda: len(client.answers[large].body) > 4 * MIB)
        assert client.get("/small").body == b"small"
        assert not client.answers[large].ended


# --- upwards


def blocked_upload(client, stream: int) -> int:
    """Sends until the stream's window is used up for good; returns how much that was."""
    sent = 0
    part = data(stream, bytes(FRAME))
    while True:
        room = min(client.window, client.windows.get(stream, client.initial_window))
        if room < FRAME:
            known = room
            client.settle()
            if min(client.window, client.windows.get(stream, client.initial_window)) == known:
                return sent
            continue
        client.send(part)
        sent += FRAME
        client.window -= FRAME
        client.windows[stream] = client.windows.get(stream, client.initial_window) - FRAME
        assert sent < LARGE, "never stopped"


def test_an_upload_to_an_endpoint_that_does_not_read_stops(proxies, upstreams):
    proxy = proxies(upstream=upstreams(receive_buffer=16_384))
    taking(proxy)
    with connect(proxy) as client:
        assert client.post(b"x", "/small").body == b"1"
        before = proxy.gateway.rss()
        stream = client.open(request("POST", "/large"), end=False)
        client.settle()
        sent = blocked_upload(client, stream)
        assert proxy.gateway.rss() - before < HELD
        # The connection's window is still open for others.
        for _ in range(20):
            assert client.post(bytes(20_000), "/small").body == b"20000"
        proxy.upstream.release()
        client.upload(stream, bytes(3 * MIB))
        assert int(client.answer(stream).body) == sent + 3 * MIB


def test_many_uploads_that_stop(proxies, upstreams):
    """Sixty streams with a full window each; the connection goes on."""
    proxy = proxies(upstream=upstreams(receive_buffer=16_384))
    taking(proxy)
    with connect(proxy) as client:
        client.post(b"x", "/small")
        before = proxy.gateway.rss()
        for _ in range(60):
            stream = client.open(request("POST", "/large"), end=False)
            client.upload(stream, bytes(client.initial_window), end=False)
        client.settle()
        assert proxy.gateway.rss() - before < 48 * MIB
        assert client.post(bytes(20_000), "/small").body == b"20000"


def test_more_than_the_window_is_an_error(proxies, upstreams):
    proxy = proxies(upstream=upstreams(receive_buffer=16_384))
    taking(proxy)
    with connect(proxy) as client:
        client.until(lambda: client.settings)
        stream = client.open(request("POST", "/large"), end=False)
        count = LARGE // FRAME
        sender = threading.Thread(
            target=lambda: [client.send_all_it_takes(data(stream, bytes(FRAME))) for _ in range(count)], daemon=True
        )
        sender.start()
        fault = client.fault()
        assert fault.kind == "close" or fault.code == Code.FLOW_CONTROL_ERROR
        client.sock.close()
        sender.join(10)
        assert not sender.is_alive()
    proxy.upstream.release()


def test_padding_is_paid_back(proxy):
    """Pad bytes use the window up too (RFC 9113 section 6.1), and nobody consumes them."""
    proxy.upstream.reply = lambda asked, connection: answer(b"%d" % len(asked.body))
    with connect(proxy) as client:
        client.until(lambda: client.settings)
        stream = client.open(request("POST"), end=False)
        count = 3 * client.initial_window // 256
        for _ in range(count):
            while min(client.window, client.windows.get(stream, client.initial_window)) < 257:
                assert client.advance()
            client.send(padded(stream, b"x", 255))
            client.window -= 257
            client.windows[stream] = client.windows.get(stream, client.initial_window) - 257
        client.send(data(stream, end=True))
        assert int(client.answer(stream).body) == count


def padded(stream: int, payload: bytes, pad: int) -> bytes:
    return frame(DATA, PADDED, stream, bytes([pad]) + payload + bytes(pad))


# --- both


def idle_cost(proxy, seconds: float = 0.5) -> float:
    before = proxy.gateway.cpu_seconds()
    time.sleep(seconds)
    return proxy.gateway.cpu_seconds() - before


def costs_no_time(proxy) -> None:
    """Once all that fits has been moved, which a busy machine does later."""
    wait_until(lambda: idle_cost(proxy) < 0.1, what="nothing goes on")


def test_answers_that_wait_for_windows_cost_no_time(proxy):
    sending(proxy, 4 * MIB)
    with connect(proxy, credit=False) as client:
        client.send(window_update(0, 1 << 30))
        streams = [client.open(request("GET", "/large")) for _ in range(20)]
        client.until(lambda: all(len(client.answers[stream].body) == WINDOW for stream in streams))
        costs_no_time(proxy)


def test_uploads_that_wait_for_endpoints_cost_no_time(proxies, upstreams):
    proxy = proxies(upstream=upstreams(receive_buffer=16_384))
    taking(proxy)
    with connect(proxy) as client:
        client.post(b"x", "/small")
        for _ in range(10):
            stream = client.open(request("POST", "/large"), end=False)
            client.upload(stream, bytes(client.initial_window), end=False)
        client.settle()
        costs_no_time(proxy)


def test_a_socket_that_is_not_read_costs_no_time(proxy):
    sending(proxy, 4 * MIB)
    hello = PREFACE + settings((INITIAL_WINDOW, LARGEST_WINDOW)) + window_update(0, 1 << 30)
    with connect(proxy, hello=hello, receive_buffer=16_384) as client:
        for _ in range(20):
            client.open(request("GET", "/large"))
        proxy.upstream.wait_requests(20)
        costs_no_time(proxy)


# --- windows that are too large


@pytest.mark.parametrize("on_stream", [False, True])
def test_a_window_that_overflows(proxy, on_stream):
    proxy.upstream.reply = proxy.upstream.holding()
    with connect(proxy) as client:
        stream = client.open(request())
        proxy.upstream.wait_requests(1)
        client.send_all_it_takes(window_update(stream if on_stream else 0, LARGEST_WINDOW))
        assert client.fault() == Fault("reset" if on_stream else "goaway", Code.FLOW_CONTROL_ERROR)
        proxy.upstream.release()
        if on_stream:
            assert client.get().status == 200
        else:
            client.expect_end()


def test_the_endpoint_hears_of_a_stream_that_overflows(proxy):
    """What waits at the endpoint for a stream that was reset is given up."""
    proxy.upstream.reply = proxy.upstream.holding()
    with connect(proxy) as client:
        stream = client.open(request())
        proxy.upstream.wait_requests(1)
        client.send(window_update(stream, LARGEST_WINDOW))
        assert client.fault() == Fault("reset", Code.FLOW_CONTROL_ERROR)
        proxy.gateway.wait_metric("sluice_requests_total", 1, cause="client_closed")
        wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0, what="nothing in flight")
    proxy.upstream.release()


def test_a_client_that_goes_away_frees_everything(proxy):
    sending(proxy, LARGE)
    client = connect(proxy, credit=False)
    client.send(window_update(0, 1 << 30))
    streams = [client.open(request("GET", "/large")) for _ in range(20)]
    client.until(lambda: all(len(client.answers[stream].body) == WINDOW for stream in streams))
    client.sock.close()
    gateway = proxy.gateway
    wait_until(lambda: gateway.metrics().sum("sluice_requests_in_flight") == 0, what="nothing in flight")
    wait_until(lambda: gateway.metrics().sum("sluice_connections_open", protocol="http2") == 0, what="no connection")
