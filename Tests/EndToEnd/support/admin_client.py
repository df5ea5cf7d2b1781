"""The operator's API, byte by byte, as a program or an attacker calls it."""

import base64
import json
from dataclasses import dataclass
from urllib.parse import quote

from support.gateway import Gateway
from support.rawhttp import Client, Incomplete, Malformed, Response, build


class Operator:
    """Calls, each on a connection of its own; `user` is `name:password`."""

    def __init__(self, gateway: Gateway, user: str | None = None):
        self.gateway = gateway
        self.host = f"127.0.0.1:{gateway.admin_port}"
        self.fields = [f"Authorization: Basic {base64.b64encode(user.encode()).decode()}"] if user else []

    def connect(self, **options) -> Client:
        return Client("127.0.0.1", self.gateway.admin_port, **options)

    def ask(self, method: str, path: str, *fields: str, body: bytes | None = None, host: str | None = None) -> Response:
        if body is not None:
            fields = (f"Content-Length: {len(body)}", *fields)
        head = build(method, path, self.host if host is None else host, *self.fields, *fields)
        with self.connect() as client:
            client.send_all_it_takes(head + (body or b""))
            return client.response(method)

    def get(self, path: str, *fields: str) -> Response:
        return self.ask("GET", path, *fields)

    def json(self, path: str):
        answer = self.get(path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    # --- weights

    @staticmethod
    def path(route: str) -> str:
        return f"/api/v1/routes/{quote(route)}/weights"

    def weights(self, route: str) -> tuple[dict, str]:
        """The weights of a route and their tag."""
        answer = self.get(self.path(route))
        assert answer.status == 200, answer.body
        return {entry["as"]: entry["weight"] for entry in json.loads(answer.body)["entries"]}, answer.get("etag")

    def put(self, route: str, weights: dict | bytes, *fields: str, tag: str | None = None) -> Response:
        body = weights if isinstance(weights, bytes) else json.dumps(weights).encode()
        if tag is not None:
            fields = (*fields, f"If-Match: {tag}")
        return self.ask("PUT", self.path(route), "Content-Type: application/json", *fields, body=body)


@dataclass
class Event:
    kind: str
    id: str
    data: dict
    # As it came.
    text: str


class Stream:
    """One open stream of a gateway's events, read as the standard says (WHATWG HTML, section 9.2.6)."""

    def __init__(self, operator: Operator, path: str = "/api/v1/events", fields: tuple = (), **options):
        self.client: Client = operator.connect(**options)
        self.client.send(build("GET", path, operator.host, *operator.fields, *fields))
        self.head: Response = self.client.reader.head(Response)
        self.buffer = b""

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_) -> None:
        self.client.close()

    def more(self) -> None:
        """One more piece of the body."""
        reader = self.client.reader
        if self.head.tokens("transfer-encoding") == {"chunked"}:
            size = int(reader.line("chunk size").partition(b";")[0], 16)
            if not size:
                raise Incomplete("the stream has ended")
            self.buffer += reader.exactly(size, "chunk")
            if reader.exactly(2, "chunk end") != b"\r\n":
                raise Malformed("chunk data not followed by CRLF")
            return
        if not reader.buffer and not reader.fill():
            raise Incomplete("the stream has ended")
        self.buffer += bytes(reader.buffer)
        reader.buffer.clear()

    def next(self) -> Event:
        """The next event that has data."""
        while True:
            while b"\n\n" not in self.buffer:
                self.more()
            block, _, self.buffer = self.buffer.partition(b"\n\n")
            text = block.decode()
            kind, number, data = "message", "", []
            for line in text.split("\n"):
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "event":
                    kind = value
                elif name == "id":
                    number = value
                elif name == "data":
                    data.append(value)
                else:
                    assert name in ("", "retry"), text
            if data:
                return Event(kind, number, json.loads("\n".join(data)), text)
