"""`tritonParameters`: the very bytes that arrive, and what is refused because it could not be told otherwise."""

import base64
import gzip
import json
import random

import pytest
from tritonclient.grpc import service_pb2

from support import http2
from support.grpc_mock import INFERENCE, framed, head
from support.http2 import H2Client
from support.rawhttp import Client, answer, build, chunked
from support.ways import CALL, HTTP1, HTTP2, PLAIN, serving

CONFIG = """
loops: 1
backends:
  main: { endpoints: [<main>] }
  pair: { endpoints: [<main>, <shadow>] }
  shadow: { endpoints: [<shadow>] }
routes:
  - name: users
    hosts: [users.test]
    basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", bob: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    tritonParameters: { priority: 2, users: { ann: 1 } }
    backends: [{ name: main }]
  - name: some
    hosts: [some.test]
    basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", bob: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    tritonParameters: { users: { ann: 1 } }
    backends: [{ name: main }]
  - name: again
    hosts: [again.test]
    timeout: 50s
    tritonParameters: { priority: 1, timeout: route }
    retries: { attempts: 1, on: [503], inference: true }
    backends: [{ name: pair }]
  - name: other
    hosts: [other.test]
    tritonParameters: { priority: 3, timeout: 5s }
    mirrors: [{ backend: shadow }]
    backends: [{ name: main, model: renamed, version: "7" }]
  - { name: all, tritonParameters: { priority: 1, timeout: 250ms }, backends: [{ name: main }] }
"""
INFER = "/v2/models/m/infer"
ADDED = b',"parameters":{"priority":1,"timeout":250000}'
HEADER = "inference-header-content-length"
BASIC = {name: ("authorization", "Basic " + base64.b64encode(f"{name}:test".encode()).decode()) for name in ("ann", "bob")}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(CONFIG, tmp_path_factory.mktemp("gateway"), "main", "shadow") as site:
        yield site


@pytest.fixture
def site(running):
    running.clear()
    yield running
    running["main"].http.reply = running["main"]._reply


def post(site, way, body: bytes, *fields, path: str = INFER, host: str = "test"):
    return site.ask(way, path, *fields, method="POST", body=body, host=host)


@pytest.mark.parametrize("way", PLAIN, ids=str)
@pytest.mark.parametrize("size", [0, 10, 300_000, 5 << 20])
def test_binary_tensors_stand_where_they_stood(site, way, size):
    """Both lengths in the header have grown with the JSON, and what follows it is untouched."""
    start, tensors = b'{"inputs":[{"name":"x"}]}', random.Random(size).randbytes(size)
    assert post(site, way, start + tensors, (HEADER, str(len(start)))).is_good
    seen = site["main"].the_request()
    expected = start[:-1] + ADDED + b"}"
    assert seen.body == expected + tensors
    assert seen.get(HEADER) == str(len(expected))
    assert seen.get("content-length") == str(len(expected) + size)


@pytest.mark.parametrize("way", PLAIN, ids=str)
def test_a_body_of_json_alone(site, way):
    numbers = ",".join(map(str, range(100_000))).encode()
    body = b'{"parameters": {"priority": 9, "p": "}", "timeout": 1}, "inputs": [{"data": [' + numbers + b"]}]}"
    assert post(site, way, body).is_good
    seen = site["main"].the_request()
    assert seen.get(HEADER) is None and seen.get("content-length") == str(len(seen.body))
    assert json.loads(seen.body)["parameters"] == {"p": "}", "priority": 1, "timeout": 250000}
    assert seen.body.endswith(body[body.index(b"},"):])


def test_pieces_make_no_difference(site):
    start, tensors = b'{"parameters":{"timeout":1,"a":2}}', b'{"parameters":{"timeout":1}}'
    expected = b'{"parameters":{            "a":2,"priority":1,"timeout":250000'
    fields = f"{HEADER}: {len(start)}"
    with Client(site.gateway.host, site.gateway.port) as client:
        for body in ([start + tensors], [bytes([byte]) for byte in start + tensors]):
            site["main"].clear()
            request = build("POST", INFER, "test", fields, "transfer-encoding: chunked") + chunked(*body)
            assert client.exchange(request, "POST").status == 200
            seen = site["main"].the_request()
            assert seen.body.startswith(expected) and seen.body.endswith(b"}}" + tensors)
            assert seen.get(HEADER) == str(len(seen.body) - len(tensors))


