"""Twenty open pages, a scrape each second and traces to a collector that is dead: requests do not notice, and nothing of
it stays."""

import threading
import time

from support.gateway import settle, wait_until
from support.load import Clients, Grpc, H1, quantile
from support.mock_upstream import SilentPort
from support.admin_client import Operator, Stream
from support.rawhttp import Client, answer, build
from support.ways import HTTP1, serving

PAGES = 20
SECONDS = 4
CONFIG = """
loops: 2
accessLog: { path: access.log, format: json }
tracing: { endpoint: "http://127.0.0.1:DEAD", samplePercent: 1 }
backends:
  one: { endpoints: [<one>] }
  two: { endpoints: [<two>] }
routes:
  - name: infer
    match: [{ path: { prefix: /v2 } }]
    backends: [{ name: one, weight: 80 }, { name: two, weight: 20 }]
    mirrors: [{ backend: two }]
  - { name: rest, backends: [{ name: one }] }
"""


class Page:
    """Reads events in a thread of its own until it is closed."""

    def __init__(self, operator: Operator):
        self.stream = Stream(operator)
        self.kinds: list[str] = []
        self.bytes = 0
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self) -> None:
        try:
            while True:
                event = self.stream.next()
                self.kinds.append(event.kind)
                self.bytes += len(event.text)
        except Exception:
            pass

    def close(self) -> None:
        self.stream.client.sock.shutdown(2)
        self.thread.join()
        self.stream.client.close()


def test_nobody_notices_who_watches(tmp_path):
    with SilentPort() as silent, serving(CONFIG.replace("DEAD", str(silent.port)), tmp_path, "one", "two") as site:
        gateway, operator = site.gateway, Operator(site.gateway)
        port = gateway.port

        def load(seconds: float) -> None:
            with Clients(lambda: H1(port), 6, ("get", "infer"), pause=0.002) as plain:
                with Clients(lambda: Grpc(port), 2, ("infer",), pause=0.002) as calls:
                    end = time.monotonic() + seconds
                    while time.monotonic() < end:
                        assert operator.get("/metrics").status == 200
                        time.sleep(1)
            assert not plain.failures and not calls.failures
            print(f"{len(plain.results)} requests, p99", quantile([each.seconds for each in plain.results], 0.99))

        load(1)
        with Stream(operator) as stream:
            stream.next()
        memory = settle(gateway.rss)
        pages = [Page(operator) for _ in range(PAGES)]
        try:
            load(SECONDS)
            assert all(page.kinds[:1] == ["state"] and page.kinds.count("delta") >= SECONDS // 2 for page in pages), [
                len(page.kinds) for page in pages]
            print("bytes a second for each page", pages[0].bytes / SECONDS)
            files = settle(gateway.fds)
        finally:
            for page in pages:
                page.close()
        wait_until(lambda: gateway.fds() <= files - PAGES, 20, "descriptors are back")
        assert gateway.rss() < memory + (24 << 20), (memory, gateway.rss())


def test_a_page_of_ten_thousand_routes(tmp_path):
    """Requests go on while the whole state is written down, and a page that reads slowly gets it whole."""
    routes = "".join(
        f"  - {{ name: 'ns/service-{number}/0', match: [{{ path: {{ prefix: '/s/{number}' }} }}], backends: [{{ name: one }}] }}\n"
        for number in range(10_000))
    with serving("loops: 1\nbackends:\n  one: { endpoints: [<one>] }\nroutes:\n" + routes, tmp_path, "one") as site:
        gateway, operator = site.gateway, Operator(site.gateway)

        def durations(count: int) -> list[float]:
            found = []
            with Client(gateway.host, gateway.port) as client:
                for number in range(count):
                    begin = time.monotonic()
                    assert client.exchange(build("GET", f"/s/{number * 7 % 10_000}")).status == 200
                    found.append(time.monotonic() - begin)
                    time.sleep(0.002)
            return found

        quiet = durations(300)
        with Stream(operator, timeout=60) as stream, Stream(operator, timeout=60, receive_buffer=4096) as slow:
            state = stream.next()
            assert len(state.data["status"]["routes"]) == 10_000
            busy = durations(600)
            later = stream.next()
            assert later.kind == "delta"
            print("state", len(state.text), "delta", len(later.text))
            print("p50, p99, most: quiet", *(quantile(quiet, share) for share in (0.5, 0.99, 1)),
                  "watched", *(quantile(busy, share) for share in (0.5, 0.99, 1)))
            assert len(later.text) < len(state.text) / 10, "what has not changed is not said again"
            assert quantile(busy, 0.5) < 0.5, "requests go on"
            assert slow.next().data["status"]["routes"] == state.data["status"]["routes"]
            assert slow.next().kind == "delta"
        assert site.ask(HTTP1, "/s/1").is_good


def test_a_request_worth_a_look_says_whether_its_trace_is_exported(tmp_path):
    """Failures always are; of the others only those that the percentage, or a trusted peer, has chosen."""
    with SilentPort() as silent:
        text = CONFIG.replace("DEAD", str(silent.port)).replace("samplePercent: 1 ", "samplePercent: 0 ")
        with serving(text, tmp_path, "one", "two") as site:
            operator = Operator(site.gateway)
            site["one"].http.reply = lambda asked, connection: answer(b"", "500 X" if asked.target == "/bad" else "200 OK")
            with HTTP1.connect(site.gateway) as client:
                assert client.ask("/bad").status == 500 and client.ask("/good").status == 200

            # Somebody who watches has the loops asked each second.
            with Stream(operator, timeout=20) as stream:
                stream.next()

                def seen() -> dict:
                    found = operator.json("/api/v1/requests")
                    return {each["path"]: each for each in found["errors"] + found["slow"]}

                records = wait_until(lambda: "/bad" in (found := seen()) and found, 20, "the failure is told")
            assert records["/bad"]["traced"] is True
            assert len(records["/bad"]["traceId"]) == 32
            # The slowest of its second, if it was that.
            assert records.get("/good", {"traced": False})["traced"] is False
