"""A backend that the gateway starts itself: a small server of ours, started by `activate.exec`, and what is asked of it.

Run as a program it is that server: `woken.py PORT [OPTION...]`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
backends:
  main:
    endpoints: ["127.0.0.1:{backend}"]
    health: { interval: 200ms }
    timeouts: { idle: 1s }
    activate:
      exec: [{words}]
{activate}
routes:
  - { name: urgent, match: [{ path: { prefix: /urgent } }], priority: high, backends: [{ name: main }] }
  - { name: all, backends: [{ name: main }] }
"""


def config(port: int, *options: str, activate: str = "", words: list | None = None, template: str = CONFIG) -> str:
    """YAML of a gateway whose one backend is this file on `port`; `activate` takes more lines of that section."""
    words = words or [sys.executable, os.path.abspath(__file__), str(port), *options]
    text = template.replace("{backend}", str(port)).replace("{words}", ", ".join(json.dumps(word) for word in words))
    return text.replace("{activate}", "\n".join("      " + line for line in activate.strip().splitlines()))


def alive(process: int) -> bool:
    """Whether it runs: one that has ended and is waited for by nobody does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Runs:
    """The processes that were started, by a file each of them adds itself to."""

    def __init__(self, directory):
        self.path = Path(directory) / "runs"

    @property
    def all(self) -> list:
        return [int(line) for line in self.path.read_text().split()] if self.path.exists() else []

    @property
    def alive(self) -> list:
        return [process for process in self.all if alive(process)]

    def kill(self) -> None:
        for process in self.alive:
            os.kill(process, signal.SIGKILL)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        if self.path.startswith("/v2/health/"):
            ready = time.monotonic() >= server.ready_at and not server.models and os.path.exists(server.gate)
            self.answer(200 if ready else 400)
        elif self.path == "/v2/repository/index":
            self.answer(200, json.dumps(server.models).encode())
        elif self.path == "/v2/models/stats":
            # Others that use it as well, until their time is over.
            others = int(100 * (min(time.monotonic(), server.busy_until) - server.began))
            counts = {"success": {"count": len(server.order) + others}, "fail": {"count": 0}}
            self.answer(200, json.dumps({"model_stats": [{"name": "m", "inference_stats": counts}]}).encode())
        else:
            with server.lock:
                server.order.append(self.headers.get("x-number", ""))
                server.now += 1
                server.most = max(server.most, server.now)
            if "/slow/" in self.path:
                time.sleep(float(self.path.rpartition("/")[2]))
            with server.lock:
                server.now -= 1
            told = {"pid": os.getpid(), "bytes": len(body), "order": server.order, "most": server.most}
            self.answer(200, json.dumps(told).encode())

    do_POST = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def main() -> None:
    port, options = int(sys.argv[1]), dict(word.partition("=")[::2] for word in sys.argv[2:])
    if "runs" in options:
        with open(options["runs"], "a") as file:
            file.write(f"{os.getpid()}\n")
    if "say" in options:
        print(options["say"], flush=True)
    if "environment" in options:
        facts = {
            "variables": dict(os.environ), "descriptors": os.listdir("/proc/self/fd"), "directory": os.getcwd(),
            "group": os.getpgid(0), "status": Path("/proc/self/status").read_text()}
        Path(options["environment"]).write_text(json.dumps(facts))
    if "stubborn" in options:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "child" in options:
        # One that would outlive its parent, and does not listen to SIGTERM.
        code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code])
        Path(options["child"]).write_text(str(child.pid))
    time.sleep(float(options.get("delay", 0)))
    while not os.path.exists(options.get("after", "/")):
        time.sleep(0.01)
    if "fail" in options and not os.path.exists(options.get("unless", "")):
        print(options["fail"], file=sys.stderr, flush=True)
        sys.exit(3)
    server = Server(("127.0.0.1", port), Handler)
    server.began = time.monotonic()
    server.busy_until = server.began + float(options.get("busy", 0))
    server.ready_at = server.began + float(options.get("warm", 0))
    # Not ready before there is such a file.
    server.gate = options.get("gate", "/")
    server.models = json.loads(options.get("models", "[]"))
    server.lock, server.order, server.now, server.most = threading.Lock(), [], 0, 0
    server.serve_forever()


if __name__ == "__main__":
    main()
