"""A gateway in front of endpoints that speak HTTP/2, and one exchange through it in either version."""

import threading
from typing import NamedTuple

import pytest

from support import http2
from support.http2 import Code, H2Client
from support.http2_server import Http2Server
from support.rawhttp import TIMEOUT, Client, Incomplete, build

CONFIG = """
loops: 1
backends:
  main: { protocol: http2, endpoints: [ADDRESS], MORE }
routes:
  - { name: all, ROUTE backends: [{ name: main }] }
"""
VERSIONS = ["HTTP/1.1", "HTTP/2"]


class Answered(NamedTuple):
    """An answer, whatever its version."""

    status: int
    fields: list
    body: bytes
    trailers: list
    interim: list
    # It did not come to its end.
    broken: bool

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.fields if key == name]
        assert len(found) <= 1, f"{name} came {len(found)} times: {found}"
        return found[0] if found else None

    @property
    def cause(self) -> str | None:
        return self.get("x-sluice-cause")


class Uploader(H2Client):
    """A client that stops sending when the answer is complete and the rest of its request is not wanted."""

    def take(self, got, answer) -> None:
        super().take(got, answer)
        if got.kind == http2.RESET:
            answer.reset = got.code


def plain(fields: list) -> list:
    return [(name.decode().lower(), value.decode("latin-1")) for name, value in fields]


def ask(gateway, version: str, method: str = "GET", path: str = "/", body: bytes | None = None,
        fields: tuple = ()) -> Answered:
    """One exchange on a connection of its own."""
    length = [("content-length", str(len(body)))] if body is not None else []
    if version == "HTTP/2":
        with Uploader(gateway.host, gateway.port, timeout=TIMEOUT) as client:
            stream = client.open(http2.request(method, path, *length, *fields), end=body is None)
            if body is not None:
                client.upload(stream, body)
            got = client.answer(stream)
            return Answered(got.status, got.headers, bytes(got.body), got.trailers,
                            [status for status, _ in got.interim], got.reset not in (None, Code.NO_ERROR))
    with Client(gateway.host, gateway.port, timeout=TIMEOUT) as client:
        lines = [f"{name}: {value}" for name, value in [*length, *fields]]
        sender = threading.Thread(
            target=client.send_all_it_takes, args=(build(method, path, "test", *lines) + (body or b""),))
        sender.start()
        try:
            got, broken = client.response(method), False
        except Incomplete as error:
            got, broken = error.partial, True
        sender.join()
        if not hasattr(got, "status"):
            return Answered(0, [], b"", [], [], True)
        return Answered(got.status, plain(got.headers), got.body, plain(got.trailers),
                        [each.status for each in getattr(got, "interim", [])], broken)


def config(server, backend: str = "limits: {}", route: str = "") -> str:
    """One backend and one route, with more settings of each."""
    return CONFIG.replace("ADDRESS", server.address).replace("MORE", backend).replace("ROUTE", route)


@pytest.fixture
def servers():
    made = []

    def make(*arguments, **options) -> Http2Server:
        made.append(Http2Server(*arguments, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def front(gateways):
    """Starts a gateway in front of an endpoint."""
    return lambda *arguments: gateways(config(*arguments))


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param
