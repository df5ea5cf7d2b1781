"""Pipelined requests cost the gateway no memory beyond what one of them needs."""

import signal
from pathlib import Path

from support.gateway import wait_until
from support.rawhttp import get

CONFIG = """
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: models, match: [{ path: { prefix: /v2 } }], backends: [{ name: main }] }
"""

CONNECTIONS = 40
MIB = 1 << 20
REQUEST = b"GET / HTTP/1.1\r\nHost:a\r\n\r\n"
# As many as a gateway that does not read for the moment has room for in its receive buffer.
REQUESTS = 2000
# An answer is some 300 bytes and waits for its reader; a request's own state is a few KiB and must not wait with it.
GROWTH = 48 * MIB


def peak(gateway) -> int:
    """The most bytes it has had resident."""
    for line in Path(f"/proc/{gateway.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def test_thousands_of_small_requests_in_one_turn(proxies):
    proxy = proxies(CONFIG)
    assert proxy.send(get("/")).status == 404
    clients = [proxy.connect() for _ in range(CONNECTIONS)]
    before = peak(proxy.gateway)
    sent = 0
    # All of them are there when the loops turn next.
    proxy.gateway.signal(signal.SIGSTOP)
    try:
        for client in clients:
            client.sock.setblocking(False)
            sent += client.sock.send(REQUEST * REQUESTS) // len(REQUEST)
    finally:
        proxy.gateway.signal(signal.SIGCONT)
    assert sent > CONNECTIONS * REQUESTS * 0.5
    for client in clients:
        client.sock.settimeout(20)
    # Nobody reads until everything that was taken has been answered.
    answered = 0

    def calm():
        nonlocal answered
        seen, answered = answered, proxy.gateway.metrics().sum("sluice_requests_total", cause="no_route")
        return answered > 1 and answered == seen

    wait_until(calm, 20, "the requests are answered")
    grown = peak(proxy.gateway) - before
    print(f"{sent} requests, {answered:.0f} answered, {grown / MIB:.1f} MiB")
    for client in clients:
        assert client.response().status == 404
        client.reset()
    assert grown < GROWTH, f"{grown / MIB:.1f} MiB for {sent} requests"
