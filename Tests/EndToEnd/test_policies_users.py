"""`basicAuth` with `allow` and `forwardUser`: who gets through, and who the endpoint is told it is."""

import base64

import pytest

from support.grpc_mock import framed
from support.http2 import H2Client, headers, request
from support.rawhttp import build
from support.ways import GRPC, HTTP1, HTTP2

ENDPOINTS = ("main", "shadow")
# The password of everybody is "test".
HASH = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="
CONFIG = f"""
backends:
  main: {{ endpoints: [<main>] }}
  shadow: {{ endpoints: [<shadow>] }}
routes:
  - name: few
    match: [{{ path: {{ prefix: /few }} }}]
    basicAuth: {{ realm: Few, users: {{ ann: "{HASH}", bob: "{HASH}", cyd: "{HASH}" }}, allow: [ann, cyd], forwardUser: X-User }}
    backends: [{{ name: main }}]
    mirrors: [{{ backend: shadow }}]
  - name: kept
    match: [{{ path: {{ prefix: /kept }} }}]
    basicAuth: {{ users: {{ ann: "{HASH}", "bob smith": "{HASH}" }}, forwardUser: x-remote-user, forwardAuthorization: true }}
    backends: [{{ name: main }}]
  - name: nameless
    match: [{{ path: {{ prefix: /nameless }} }}]
    basicAuth: {{ users: {{ ann: "{HASH}" }} }}
    backends: [{{ name: main }}]
  - {{ name: open, backends: [{{ name: main }}], mirrors: [{{ backend: shadow }}] }}
"""


def basic(user: str, password: str = "test") -> tuple:
    return "authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("user, password, status, cause", [
    ("ann", "test", 200, None),
    ("cyd", "test", 200, None),
    ("bob", "test", 403, "forbidden"),
    ("bob", "wrong", 401, "unauthorized"),
    ("ann", "wrong", 401, "unauthorized"),
    ("dan", "test", 401, "unauthorized"),
    ("Ann", "test", 401, "unauthorized"),
    ("", "test", 401, "unauthorized"),
])
def test_who_gets_through(site, way, user, password, status, cause):
    reply = site.ask(way, "/few/x", basic(user, password))
    if cause:
        assert reply.is_refused(status, cause), reply
        assert site.was_asked() == []
        # A password would not help whoever is not on the list: no browser should ask for another.
        assert bool(reply.all("www-authenticate")) == (status == 401)
    else:
        assert reply.is_good
        assert site["main"].the_request().all("x-user") == [user]


def test_a_wrong_password_says_nothing_about_the_list(site, plain):
    """Whoever guesses learns neither who is known nor who is allowed."""
    replies = [site.ask(plain, "/few/x", basic(user, "wrong")) for user in ("ann", "bob", "nobody")]
    assert {(reply.status, reply.body) for reply in replies} == {(401, replies[0].body)}


def test_the_endpoint_is_told_and_the_credentials_stay_here(site, way):
    assert site.ask(way, "/few/x", basic("ann")).is_good
    seen = site["main"].the_request()
    assert seen.all("x-user") == ["ann"] and not seen.all("authorization")
    site.clear()
    assert site.ask(way, "/kept/x", basic("bob smith")).is_good
    seen = site["main"].the_request()
    assert seen.all("x-remote-user") == ["bob smith"] and seen.all("authorization") == [basic("bob smith")[1]]
    site.clear()
    assert site.ask(way, "/nameless/x", basic("ann")).is_good
    assert not site["main"].the_request().all("authorization")


def test_mirrors_are_told_as_well(site, way):
    assert site.ask(way, "/few/x", basic("cyd")).is_good
    copy = site["shadow"].wait_requests()[0]
    assert copy.all("x-user") == ["cyd"] and not copy.all("authorization")


