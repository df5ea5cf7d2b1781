"""What is spoken to the proxies, and a plain client for each, to see whether they do their job."""

import http.client
import re
import ssl
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass

from machine import Problem
from messages import infer_request

PATH = "/v2/models/classify/infer"
GRPC_PATH = "/inference.GRPCInferenceService/ModelInfer"
# Seconds an answer may take.
PATIENCE = 5

# Any certificate will do, but no older version.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE
TLS.minimum_version = ssl.TLSVersion.TLSv1_3


@dataclass(frozen=True)
class Protocol:
    """How clients reach the job, and which blocks of the templates in bench/peers go with it."""

    name: str
    path: str
    # Sent with each request, beside the password.
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b"x" * 128
    blocks: tuple[str, ...] = ()
    scheme: str = "http"

    @property
    def multiplexes(self) -> bool:
        return "h2" in self.blocks


@dataclass(frozen=True)
class Answer:
    """A status and fields; those of trailers are among them."""

    status: int
    fields: dict[str, str]

    @property
    def good(self) -> bool:
        return self.status == 200 and self.fields.get("grpc-status", "0") == "0"

    @property
    def denied(self) -> bool:
        """What a wrong password gets; gRPC has its own number for that, 16."""
        return self.status == 401 or (self.status == 200 and self.fields.get("grpc-status") == "16")


H1 = Protocol("h1", PATH, blocks=("h1",))
# The same, to one backend of three endpoints.
BALANCE = Protocol("balance", PATH, blocks=("h1", "balance"))
# To one backend of three real Tritons.
QUEUES = Protocol(
    "queues", "/v2/models/cheap/infer", (("content-type", "application/json"),),
    b'{"inputs":[{"name":"INPUT","shape":[1],"datatype":"FP32","data":[1.0]}]}', ("h1", "queues"))
H2 = Protocol("h2", PATH, blocks=("h2",))
GRPC = Protocol(
    "grpc", GRPC_PATH, (("content-type", "application/grpc"), ("te", "trailers")), infer_request(64), ("h2", "grpc"))
HTTPS = Protocol("https", PATH, blocks=("tls",), scheme="https")


def ask(protocol: Protocol, port: int, path: str, fields: dict[str, str], count: int = 1) -> list[Answer]:
    """The answers to `count` equal requests on one connection; OSError or Problem without a connection."""
    fields = dict(protocol.fields) | fields
    if protocol.multiplexes:
        return ask_http2(port, path, fields, protocol.body, count)
    if protocol.scheme == "https":
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=TLS)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    answers = []
    try:
        for _ in range(count):
            connection.request("POST", path, protocol.body, fields)
            answer = connection.getresponse()
            answer.read()
            answers.append(Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}))
    finally:
        connection.close()
    return answers


def ask_http2(port: int, path: str, fields: dict[str, str], body: bytes, count: int) -> list[Answer]:
    """By nghttp, which writes what it receives as text."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        command = ["nghttp", "-nv", "--no-dep", f"-m{count}", f"-t{PATIENCE}", f"-d{file.name}",
                   *(f"-H{name}: {value}" for name, value in fields.items()), f"http://127.0.0.1:{port}{path}"]
        try:
            output = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        except FileNotFoundError:
            raise Problem("there is no nghttp: run bench/setup.") from None
    streams: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for stream, name, value in re.findall(r"recv \(stream_id=(\d+)\) (:?[^:\s]+): (.*)", output):
        streams[stream][name] = value
    return [Answer(int(fields.pop(":status", 0)), fields) for fields in streams.values()]
