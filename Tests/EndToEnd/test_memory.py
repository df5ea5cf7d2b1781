"""The memory guard: past its limit the gateway refuses new work and gives up what is idle, instead of being killed."""

import contextlib
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest

from support.certificates import Authority
from support.gateway import wait_until
from support.http2 import PREFACE, settings
from support.rawhttp import answer, build, get

LIMIT = 64 << 20
# What requests that were let in may still add, and what the C library has not given back yet.
SLACK = 32 << 20

CONFIG = """
backends:
  stuck: { endpoints: [{address}], limits: { inFlight: 1, queue: 10000, queueTimeout: 120s } }
  main: { endpoints: ["OTHER"] }
routes:
  - { name: stuck, match: [{ path: { prefix: /stuck } }], backends: [{ name: stuck }] }
  - { name: all, backends: [{ name: main }] }
"""


@pytest.fixture
def stuck(upstreams):
    """An endpoint that answers nobody."""
    upstream = upstreams()
    upstream.serve = lambda connection: (connection.read_head(), upstream.hold(120))
    return upstream


class Crowd:
    """Uploads that wait for a place: of each the gateway holds one read, 64 KiB."""

    REQUEST = build("POST", "/stuck", "test", f"Content-Length: {1 << 20}") + bytes(64 << 10)

    def __init__(self, gateway):
        self.gateway = gateway
        self.socks = []

    def add(self, count: int) -> None:
        for _ in range(count):
            sock = socket.create_connection((self.gateway.host, self.gateway.port), 20)
            self.socks.append(sock)
            with contextlib.suppress(OSError):
                sock.sendall(self.REQUEST)

    def refused(self) -> int:
        """How many have been answered, which only a refusal can be."""
        count = 0
        for sock in self.socks:
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                count += b"x-sluice-cause: overloaded" in sock.recv(4096, socket.MSG_PEEK)
        return count

    def close(self) -> None:
        for sock in self.socks:
            sock.close()


@contextlib.contextmanager
def crowd(gateway):
    made = Crowd(gateway)
    try:
        yield made
    finally:
        made.close()


class Peak:
    """The most memory the gateway itself holds while the block runs."""

    def __init__(self, gateway):
        self.gateway, self.bytes, self.over = gateway, 0, threading.Event()

    def measure(self) -> int:
        resident, shared = Path(f"/proc/{self.gateway.pid}/statm").read_text().split()[1:3]
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGESIZE")

    def watch(self) -> None:
        while not self.over.wait(0.02):
            self.bytes = max(self.bytes, self.measure())

    def __enter__(self) -> "Peak":
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()


def overloaded(gateway) -> bool:
    return gateway.metrics()["sluice_overloaded"] == 1


def test_new_work_is_refused_and_running_work_is_not_harmed(proxies, stuck, upstreams):
    other = upstreams()
    other.reply = lambda request, connection: (other.hold(120), answer(b"late"))[1]
    proxy = proxies(f"memoryLimit: {LIMIT}\n" + CONFIG.replace("OTHER", other.address), upstream=stuck)
    gateway = proxy.gateway
    with Peak(gateway) as peak, crowd(gateway) as uploads, proxy.connect() as running:
        running.send(get("/running"))
        other.wait_requests(1)
        for _ in range(40):
            uploads.add(50)
            if overloaded(gateway):
                break
        else:
            raise AssertionError(f"{len(uploads.socks)} uploads hold {gateway.metrics()['sluice_memory_bytes']} bytes")

        # New connections, kept ones, gRPC calls: all are told to come again.
        with proxy.connect() as client:
            for _ in range(3):
                response = client.exchange(get())
                assert (response.status, response.cause) == (503, "overloaded")
                assert response.get("retry-after") == "1"
        uploads.add(300)
        wait_until(lambda: uploads.refused() >= 250, 20, "most of the further uploads are refused")
        assert gateway.status()["memory"]["state"] == "overloaded"
        assert gateway.status()["memory"]["limitBytes"] == LIMIT
        metrics = gateway.metrics()
        assert metrics["sluice_memory_limit_bytes"] == LIMIT
        assert metrics.sum("sluice_requests_total", cause="overloaded") >= 250

        other.release()
        assert running.response().body == b"late", "a request in flight is served to its end"
    assert peak.bytes < LIMIT + SLACK, f"{peak.bytes >> 20} MiB"

    # The uploads have gone.
    wait_until(lambda: not overloaded(gateway), 30, "memory is given back")
    assert proxy.send(get()).status == 200
    wait_until(lambda: "memory is no longer short" in gateway.stderr_text(), 30, "the end is told")
    assert gateway.stderr_text().count("memory is short") == 1
    assert gateway.metrics()["sluice_memory_bytes"] < LIMIT


