"""What a line says beyond the usual: model, calls, tries, and how each copy ended, which may be after the answer."""

import itertools
import json
import re
import threading

import pytest

from support import http2
from support.gateway import wait_until
from support.grpc_mock import INFERENCE, framed
from support.http2 import H2Client
from support.mock_upstream import refused_port
from support.rawhttp import answer, build, get, post
from support.triton_messages import field
from support.ways import CALL, HTTP1, serving

ENDPOINTS = ("main", "one", "two", "busy")
DEAD = refused_port()
MANY = [f"mirror-{'x' * 60}-{index}" for index in range(24)]
CONFIG = """
loops: 2
accessLog: { path: access.log, format: json }
backends:
  main: { endpoints: [<main>] }
  one: { endpoints: [<one>] }
  two: { endpoints: [<two>] }
  busy: { endpoints: [<busy>, <main>], balance: roundRobin }
  dead: { endpoints: ["127.0.0.1:DEAD"], triton: { grpcPort: DEAD } }
MANY_BACKENDS
routes:
  - name: mirrored
    match: [{ path: { prefix: /mirrored } }]
    backends: [{ name: main, as: stable }]
    mirrors: [{ backend: one, maxInFlight: 1, timeout: 10s }, { backend: dead }, { backend: two, timeout: 10s }]
  - name: timed
    match: [{ path: { prefix: /timed } }]
    backends: [{ name: main, as: stable }]
    mirrors: [{ backend: one, maxInFlight: 1, timeout: 10s }, { backend: dead }, { backend: two, timeout: 300ms }]
  - name: single
    match: [{ path: { prefix: /single } }]
    backends: [{ name: main }]
    mirrors: [{ backend: one, timeout: 10s }]
  - name: many
    match: [{ path: { prefix: /many } }]
    backends: [{ name: main }]
    mirrors: [MANY_MIRRORS]
  - name: tried
    match: [{ path: { prefix: /tried } }]
    backends: [{ name: busy }]
    retries: { attempts: 2, on: ["503"], budgetPercent: 100 }
  - { name: fixed, match: [{ path: { prefix: /fixed } }], respond: { status: 200, body: fixed } }
  - { name: special, match: [{ model: special }], backends: [{ name: main, as: special, model: other, version: "9" }] }
  - { name: rest, backends: [{ name: main }] }
""".replace("DEAD", str(DEAD.getsockname()[1])).replace(
    "MANY_BACKENDS", "\n".join(f"  {name}: {{ endpoints: ['127.0.0.1:1'] }}" for name in MANY)
).replace("MANY_MIRRORS", ", ".join(f"{{ backend: {name} }}" for name in MANY))
# A line of Loki's is 256 KiB at most (its `max_line_size`).
LINE_LIMIT = 256 * 1024


@pytest.fixture(scope="module")
def _site(tmp_path_factory):
    with serving(CONFIG, tmp_path_factory.mktemp("gateway"), *ENDPOINTS) as site:
        busy = site["busy"]
        busy.http.reply = lambda asked, connection: busy._reply(asked, connection) and answer(
            b"{}", "503 Service Unavailable")
        yield site


class Log:
    """The lines since it was made."""

    def __init__(self, site):
        self.path = site.gateway.workdir / "access.log"
        self.begin = self.path.stat().st_size if self.path.exists() else 0

    def lines(self) -> list[str]:
        text = self.path.read_bytes()[self.begin:].decode() if self.path.exists() else ""
        # What is behind the last newline is still being written.
        return text.split("\n")[:-1]

    def records(self, count: int) -> list[dict]:
        lines = wait_until(lambda: len(found := self.lines()) >= count and found, 10, f"{count} lines")
        assert len(lines) == count
        return [json.loads(line) for line in lines]

    def record(self) -> dict:
        return self.records(1)[0]


@pytest.fixture
def log(site):
    return Log(site)


