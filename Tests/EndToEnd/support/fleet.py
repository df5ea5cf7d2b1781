"""A gateway in front of endpoint processes whose behaviour is switched, and requests that tell who served them."""

import atexit
from collections import Counter

import grpc
import pytest

from support.faulty import Faulty
from support.gateway import Gateway, free_port, wait_until
from support.grpc_mock import channel
from support.load import GRPC_INFER, INFER, MESSAGE
from support.rawhttp import Client, build

CONFIG = """
loops: LOOPS
TOP
backends:
  main: { endpoints: [ENDPOINTS], BACKEND }
routes:
  - { name: all, ROUTE backends: [{ name: main }] }
"""
NAMES = ("first", "second", "third", "fourth")
# Two that are out are half of four: fewer would make all of them count.
NO_PANIC = "panicThreshold: 0"


# Endpoints that no test uses just now: a new process takes longer than most tests.
idle = []


@atexit.register
def stop_idle() -> None:
    for endpoint in idle:
        endpoint.stop()


class Fleet:
    """Endpoints by name, and the gateway once it was started."""

    def __init__(self, gateways):
        self.gateways = gateways
        self.endpoints = []
        self.gateway = None

    def add(self, **behaviour) -> Faulty:
        name = NAMES[len(self.endpoints)]
        endpoint = idle.pop().renew(name, **behaviour) if idle else Faulty(free_port(), free_port(), name, **behaviour)
        self.endpoints.append(endpoint)
        return endpoint

    def stop(self) -> None:
        for endpoint in self.endpoints:
            if endpoint.process:
                endpoint.resume()
                idle.append(endpoint)

    def text(self, backend: str = "limits: {}", route: str = "", top: str = "", loops: int = 1, weights: tuple = (),
             only: list | None = None, has_grpc: bool = True) -> str:
        entries = []
        for index, each in enumerate(self.endpoints if only is None else only):
            weight = f", weight: {weights[index]}" if weights else ""
            port = f", triton: {{ grpcPort: {each.grpc} }}" if has_grpc else ""
            entries.append(f"{{ address: '{each.address}'{weight}{port} }}")
        return (CONFIG.replace("ENDPOINTS", ", ".join(entries)).replace("LOOPS", str(loops)).replace("TOP", top)
                .replace("BACKEND", backend).replace("ROUTE", route + ("," if route else "")))

    def start(self, *arguments, **options) -> Gateway:
        self.gateway = self.gateways(self.text(*arguments, **options))
        return self.gateway

    def reload(self, *arguments, **options) -> None:
        self.gateway.replace_config(self.text(*arguments, **options))
        status, answer = self.gateway.reload()
        assert status == 200, answer

    # --- what it serves

    def connect(self, **options) -> Client:
        return Client(self.gateway.host, self.gateway.port, **options)

    def ask(self, path: str = "/", method: str = "GET", body: bytes | None = None, fields: tuple = ()):
        """One exchange on a connection of its own."""
        length = () if body is None else (f"Content-Length: {len(body)}",)
        with self.connect() as client:
            return client.exchange(build(method, path, "test", *length, *fields) + (body or b""), method)

    def infer(self, body: bytes = b"{}", path: str = INFER, fields: tuple = ()):
        return self.ask(path, "POST", body, fields)

    def served(self, count: int, path: str = "/", *fields: str) -> Counter:
        """Who answered so many GETs, one after another on one connection; refusals count under status and cause."""
        found = Counter()
        with self.connect() as client:
            for _ in range(count):
                answer = client.exchange(build("GET", path, "test", *fields))
                found[answer.get("x-served-by") or f"{answer.status} {answer.cause}"] += 1
        return found

    def call(self, path: str = GRPC_INFER, message: bytes = MESSAGE, metadata: tuple = ()) -> str:
        """One gRPC call: who served it, or the status and the cause."""
        with channel(f"{self.gateway.host}:{self.gateway.port}", options=[("grpc.enable_retries", 0)]) as to:
            try:
                return to.unary_unary(path)(message, timeout=20, metadata=metadata).decode()
            except grpc.RpcError as error:
                cause = dict(error.trailing_metadata() or ()).get("x-sluice-cause", "")
                return f"{error.code().name} {cause}".strip()

    # --- what it says

    def is_up(self, endpoint: Faulty) -> bool:
        found = self.gateway.metrics().select("sluice_endpoint_up", endpoint=endpoint.address)
        assert len(found) == 1, found
        return found[0][1] == 1

    def wait_up(self, endpoint: Faulty, up: bool = True, seconds: float = 20) -> None:
        wait_until(lambda: self.is_up(endpoint) == up, seconds,
                   f"{endpoint.name} is {'up' if up else 'out'}: {self.gateway.metrics().select('sluice_endpoint_up')}")

    def wait_checked(self, endpoint: Faulty, more: int = 2, seconds: float = 20) -> None:
        """So many checks later."""
        begin = endpoint.counts()["checks"]
        wait_until(lambda: endpoint.counts()["checks"] >= begin + more, seconds, f"{more} checks of {endpoint.name}")

    def status(self, endpoint: Faulty) -> dict:
        """What the status says of an endpoint."""
        found = [each for backend in self.gateway.status()["backends"] for each in backend["endpoints"]
                 if each["address"] == endpoint.address]
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def fleet(gateways):
    """Endpoints and a gateway that end with the test."""
    made = Fleet(gateways)
    yield made
    made.stop()
