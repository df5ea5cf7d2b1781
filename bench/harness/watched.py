"""What it costs to be watched: dashboards, traces, an access log and scrapes, beside a gateway with none of that."""

import http.server
import os
import re
import selectors
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError

import load
from bench import Bench, Subject
from job import direct
from load import Load, Outcome
from machine import Problem
from measure import WARM_SECONDS, Sample, measured, require_nothing_lost
from peers import Proxy
from process import free_ports

# Open dashboards; each reads the stream of events.
PAGES = 20
# Of the requests that get a trace.
TRACED_PERCENT = 1
SCRAPE_SECONDS = 1
# A batch of spans leaves the gateway at the latest this long after the last of them.
BATCH_SECONDS = 8
# The last lines of the log are written, and the last spans handed over, a moment after the load has ended.
REST_SECONDS = 0.35
UNWATCHED = Subject("unwatched", "sluice", (("LOG", ""),))
WATCHED = Subject("watched", "sluice")


@dataclass
class SideBySide:
    """Connections that always have a request under way, with and without an audience.

    Both gateways run all the time and are loaded in turns of a second, one after the other, so that what else happens on the
    machine happens to both: the difference between them is less than that between two rounds of either. The audience runs on
    the cores of the load. What it is shown has to arrive, or the measurement does not count. The log is a file on a disk, as
    operators have it: in memory it would grow without end, and new pages are dear.
    """

    load: Load

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        pass

    def together(self, bench: Bench, subjects: Sequence[Subject], rounds: int) -> dict[str, list[Sample]]:
        """A sample of each subject for each round, which is a turn for each of the benchmark's seconds."""
        with ExitStack() as stack:
            log = stack.enter_context(disk()) / "log"
            proxies = {
                subject.name: stack.enter_context(
                    audience(bench, subject, log) if subject is WATCHED else bench.running(subject))
                for subject in subjects}
            for proxy in proxies.values():
                load.closed_loop(proxy.port, self.load, WARM_SECONDS)
            samples: dict[str, list[Sample]] = {name: [] for name in proxies}
            for first in range(rounds):
                turns: dict[str, list[tuple[Outcome, float]]] = {name: [] for name in proxies}
                for number in range(bench.seconds):
                    # Nobody is always the first.
                    for name in sorted(proxies, reverse=(first + number) % 2 == 1):
                        turns[name].append(self.turn(proxies[name]))
                for name, proxy in proxies.items():
                    samples[name].append(sample(proxy, turns[name]))
                if not log.stat().st_size:
                    raise Problem("the log is empty")
                os.truncate(log, 0)
            return samples

    def turn(self, proxy: Proxy) -> tuple[Outcome, float]:
        """What a second of load brings, and the CPU time it takes."""
        before = proxy.cpu_seconds()
        outcome = load.closed_loop(proxy.port, self.load, 1)
        time.sleep(REST_SECONDS)
        return outcome, proxy.cpu_seconds() - before


@contextmanager
def disk() -> Iterator[Path]:
    """A directory for the log, which is not in memory on most machines."""
    try:
        directory = tempfile.TemporaryDirectory(prefix="sluice-bench-", dir="/var/tmp")
    except OSError as error:
        raise Problem(f"there is no place for the log: {error}") from None
    with directory as path:
        yield Path(path)


def sample(proxy: Proxy, turns: list[tuple[Outcome, float]]) -> Sample:
    outcomes = [outcome for outcome, _ in turns]
    whole = Outcome(
        sum(each.requests for each in outcomes), sum(each.seconds for each in outcomes),
        statistics.median(each.p50 or 0 for each in outcomes), statistics.median(each.p99 or 0 for each in outcomes))
    return measured(proxy, whole, sum(cpu for _, cpu in turns))


