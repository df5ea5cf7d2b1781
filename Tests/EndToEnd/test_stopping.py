"""Signals in the wrong order: a gateway that is told to end stays told."""

import signal
import time

from support.gateway import wait_until
from support.rawhttp import answer, get

CONFIG = """
shutdown: { drain: 20s }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: NAME, backends: [{ name: main }] }
"""


def test_reload_while_it_ends_opens_nothing(proxies):
    """Neither a changed file nor SIGHUP binds the listeners again: their port may already be another's."""
    proxy = proxies(CONFIG.replace("NAME", "before"))
    proxy.upstream.reply = proxy.upstream.holding(answer(b"late"))

    def refuses() -> bool:
        try:
            proxy.connect(timeout=2).close()
            return False
        except OSError:
            return True

    def stays_closed(seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not refuses():
                return False
            time.sleep(0.02)
        return True

    with proxy.connect() as held:
        held.send(get())
        proxy.upstream.wait_requests(1)
        proxy.gateway.signal(signal.SIGTERM)
        wait_until(refuses, 20, "nothing new is accepted")
        proxy.gateway.write_config(CONFIG.replace("NAME", "after").replace("{address}", proxy.upstream.address))
        assert stays_closed(0.5), "a changed file opened the listener again"
        proxy.gateway.signal(signal.SIGHUP)
        assert stays_closed(0.5), "SIGHUP opened the listener again"
        assert proxy.gateway.admin_status("/readyz") == 503
        proxy.upstream.release()
        assert held.response().body == b"late"
    assert proxy.gateway.wait_exit() == 0


def test_a_signal_right_after_the_start_is_heard(gateways):
    """As soon as it says that it is ready, it can be told to end; tried often, for it was lost only now and then."""
    text = 'backends: { main: { endpoints: ["127.0.0.1:9"] } }\nroutes: [{ name: all, backends: [{ name: main }] }]\n'
    for _ in range(40):
        gateway = gateways(text)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait_exit() == 0