def test_mirrors_go_first(proxies, upstreams):
    """A shadow that takes nothing may not cost a request."""
    shadow = upstreams(receive_buffer=16384)
    shadow.serve = lambda connection: (connection.read_head(), shadow.hold(120))
    proxy = proxies(f"""
memoryLimit: {LIMIT}
backends:
  main: {{ endpoints: [{{address}}] }}
  shadow: {{ endpoints: ["{shadow.address}"] }}
routes:
  - name: all
    backends: [{{ name: main }}]
    mirrors: [{{ backend: shadow, maxInFlight: 1000, maxBufferedBytes: 1GiB }}]
""")
    # More than the kernel takes for somebody who does not read.
    body = build("POST", "/", "test", f"Content-Length: {16 << 20}") + bytes(16 << 20)
    with Peak(proxy.gateway) as peak, proxy.connect() as client:
        for _ in range(20):
            assert client.exchange(body).status == 200
    assert peak.bytes < LIMIT + SLACK
    assert proxy.gateway.metrics().sum("sluice_mirror_requests_total", outcome="dropped") > 0
    assert proxy.gateway.metrics().sum("sluice_requests_total", cause="overloaded") == 0


def test_idle_connections_are_closed(proxies, tmp_path):
    """Connections of HTTP/2 over TLS that are opened and left alone."""
    authority = Authority(tmp_path)
    certificate = authority.issue("gateway", "localhost")
    proxy = proxies(f"""
memoryLimit: {LIMIT}
listeners:
  - address: 127.0.0.1:${{port}}
    tls: {{ certificates: [{certificate.yaml}] }}
backends:
  main: {{ endpoints: [{{address}}] }}
routes:
  - {{ name: all, backends: [{{ name: main }}] }}
""")
    context = ssl.create_default_context(cafile=str(authority.certificate))

    def connect(protocol="http/1.1"):
        context.set_alpn_protocols([protocol])
        raw = socket.create_connection((proxy.gateway.host, proxy.gateway.port), 20)
        secure = context.wrap_socket(raw, server_hostname="localhost")
        if protocol == "h2":
            secure.sendall(PREFACE + settings())
        return secure

    opened = []
    try:
        with Peak(proxy.gateway) as peak:
            for _ in range(60):
                opened += [connect("h2") for _ in range(50)]
                if proxy.gateway.metrics().sum("sluice_connections_open") < len(opened) - 100:
                    break
            else:
                raise AssertionError(f"none of {len(opened)} was closed, {peak.bytes >> 20} MiB")
        assert peak.bytes < LIMIT + SLACK
        # Who comes now is served, or told to come again; the oldest are those that were closed.
        with connect() as client:
            client.sendall(get())
            assert client.recv(4096).split()[1] in (b"200", b"503")
        opened[0].settimeout(10)
        while opened[0].recv(1000):
            pass
        wait_until(lambda: not overloaded(proxy.gateway), 30, "memory is given back")
        with connect() as client:
            client.sendall(get())
            assert client.recv(4096).split()[1] == b"200"
    finally:
        for sock in opened:
            sock.close()


def test_no_limit_unless_there_is_one(proxy):
    """The tests' own control group has none, or one far away."""
    metrics = proxy.gateway.metrics()
    assert metrics["sluice_overloaded"] == 0
    assert 0 < metrics["sluice_memory_bytes"] < metrics["sluice_memory_limit_bytes"]


# --- the kernel's limit

GROUP_LIMIT = 128 << 20


@pytest.fixture
def group():
    """A control group of 128 MiB, made by hand."""
    for version, root in ((1, Path("/sys/fs/cgroup/memory")), (2, Path("/sys/fs/cgroup"))):
        directory = root / f"sluice-test-{os.getpid()}"
        if not (root / ("memory.limit_in_bytes" if version == 1 else "cgroup.controllers")).exists():
            continue
        try:
            directory.mkdir()
        except OSError as error:
            pytest.skip(f"no control group can be made: {error}")
        limit = directory / ("memory.limit_in_bytes" if version == 1 else "memory.max")
        if not limit.exists():
            directory.rmdir()
            continue
        limit.write_text(str(GROUP_LIMIT))
        yield directory
        wait_until(lambda: not (directory / "cgroup.procs").read_text().split(), 10, "the group is empty")
        directory.rmdir()
        return
    pytest.skip("no memory control group here")


def test_the_kernel_need_not_kill(group, proxies, stuck, upstreams):
    """Without the guard, the same crowd takes half as much again as the group may have."""
    proxy = proxies(
        CONFIG.replace("OTHER", upstreams().address),
        upstream=stuck,
        wrapper=["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$0" "$@"'],
    )
    gateway = proxy.gateway
    assert gateway.metrics()["sluice_memory_limit_bytes"] == pytest.approx(GROUP_LIMIT * 0.8, rel=0.01)
    with crowd(gateway) as uploads:
        for _ in range(60):
            uploads.add(50)
        wait_until(lambda: uploads.refused() > 500, 20, "new work is refused")
        gateway.check_alive()
    wait_until(lambda: not overloaded(gateway), 30, "memory is given back")
    assert proxy.send(get()).status == 200
