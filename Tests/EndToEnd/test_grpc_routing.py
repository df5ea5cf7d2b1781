"""Routing by the model that a gRPC message names, which is read as the server will read it, or not served at all."""

import threading
from collections import Counter
from contextlib import ExitStack

import grpc
import pytest
from tritonclient.grpc import service_pb2

from support.gateway import Gateway
from support.grpc_mock import INFERENCE, MIB, SERVICE, GrpcServer, channel, framed, head
from support.http2 import H2Client, data
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, get, post

# What is known of a message has to be known within this much of it.
WINDOW = 64 * 1024
CONFIG = """
loops: 1
backends:
  pinned: { protocol: http2, endpoints: [PINNED] }
  one: { endpoints: ["127.0.0.1:HTTP"], triton: { grpcPort: ONE } }
  two: { protocol: http2, endpoints: [TWO] }
  rest: { protocol: http2, endpoints: [REST] }
routes:
  - { name: pinned, match: [{ model: one, version: "2" }], backends: [{ name: pinned }] }
  - { name: one, match: [{ model: one }], backends: [{ name: one }] }
  - { name: split, match: [{ model: split }], backends: [{ name: one, weight: 80 }, { name: two, weight: 20 }] }
  - { name: rest, match: [{ path: { prefix: / } }], backends: [{ name: rest }] }
"""
UNARY = ["ModelInfer", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"]


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def field(number: int, value: bytes | str) -> bytes:
    """A length-delimited field."""
    value = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def number(field_number: int, value: int) -> bytes:
    return varint(field_number << 3) + varint(value)


def model(name: str = "one", version: str = "") -> bytes:
    return field(1, name) + (field(2, version) if version else b"")


def raw_contents(size: int) -> bytes:
    return field(7, bytes(size))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with ExitStack() as stack:
        servers = {name: stack.enter_context(GrpcServer(name)) for name in ("pinned", "one", "two", "rest")}
        upstream = stack.enter_context(MockUpstream())
        config = CONFIG.replace(":HTTP", f":{upstream.port}").replace(": ONE", f": {servers['one'].port}")
        for name in ("pinned", "two", "rest"):
            config = config.replace(f"[{name.upper()}]", f"[{servers[name].address}]")
        gateway = stack.enter_context(Gateway(config, tmp_path_factory.mktemp("gateway")))
        yield gateway, servers, upstream


@pytest.fixture
def gateway(running):
    gateway, servers, upstream = running
    gateway.check_alive()
    for server in servers.values():
        server.clear()
    upstream.clear()
    yield gateway
    gateway.check_alive()


@pytest.fixture
def servers(running):
    return running[1]


@pytest.fixture
def calls(gateway):
    with channel(f"{gateway.host}:{gateway.port}") as opened:
        yield opened


def served_by(calls, message: bytes, method: str = "ModelInfer", **more) -> str:
    return calls.unary_unary(INFERENCE + method)(message, timeout=10, **more).decode()


def refused(calls, message: bytes, code=grpc.StatusCode.INVALID_ARGUMENT, method: str = "ModelInfer", **more) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        served_by(calls, message, method, **more)
    assert raised.value.code() is code and raised.value.details(), raised.value


# --- who gets what


@pytest.mark.parametrize("method", UNARY)
def test_by_model_and_version(calls, method):
    assert served_by(calls, model("one"), method) == "one"
    assert served_by(calls, model("one", "2"), method) == "pinned"
    assert served_by(calls, model("one", "1"), method) == "one"
    assert served_by(calls, model("other"), method) == "rest"
    assert served_by(calls, model("other", "2"), method) == "rest"


def test_messages_of_the_real_client(calls):
    request = service_pb2.ModelInferRequest(model_name="one", model_version="2", id="request 7")
    request.parameters["priority"].int64_param = 1
    request.inputs.add(name="INPUT", datatype="FP32", shape=[1]).parameters["x"].string_param = "model_name"
    request.outputs.add(name="OUTPUT")
    request.raw_input_contents.append(b"\x0a\x03two")
    assert served_by(calls, request.SerializeToString()) == "pinned"
    request.model_name = "other"
    assert served_by(calls, request.SerializeToString()) == "rest"


def test_model_names_inside_other_fields_do_not_count(calls):
    nested = field(5, model("two")) + field(3, field(1, "two")) + raw_contents(10)
    assert served_by(calls, nested + model("one") + field(6, model("two"))) == "one"


def test_other_methods_name_no_model(calls):
    """ServerLive has no fields; RepositoryModelLoad has another meaning for its first ones."""
    assert served_by(calls, b"", "ServerLive") == "rest"
    assert served_by(calls, model("one"), "RepositoryModelLoad") == "rest"
    assert calls.unary_unary(SERVICE + "Echo")(model("one"), timeout=10) == model("one")


def test_http_and_grpc_of_one_model_take_one_route(gateway, calls, running):
    upstream = running[2]
    with Client(gateway.host, gateway.port) as client:
        assert client.exchange(post(b"{}", "/v2/models/one/infer")).status == 200
        assert client.exchange(get("/v2/models/one/ready")).status == 200
    assert served_by(calls, model("one")) == "one"
    assert [request.target for request in upstream.requests] == ["/v2/models/one/infer", "/v2/models/one/ready"]
    gateway.wait_metric("sluice_requests_total", 3, route="one", code="200")
    metrics = gateway.metrics()
    # One endpoint, whichever of its ports is spoken to.
    assert {labels["endpoint"] for labels, _ in metrics.select("sluice_upstream_connections_open", backend="one")} == {
        upstream.address}


def test_split_is_exact_for_each_call(calls):
    for _ in range(2):
        counts = Counter(served_by(calls, model("split")) for _ in range(100))
        assert abs(counts["one"] - 80) <= 1, counts


# --- one reading


@pytest.mark.parametrize("message, name", [
    (field(2, "2") + field(1, "one"), "pinned"),
    (field(3, "id") + field(2, "2") + field(7, b"raw") + field(1, "one"), "pinned"),
    (raw_contents(60_000) + field(1, "one"), "one"),
    (raw_contents(60_000) + model("one", "2"), "pinned"),
    (field(1, "one") + number(99, 5) + varint(98 << 3 | 1) + bytes(8) + varint(97 << 3 | 5) + bytes(4), "one"),
    (b"\x8a\x00\x03one", "one"),
    (b"\x0a\x83\x00one", "one"),
    (field(1, "one") + field(2, ""), "one"),
], ids=["version first", "in the middle", "behind 60 kB", "both behind 60 kB", "unknown fields", "tag in two bytes",
        "length in two bytes", "empty version"])
def test_order_and_form_do_not_matter(calls, message, name):
    assert served_by(calls, message) == name


REFUSED = {
    "model twice": model("one") + field(1, "other"),
    "the same model twice": model("one") + field(1, "one"),
    "version twice": model("one", "1") + field(2, "2"),
    "model twice, far away": model("one") + raw_contents(30_000) + field(1, "other"),
    "model twice, behind the window": model("one", "1") + raw_contents(3 * WINDOW) + field(1, "other"),
    "version behind the window": model("one") + raw_contents(3 * WINDOW) + field(2, "2"),
    "model behind the window": raw_contents(WINDOW) + model("one"),
    "no model": field(2, "2"),
    "nothing": b"",
    "model as a number": number(1, 7),
    "version as a number": model("one") + number(2, 2),
    "model as a number too": model("one") + number(1, 7),
    "group": model("one") + varint(9 << 3 | 3) + varint(9 << 3 | 4),
    "wire type 7": model("one") + varint(9 << 3 | 7) + b"\0",
    "field 0": model("one") + b"\x02\x00",
    "cut in a tag": model("one") + b"\x80",
    "cut in a field": model("one") + varint(7 << 3 | 2) + varint(100) + b"short",
    "model longer than the message": varint(1 << 3 | 2) + varint(1000) + b"one",
    "length without end": model("one") + varint(7 << 3 | 2) + b"\xff" * 10,
    "control character in the name": model("o\nne"),
    "name that is not UTF-8": field(1, b"\xff\xfe"),
    "name of 2000 bytes": model("o" * 2000),
}


@pytest.mark.parametrize("message", REFUSED.values(), ids=REFUSED.keys())
def test_what_could_be_read_in_two_ways_is_refused(calls, message):
    refused(calls, message)
    assert served_by(calls, model("one")) == "one"


def test_nothing_of_an_undecided_message_reaches_a_server(calls, servers):
    for name in ("model twice", "no model", "model behind the window", "group"):
        refused(calls, REFUSED[name])
    assert all(not server.calls for server in servers.values())


def test_what_is_found_late_ends_the_call_at_the_server(calls, servers):
    """The message is under way when its second model name comes: the server must not act on it."""
    refused(calls, model("one") + raw_contents(2 * MIB) + field(1, "other"))
    # The call is the mock's only when it had the whole message, so it must not have come to that.
    assert not servers["one"].calls


def test_compressed_messages_cannot_be_read(calls):
    message = model("one") + raw_contents(5000)
    refused(calls, message, grpc.StatusCode.UNIMPLEMENTED, compression=grpc.Compression.Gzip)
    # Methods without a model are not looked into.
    data = b"x" * 5000
    assert calls.unary_unary(SERVICE + "Echo")(data, compression=grpc.Compression.Gzip, timeout=10) == data


@pytest.mark.parametrize("size", [MIB, 24 * MIB])
def test_large_messages_pass_while_they_are_read(calls, servers, gateway, size):
    before = gateway.rss()
    message = model("one", "2") + raw_contents(size)
    assert served_by(calls, message) == "pinned"
    assert servers["pinned"].the_call().messages == [message]
    assert gateway.rss() - before < 24 * MIB


def test_any_cut_of_a_message(gateway):
    """Byte by byte, the reading is the same."""
    message = framed(field(2, "2") + raw_contents(20) + field(1, "one"))
    for step in (1, 2, 7):
        with H2Client(gateway.host, gateway.port) as client:
            stream = client.open(head(INFERENCE + "ModelInfer"), end=False)
            for at in range(0, len(message), step):
                client.send(data(stream, message[at : at + step], end=at + step >= len(message)))
            answer = client.answer(stream)
            assert answer.body == framed(b"pinned") and ("grpc-status", "0") in answer.trailers


@pytest.mark.parametrize("body", [
    b"", b"\0", b"\0\0\0\0", framed(model("one"), 2), b"\0\0\0\0\x64" + model("one"), framed(b"")],
    ids=["no message", "a byte", "half a prefix", "flag 2", "a message that does not come", "empty message"])
def test_bodies_that_are_not_messages(gateway, servers, body):
    with H2Client(gateway.host, gateway.port) as client:
        stream = client.open(head(INFERENCE + "ModelInfer"), end=False)
        client.upload(stream, body)
        answer = client.answer(stream)
        status = answer.get("grpc-status") or dict(answer.trailers).get("grpc-status")
        assert status not in (None, "0"), (answer.status, answer.headers, answer.trailers)
    assert all(not server.calls for server in servers.values())


# --- streams


def stream_infer(calls, messages: list):
    return calls.stream_stream(INFERENCE + "ModelStreamInfer")(iter(messages), timeout=10)


def test_streams_go_where_their_first_message_says(calls):
    assert list(stream_infer(calls, [model("one", "2")] * 5)) == [b"pinned"] * 5
    assert list(stream_infer(calls, [model("other")] * 5)) == [b"rest"] * 5


@pytest.mark.parametrize("second", [
    model("two"), model("one", "3"), model("one"), model("two", "2"), raw_contents(10), model("one", "2") * 2,
    raw_contents(2 * WINDOW) + model("two", "2")],
    ids=["another model", "another version", "no version", "the wrong way round", "no model", "twice", "far behind"])
def test_later_messages_may_not_name_another_model(calls, servers, second):
    answered = threading.Event()

    def messages():
        yield model("one", "2")
        answered.wait(10)
        yield second
        yield model("one", "2")

    answers = calls.stream_stream(INFERENCE + "ModelStreamInfer")(messages(), timeout=10)
    assert next(answers) == b"pinned"
    answered.set()
    with pytest.raises(grpc.RpcError) as raised:
        list(answers)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    call = servers["pinned"].the_call()
    assert call.ended.wait(5)
    assert call.messages == [model("one", "2")], "the server was given what is refused"


def test_later_messages_in_another_order(calls):
    messages = [model("one", "2"), field(2, "2") + raw_contents(100) + field(1, "one"),
                raw_contents(2 * WINDOW) + model("one", "2")]
    assert list(stream_infer(calls, messages)) == [b"pinned"] * 3


def test_a_thousand_messages_of_one_stream(calls):
    assert list(stream_infer(calls, [model("one") + raw_contents(100)] * 1000)) == [b"one"] * 1000
