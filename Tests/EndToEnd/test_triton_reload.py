"""Weights change a thousand times while 32 connections keep sending to real Tritons."""

import http.client
import itertools
import json
import threading

import pytest
from support import triton as real
from support.gateway import Gateway, wait_until

import traffic

CONNECTIONS = 32
CHANGES = 1_000
BODY = json.dumps(traffic.INFER)
MIB = 1024 * 1024


class Senders:
    """32 keep-alive connections in threads; a closed connection counts as a failure like a wrong status."""

    def __init__(self, gateway):
        self.failures, self.sent = [], 0
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.connections = [
            http.client.HTTPConnection(gateway.host, gateway.port, timeout=30) for _ in range(CONNECTIONS)]
        for connection in self.connections:
            connection.connect()
            # A connection the gateway closed must show, not be replaced in silence.
            connection.auto_open = 0
        self.threads = []

    def once(self, connection):
        connection.request("POST", "/v2/models/classify/infer", BODY, traffic.JSON)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or b"SERVED_BY" not in body:
            raise AssertionError(f"{answer.status} {body[:200]!r}")

    def loop(self, connection):
        while not self.stopping.is_set():
            try:
                self.once(connection)
            except Exception as error:
                with self.lock:
                    self.failures.append(repr(error))
                return
            with self.lock:
                self.sent += 1

    def start(self):
        self.stopping.clear()
        self.threads = [threading.Thread(target=self.loop, args=(each,)) for each in self.connections]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def close(self):
        for connection in self.connections:
            connection.close()


@pytest.mark.slow
def test_a_thousand_weight_changes_under_load(tmp_path):
    tritons = real.shared()
    # Pooled connections that are not used go soon, so that the descriptors can be compared.
    backend = "timeouts: { idle: 1s }"

    def config(stable):
        return tritons.config(stable, 100 - stable, mirror=10, backend=backend)

    with Gateway(config(80), tmp_path) as gateway:
        senders = Senders(gateway)
        try:
            senders.start()
            # Both sides reach their working size before anything is compared.
            wait_until(lambda: senders.sent > 2_000 or senders.failures, 60, "a warm gateway")
            for stable in range(1, 51):
                gateway.replace_config(config(stable))
                assert gateway.reload()[0] == 200
            senders.stop()
            assert senders.failures == []
            descriptors = settled_descriptors(gateway)
            memory, reloads = gateway.rss(), applied(gateway)

            senders.start()
            for change, stable in zip(range(CHANGES), itertools.cycle(range(1, 100))):
                gateway.replace_config(config(stable))
                status, text = gateway.reload()
                assert status == 200, text
            senders.stop()
            assert senders.failures == []
            print(f"{senders.sent} requests during {CHANGES} changes; resident {memory / MIB:.1f} MiB before")
            assert senders.sent > CHANGES
            # Each change is applied by the call or, a moment before it, because the file was seen to change.
            assert applied(gateway) - reloads >= CHANGES
            assert settled_descriptors(gateway, descriptors) <= descriptors, "fewer are no leak"
            print(f"resident {gateway.rss() / MIB:.1f} MiB after, {descriptors} descriptors both times")
            assert gateway.rss() - memory < 4 * MIB, f"from {memory / MIB:.1f} to {gateway.rss() / MIB:.1f} MiB"
            metrics = gateway.metrics()
            assert metrics.sum("sluice_config_reloads_total", outcome="rejected") == 0
            assert metrics.sum("sluice_route_weight", backend="stable") == stable
            assert metrics.sum("sluice_requests_total", code="200") == metrics.sum("sluice_requests_total")
        finally:
            senders.stop()
            senders.close()


def applied(gateway) -> float:
    """Reloads so far, whatever came of them, but for rejected ones."""
    metrics = gateway.metrics()
    return metrics.sum("sluice_config_reloads_total") - metrics.sum("sluice_config_reloads_total", outcome="rejected")


def settled_descriptors(gateway, expected=None) -> int:
    """Open descriptors once the idle upstream connections are closed; waits for `expected` if given."""
    wait_until(lambda: gateway.metrics().sum("sluice_upstream_connections_open") == 0, 15, "idle connections closed")
    if expected is not None:
        return wait_until(lambda: (now := gateway.fds()) <= expected and now, 30, f"descriptors back to {expected}")
    return gateway.fds()