@contextmanager
def audience(bench: Bench, subject: Subject, log: Path) -> Iterator[Proxy]:
    """The gateway with a log, traces, dashboards and scrapes."""
    collector, (api,) = Collector(), free_ports(1)
    asked = (
        f"admin: {{ address: '127.0.0.1:{api}' }}\n"
        f"tracing: {{ endpoint: 'http://127.0.0.1:{collector.port}', samplePercent: {TRACED_PERCENT} }}")
    settings = (("WATCHED", asked), ("LOG", f"accessLog:\n  path: {log}"))
    try:
        with bench.running(replace(subject, settings=settings)) as proxy:
            collector.start()
            with Pages(api).open(), Scraper(proxy).running():
                yield proxy
            require_nothing_lost(proxy, None)
            require_spans(proxy, collector)
    finally:
        collector.stop()


class Pages:
    """Readers of the stream of events, all in one thread, which looks at nothing but whether something came."""

    def __init__(self, port: int):
        self.port = port
        self.events = [0] * PAGES
        self.over = threading.Event()
        self.failure: str | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        request = (
            f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: text/event-stream\r\n\r\n").encode()
        with selectors.DefaultSelector() as selector:
            sockets = []
            for number in range(PAGES):
                sockets.append(socket.create_connection(("127.0.0.1", self.port), timeout=5))
                sockets[-1].sendall(request)
                selector.register(sockets[-1], selectors.EVENT_READ, number)
            thread = threading.Thread(target=self.read, args=(selector,))
            thread.start()
            began = time.monotonic()
            try:
                yield
                seconds = time.monotonic() - began
            finally:
                self.over.set()
                thread.join()
                for each in sockets:
                    each.close()
        # One a second, and a little less where the machine is busy.
        if self.failure or min(self.events) < seconds / 2:
            why = self.failure or "too few"
            raise Problem(f"{PAGES} pages had {min(self.events)} events in {seconds:.0f} s: {why}")

    def read(self, selector: selectors.BaseSelector) -> None:
        while not self.over.is_set():
            for key, _ in selector.select(0.2):
                data = key.fileobj.recv(1 << 20)
                if not data:
                    self.failure = "the gateway closed a stream"
                    return
                if data.startswith(b"HTTP/") and b" 200 " not in data[:20]:
                    self.failure = data[:60].decode(errors="replace")
                    return
                self.events[key.data] += data.count(b"event: ")


class Scraper:
    """Asks for the metrics as Prometheus does."""

    def __init__(self, proxy: Proxy):
        self.url = f"http://127.0.0.1:{proxy.admin}/metrics"
        self.over = threading.Event()
        self.pages, self.failure = 0, ""

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.scrape)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()
        if self.failure or not self.pages:
            raise Problem(f"metrics were scraped {self.pages} times: {self.failure}")

    def scrape(self) -> None:
        while not self.over.wait(SCRAPE_SECONDS):
            try:
                with direct.open(self.url, timeout=5) as answer:
                    answer.read()
                self.pages += 1
            except (URLError, OSError) as error:
                self.failure = str(error)
                return


class Collector:
    """Takes traces over OTLP/HTTP and forgets them."""

    def __init__(self):
        collector = self
        self.batches = self.bytes = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                collector.bytes += len(self.rfile.read(int(self.headers["Content-Length"])))
                collector.batches += 1
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        """From the thread whose cores it shall have."""
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        if self.thread:
            self.server.shutdown()
            self.thread.join()
        self.server.server_close()


def require_spans(proxy: Proxy, collector: Collector) -> None:
    """Raises Problem unless spans arrived, and none was dropped."""
    deadline = time.monotonic() + BATCH_SECONDS
    while not collector.batches:
        if time.monotonic() > deadline:
            raise Problem("no trace arrived at the collector")
        time.sleep(0.1)
    with direct.open(f"http://127.0.0.1:{proxy.admin}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    found = re.findall(r'^sluice_trace_spans_total\{outcome="dropped"\} (\S+)', page, re.MULTILINE)
    if [float(count) for count in found] != [0]:
        raise Problem(f"spans were dropped: {found}")