# Names that `forwardUser` has on any route; no route lets a client's own through.
# Those with `_` are the same names to servers that come from CGI.
@pytest.mark.parametrize("name", ["x-user", "X-User", "X-USER", "X_User", "x-remote-user", "X-Remote-User", "x_remote-USER"])
@pytest.mark.parametrize("path", ["/few/x", "/kept/x", "/nameless/x", "/open"])
def test_a_clients_own_word_for_it_never_arrives(site, way, name, path):
    """On every route: what arrives at the endpoint under this name is the gateway's word."""
    if way is not HTTP1:
        name = name.lower()
    fields = [(name, "root"), (name, "admin"), ("x-other", "kept")]
    credentials = [basic("ann")] if path != "/open" else []
    assert site.ask(way, path, *fields, *credentials).is_good
    told = {"/few/x": {"x-user": ["ann"]}, "/kept/x": {"x-remote-user": ["ann"]}}.get(path, {})
    seen = site["main"].the_request()
    for each in ("x-user", "x-remote-user"):
        assert seen.all(each) == told.get(each, []), path
    assert seen.all("x-other") == ["kept"]
    assert not {"root", "admin"} & {value for _, value in seen.fields}
    if path in ("/few/x", "/open"):
        copy = site["shadow"].wait_requests()[0]
        assert copy.all("x-user") == told.get("x-user", []) and not copy.all("x-remote-user")


def test_a_client_cannot_take_the_name_away(site):
    """`Connection` names fields that end here (RFC 9110 7.6.1): the client's, not the gateway's."""
    reply = site.ask(HTTP1, "/few/x", basic("ann"), ("Connection", "x-user, authorization, keep-alive"))
    assert reply.is_good and site["main"].the_request().all("x-user") == ["ann"]


def test_trailers_are_no_way_in(site):
    """A field behind the body is not a header, and must not become one."""
    with HTTP1.connect(site.gateway) as client:
        head = build("POST", "/open", "test", "Transfer-Encoding: chunked", "Trailer: x-user")
        client.client.send(head + b"2\r\n{}\r\n0\r\nX-User: root\r\n\r\n")
        assert client.client.response("POST").status == 200
    assert not site["main"].the_request().all("x-user")
    arrived = site["main"].http.received()
    assert b"{}" in arrived and b"root" not in arrived


@pytest.mark.parametrize("name", ["x-user", "x_remote_user"])
def test_trailers_of_a_stream_are_no_way_in(site, name):
    before = {each: len(site[each].grpc.streams) for each in ENDPOINTS}
    with H2Client(site.gateway.host, site.gateway.port) as client:
        stream = client.open(request("POST", "/open", *GRPC), end=False)
        client.upload(stream, framed(b"x"), end=False)
        client.send(headers(stream, [(name, "root"), ("x-checksum", "1")]))
        assert client.answer(stream).status == 200
    for each in ENDPOINTS:
        seen = site[each].grpc.wait_streams(before[each] + 1)[-1].wait_complete()
        assert seen.trailers == [("x-checksum", "1")], each


def test_a_connection_has_many_users(site):
    """Nothing of one request stays for the next on the same connection."""
    for way in (HTTP1, HTTP2):
        site.clear()
        with way.connect(site.gateway) as client:
            for user, good in (("ann", True), ("bob", False), ("cyd", True), (None, False), ("ann", True)):
                fields = [basic(user)] if user else []
                assert client.ask("/few/x", *fields).is_good == good
            assert client.ask("/open").is_good
        asked = [seen.get("x-user") for seen in site["main"].wait_requests(4)]
        assert asked == ["ann", "cyd", "ann", None]


def test_outcomes_are_counted(site, way):
    def count(**labels):
        return site.gateway.metrics().sum("sluice_requests_total", route="few", **labels)

    before = count(code="403", cause="forbidden")
    site.ask(way, "/few/x", basic("bob"))
    site.gateway.wait_metric("sluice_requests_total", before + 1, route="few", code="403", cause="forbidden")