@pytest.mark.parametrize("path, method", [
    ("/v2/models/m/generate", "POST"), ("/v2/models/m/generate_stream", "POST"), ("/v2/models/m", "POST"),
    ("/v2/repository/models/m/load", "POST"), (INFER, "PUT"), ("/v1/infer", "POST"),
])
def test_other_requests_pass_as_they_come(site, path, method):
    body = b'{"parameters":{"priority":9}}'
    assert site.ask(HTTP1, path, method=method, body=body).is_good
    assert site["main"].the_request().body == body


def test_an_empty_body_is_for_triton_to_refuse(site):
    assert post(site, HTTP1, b"").is_good
    assert site["main"].the_request().body == b""


@pytest.mark.parametrize("way", PLAIN, ids=str)
@pytest.mark.parametrize("body, fields, status, words", [
    (b'{"parameters":{},"parameters":{}}', [], 400, "twice"),
    (b'{"parameters":{},"p\\u0061rameters":{"priority":1}}', [], 400, "twice"),
    (b'{"parameters":1}', [], 400, "no object"),
    (b"[]", [], 400, "no JSON object"),
    (b'{"a":', [], 400, "no whole JSON object"),
    (b"{} {}", [], 400, "follows"),
    (b"{}xx", [(HEADER, "1")], 400, "no whole object"),
    (b"{}xx", [(HEADER, "9")], 400, "longer than the body"),
    (b"{}xx", [(HEADER, "+2")], 400, "one whole number"),
    (b"{}xx", [(HEADER, "2"), (HEADER, "4")], 400, "one whole number"),
    (gzip.compress(b"{}"), [("content-encoding", "gzip")], 501, "compressed"),
    (b"raw", [(HEADER, "0")], 501, "raw binary"),
])
def test_what_cannot_be_told_is_refused(site, way, body, fields, status, words):
    """So that nobody chooses a priority of his own by the form of his request."""
    reply = post(site, way, body, *fields)
    assert reply.is_refused(status, "bad_request" if status == 400 else "not_implemented"), reply
    assert words in json.loads(reply.body)["error"]
    # Nothing that is whole has arrived.
    assert post(site, HTTP1, b"{}").is_good
    assert [seen.body for seen in site["main"].requests] == [b'{ "parameters":{"priority":1,"timeout":250000}}']


@pytest.mark.parametrize("body", [b"{}", b"{} "])
def test_a_length_that_turns_out_to_be_too_long(site, body):
    """Of a body that does not say beforehand how long it is."""
    with Client(site.gateway.host, site.gateway.port) as client:
        head = build("POST", INFER, "test", f"{HEADER}: 4", "transfer-encoding: chunked")
        refused = client.exchange(head + chunked(body), "POST")
        assert (refused.status, refused.cause) == (400, "bad_request")
        assert "longer than the body" in json.loads(refused.body)["error"]
    assert post(site, HTTP1, b"{}").is_good
    assert len(site["main"].requests) == 1


@pytest.mark.parametrize("tail", [b"", b"x" * 10])
def test_the_connection_goes_on_after_a_refusal(site, tail):
    """Whether the whole body has been read by then or a little of it is still to come."""
    body = b'{"inputs":[]}]'
    with Client(site.gateway.host, site.gateway.port) as client:
        refused = client.exchange(build("POST", INFER, "test", f"content-length: {len(body + tail)}") + body, "POST")
        assert (refused.status, refused.cause) == (400, "bad_request")
        assert "close" not in refused.tokens("connection")
        client.send(tail + build("GET", "/next"))
        assert client.response().get("served-by") == "main"


def test_a_refusal_in_the_middle_of_a_long_body(site):
    """The endpoint has begun to get it, and never gets its end."""
    body = b'{"inputs":[' + b"1," * 500_000 + b'1],"parameters":{},"parameters":{}}'
    assert post(site, HTTP1, body).is_refused(400, "bad_request")
    assert post(site, HTTP1, b"{}").is_good
    assert len(site["main"].the_request().body) < 100


def request(model: str = "m", **parameters) -> service_pb2.ModelInferRequest:
    made = service_pb2.ModelInferRequest(model_name=model, id="r1")
    made.parameters["sequence_id"].int64_param = 42
    for name, value in parameters.items():
        made.parameters[name].uint64_param = value
    made.raw_input_contents.append(bytes(100_000))
    return made


