"""`fanOut` with endpoints that a test plays: what arrives, what comes back, and what endpoints may do to it."""

import base64
import json
import threading
import time
from contextlib import ExitStack
from urllib.parse import quote

import pytest

from support.gateway import wait_until
from support.grpc_mock import INFERENCE
from support.rawhttp import Client, Response, answer, build, chunked
from support.ways import CALL, HTTP1, HTTP2, PLAIN, serving

NAMES = ("one", "two")
CONFIG = """
loops: 1
accessLog: { path: <log>, format: json }
backends:
  pair: { endpoints: [<one>, <two>], timeouts: { connect: 5s } }
  single: { endpoints: [<one>] }
  web: { server: generic, endpoints: [<plain>] }
routes:
  - name: users
    hosts: [users.test]
    fanOut: true
    basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" }, forwardUser: x-user }
    rewrite: { prefix: /v2 }
    match: [{ path: { prefix: /control } }]
    requestHeaders: { set: { x-by: "%{user} %{backend}" }, remove: [x-secret] }
    responseHeaders: { set: { x-from: gateway } }
    backends: [{ name: pair }]
  - { name: short, hosts: [short.test], fanOut: true, timeout: 1500ms, maxBodySize: 100, backends: [{ name: pair }] }
  - { name: nogrpc, hosts: [web.test], fanOut: true, backends: [{ name: web }] }
  - { name: idle, hosts: [idle.test], fanOut: true, idleTimeout: 300ms, backends: [{ name: pair }] }
  - name: several
    hosts: [several.test]
    fanOut: true
    backends: [{ name: single, weight: 1 }, { name: pair, weight: 1 }, { name: web, weight: 0 }]
  - { name: all, fanOut: true, backends: [{ name: pair, as: shown }] }
"""
BASIC = ("authorization", "Basic " + base64.b64encode(b"ann:test").decode())


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    directory = tmp_path_factory.mktemp("gateway")
    text = CONFIG.replace("<log>", str(directory / "access.log")).replace("<plain>", "127.0.0.1:9")
    with serving(text, directory, *NAMES) as site:
        site.log = directory / "access.log"
        yield site


@pytest.fixture
def site(running):
    running.clear()
    for name in NAMES:
        running[name].http.clear()
        running[name].http.reply = running[name]._reply
    yield running
    for name in NAMES:
        running[name].http.released.set()


def line(site, path: str) -> dict:
    """What the log says of the only request for the path."""
    def found() -> list:
        return [json.loads(each) for each in site.log.read_text().splitlines() if f'"{path}"' in each]

    wait_until(lambda: site.log.exists() and found(), 20, "a line in the log")
    assert len(found()) == 1
    return found()[0]


def says(site, name: str, body: bytes, status: str = "200 OK", *fields: str) -> None:
    site[name].http.reply = lambda *_: answer(body, status, *fields)


@pytest.mark.parametrize("way", PLAIN, ids=str)
def test_each_endpoint_gets_the_request_as_the_route_makes_it(site, way):
    for name in NAMES:
        kept = site[name]._reply
        site[name].http.reply = lambda request, connection, kept=kept: (kept(request, connection), answer(b"same"))[1]
    reply = site.ask(way, "/control/repository/models/m/load?x=1", BASIC, ("x-secret", "1"), ("x-user", "root"),
                     ("accept-encoding", "gzip"), ("x-request-id", "abc"), host="users.test", body=b'{"a":1}')
    assert (reply.status, reply.body) == (200, b"same")
    assert reply.get("x-from") == "gateway" and reply.cause is None
    for name in NAMES:
        seen = site[name].the_request()
        assert (seen.method, seen.path, seen.host) == ("POST", "/v2/repository/models/m/load?x=1", "users.test")
        assert seen.body == b'{"a":1}' and seen.get("content-length") == "7"
        assert seen.get("x-by") == "ann pair" and seen.get("x-user") == "ann" and seen.get("x-request-id") == "abc"
        assert seen.get("x-forwarded-for") == "127.0.0.1" and seen.get("traceparent") and "sluice" in seen.get("via")
        for gone in ("authorization", "x-secret", "accept-encoding", "transfer-encoding", "expect"):
            assert seen.get(gone) is None, gone


@pytest.mark.parametrize("way", PLAIN, ids=str)
def test_the_route_still_says_who_may(site, way):
    assert site.ask(way, "/control/repository/index", host="users.test").is_refused(401, "unauthorized")
    assert site.was_asked() == []


def test_what_is_counted_and_logged(site):
    for name in NAMES:
        says(site, name, b"same")
    assert site.ask(HTTP1, "/v2/logging?counted").status == 200
    said = line(site, "/v2/logging?counted")
    assert (said["status"], said["backend"], said["tries"]) == (200, "shown", 2)
    assert site.gateway.metrics().sum("sluice_requests_total", route="all", backend="shown", code="200") >= 1
    assert site.gateway.metrics().sum("sluice_requests_in_flight") == 0


