"""`requestHeaders` and `responseHeaders`, on routes, entries and mirrors, and the variables in their values."""

import base64

import pytest

from support.mock_upstream import refused_port
from support.ways import GRPC, HTTP1

DEAD = refused_port()
HASH = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="
ENDPOINTS = ("stable", "canary", "shadow", "second")
ALL = "%{client.address}|%{request.id}|%{user}|%{route}|%{backend}"
CONFIG = """
backends:
  stable: { endpoints: [<stable>] }
  canary: { endpoints: [<canary>] }
  shadow: { endpoints: [<shadow>] }
  second: { endpoints: [<second>] }
  dead: { endpoints: ["127.0.0.1:DEAD"], triton: { grpcPort: DEAD } }
routes:
  - name: whole
    match: [{ path: { prefix: /whole } }]
    requestHeaders:
      set: { X-Set: new, x-all: "ALL" }
      add: { X-Add: added, x-late: by the route }
      remove: [X-Remove, x-absent, user-agent]
    responseHeaders:
      set: { X-Set: new, x-all: "ALL" }
      add: { X-Add: added }
      remove: [X-Remove, server]
    backends: [{ name: stable }]
  - name: entries
    match: [{ path: { prefix: /entries } }]
    requestHeaders: { set: { x-route: route, x-both: route }, add: { x-list: route } }
    responseHeaders: { set: { x-both: route }, add: { x-list: route } }
    backends:
      - name: stable
        as: old
        weight: 50
        requestHeaders: { set: { x-both: "entry of %{backend}" }, add: { x-list: entry }, remove: [x-route] }
        responseHeaders: { set: { x-from: "%{backend}" } }
      - name: canary
        as: new
        weight: 50
        requestHeaders: { set: { x-canary: "yes for %{backend}" } }
        responseHeaders: { set: { x-from: "%{backend}" } }
  - name: copied
    match: [{ path: { prefix: /copied } }]
    requestHeaders: { set: { x-route: "%{route}", x-goes: "%{backend}" } }
    backends: [{ name: stable, requestHeaders: { set: { x-entry: "%{backend}" } } }]
    mirrors:
      - { backend: shadow, requestHeaders: { set: { x-copy: "one of %{request.id}" }, remove: [authorization, x-secret] } }
      - { backend: second, requestHeaders: { add: { x-copy: two }, set: { x-route: changed } } }
  - name: named
    match: [{ path: { prefix: /named } }]
    basicAuth: { users: { ann: "HASH", "bob smith": "HASH" } }
    requestHeaders: { set: { x-who: "for %{user}", x-percent: "100%, %%{user} and 5%%" } }
    responseHeaders: { set: { x-who: "for %{user}" } }
    backends: [{ name: stable }]
  - name: moved
    match: [{ path: { prefix: /moved } }]
    redirect: { host: new.test }
    responseHeaders: { set: { x-all: "ALL", cache-control: no-store } }
  - name: fixed
    match: [{ path: { prefix: /fixed } }]
    respond: { status: 200, headers: { x-fixed: "1", x-gone: "1" }, body: fixed }
    responseHeaders: { set: { x-all: "ALL" }, remove: [x-gone] }
  - name: dead
    match: [{ path: { prefix: /dead } }]
    responseHeaders: { set: { x-all: "ALL" } }
    backends: [{ name: dead, responseHeaders: { set: { x-entry: only answers of its endpoints } } }]
  - name: denied
    match: [{ path: { prefix: /denied } }]
    denyFrom: [127.0.0.0/8]
    responseHeaders: { set: { x-all: "ALL" } }
    backends: [{ name: stable }]
  - { name: rest, backends: [{ name: stable }] }
""".replace("ALL", ALL).replace("DEAD", str(DEAD.getsockname()[1])).replace("HASH", HASH)
ID = ("x-request-id", "id-1234")


def basic(user: str) -> tuple:
    return "authorization", "Basic " + base64.b64encode(f"{user}:test".encode()).decode()