def outcomes(record: dict) -> list:
    return [(mirror["backend"], mirror["outcome"]) for mirror in record["mirrors"]]


# --- models


def test_the_model_of_a_path(site, log, plain):
    asked = {
        "/v2/models/densenet/infer": ("densenet", None),
        "/v2/models/densenet/versions/12/infer": ("densenet", "12"),
        "/v2/models/densenet": ("densenet", None),
        "/v2/models/d%65nse/ready?x=1": ("dense", None),
        "/v2/models/caf%C3%A9/infer": ("caf\u00e9", None),
        "/v2/health/ready": (None, None),
        "/v2/models": (None, None),
        "/v2": (None, None),
        "/v3/models/densenet/infer": (None, None),
        "/": (None, None),
    }
    for path in asked:
        assert site.ask(plain, path).is_good
    found = {record["path"]: (record.get("model"), record.get("version")) for record in log.records(len(asked))}
    assert found == asked


def test_the_model_of_a_path_that_is_refused(site, log, plain):
    """Also one that could not be read to its end, or has an escape that nobody may use."""
    asked = {"/v2/models/caf%C3%A9/x%zz": "caf\u00e9", "/v2/models/a%20b%2Fc/infer": "a b/c"}
    for path in asked:
        assert site.ask(plain, path).status == 400
    assert {record["path"]: record["model"] for record in log.records(len(asked))} == asked