@pytest.mark.parametrize("way", PLAIN, ids=str)
def test_lists_become_one_and_others_stand_side_by_side(site, way):
    says(site, "one", b'[{"name":"a"}]')
    says(site, "two", b'[{"name":"b"},{"name":"a"}]')
    assert json.loads(site.ask(way, "/v2/repository/index").body) == [{"name": "a"}, {"name": "b"}]
    says(site, "two", b'{"x":1}')
    said = json.loads(site.ask(way, "/v2/repository/index").body)["endpoints"]
    assert [one["answer"] for one in said] == [[{"name": "a"}], {"x": 1}]


@pytest.mark.parametrize("way", PLAIN, ids=str)
def test_errors_are_the_endpoints_own(site, way):
    says(site, "one", b"")
    says(site, "two", b'{"error":"no \\"m\\""}', "404 Not Found")
    reply = site.ask(way, "/v2/repository/models/m/load")
    assert (reply.status, reply.cause, reply.get("content-type")) == (404, None, "application/json")
    said = json.loads(reply.body)
    assert said["error"] == f'1 of 2 endpoints: {site["two"].http.address}: no "m"'
    assert [one["status"] for one in said["endpoints"]] == [200, 404]


@pytest.mark.parametrize("body, status, words", [
    (b"x" * (5 << 20), "200 OK", "more than 4194304 bytes"),
    (b"\xff\xfe{{{{[[[[" * 1000, "500 Internal Server Error", "status 500"),
    (b'{"error":' + b"[" * 100_000, "400 Bad Request", "status 400"),
    (b'{"error":"' + b"y" * 1_000_000 + b'"}', "400 Bad Request", "yyy"),
])
def test_hostile_answers(site, body, status, words):
    says(site, "one", b"")
    says(site, "two", body, status)
    reply = site.ask(HTTP1, "/v2/logging")
    said = json.loads(reply.body)
    assert reply.status >= 400 and words in said["error"] and len(said["error"]) < 1000
    site.gateway.check_alive()


def test_one_that_hangs(site):
    """It has the time that the route gives."""
    says(site, "one", b"")
    site["two"].http.serve = lambda connection: site["two"].http.released.wait(20) and False
    start = time.monotonic()
    reply = site.ask(HTTP1, "/v2/logging", host="short.test", body=b"{}")
    assert reply.is_refused(504, "exchange_timeout") and time.monotonic() - start < 15
    said = json.loads(reply.body)
    assert f'1 of 2 endpoints: {site["two"].http.address}: did not answer within 1.5 s' == said["error"]


def test_one_that_ends_the_connection(site):
    says(site, "one", b"")
    site["two"].http.serve = lambda connection: False
    reply = site.ask(HTTP1, "/v2/logging")
    assert reply.is_refused(502, "upstream_reset"), reply


def test_each_endpoint_of_all_entries_is_asked_once(site):
    """What two backends have is asked for the first; an entry without weight gets none, and would not answer."""
    for name in NAMES:
        kept = site[name]._reply
        site[name].http.reply = lambda request, connection, kept=kept: (kept(request, connection), answer(b"same"))[1]
    reply = site.ask(HTTP1, "/v2/logging", host="several.test")
    assert (reply.status, reply.body) == (200, b"same")
    for name in NAMES:
        site[name].the_request()


def test_so_many_at_once_and_no_more(site):
    """32 are under way; the next is refused at once, and those that have ended make room."""
    released = threading.Event()

    def slow(request, connection):
        site["two"]._reply(request, connection)
        assert released.wait(20)
        return answer(b"")

    says(site, "one", b"")
    site["two"].http.reply = slow
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(site.gateway.host, site.gateway.port)) for _ in range(32)]
        try:
            for client in clients:
                client.send(build("POST", "/v2/logging", "test", "content-length: 2") + b"{}")
            site["two"].wait_requests(32)
            assert site.ask(HTTP1, "/v2/logging").is_refused(503, "overloaded")
        finally:
            released.set()
        assert {client.response("POST").status for client in clients} == {200}
    assert site.ask(HTTP1, "/v2/logging").status == 200


@pytest.mark.parametrize("way", [HTTP1, HTTP2], ids=str)
def test_bodies_are_bounded(site, way):
    assert site.ask(way, "/v2/logging", host="short.test", body=b"x" * 101).is_refused(413, "body_too_large")
    if way is HTTP1:
        assert site.ask(way, "/v2/logging", body=b"x" * ((1 << 20) + 1)).is_refused(413, "body_too_large")
    assert site.was_asked() == []
    for name in NAMES:
        says(site, name, b"same")
    assert site.ask(way, "/v2/logging", body=b"x" * (1 << 20)).status == 200


def test_who_asks_before_sending_is_told_to(site):
    """There is no endpoint yet that could say so."""
    for name in NAMES:
        says(site, name, b"same")
    with Client(site.gateway.host, site.gateway.port) as client:
        client.send(build("POST", "/v2/logging", "test", "expect: 100-continue", "content-length: 2"))
        assert client.reader.head(Response).status == 100
        assert client.exchange(b"{}", "POST").status == 200
    with Client(site.gateway.host, site.gateway.port) as client:
        # What is too long is not asked for.
        client.send(build("POST", "/v2/logging", "short.test", "expect: 100-continue", "content-length: 101"))
        refused = client.response("POST")
        assert refused.status == 413 and not refused.interim


