"""`model` and `version` of an entry: the very paths and messages that arrive, byte for byte."""

import random

import pytest
from tritonclient.grpc import service_pb2

from support import http2
from support.grpc_mock import INFERENCE, framed, head
from support.http2 import H2Client
from support.triton_messages import field
from support.ways import CALL, HTTP1

ENDPOINTS = ("main", "shadow")
CONFIG = """
loops: 1
backends:
  main: { endpoints: [<main>] }
  shadow: { endpoints: [<shadow>] }
routes:
  - { name: version, match: [{ model: version }], backends: [{ name: main, version: "2" }], mirrors: [{ backend: shadow }] }
  - { name: model, match: [{ model: model }], backends: [{ name: main, model: other }] }
  - { name: both, match: [{ model: both }], backends: [{ name: main, model: "an other+ä", version: "17" }] }
  - { name: neither, match: [{ model: neither }], backends: [{ name: main, as: plain }] }
  - name: prefixed
    match: [{ path: { prefix: /tenant/a } }]
    rewrite: { prefix: / }
    backends: [{ name: main, version: "3" }]
  - { name: rest, match: [{ path: { prefix: / } }], backends: [{ name: main, version: "9" }] }
"""
ODD = "an%20other%2B%C3%A4"


@pytest.mark.parametrize("asked, arrives", [
    ("/v2/models/version/infer", "/v2/models/version/versions/2/infer"),
    ("/v2/models/version/versions/1/infer", "/v2/models/version/versions/2/infer"),
    ("/v2/models/version", "/v2/models/version/versions/2"),
    ("/v2/models/version/versions/1", "/v2/models/version/versions/2"),
    ("/v2/models/version/ready?x=1", "/v2/models/version/versions/2/ready?x=1"),
    ("/v2/models/version/generate_stream", "/v2/models/version/versions/2/generate_stream"),
    ("/v2/models/versio%6e/infer", "/v2/models/version/versions/2/infer"),
    ("/v2/models/model/infer", "/v2/models/other/infer"),
    ("/v2/models/model/versions/1/infer?y", "/v2/models/other/versions/1/infer?y"),
    ("/v2/models/both/infer", f"/v2/models/{ODD}/versions/17/infer"),
    ("/v2/models/both/versions/1/config", f"/v2/models/{ODD}/versions/17/config"),
    ("/v2/models/neither/infer", "/v2/models/neither/infer"),
    # What names no model stays as it is.
    ("/v2/health/ready", "/v2/health/ready"),
    ("/v2", "/v2"),
    ("/v2/models/stats", None),
    ("/metrics", "/metrics"),
])
def test_paths(site, plain, asked, arrives):
    assert site.ask(plain, asked).is_good
    path = site["main"].the_request().path
    if arrives:
        assert path.replace("%2b", "%2B").replace("+", "%2B").replace("%c3%a4", "%C3%A4") == arrives


def test_what_rewrite_makes_is_what_is_read(site, plain):
    """The route's rewriting comes first, the entry's after it."""
    assert site.ask(plain, "/tenant/a/v2/models/x/infer").is_good
    assert site["main"].the_request().path == "/v2/models/x/versions/3/infer"


def message(model: str, version: str = "", size: int = 0) -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name=model, model_version=version, id="r1")
    request.parameters["sequence_id"].int64_param = 42
    tensor = request.inputs.add(name="INPUT", datatype="UINT8")
    tensor.shape.append(size)
    request.raw_input_contents.append(random.Random(size).randbytes(size))
    return request


EXPECTED = {"version": ("version", "2"), "model": ("other", "1"), "both": ("an other+ä", "17"), "neither": ("neither", "1")}


@pytest.mark.parametrize("model", EXPECTED)
@pytest.mark.parametrize("size", [0, 100, 16_384, 70_000, 3 << 20])
def test_messages(site, model, size):
    sent = message(model, "1", size)
    assert site.ask(CALL, INFERENCE + "ModelInfer", body=sent.SerializeToString()).is_good
    got = service_pb2.ModelInferRequest.FromString(site["main"].the_request().message)
    assert (got.model_name, got.model_version) == EXPECTED[model]
    # All else is what the client wrote.
    got.model_name, got.model_version = model, "1"
    assert got == sent


@pytest.mark.parametrize("method, kind", [
    ("ModelReady", service_pb2.ModelReadyRequest),
    ("ModelMetadata", service_pb2.ModelMetadataRequest),
    ("ModelConfig", service_pb2.ModelConfigRequest),
    ("ModelStatistics", service_pb2.ModelStatisticsRequest),
])
def test_other_methods_that_name_a_model(site, method, kind):
    for model in EXPECTED:
        site.clear()
        assert site.ask(CALL, INFERENCE + method, body=kind(name=model, version="1").SerializeToString()).is_good
        got = kind.FromString(site["main"].the_request().message)
        assert (got.name, got.version) == EXPECTED[model]