def test_requests(site, way):
    reply = site.ask(way, "/whole/x", ID, ("x-set", "old"), ("x-set", "older"), ("x-add", "first"),
                     ("x-remove", "1"), ("x-remove", "2"), ("user-agent", "secret"), ("x-kept", "kept"))
    assert reply.is_good
    seen = site["stable"].the_request()
    assert seen.all("x-set") == ["new"]
    assert [item.strip() for value in seen.all("x-add") for item in value.split(",")] == ["first", "added"]
    assert not seen.all("x-remove") and not seen.all("user-agent")
    assert seen.all("x-kept") == ["kept"] and seen.all("x-late") == ["by the route"]
    assert seen.get("x-all") == "127.0.0.1|id-1234||whole|stable"


def test_answers(site, way):
    site["stable"].fields = [("x-set", "old"), ("x-set", "older"), ("x-add", "first"), ("x-remove", "1"),
                             ("server", "secret"), ("x-kept", "kept")]
    reply = site.ask(way, "/whole/x", ID)
    assert reply.is_good
    assert reply.all("x-set") == ["new"]
    assert [item.strip() for value in reply.all("x-add") for item in value.split(",")] == ["first", "added"]
    assert not reply.all("x-remove") and not reply.all("server")
    assert reply.all("x-kept") == ["kept"]
    assert reply.get("x-all") == "127.0.0.1|id-1234||whole|stable"


def test_names_are_written_as_in_the_file(site):
    """Case says nothing to HTTP, and something to those who look."""
    assert site.ask(HTTP1, "/whole/x").is_good
    raw = site["stable"].http.wait_requests(1)[-1].raw_head
    assert b"\r\nX-Set: new\r\n" in raw and b"\r\nX-Add: added\r\n" in raw


def test_the_address_is_the_clients(site, way):
    for source in ("127.0.0.1", "127.0.0.9"):
        reply = site.ask(way, "/whole/x", ID, connection={"source": source})
        assert reply.get("x-all") == f"{source}|id-1234||whole|stable"


def test_an_identifier_is_made_where_there_is_none(site, way):
    reply = site.ask(way, "/whole/x")
    seen = site["stable"].the_request()
    made = seen.get("x-request-id")
    assert made and seen.get("x-all").split("|")[1] == made == reply.get("x-all").split("|")[1]


def test_entries(site, way):
    found = set()
    with way.connect(site.gateway) as client:
        for _ in range(4):
            site.clear()
            reply = client.ask("/entries/x")
            assert reply.is_good and reply.get("x-both") == "route" and reply.get("x-list") == "route"
            name = reply.get("x-from")
            found.add(name)
            if name == "old":
                seen = site["stable"].the_request()
                # The entry's come after the route's.
                assert seen.get("x-both") == "entry of old" and not seen.all("x-route")
                listed = [item.strip() for value in seen.all("x-list") for item in value.split(",")]
                assert listed == ["route", "entry"]
                assert not seen.all("x-canary")
            else:
                seen = site["canary"].the_request()
                assert seen.get("x-both") == "route" and seen.get("x-route") == "route"
                assert seen.get("x-canary") == "yes for new"
    assert found == {"old", "new"}


def test_mirrors(site, way):
    reply = site.ask(way, "/copied/x", ID, ("authorization", "Bearer secret"), ("x-secret", "1"), ("x-copy", "0"))
    assert reply.is_good
    seen = site["stable"].the_request()
    assert (seen.get("x-route"), seen.get("x-goes"), seen.get("x-entry")) == ("copied", "stable", "stable")
    assert seen.get("x-copy") == "0" and seen.get("x-secret") == "1"
    copy = site["shadow"].wait_requests()[0]
    assert copy.all("x-copy") == ["one of id-1234"] and copy.get("x-route") == "copied"
    assert not copy.all("x-secret") and not copy.all("authorization")
    other = site["second"].wait_requests()[0]
    listed = [item.strip() for value in other.all("x-copy") for item in value.split(",")]
    assert listed == ["0", "two"] and other.get("x-route") == "changed" and other.get("x-secret") == "1"
    # What is one entry's own is not for copies, and the mark of a copy is on all of them.
    assert not copy.all("x-entry") and not other.all("x-entry")
    assert {each.get("x-sluice-mirror") for each in (copy, other)} == {"copied"}


