"""The admin listener of a gateway, as far as the command line talks to it: says what a test tells it to say."""

import contextlib
import copy
import json
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


def flow(rate=0.0, errors=0.0, **times):
    return {"rate": rate, "errors": errors, **times}


def endpoint(address, state="up", **more):
    base = {"weight": 1, "inFlight": 0, "connections": 0, "consecutiveErrors": 0, "ejections": 0}
    return base | {"address": address, "state": state} | more


STATUS = {
    "version": "0.1.0",
    "processID": 4711,
    "startedAt": "2026-11-21T22:50:03Z",
    "state": "serving",
    "readOnly": False,
    "configuration": {
        "path": "/etc/sluice/sluice.yaml",
        "hash": "3f2a91b0",
        "lastReload": {"outcome": "applied", "time": "2026-11-22T01:02:00Z", "message": "", "diagnostics": []},
    },
    "loops": 2,
    "memory": {"bytes": 43000000, "state": "normal"},
    "listeners": [{"name": "public", "address": "0.0.0.0:8080", "tls": False, "connections": 3}],
    "routes": [
        {
            "name": "infer",
            "action": "forward",
            "hosts": [],
            "matches": ["/v2/*"],
            "backends": [
                {"as": "stable", "backend": "stable", "weight": 80},
                {"as": "canary", "backend": "canary", "weight": 20},
            ],
            "mirrors": [],
            "policies": [],
        }
    ],
    "backends": [
        {
            "name": name,
            "server": "triton",
            "balance": "leastRequest",
            "inFlight": 0,
            "queued": 0,
            "endpoints": [endpoint(address)],
        }
        for name, address in (("stable", "10.0.0.7:8000"), ("canary", "10.0.0.8:8000"))
    ],
}


class AdminMock:
    """Answers on a port of 127.0.0.1, or on a Unix socket, until the context is left; through TLS where there is a context.

    `answers` maps a path, or a method and a path, to (status, headers, body); what it lacks is answered from `status` and
    `weights`. Each stream of events gets `state`, and then whatever `send` is called with. `requests` has what was asked.
    """

    def __init__(self, port: int = 0, path=None, tls=None):
        self.status = copy.deepcopy(STATUS)
        self.answers = {}
        self.requests = []
        self.undo = None
        self.etag = 1
        self.conflicts = 0
        self.sequence = 0
        self._streams = []
        self._lock = threading.Lock()
        mock = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                mock.requests.append((self.command, self.path, dict(self.headers), body))
                if self.path == "/api/v1/events" and self.path not in mock.answers:
                    return mock.stream(self)
                code, headers, text = mock.answer(self.command, self.path, self.headers, body)
                text = text if isinstance(text, bytes) else json.dumps(text).encode()
                self.send_response(code)
                for name, value in ({"Content-Type": "application/json"} | headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_POST = handle_any

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_UNIX if path else socket.AF_INET
            # Without a look-up of the host's name.
            server_bind = socketserver.TCPServer.server_bind

            def handle_error(self, *_):
                pass

        self.server = Server(str(path) if path else ("127.0.0.1", port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = None if path else self.server.server_address[1]
        self.url = f"unix:{path}" if path else f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> "AdminMock":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.cut()

    # --- answers

    def answer(self, method, path, headers, body):
        for key in ((method, path), path):
            if key in self.answers:
                return self.answers[key]
        if path == "/api/v1/status":
            return 200, {}, self.status
        name, _, rest = unquote(path.removeprefix("/api/v1/routes/")).rpartition("/weights")
        route = next((route for route in self.status["routes"] if route["name"] == name), None)
        if route is None:
            return 404, {}, {"error": f"there is no route '{name}'"}
        entries = route["backends"]
        if method != "GET":
            if self.conflicts:
                self.conflicts -= 1
                self.etag += 1
                entries[0]["weight"] = 7
            if headers.get("If-Match") not in (None, f'"{self.etag}"'):
                return 412, {}, {"error": "the configuration has changed"}
            before = {entry["as"]: entry["weight"] for entry in entries}
            change = self.undo if rest == "/undo" else json.loads(body)
            for entry in entries:
                entry["weight"] = change.get(entry["as"], entry["weight"])
            self.undo = before
            self.etag += 1
        weights = {"route": name, "entries": entries, "place": "/etc/sluice/sluice.yaml:9:34", "editable": True}
        if self.undo:
            weights["undo"] = self.undo
        return 200, {"ETag": f'"{self.etag}"'}, weights

    # --- events

    def stream(self, handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b"retry: 1000\n\n")
        ended = threading.Event()
        with self._lock:
            self._write(handler, "state", {"status": self.status, "traffic": self.traffic(300)})
            self._streams.append((handler, ended))
        ended.wait(120)
        handler.close_connection = True

    def traffic(self, rate) -> dict:
        """Of the first route, by its weights."""
        route = self.status["routes"][0]
        total = sum(entry["weight"] for entry in route["backends"]) or 1
        return {
            "listeners": [],
            "routes": [{"name": route["name"], "flow": flow(rate, p50=0.0034, p99=0.012), "listeners": {}}],
            "entries": [
                {"route": route["name"], "as": entry["as"], "flow": flow(rate * entry["weight"] / total)}
                for entry in route["backends"]
            ],
            "mirrors": [],
            "backends": [],
            "endpoints": [],
        }

    def _write(self, handler, kind, event) -> None:
        self.sequence += 1
        event = {"sequence": self.sequence, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} | event
        text = f"id: {self.sequence}\nevent: {kind}\ndata: {json.dumps(event)}\n\n"
        with contextlib.suppress(OSError):
            handler.wfile.write(text.encode())

    def send(self, event: dict) -> None:
        """A delta to everybody who watches."""
        with self._lock:
            for handler, _ in self._streams:
                self._write(handler, "delta", event)

    def watchers(self) -> int:
        return len(self._streams)

    def cut(self) -> None:
        """Ends every stream."""
        with self._lock:
            for handler, ended in self._streams:
                ended.set()
                with contextlib.suppress(OSError):
                    handler.connection.shutdown(2)
            self._streams = []