@pytest.mark.parametrize("method, kind", [
    ("ServerLive", service_pb2.ServerLiveRequest),
    ("ServerMetadata", service_pb2.ServerMetadataRequest),
    ("RepositoryIndex", service_pb2.RepositoryIndexRequest),
])
def test_methods_that_name_none_are_left_alone(site, method, kind):
    body = kind().SerializeToString()
    assert site.ask(CALL, INFERENCE + method, body=body).is_good
    assert site["main"].the_request().message == body


def test_calls_of_other_services_are_left_alone(site):
    """Bytes of which nobody knows what they mean."""
    body = field(1, b"version") + b"\xff\xff"
    assert site.ask(CALL, "/other.Service/Method", body=body).is_good
    assert site["main"].the_request().message == body


def stream(site, *parts: bytes) -> tuple:
    """A call that is sent in these pieces; the answer and what arrived."""
    with H2Client(site.gateway.host, site.gateway.port) as client:
        number = client.open(head(INFERENCE + "ModelStreamInfer"), end=False)
        for part in parts[:-1]:
            client.send(http2.data(number, part))
            client.settle()
        client.send(http2.data(number, parts[-1], end=True))
        return client.answer(number)


def messages(body: bytes) -> list:
    found = []
    while body:
        flag, length = body[0], int.from_bytes(body[1:5], "big")
        assert flag == 0 and len(body) >= 5 + length
        found.append(service_pb2.ModelInferRequest.FromString(body[5 : 5 + length]))
        body = body[5 + length :]
    return found


@pytest.mark.parametrize("cut", [1, 3, 5, 6, 17, 100])
def test_a_stream_in_pieces_of_any_size(site, cut):
    sent = [message("both", "1", size) for size in (10, 0, 2000)]
    whole = b"".join(framed(each.SerializeToString()) for each in sent)
    # The heads of two messages are among them; more would be more pings than a client may send.
    small = range(0, 12 * cut, cut)
    pieces = [*(whole[at : at + cut] for at in small), whole[12 * cut :]]
    assert b"".join(pieces) == whole
    assert stream(site, *pieces).status == 200
    got = messages(site["main"].the_request().body)
    assert [(each.model_name, each.model_version) for each in got] == [("an other+ä", "17")] * 3
    assert [each.raw_input_contents for each in got] == [each.raw_input_contents for each in sent]


def test_compressed_messages_cannot_be_rewritten(site):
    answer = stream(site, framed(message("version").SerializeToString(), 1))
    assert (answer.status, answer.get("grpc-status")) == (200, "12"), answer.headers
    assert site.was_asked() == []


def test_a_compressed_message_later_in_a_stream(site):
    first = framed(message("both").SerializeToString())
    answer = stream(site, first, framed(b"compressed", 1))
    found = [value for name, value in [*answer.headers, *answer.trailers] if name == "grpc-status"]
    assert found == ["12"] or answer.reset is not None
    # What cannot be rewritten does not arrive.
    assert all(b"compressed" not in seen.body for seen in site.all_requests())


def test_a_stream_that_ends_within_a_message(site):
    """The endpoint must not take it for a whole one."""
    whole = framed(message("both", size=1000).SerializeToString())
    with H2Client(site.gateway.host, site.gateway.port) as client:
        number = client.open(head(INFERENCE + "ModelInfer"), end=False)
        client.send(http2.data(number, whole[:500], end=True))
        answer = client.answer(number)
        assert answer.reset is not None or answer.get("grpc-status") not in (None, "0") or [
            value for name, value in answer.trailers if name == "grpc-status"] == ["0"]
    for seen in site.all_requests():
        with pytest.raises(AssertionError):
            assert seen.message
    assert site.ask(HTTP1, "/elsewhere").is_good


def test_copies_name_what_the_client_named(site, way):
    """A mirror is no entry of the split: what an entry rewrites is for that entry's endpoints."""
    if way is CALL:
        assert site.ask(way, INFERENCE + "ModelInfer", body=message("version").SerializeToString()).is_good
        copy = service_pb2.ModelInferRequest.FromString(site["shadow"].wait_requests()[0].message)
        assert (copy.model_name, copy.model_version) == ("version", "")
    else:
        assert site.ask(way, "/v2/models/version/infer").is_good
        assert site["shadow"].wait_requests()[0].path == "/v2/models/version/infer"
