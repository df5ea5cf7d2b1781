"""The kinds of requests whose allocations are counted, and the gateway, endpoints and client they need."""

import base64
from dataclasses import dataclass, field

from support.mock_upstream import Connection
from support.rawhttp import Client, answer, build, chunked, get, post

CONFIG = """
loops: 1
accessLog: { path: access.log, format: json }
backends:
  stable: { endpoints: [{stable}] }
  canary: { endpoints: [{canary}] }
  shadow: { endpoints: [{shadow}] }
routes:
  - name: fixed
    match: [{ path: { prefix: /fixed } }]
    respond: { status: 200, body: fixed }
  - name: mirrored
    match: [{ path: { prefix: /mirrored } }]
    basicAuth: &auth { realm: Inference, users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    backends: &split [{ name: stable, weight: 80 }, { name: canary, weight: 20 }]
    mirrors: [{ backend: shadow, percent: 100 }]
  - name: infer
    match: [{ path: { prefix: /v2 } }]
    basicAuth: *auth
    backends: *split
"""

INFER = "/v2/models/densenet_onnx/infer"
LARGE = "/v2/large"
JSON_ANSWER = answer(b'{"outputs":[]}', "200 OK", "Content-Type: application/json")
LARGE_ANSWER = answer(bytes(1 << 20), "200 OK", "Content-Type: application/octet-stream")


def reply(connection: Connection) -> bool:
    """What the endpoints do with a request. Unlike a mock's `reply` it remembers none."""
    request = connection.reader.request(sink=lambda part: None)
    connection.send(LARGE_ANSWER if request.target == LARGE else JSON_ANSWER)
    return True


def fields(password: str = "test") -> list[str]:
    """The header fields of Triton's Python client, besides Host and the body's framing."""
    credentials = base64.b64encode(f"ann:{password}".encode()).decode()
    return [
        f"Authorization: Basic {credentials}",
        "Content-Type: application/octet-stream",
        "User-Agent: python-geventhttpclient-2.3.1",
    ]


def infer(size: int, path: str = INFER, password: str = "test") -> bytes:
    return post(bytes(size), path, "models.example.com", *fields(password))


@dataclass(frozen=True)
class Kind:
    """One kind of request, sent again and again on one connection."""

    name: str
    request: bytes = field(repr=False)
    status: int = 200
    # How many are counted. Fewer of the large ones, for the sake of time.
    requests: int = 1000
    # How many are sent before the first answer is read.
    pipelined: int = 1
    # Each request has a connection of its own.
    closes: bool = False


KINDS = [
    Kind("small POST", infer(128)),
    Kind("4 KiB POST", infer(4 << 10)),
    Kind("600 KiB POST", infer(600 << 10), requests=200),
    Kind(
        "chunked POST",
        build("POST", INFER, "models.example.com", "Transfer-Encoding: chunked", *fields())
        + chunked(bytes(1000), bytes(3000)),
    ),
    Kind("1 MiB answer", get(LARGE, "models.example.com", *fields()), requests=200),
    Kind("pipelined GET", get("/v2/health/ready", "models.example.com", *fields()), pipelined=10),
    Kind("mirrored POST", infer(128, "/mirrored")),
    Kind("wrong password", infer(128, password="wrong"), status=401),
    Kind("no route", get("/nowhere", "models.example.com", *fields()), status=404),
    Kind("fixed answer", get("/fixed", "models.example.com", *fields())),
    Kind(
        "new connection",
        post(bytes(128), INFER, "models.example.com", "Connection: close", *fields()),
        closes=True,
    ),
]


class Sender:
    """Sends requests of one kind; stays connected in between where the kind does."""

    def __init__(self, kind: Kind, host: str, port: int):
        self.kind, self.host, self.port = kind, host, port
        self.client = None if kind.closes else Client(host, port)

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_) -> None:
        if self.client:
            self.client.close()

    def send(self, requests: int) -> None:
        """`requests` one after the other, or in batches; each must be answered as the kind says."""
        batch = self.kind.request * self.kind.pipelined
        for _ in range(requests // self.kind.pipelined):
            if self.client:
                self.converse(self.client, batch)
                continue
            with Client(self.host, self.port) as client:
                self.converse(client, batch)
                client.expect_end()

    def converse(self, client: Client, batch: bytes) -> None:
        client.send(batch)
        for _ in range(self.kind.pipelined):
            status = client.response(sink=lambda part: None).status
            assert status == self.kind.status, f"{self.kind.name}: answered {status}"
