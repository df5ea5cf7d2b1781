"""`rateLimit`: token buckets, one for each key, over all loops and protocols at once.

Buckets that fill by one token an hour make every count exact, however slow the machine is.
"""

import base64
import itertools
import socket
import threading
import time

import pytest

from support.gateway import free_port
from support.rawhttp import get
from support.ways import CALL, HTTP1, HTTP2, WAYS, serving

HASH = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="
BURST = 5
ENDPOINTS = ("main",)
TRUSTING = free_port()
SLOW = f"requests: 1, per: 1h, burst: {BURST}"
CONFIG = f"""
loops: 2
listeners:
  - address: 127.0.0.1:${{port}}
  - {{ address: 127.0.0.1:TRUSTING, trustedProxies: [127.0.0.3] }}
backends: {{ main: {{ endpoints: [<main>] }} }}
routes:
  - name: users
    match: [{{ path: {{ prefix: /users }} }}]
    basicAuth: {{ users: {{ ann: "{HASH}", bob: "{HASH}", cyd: "{HASH}", dan: "{HASH}", eve: "{HASH}", fay: "{HASH}" }} }}
    rateLimit: {{ {SLOW}, key: user }}
    backends: [{{ name: main }}]
  - name: addresses
    match: [{{ path: {{ prefix: /addresses }} }}]
    rateLimit: {{ {SLOW}, key: clientAddress }}
    backends: [{{ name: main }}]
  - name: tenants
    match: [{{ path: {{ prefix: /tenants }} }}]
    rateLimit: {{ {SLOW}, key: "header:X-Tenant" }}
    backends: [{{ name: main }}]
  - name: quick
    match: [{{ path: {{ prefix: /quick }} }}]
    rateLimit: {{ requests: 2, per: 100ms, burst: 2 }}
    backends: [{{ name: main }}]
  - name: unwritten
    match: [{{ path: {{ prefix: /unwritten }} }}]
    rateLimit: {{ requests: 3, per: 1h, key: "header:x-way" }}
    backends: [{{ name: main }}]
  - name: fixed
    match: [{{ path: {{ prefix: /fixed }} }}]
    rateLimit: {{ {SLOW}, key: "header:x-way" }}
    respond: {{ status: 200, body: fixed }}
  - {{ name: one, match: [{{ path: {{ exact: /one/1 }} }}], rateLimit: {{ {SLOW} }}, backends: [{{ name: main }}] }}
  - {{ name: two, match: [{{ path: {{ exact: /one/2 }} }}], rateLimit: {{ {SLOW} }}, backends: [{{ name: main }}] }}
  - {{ name: calls, match: [{{ path: {{ exact: /one/2g }} }}], rateLimit: {{ {SLOW} }}, backends: [{{ name: main }}] }}
  - {{ name: open, backends: [{{ name: main }}] }}
""".replace("TRUSTING", str(TRUSTING))


def one(way) -> str:
    """A route for each way, since its bucket is everybody's."""
    return f"/one/{way.version}{'g' if way.is_grpc else ''}"


def basic(user: str, password: str = "test") -> tuple:
    return "authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def admitted(site, way, count: int, path: str, *fields, **connection) -> int:
    """How many of `count` requests, each on a connection of its own, get through; the others are refused as they should."""
    through = 0
    for _ in range(count):
        reply = site.ask(way, path, *fields, connection=connection)
        if reply.is_good:
            through += 1
        else:
            check_refusal(reply)
    return through


def check_refusal(reply) -> None:
    assert reply.is_refused(429, "rate_limited"), reply
    # In whole seconds (RFC 9110 10.2.3), until there is a token again; never 0, which would be an invitation.
    assert 1 <= int(reply.get("retry-after")) <= 3600


def test_a_route_has_one_bucket(site, way):
    assert admitted(site, way, BURST + 4, one(way)) == BURST
    assert len(site["main"].requests) == BURST, "who is refused is asked for nowhere"
    reply = site.ask(way, one(way))
    assert 3000 < int(reply.get("retry-after")) <= 3600, "the next token comes in an hour"
    # Elsewhere nothing has changed.
    assert site.ask(way, "/elsewhere").is_good