def test_users(site, way):
    for user in ("ann", "bob smith"):
        site.clear()
        reply = site.ask(way, "/named/x", basic(user))
        assert reply.is_good and reply.get("x-who") == f"for {user}"
        seen = site["stable"].the_request()
        assert seen.get("x-who") == f"for {user}"
        assert seen.get("x-percent") == "100%, %{user} and 5%%"


def test_nobody_is_named_who_has_not_proven_it(site, way):
    refused = site.ask(way, "/named/x", ("authorization", "Basic " + base64.b64encode(b"ann:wrong").decode()))
    assert refused.is_refused(401, "unauthorized") and refused.get("x-who") in ("for", "for ")


def test_redirects(site, plain):
    reply = site.ask(plain, "/moved/x", ID)
    assert reply.status == 308 and reply.get("cache-control") == "no-store"
    assert reply.get("x-all") == "127.0.0.1|id-1234||moved|"


def test_fixed_answers(site, plain):
    reply = site.ask(plain, "/fixed/x", ID)
    assert (reply.status, reply.body, reply.get("x-fixed")) == (200, b"fixed", "1")
    assert not reply.all("x-gone")
    assert reply.get("x-all") == "127.0.0.1|id-1234||fixed|"


def test_errors(site, way):
    reply = site.ask(way, "/dead/x", ID)
    assert reply.is_refused(502, "connect_failed")
    assert reply.get("x-all").startswith("127.0.0.1|id-1234||dead|")
    assert not reply.all("x-entry")
    reply = site.ask(way, "/denied/x", ID)
    assert reply.is_refused(403, "forbidden")
    assert reply.get("x-all") == "127.0.0.1|id-1234||denied|"


def test_routes_without_operations_are_left_alone(site, way):
    site["stable"].fields = [("x-all", "own"), ("server", "own")]
    reply = site.ask(way, "/elsewhere", ("user-agent", "own"), ("x-set", "a"), ("x-set", "b"))
    assert reply.get("x-all") == "own" and reply.get("server") == "own"
    seen = site["stable"].the_request()
    assert seen.get("user-agent") == "own"
    assert [item.strip() for value in seen.all("x-set") for item in value.split(",")] == ["a", "b"]


@pytest.mark.parametrize("identifier", ["a b", "x" * 5000, "%{user}", "\u00e9"])
def test_what_a_client_says_stays_one_value(site, plain, identifier):
    """A variable is put in once: what stands in its value is no variable, and no second field."""
    reply = site.ask(plain, "/whole/x", ("x-request-id", identifier))
    if reply.status == 200:
        said = reply.get("x-all").split("|")
        assert len(said) == 5 and said[0] == "127.0.0.1" and said[3:] == ["whole", "stable"]
    else:
        assert reply.is_refused(400, "bad_request") or reply.is_refused(431, "headers_too_large")


@pytest.mark.parametrize("path", ["/whole/x", "/untouched"])
def test_a_call_over_http1_keeps_its_te(site, path):
    """`TE` is named in `Connection`, as it has to be (RFC 9110 10.1.4). gRPC servers refuse calls without it."""
    reply = site.ask(HTTP1, path, *GRPC, ("Connection", "TE, x-hop"), ("x-hop", "1"), body=b"\0\0\0\0\0")
    assert reply.is_good
    seen = site["stable"].the_request()
    assert seen.is_grpc and seen.all("te") == ["trailers"] and not seen.all("x-hop")
