"""The part of a Kubernetes API server that the gateway talks to: lists and watches of EndpointSlices and pods, over TLS.

It answers as a real one was recorded to: pages of a list, one JSON document for each line of a watch, bookmarks, `410
Gone` as an event and as an answer, and `Status` for everything that is wrong. Tests tell it to misbehave.
"""

import json
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from support.certificates import Authority

SLICES = "endpointslices"
PODS = "pods"
# Longer than any test: how long a watch is left open that the client asked to be short of.
PATIENCE = 60


def status(code: int, reason: str, message: str) -> dict:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code}


def endpoint(address: str, pod: str | None, **conditions) -> dict:
    found = {"addresses": [address], "conditions": {"ready": True, "serving": True, "terminating": False} | conditions}
    if pod:
        found["targetRef"] = {"kind": "Pod", "namespace": "ml", "name": pod, "uid": f"uid-{pod}"}
    return found


def endpoint_slice(name: str, endpoints: list, port: int, service: str = "triton", namespace: str = "ml",
                   kind: str = "IPv4") -> dict:
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
        "addressType": kind, "endpoints": endpoints,
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }


def pod(name: str, namespace: str = "ml", **labels) -> dict:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"containers": [{"name": "triton", "image": "x" * 100}]}}


class Call:
    """One request that came."""

    def __init__(self, kind: str, query: dict, headers):
        self.kind, self.query, self.headers = kind, query, headers
        self.is_watch = query.get("watch") == "1"