CALLS = ["ModelInfer", "ModelStreamInfer", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"]


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("version", [None, "3"])
def test_the_model_of_a_call(site, log, method, version):
    message = field(1, b"resnet") + (field(2, version.encode()) if version else b"")
    assert site.ask(CALL, INFERENCE + method, body=message).is_good
    record = log.record()
    assert (record["model"], record.get("version"), record["grpcStatus"]) == ("resnet", version, 0)


def test_a_call_for_no_model(site, log):
    for method, message in (("ServerLive", b""), ("RepositoryModelLoad", field(1, b"repository") + field(2, b"m"))):
        assert site.ask(CALL, INFERENCE + method, body=message).is_good
    models = {record["path"].rpartition("/")[2]: record.get("model") for record in log.records(2)}
    assert models["ServerLive"] is None and models["RepositoryModelLoad"] in (None, "m")


def test_the_model_a_client_asked_for_is_said_where_it_gets_another(site, log, way):
    path = INFERENCE + "ModelInfer" if way is CALL else "/v2/models/special/versions/1/infer"
    assert site.ask(way, path, body=field(1, b"special") + field(2, b"1")).is_good
    record = log.record()
    assert (record["route"], record["model"], record["version"]) == ("special", "special", "1")


def test_a_model_of_one_request_is_not_that_of_the_next(site, log):
    with CALL.connect(site.gateway) as client:
        for path, body in ((INFERENCE + "ModelInfer", field(1, b"first") + field(2, b"1")), ("/x.Y/Z", b"")):
            assert client.ask(path, body=body).is_good
    with HTTP1.connect(site.gateway) as client:
        for path in ("/v2/models/second/versions/2/infer", "/plain"):
            assert client.ask(path).is_good
    found = {record["path"]: record for record in log.records(4)}
    for path in ("/x.Y/Z", "/plain"):
        assert not {"model", "version"} & set(found[path])


HOSTILE = ['"', "a\\b", "x\u2028y\u2029z", "<img src=x onerror=alert(1)>", "\U0001F600", "a b", "%0a", "{\"time\":1}",
           "m" * 5000]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_models(site, log, name):
    site.ask(CALL, INFERENCE + "ModelInfer", body=field(1, name.encode()) + field(2, name.encode()))
    (line,) = wait_until(log.lines, 10, "a line")
    model = json.loads(line).get("model")
    # Nobody reads a name of that length.
    assert model == name or len(name) > 4096 and model is None, line
    assert not re.search("[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]", line)


def test_model_names_that_are_none(site, log):
    for name in (b"\xff\xfe", b"a\nb", b"\x1b[31m", b"\xed\xa0\x80"):
        site.ask(CALL, INFERENCE + "ModelInfer", body=field(1, name))
    for record in log.records(4):
        assert "\n" not in record.get("model", "") and "\x1b" not in record.get("model", "")


# --- calls and tries


def test_how_a_call_ended(site, log):
    serve = site["main"].grpc.serve
    try:
        site["main"].grpc.serve = lambda stream: stream.wait_complete().head(
            ("content-type", "application/grpc"), ("grpc-status", "13"), end=True)
        assert site.ask(CALL, "/x.Y/Z").grpc_status == 13
    finally:
        site["main"].grpc.serve = serve
    record = log.record()
    assert (record["status"], record["grpcStatus"], record.get("cause")) == (200, 13, None)


def test_only_calls_have_a_grpc_status(site, log, plain):
    assert site.ask(plain, "/x").is_good
    assert "grpcStatus" not in log.record()


def test_tries(site, log):
    with HTTP1.connect(site.gateway) as client:
        for _ in range(4):
            assert client.ask("/tried", method="GET").is_good
        assert client.ask("/rest").is_good and client.ask("/fixed").is_good
    found = log.records(6)
    assert {record["tries"] for record in found[:4]} <= {1, 2} and 2 in {record["tries"] for record in found[:4]}
    assert found[4]["tries"] == 1 and found[5].get("tries", 0) == 0
    assert len({record["endpoint"] for record in found[:4]}) == 1, "of the last try"


def test_the_trace_of_a_line_is_that_of_the_endpoint(site, log, way):
    assert site.ask(way, "/x").is_good
    assert log.record()["traceId"] == site["main"].the_request().get("traceparent")[3:35]


# --- mirrors


def test_each_copy_has_its_outcome(site, log, way):
    assert site.ask(way, "/mirrored").is_good
    record = log.record()
    assert outcomes(record) == [("one", "ok"), ("dead", "error"), ("two", "ok")]
    assert record["backend"] == "stable" and record["status"] == 200


def test_without_mirrors_there_are_none(site, log):
    assert site.ask(HTTP1, "/x").is_good
    assert not log.record().get("mirrors")


def test_a_line_waits_for_its_last_copy(site, log):
    """It tells the real outcome, and the duration of the client's own exchange."""
    release = threading.Event()
    reply = site["one"].http.reply
    site["one"].http.reply = lambda asked, connection: release.wait(20) and answer(b"", "500 Internal")
    try:
        assert site.ask(HTTP1, "/single/held").is_good
        # Those that came later and have no copy are not held up.
        for index in range(3):
            assert site.ask(HTTP1, f"/x/{index}").is_good
        assert {record["path"] for record in log.records(3)} == {"/x/0", "/x/1", "/x/2"}
    finally:
        release.set()
        site["one"].http.reply = reply
    record = next(record for record in log.records(4) if record["path"] == "/single/held")
    assert outcomes(record) == [("one", "error")] and record["status"] == 200 and not record.get("cause")
    assert record["requestId"] == site["main"].wait_requests()[0].get("x-request-id")


def test_timeouts_and_drops_of_copies(site, log):
    release = threading.Event()
    replies = site["one"].http.reply, site["two"].http.reply
    site["one"].http.reply = lambda asked, connection: release.wait(20) and answer(b"")
    site["two"].http.reply = lambda asked, connection: release.wait(20) and None
    try:
        assert site.ask(HTTP1, "/timed/1").is_good
        assert site.ask(HTTP1, "/timed/2").is_good
        second = log.record()
        assert second["path"] == "/timed/2"
        assert outcomes(second) == [("one", "dropped"), ("dead", "error"), ("two", "timeout")]
    finally:
        release.set()
        site["one"].http.reply, site["two"].http.reply = replies
    assert outcomes(log.records(2)[1]) == [("one", "ok"), ("dead", "error"), ("two", "timeout")]


def test_a_client_that_leaves_cancels_its_copies(site, log):
    with HTTP1.connect(site.gateway) as conversation:
        conversation.client.send(build("POST", "/single/left", "x", "Content-Length: 100") + b"x" * 10)
        wait_until(lambda: b"/single/left" in site["one"].http.received(), 10, "the copy has begun")
        conversation.client.reset()
    record = log.record()
    assert (record["status"], record["cause"]) == (499, "client_closed") and outcomes(record) == [("one", "canceled")]


def test_many_mirrors_with_long_names(site, log):
    """The line has room for all of them, whatever else is in it."""
    agent = ("user-agent", "\xff" * 4096)
    assert site.ask(HTTP1, "/many", agent, ("x-request-id", "i" * 128)).is_good
    record = log.record()
    assert outcomes(record) == [(name, "error") for name in MANY]


def test_a_copy_does_not_keep_what_its_exchange_was(site, log):
    """An exchange's memory is used again while its line waits for a copy."""
    release = threading.Event()
    reply = site["one"].http.reply
    site["one"].http.reply = lambda asked, connection: release.wait(20) and answer(b"")
    try:
        with HTTP1.connect(site.gateway) as client:
            for index in range(5):
                fields = (("user-agent", f"agent {index}"), ("x-request-id", f"id-{index}"))
                assert client.ask(f"/single/{index}", *fields, host=f"host-{index}").is_good
            for index in range(20):
                assert client.ask("/x" * 200, ("user-agent", "z" * 1000), host="other").is_good
    finally:
        release.set()
        site["one"].http.reply = reply
    held = [record for record in log.records(25) if record["route"] == "single"]
    assert sorted((record["path"], record["userAgent"], record["requestId"], record["host"]) for record in held) == [
        (f"/single/{index}", f"agent {index}", f"id-{index}", f"host-{index}") for index in range(5)]


# --- the form

ORDER = ["time", "client", "method", "path", "protocol", "host", "route", "backend", "endpoint", "model", "version",
         "status", "cause", "grpcStatus", "requestId", "traceId", "user", "clientSubject", "userAgent"]


def test_the_form_is_what_loki_takes(site, log, way):
    """One object a line, keys always in one order, beginning with an RFC 3339 time."""
    for path in ("/mirrored", "/v2/models/a/versions/1/infer", "/fixed", "/x"):
        site.ask(way, path)
    orders = []
    log.records(4)
    for line in log.lines():
        pairs = json.loads(line, object_pairs_hook=list)
        keys = [key for key, _ in pairs]
        assert len(set(keys)) == len(keys) and keys[0] == "time"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", pairs[0][1])
        assert not any(value in ("", None) for _, value in pairs), "what does not apply is left out"
        orders.append(keys)
    for first, second in itertools.combinations(orders, 2):
        assert [key for key in first if key in second] == [key for key in second if key in first]


def test_no_line_is_longer_than_loki_takes(site, log):
    """Whatever a client sends."""
    worst = "\x80" * 5000
    fields = [(name, worst) for name in ("User-Agent", "X-Request-Id", "traceparent")]
    assert site.ask(HTTP1, "/v2/models/" + "m" * 5000 + "/versions/" + "v" * 5000, *fields, host="h" * 255).status
    site.ask(CALL, INFERENCE + "ModelInfer", ("user-agent", worst),
             body=field(1, "\u2028".encode() * 20000) + field(2, b"\xc2\xa0" * 20000))
    assert all(len(line.encode()) <= LINE_LIMIT for line in wait_until(lambda: len(log.lines()) >= 2 and log.lines()))


def test_requests_that_are_none_have_lines(site, log):
    for data in (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n", build("GET", "/v2/../x")):
        with HTTP1.connect(site.gateway) as conversation:
            conversation.client.send(data)
            conversation.client.rest()
    for line in wait_until(log.lines, 10, "lines"):
        json.loads(line)
