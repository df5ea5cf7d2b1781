"""Small pieces of an answer leave when they come, not when the client has acknowledged the piece before."""

import re
import time

from support.rawhttp import get

# Once a connection has carried an answer or two, its client delays acknowledgements.
ANSWERS = 8
EVENTS = 40
TRIES = 5
GAP = 0.002
# A stall for a delayed acknowledgement is 40 ms (TCP_DELACK_MIN); a busy machine is late now and then.
LATE = 0.02


def test_events_two_milliseconds_apart(proxies):
    proxy = proxies()

    def serve(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(EVENTS):
            time.sleep(GAP)
            event = b"data: %.6f\n\n" % time.monotonic()
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
        connection.send(b"0\r\n\r\n")
        return True

    proxy.upstream.serve = serve
    # One stop of a tenth of a second makes all of an answer late; waiting for acknowledgements does so each time.
    for _ in range(TRIES):
        delays = delays_of_events(proxy)
        assert len(delays) == ANSWERS * EVENTS
        late = sum(delay > LATE for delay in delays)
        delays.sort()
        print(f"late {late}, median {delays[len(delays) // 2] * 1e3:.1f} ms, most {delays[-1] * 1e3:.1f} ms")
        if late < len(delays) * 0.1:
            return
    raise AssertionError(f"{late} of {len(delays)} events came more than {LATE * 1e3:.0f} ms late")


def delays_of_events(proxy) -> list:
    delays = []

    def note(part):
        now = time.monotonic()
        delays.extend(now - float(sent) for sent in re.findall(rb"data: ([0-9.]+)\n", part))

    with proxy.connect() as client:
        for _ in range(ANSWERS):
            client.send(get())
            assert client.response(sink=note).status == 200
    return delays
