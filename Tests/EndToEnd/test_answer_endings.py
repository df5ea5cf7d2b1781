"""An answer that the gateway has taken reaches its client whole, however the conversation ends."""

import signal
import threading
import time

import pytest

from support.rawhttp import Incomplete, answer, get

# How much the kernel takes off the gateway's hands varies; somewhere among these sizes the end of the answer is still with the
# gateway when all of it has left the endpoint.
SIZES = range(2_600_000, 5_200_000, 100_000)

CONFIG = """
listeners:
  - address: 127.0.0.1:${port}
    limits: { idleTimeout: IDLE }
shutdown: { drain: 30s }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
"""


class Reader(threading.Thread):
    """A client that asks for `size` bytes with a small window and reads when it is told to."""

    def __init__(self, proxy, size: int, pace=None, half_closes: bool = False):
        super().__init__()
        self.size, self.pace = size, pace
        self.received = 0
        self.failure = None
        self.client = proxy.connect(receive_buffer=16384, timeout=20)
        self.client.send(get(f"/{size}"))
        if half_closes:
            self.client.shut_writing()

    def run(self) -> None:
        try:
            assert self.client.response(sink=self._take).status == 200
        except (OSError, Incomplete) as failure:
            self.failure = failure

    def _take(self, part: bytes) -> None:
        self.received += len(part)
        if self.pace:
            self.pace(len(part))


def reply(request, connection):
    return answer(bytes(int(request.target[1:])))


def cut_short(readers) -> list:
    """(size, received) of every answer that did not come whole."""
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)
        reader.client.close()
    return [(reader.size, reader.received) for reader in readers if reader.failure or reader.received != reader.size]


def wait_taken(proxy, count: int) -> None:
    """Until the gateway has taken all it can of every answer."""
    proxy.upstream.wait_requests(count)
    time.sleep(0.5)


@pytest.fixture
def large(proxies):
    """A gateway whose endpoint answers `/N` with N bytes."""
    def make(idle: str = "75s"):
        made = proxies(CONFIG.replace("IDLE", idle))
        made.upstream.reply = reply
        return made

    return make


def test_client_that_half_closes_and_then_reads(large):
    proxy = large()
    # Few at a time: a FIN counts as a half-close only where it follows the request closely and the answer begins soon.
    for first in range(0, len(SIZES), 9):
        readers = [Reader(proxy, size, half_closes=True) for size in SIZES[first:first + 9]]
        wait_taken(proxy, first + len(readers))
        assert cut_short(readers) == []


def test_client_that_reads_for_longer_than_the_idle_timeout(large):
    """The connection is idle for the gateway when it has taken the answer; for the client it is in the middle of it."""
    proxy = large(idle="1s")
    slow_until = time.monotonic() + 2.2

    def pace(count):
        # 300 kB/s, so that the kernel has room for more only after longer than `idleTimeout`.
        if time.monotonic() < slow_until:
            time.sleep(count / 3e5)

    assert cut_short([Reader(proxy, size, pace) for size in SIZES]) == []


def test_client_that_reads_when_the_gateway_is_told_to_end(large):
    proxy = large()
    readers = [Reader(proxy, size) for size in SIZES]
    wait_taken(proxy, len(readers))
    proxy.gateway.signal(signal.SIGTERM)
    time.sleep(0.3)
    assert cut_short(readers) == []
    assert proxy.gateway.wait_exit(15) == 0