@pytest.mark.parametrize("host, model, version, priority, timeout", [
    ("test", "m", "", 1, 250_000), ("other.test", "renamed", "7", 3, 5_000_000)])
def test_messages(site, host, model, version, priority, timeout):
    """With the model that an entry puts into them as well."""
    asked = request(priority=9, timeout=9)
    assert site.ask(CALL, INFERENCE + "ModelInfer", body=asked.SerializeToString(), host=host).is_good
    got = service_pb2.ModelInferRequest.FromString(site["main"].the_request().message)
    assert (got.model_name, got.model_version) == (model, version)
    assert (got.parameters["priority"].int64_param, got.parameters["timeout"].int64_param) == (priority, timeout)
    assert got.parameters["sequence_id"].int64_param == 42 and len(got.parameters) == 3
    assert got.raw_input_contents == asked.raw_input_contents


def test_other_calls_and_compressed_messages(site):
    message = service_pb2.ModelReadyRequest(name="m").SerializeToString()
    assert site.ask(CALL, INFERENCE + "ModelReady", body=message).is_good
    assert site["main"].the_request().message == message
    with H2Client(site.gateway.host, site.gateway.port) as client:
        number = client.open(head(INFERENCE + "ModelInfer"), end=False)
        client.send(http2.data(number, framed(b"x", flag=1), end=True))
        fields = dict(client.answer(number).headers)
    assert fields["grpc-status"] == "12" and "uncompressed" in fields["grpc-message"]


@pytest.mark.parametrize("way", PLAIN, ids=str)
def test_users_have_priorities_of_their_own(site, way):
    for name, priority in (("ann", 1), ("bob", 2)):
        site["main"].clear()
        assert post(site, way, b"{}", BASIC[name], host="users.test").is_good
        # What the operator says nothing of stays the client's.
        assert json.loads(site["main"].the_request().body) == {"parameters": {"priority": priority}}


def test_of_whom_nothing_is_said(site):
    """His requests pass as they came, in whatever form."""
    packed = gzip.compress(b"{}")
    assert post(site, HTTP1, packed, BASIC["bob"], ("content-encoding", "gzip"), host="some.test").is_good
    assert site["main"].the_request().body == packed
    assert post(site, HTTP1, packed, BASIC["ann"], ("content-encoding", "gzip"), host="some.test").status == 501


@pytest.mark.parametrize("way", [HTTP1, HTTP2, CALL], ids=str)
def test_mirrors_get_what_the_client_has_sent(site, way):
    if way is CALL:
        body = request(priority=9).SerializeToString()
        assert site.ask(CALL, INFERENCE + "ModelInfer", body=body, host="other.test").is_good
    else:
        body = b'{"parameters":{"priority":9}}' + bytes(1000)
        assert post(site, way, body, (HEADER, "29"), host="other.test").is_good
        assert site["main"].the_request().path == "/v2/models/renamed/versions/7/infer"
        assert b'"priority":3' in site["main"].the_request().body
    copy = site["shadow"].wait_requests()[0]
    assert (copy.message if way is CALL else copy.body) == body
    if way is not CALL:
        assert copy.get(HEADER) == "29"


def test_each_try_says_the_same_but_for_the_time_that_is_left(site):
    """The first endpoint that is asked is busy."""
    bodies = []

    def busy_once(seen, connection):
        bodies.append(bytes(seen.body))
        status = "503 Service Unavailable" if len(bodies) == 1 else "200 OK"
        return answer(b'{"error":"busy"}', status)

    kept = {name: site[name].http.reply for name in ("main", "shadow")}
    for name in kept:
        site[name].http.reply = busy_once
    try:
        body = b'{"a":[1,2],"parameters":{"priority":5}}' + bytes(2000)
        reply = post(site, HTTP1, body, (HEADER, "39"), host="again.test")
        assert reply.status == 200
    finally:
        for name, reply in kept.items():
            site[name].http.reply = reply
    assert len(bodies) == 2
    read = [json.loads(one[:-2000]) for one in bodies]
    timeouts = [one["parameters"].pop("timeout") for one in read]
    assert read == [{"a": [1, 2], "parameters": {"priority": 1}}] * 2
    assert 50_000_000 >= timeouts[0] > timeouts[1] > 40_000_000