def test_it_is_one_bucket_whatever_is_spoken(tmp_path):
    text = f"""
loops: 2
backends: {{ main: {{ endpoints: [<main>] }} }}
routes: [{{ name: all, rateLimit: {{ {SLOW} }}, backends: [{{ name: main }}] }}]
"""
    with serving(text, tmp_path, "main") as site:
        assert sum(admitted(site, way, 3, "/x") for way in WAYS) == BURST


USERS = dict(zip(map(str, WAYS), (("ann", "bob"), ("cyd", "dan"), ("eve", "fay"))))


def test_each_user_has_a_bucket(site, way):
    for user in USERS[str(way)]:
        assert admitted(site, way, BURST + 2, "/users", basic(user)) == BURST, user
    # It is the user that counts and not where he comes from.
    assert admitted(site, way, 1, "/users", basic(USERS[str(way)][0]), source="127.0.0.77") == 0


def test_who_has_no_password_uses_up_nobodys_bucket(site, way):
    """401 before 429: or anybody could lock a user out by his name."""
    user = USERS[str(way)][0]
    for _ in range(2):
        assert site.ask(way, "/users", basic(user, "wrong")).is_refused(401, "unauthorized")
        assert site.ask(way, "/users").is_refused(401, "unauthorized")


ADDRESSES = dict(zip(map(str, WAYS), itertools.count(20, 10)))


def test_each_address_has_a_bucket(site, way):
    base = ADDRESSES[str(way)]
    for source in (f"127.0.1.{base}", f"127.0.1.{base + 1}"):
        assert admitted(site, way, BURST + 2, "/addresses", source=source) == BURST, source


def test_the_address_is_the_one_a_trusted_proxy_names(site, way):
    base = ADDRESSES[str(way)]
    proxied = {"source": "127.0.0.3", "port": TRUSTING}
    for client in (f"10.9.9.{base}", f"2001:db8:0:{base}::1"):
        field = ("x-forwarded-for", f"192.0.2.1, {client}")
        assert admitted(site, way, BURST + 2, "/addresses", field, **proxied) == BURST, client
    # Another address of the same network is the same client.
    field = ("x-forwarded-for", f"192.0.2.1, 2001:db8:0:{base}:1234::2")
    assert admitted(site, way, 2, "/addresses", field, **proxied) == 0
    # Whoever is not trusted gets no new bucket by naming somebody else.
    through = sum(admitted(site, way, 1, "/addresses", ("x-forwarded-for", f"10.8.8.{number}"),
                           source=f"127.0.2.{base}") for number in range(BURST + 3))
    assert through == BURST


def test_each_value_of_a_header_has_a_bucket(site, way):
    for tenant in ("gold", "silver"):
        field = ("x-tenant", f"{tenant}-{way.name}")
        assert admitted(site, way, BURST + 2, "/tenants", field) == BURST, tenant


def test_requests_without_the_header_share_one(site):
    through = sum(admitted(site, way, 3, "/tenants") for way in WAYS)
    assert through == BURST


def test_the_burst_is_what_is_written_as_requests(site, way):
    assert admitted(site, way, 6, "/unwritten", ("x-way", way.name)) == 3


def test_answers_of_the_gateway_are_counted_too(site, plain):
    through = 0
    for _ in range(BURST + 2):
        reply = site.ask(plain, "/fixed", ("x-way", plain.name))
        if reply.status == 200:
            through += 1
        else:
            check_refusal(reply)
    assert through == BURST