class KubernetesAPI:
    """Listens on a free port. `directory` gets the files of a service account."""

    def __init__(self, directory: Path):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        authority = Authority(self.directory, "cluster")
        certificate = authority.issue("apiserver", "127.0.0.1")
        (self.directory / "ca.crt").write_text(authority.certificate.read_text())
        (self.directory / "namespace").write_text("ml")
        self.token = ""
        self.set_token("first-token")
        self.lock = threading.Condition()
        self.version = 100
        self.objects = {SLICES: {}, PODS: {}}
        # (version, kind of list, line of a watch)
        self.events = []
        # Events up to this version are known no more.
        self.compacted = 0
        self.calls = []
        # Called with the handler and the call in place of an answer; says false where it has not answered.
        self.misbehave = None
        self.ended_watches = 0
        self.page = 500
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate.certificate, certificate.key)
        self.server = None
        self.start(0)

    # --- life

    def start(self, port: int) -> None:
        api = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def get_request(self):
                sock, address = self.socket.accept()
                sock.settimeout(30)
                return api.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, request, address):
                # A client that leaves is nothing to tell of.
                pass

        self.server = Server(("127.0.0.1", port), type("Bound", (Handler,), {"api": self}))
        self.port = self.server.server_address[1]
        self.is_open = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more, and every watch breaks off."""
        with self.lock:
            self.is_open = False
            self.lock.notify_all()
        self.server.shutdown()
        self.server.server_close()

    def restart(self) -> None:
        self.start(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_open:
            self.stop()

    @property
    def environment(self) -> dict:
        """What a pod is told."""
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.port),
                "SLUICE_SERVICEACCOUNT": str(self.directory)}

    def set_token(self, token: str, accepted: bool = True) -> None:
        """Writes the file anew; what the server takes is the same, unless told otherwise."""
        (self.directory / "token").write_text(token + "\n")
        if accepted:
            self.token = token

    # --- objects

    def put(self, kind: str, item: dict) -> None:
        with self.lock:
            self.version += 1
            item["metadata"]["resourceVersion"] = str(self.version)
            key = item["metadata"]["namespace"], item["metadata"]["name"]
            change = "MODIFIED" if key in self.objects[kind] else "ADDED"
            self.objects[kind][key] = item
            self.tell(kind, {"type": change, "object": item})

    def delete(self, kind: str, name: str, namespace: str = "ml") -> None:
        with self.lock:
            self.version += 1
            item = self.objects[kind].pop((namespace, name))
            item["metadata"]["resourceVersion"] = str(self.version)
            self.tell(kind, {"type": "DELETED", "object": item})

    def tell(self, kind: str, event: dict | bytes) -> None:
        """A line for every watch of this kind of object."""
        with self.lock:
            line = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
            self.events.append((self.version, kind, line))
            self.lock.notify_all()

    def bookmark(self, kind: str) -> None:
        with self.lock:
            self.version += 1
            self.tell(kind, {"type": "BOOKMARK", "object": {
                "kind": "X", "metadata": {"resourceVersion": str(self.version), "creationTimestamp": None}}})

    def compact(self) -> None:
        """Whoever goes on from what he knows is told that it is gone, as after etcd has compacted."""
        with self.lock:
            self.version += 1
            self.compacted = self.version

    def end_watches(self) -> None:
        with self.lock:
            self.ended_watches += 1
            self.lock.notify_all()

    def count(self, kind: str, is_watch: bool) -> int:
        with self.lock:
            return sum(call.kind == kind and call.is_watch == is_watch for call in self.calls)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = None

    def log_message(self, *_):
        pass

    def send_json(self, code: int, value) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def begin_chunks(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def do_GET(self):
        api = self.api
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        elements = unquote(parts.path).strip("/").split("/")
        namespace = elements[elements.index("namespaces") + 1] if "namespaces" in elements else ""
        kind = {"apis/discovery.k8s.io/v1": SLICES, "api/v1": PODS}.get("/".join(elements[:-3]))
        if kind != elements[-1]:
            return self.send_json(404, status(404, "NotFound", "the server could not find the requested resource"))
        call = Call(kind, query, self.headers)
        with api.lock:
            api.calls.append(call)
            if len(api.calls) > 100_000:
                raise RuntimeError("the gateway asks without end")
        if api.misbehave and api.misbehave(self, call):
            return None
        if self.headers["Authorization"] != f"Bearer {api.token}":
            return self.send_json(401, status(401, "Unauthorized", "Unauthorized"))
        chosen = self.chosen(namespace, query)
        return self.watch(call, chosen) if call.is_watch else self.list(call, chosen)

    @staticmethod
    def chosen(namespace: str, query: dict):
        wanted = dict(pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair)

        def fits(item: dict) -> bool:
            labels = item["metadata"].get("labels", {})
            return item["metadata"]["namespace"] == namespace and wanted.items() <= labels.items()

        return fits

    def list(self, call: Call, chosen) -> None:
        api = self.api
        with api.lock:
            items = [item for _, item in sorted(api.objects[call.kind].items()) if chosen(item)]
            metadata = {"resourceVersion": str(api.version)}
        start = int(call.query.get("continue", "0"))
        size = min(int(call.query["limit"]), api.page)
        if start + size < len(items):
            metadata["continue"] = str(start + size)
        items = items[start:start + size]
        if "as=PartialObjectMetadataList" in self.headers["Accept"]:
            items = [{key: item[key] for key in ("apiVersion", "metadata")} for item in items]
        self.send_json(200, {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items})

    def watch(self, call: Call, chosen) -> None:
        api = self.api
        version = int(call.query["resourceVersion"] or 0)
        with api.lock:
            ends_with = api.ended_watches
            is_gone = version < api.compacted
        self.begin_chunks()
        if is_gone:
            self.chunk(json.dumps({"type": "ERROR", "object": status(
                410, "Expired", f"too old resource version: {version}")}).encode() + b"\n")
            return self.chunk(b"")
        sent = 0
        end = time.monotonic() + min(int(call.query["timeoutSeconds"]), PATIENCE)
        while time.monotonic() < end:
            with api.lock:
                ready = api.events[sent:]
                if not ready and api.is_open and api.ended_watches == ends_with:
                    api.lock.wait(0.5)
                    continue
                if not api.is_open:
                    # As a process that is killed.
                    return self.hang_up()
                has_ended = api.ended_watches != ends_with
            for at, kind, line in ready:
                sent += 1
                if kind == call.kind and at > version:
                    if line.startswith(b"{\"type\"") and b"BOOKMARK" not in line[:30] and not chosen(
                            json.loads(line)["object"]):
                        continue
                    self.chunk(line)
            if has_ended:
                break
        return self.chunk(b"")