def test_an_answer_to_head_tells_no_length(site):
    """Endpoints do not send the bodies that the one for GET would be made of."""
    with Client(site.gateway.host, site.gateway.port) as client:
        for _ in range(2):
            reply = client.exchange(build("HEAD", "/v2/repository/index", "test"), "HEAD")
            assert reply.status == 200 and not reply.has("content-length") and not reply.has("transfer-encoding")


def test_types_that_are_no_values_of_a_header(site):
    for name in NAMES:
        says(site, name, b"same", "200 OK", "Content-Type: a\rSet-Cookie: x")
    reply = site.ask(HTTP1, "/v2/logging")
    assert (reply.status, reply.body, reply.get("content-type")) == (200, b"same", None)


def test_a_body_that_is_announced_too_large_is_not_waited_for(site):
    with Client(site.gateway.host, site.gateway.port) as client:
        client.send(build("POST", "/v2/logging", "test", f"content-length: {(1 << 20) + 1}"))
        assert client.response("POST").status == 413
    assert site.was_asked() == []


@pytest.mark.parametrize("host, size", [("short.test", 60), ("test", 600 << 10)])
def test_bodies_of_unknown_length_are_bounded(site, host, size):
    with Client(site.gateway.host, site.gateway.port) as client:
        head = build("POST", "/v2/logging", host, "transfer-encoding: chunked")
        client.send_all_it_takes(head + chunked(b"x" * size, b"x" * size))
        assert client.response("POST").status == 413
    assert site.was_asked() == []


def test_a_client_that_does_not_go_on(site):
    with Client(site.gateway.host, site.gateway.port) as client:
        client.send(build("POST", "/v2/logging", "idle.test", "content-length: 10") + b"12345")
        assert client.response("POST").status == 504
    assert site.was_asked() == []


def test_who_leaves_stops_nothing(site):
    """The calls go on; the answer is nobody's."""
    waiting, ended = threading.Event(), threading.Event()

    def slow(request, connection):
        waiting.set()
        assert site["two"].http.released.wait(20)
        ended.set()
        return answer(b"late")

    says(site, "one", b"")
    site["two"].http.reply = slow
    with Client(site.gateway.host, site.gateway.port) as client:
        client.send(build("POST", "/v2/logging?left", "test", "content-length: 2") + b"{}")
        assert waiting.wait(20)
    assert line(site, "/v2/logging?left")["cause"] == "client_closed"
    site["two"].http.released.set()
    assert ended.wait(20)
    site.gateway.check_alive()
    says(site, "two", b"")
    assert site.ask(HTTP1, "/v2/logging").status == 200


# --- calls


def test_calls_go_to_the_port_for_grpc(site):
    reply = site.ask(CALL, INFERENCE + "RepositoryModelLoad", body=b"\x12\x01m")
    # Each says its own name, and messages that differ are no answer.
    assert reply.grpc_status == 9 and reply.cause is None
    for name in NAMES:
        seen = site[name].the_request()
        assert seen.is_grpc and seen.message == b"\x12\x01m" and seen.path == INFERENCE + "RepositoryModelLoad"
        assert seen.get("content-type") == "application/grpc" and seen.get("te") == "trailers"


def test_calls_to_those_that_speak_no_grpc(site):
    reply = site.ask(CALL, INFERENCE + "RepositoryModelLoad", host="web.test")
    assert reply.grpc_status == 14 and "speaks no gRPC" in dict(reply.fields)["grpc-message"]


def test_a_call_has_the_time_that_its_client_gives_it(site):
    """Which is far less than the route's ten minutes."""
    two = site["two"]
    serve, two.grpc.serve = two.grpc.serve, lambda stream: two.http.released.wait(20)
    try:
        reply = site.ask(CALL, INFERENCE + "RepositoryModelLoad", ("grpc-timeout", "700m"))
        assert reply.grpc_status == 4 and reply.cause == "exchange_timeout"
    finally:
        two.http.released.set()
        two.grpc.serve = serve


def test_drained_endpoints_are_left_out(site):
    """And with none left there is nobody to ask."""
    def drain(name: str, method: str) -> None:
        path = f"/api/v1/drain?backend=pair&endpoint={quote(site[name].http.address)}"
        status, _, text = site.gateway.admin(path, method, b"" if method == "POST" else None)
        assert status == 200, text

    for name in NAMES:
        says(site, name, name.encode())
    try:
        drain("one", "POST")
        assert site.ask(HTTP1, "/v2/logging").body == b"two"
        drain("two", "POST")
        assert site.ask(HTTP1, "/v2/logging").is_refused(503, "no_endpoint")
    finally:
        for name in NAMES:
            drain(name, "DELETE")
