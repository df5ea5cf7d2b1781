"""A real Prometheus on a free port, and pages of exporters for it that this machine has no hardware for."""

import math
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from support.gateway import REPOSITORY, free_port, wait_until

EXPORTERS = Path(__file__).with_name("exporters")
FILES = REPOSITORY / "config" / "prometheus"


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"no {name} on PATH: run config/demo/setup tests"
    return found


def promtool(*arguments, text: str | None = None) -> tuple[int, str]:
    """Status, and what it printed."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


class Prometheus:
    """Runs until the context ends. `config` is the text of its configuration, `directory` takes its files."""

    def __init__(self, config: str, directory: Path):
        self.directory, self.url = directory, f"http://127.0.0.1:{free_port()}"
        self.config = directory / "prometheus.yml"
        self.config.write_text(config)

    def __enter__(self) -> "Prometheus":
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                [program("prometheus"), f"--config.file={self.config}",
                 f"--storage.tsdb.path={self.directory / 'tsdb'}",
                 f"--web.listen-address={self.url.removeprefix('http://')}"], stdout=log, stderr=log)
        wait_until(self.is_ready, 30, "Prometheus is ready")
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(20)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            return requests.get(self.url + "/-/ready", timeout=10).ok
        except requests.RequestException:
            return False

    def get(self, path: str, **parameters):
        """What its API answers to a GET."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20)
        body = answer.json()
        assert body["status"] == "success", f"{parameters}: {body.get('error')}"
        return body["data"]

    def query(self, text: str) -> dict:
        """{labels: value} of an instant query; the labels are sorted pairs."""
        found = self.get("query", query=text)
        assert found["resultType"] == "vector", text
        return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in found["result"]}

    def numbers(self, text: str) -> dict:
        """The same without what is no number."""
        return {labels: value for labels, value in self.query(text).items() if math.isfinite(value)}

    def wait_scraped(self) -> None:
        """Until every target has been scraped, and with success."""
        def up() -> bool:
            targets = self.get("targets", state="active")["activeTargets"]
            return bool(targets) and all(each["health"] == "up" for each in targets)

        wait_until(up, 30, "every target is up")


class Exporter:
    """Serves a page of support/exporters; its counters move by one each second."""

    def __init__(self, page: str):
        text, began = (EXPORTERS / page).read_text(), time.monotonic()
        counters = {line.split()[2] for line in text.splitlines() if line.endswith(" counter")}

        def now() -> str:
            lines = []
            for line in text.splitlines():
                if line.partition("{")[0] in counters:
                    series, _, value = line.rpartition(" ")
                    line = f"{series} {float(value) + time.monotonic() - began}"
                lines.append(line)
            return "\n".join(lines) + "\n"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = now().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Exporter":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()
