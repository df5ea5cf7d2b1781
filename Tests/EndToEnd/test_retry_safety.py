"""A request of which something was sent is never continued on another connection."""

import signal
import socket
import time

from support.gateway import wait_until
from support.rawhttp import answer, build, chunked, get

CONFIG = """
loops: 1
backends:
  main: { endpoints: [{address}] }
routes:
  - name: models
    match: [{ path: { prefix: /v2/models } }]
    backends: [{ name: main }]
"""

# Small enough for the socket buffers of a gateway that does not read for the moment.
BEFORE, AFTER = 2600, 5000
# What a connection that starts in the middle of the body would take for a request no route allows.
HIDDEN = b"\r\n" * 1000 + build("POST", "/v2/repository/models/gold/unload", "test", "Content-Length: 0")


def test_a_broken_pooled_connection_in_a_chunked_body(proxies):
    """Thousands of tiny chunks: their framing is longer than their data, so counting data alone misjudges what was sent."""
    proxy = proxies(CONFIG)
    proxy.upstream.reply = answer(b"pooled")
    body = chunked(*[b"x"] * BEFORE, HIDDEN, *[b"x"] * AFTER)
    with proxy.connect() as client:
        assert client.exchange(get("/v2/models/a")).body == b"pooled"
        pooled = proxy.upstream.connections[0]
        # The request and the end of the pooled connection are both there when the loop turns next, in this order.
        proxy.gateway.signal(signal.SIGSTOP)
        wait_until(proxy.gateway.is_stopped, 20, "every thread stands still")
        try:
            client.send(build("POST", "/v2/models/a/infer", "test", "Transfer-Encoding: chunked") + body)
            time.sleep(0.05)
            pooled.sock.shutdown(socket.SHUT_RDWR)
            assert pooled.closed.wait(20)
            time.sleep(0.05)
        finally:
            proxy.gateway.signal(signal.SIGCONT)
        response = client.response()
    assert (response.status, response.cause) == (502, "upstream_reset")
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0, 20, "the exchange is over")
    others = proxy.upstream.connections[1:]
    assert [connection.received for connection in others] == [b""] * len(others)
    assert [request.target for request in proxy.upstream.requests] == ["/v2/models/a"]