def test_a_bucket_fills_again(site, way):
    """Two tokens every 100 ms: whoever comes again gets through, and never faster than that over a while."""
    begin = time.monotonic()
    through = 0
    while through < 12:
        reply = site.ask(way, "/quick")
        if reply.is_good:
            through += 1
        else:
            check_refusal(reply)
            assert reply.get("retry-after") == "1"
        assert time.monotonic() - begin < 20, "the bucket does not fill"
    # 2 at once, and 10 at 20 each second.
    assert time.monotonic() - begin >= 0.5 * 0.9


@pytest.mark.parametrize("loops", [2, 4])
def test_loops_share_the_bucket(tmp_path, loops):
    """Sixteen connections at once, over all loops: together they get one burst."""
    burst, clients, each = 200, 16, 30
    text = f"""
loops: {loops}
backends: {{ main: {{ endpoints: [<main>] }} }}
routes: [{{ name: all, rateLimit: {{ requests: 1, per: 1h, burst: {burst} }}, backends: [{{ name: main }}] }}]
"""
    with serving(text, tmp_path, "main") as site:
        through, lock, together = [], threading.Lock(), threading.Barrier(clients)

        def run(way):
            with way.connect(site.gateway) as client:
                together.wait()
                good = sum(client.ask("/x").is_good for _ in range(each))
            with lock:
                through.append(good)

        threads = [threading.Thread(target=run, args=(WAYS[number % 3],)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(through) == clients
        assert sum(through) == burst
        assert len(site["main"].requests) == burst


RELOADED = f"""
loops: 2
backends: {{ main: {{ endpoints: [<main>] }} }}
routes:
  - {{ name: limited, match: [{{ path: {{ prefix: /limited }} }}], rateLimit: {{ LIMIT }}, backends: [{{ name: main }}] }}
  - {{ name: MORE, backends: [{{ name: main }}] }}
"""


def test_buckets_survive_a_reload(tmp_path):
    """Or every change of any route would be a gift to whoever is over his limit."""
    text = RELOADED.replace("LIMIT", SLOW)
    with serving(text.replace("MORE", "rest"), tmp_path, "main") as site:
        assert admitted(site, HTTP1, BURST - 1, "/limited") == BURST - 1
        site.reload(text.replace("MORE", "others"))
        assert admitted(site, HTTP2, 3, "/limited") == 1
        site.reload(text.replace("MORE", "rest"))
        assert admitted(site, CALL, 2, "/limited") == 0
        # Another limit is another bucket.
        site.reload(text.replace("MORE", "rest").replace(f"burst: {BURST}", f"burst: {BURST + 2}"))
        assert admitted(site, HTTP1, 2, "/limited") == 2


def test_more_keys_than_there_is_room_for(tmp_path):
    """The table is bounded: a flood of keys neither grows it for ever nor keeps known keys out."""
    text = """
loops: 2
backends: { main: { endpoints: [<main>] } }
routes: [{ name: all, rateLimit: { requests: 1, per: 1h, burst: 2, key: "header:x-key" }, respond: { status: 200 } }]
"""
    with serving(text, tmp_path, "main") as site:
        assert site.ask(HTTP1, "/", ("x-key", "first")).status == 200
        before = site.gateway.rss()
        # By hand, since a client that reads each answer takes its time for so many.
        with socket.create_connection((site.gateway.host, site.gateway.port), 30) as client:
            for start in range(0, 100_000, 200):
                client.sendall(b"".join(get("/", "test", f"x-key: {key}") for key in range(start, start + 200)))
                answers = b""
                while answers.count(b"\r\n\r\n") < 200:
                    piece = client.recv(1 << 16)
                    assert piece, answers[-500:]
                    answers += piece
                assert answers.count(b"HTTP/1.1 200 ") == 200, answers[-500:]
            grown = site.gateway.rss() - before
            assert site.gateway.metrics().sum("sluice_requests_total", code="200") == 100_001
            assert grown < 32 << 20, f"{grown >> 20} MiB for 100,000 keys"
        assert admitted_fixed(site, "fresh") == 2


def admitted_fixed(site, key: str) -> int:
    return sum(site.ask(HTTP1, "/", ("x-key", key)).status == 200 for _ in range(4))
