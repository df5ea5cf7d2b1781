"""`sticky`: the same user on the same side of a split; and when weights move, only those move that must."""

from collections import Counter

import pytest

from support.certificates import Authority
from support.gateway import free_port, wait_until
from support.http2 import H2Client, headers, request, trusting
from support.ways import CALL, HTTP1, HTTP2, WAYS, serving

ENDPOINTS = ("stable", "canary", "off")
TRUSTING = free_port()
CONFIG = """
loops: 2
listeners:
  - address: 127.0.0.1:${port}
  - { address: 127.0.0.1:TRUSTING, trustedProxies: [127.0.0.3] }
backends:
  stable: { endpoints: [<stable>] }
  canary: { endpoints: [<canary>] }
  off: { endpoints: [<off>] }
routes:
  - name: header
    match: [{ path: { prefix: /header } }]
    sticky: { header: X-User-Id }
    backends: &split [{ name: stable, weight: 80 }, { name: canary, weight: 20 }, { name: off, weight: 0 }]
  - { name: cookie, match: [{ path: { prefix: /cookie } }], sticky: { cookie: side, ttl: 1h }, backends: *split }
  - { name: session, match: [{ path: { prefix: /session } }], sticky: { cookie: side2 }, backends: *split }
  - { name: address, match: [{ path: { prefix: /address } }], sticky: { clientAddress: true }, backends: *split }
  - { name: rest, backends: [{ name: stable }] }
""".replace("TRUSTING", str(TRUSTING))


def sides(site, keys, path: str = "/header", field: str = "x-user-id") -> dict:
    """Who serves each of many keys, asked over one connection."""
    found = {}
    with HTTP2.connect(site.gateway) as client:
        keys = list(keys)
        for start in range(0, len(keys), 50):
            frames, streams = [], {}
            for key in keys[start : start + 50]:
                stream = client.client.new_stream()
                streams[stream] = key
                frames.append(headers(stream, request("GET", path, (field, key))))
            client.client.send(*frames)
            for stream, key in streams.items():
                answer = client.client.answer(stream)
                assert answer.status == 200
                found[key] = answer.get("served-by")
    return found


USERS = [f"user-{number}" for number in range(1000)]


def test_a_user_stays_on_a_side(site):
    """On every connection, loop and protocol."""
    expected = sides(site, USERS[:60])
    assert set(expected.values()) == {"stable", "canary"}
    for user in USERS[:60:5]:
        for way in WAYS:
            for _ in range(2):
                assert site.ask(way, "/header", ("x-user-id", user)).served_by == expected[user]


def test_sides_have_their_shares(site):
    """1,000 users are binomial: five standard deviations are 63."""
    counts = Counter(sides(site, USERS).values())
    assert abs(counts["canary"] - 200) <= 63 and counts["off"] == 0


def test_who_has_no_key_is_split_as_if_nobody_had_asked(site, way):
    with way.connect(site.gateway) as client:
        counts = Counter(client.ask("/header").served_by for _ in range(100))
    assert abs(counts["stable"] - 80) <= 1, counts


MOVING = """
loops: 2
backends:
  stable: { endpoints: [<stable>] }
  canary: { endpoints: [<canary>] }
  third: { endpoints: [<third>] }
routes:
  - { name: all, sticky: { header: x-user-id }, backends: [WEIGHTS] }
"""


def weights(**each: int) -> str:
    return MOVING.replace("WEIGHTS", ", ".join(f"{{ name: {name}, weight: {weight} }}" for name, weight in each.items()))


def test_only_those_move_that_must(tmp_path):
    with serving(weights(stable=95, canary=5), tmp_path, "stable", "canary", "third") as site:
        def look():
            return sides(site, USERS)

        first = look()
        site.reload(weights(stable=70, canary=30))
        second = look()
        moved = {user for user in USERS if first[user] != second[user]}
        assert {(first[user], second[user]) for user in moved} == {("stable", "canary")}
        # A quarter of 1,000, five standard deviations.
        assert abs(len(moved) - 250) <= 70
        # Back again: everybody is where he was.
        site.reload(weights(stable=95, canary=5))
        assert look() == first
        # A third entry takes from both and moves nobody between them; the order of entries says nothing.
        site.reload(weights(third=100, canary=30, stable=70))
        third = look()
        assert {third[user] for user in USERS if third[user] != second[user]} == {"third"}
        site.reload(weights(third=0, canary=30, stable=70))
        assert look() == second
        site.reload(weights(stable=0, canary=1))
        assert set(look().values()) == {"canary"}


def test_another_gateway_puts_them_on_the_same_side(tmp_path):
    """Or a user would change sides with every connection through a pair of gateways, and at every restart."""
    with serving(weights(stable=50, canary=50), tmp_path / "a", "stable", "canary", "third") as one:
        first = sides(one, USERS[:200])
    with serving(weights(canary=50, stable=50), tmp_path / "b", "stable", "canary", "third") as two:
        assert sides(two, USERS[:200]) == first


@pytest.mark.parametrize("when_down", ["spill", "fail"])
def test_a_side_that_is_down(tmp_path, when_down):
    """With `spill` its users go to the other side and nobody else moves; with `fail` they are told."""
    health = "{ endpoints: [<canary>], health: { path: /health, interval: 200ms, timeout: 10s, grpc: false } }"
    text = weights(stable=50, canary=50).replace("{ endpoints: [<canary>] }", health)
    text = text.replace("sticky:", f"whenDown: {when_down}, sticky:")
    with serving(text, tmp_path, "stable", "canary", "third") as site:
        wait_until(lambda: "/health" in site.was_asked(), what="the first check")
        first = sides(site, USERS[:40])
        assert set(first.values()) == {"stable", "canary"}
        site["canary"].http.stop()
        wait_until(lambda: site.gateway.metrics().sum("sluice_endpoint_up", backend="canary") == 0, 30)
        with HTTP2.connect(site.gateway) as client:
            for user, side in first.items():
                reply = client.ask("/", ("x-user-id", user))
                if side == "canary" and when_down == "fail":
                    assert reply.is_refused(503, "no_endpoint")
                else:
                    assert reply.served_by == "stable"


# --- cookies


def cookies(reply) -> dict:
    """{name: (value, {attributes})} of an answer."""
    found = {}
    for text in reply.all("set-cookie"):
        pair, *attributes = [part.strip() for part in text.split(";")]
        name, _, value = pair.partition("=")
        found[name] = value, {each.lower() for each in attributes}
    return found


def test_who_has_no_cookie_is_given_one(site, way):
    reply = site.ask(way, "/cookie")
    assert reply.is_good
    value, attributes = cookies(reply)["side"]
    assert {"path=/", "max-age=3600", "httponly"} <= attributes
    assert not any(each.startswith("domain") for each in attributes)
    assert value and all(33 <= ord(letter) < 127 and letter not in '",;\\' for letter in value)
    value, attributes = cookies(site.ask(way, "/session"))["side2"]
    assert not any(each.startswith(("max-age", "expires")) for each in attributes), "until the browser is closed"


def test_the_cookie_holds_the_side(site, way):
    found = set()
    for _ in range(12):
        first = site.ask(way, "/cookie")
        value, _ = cookies(first)["side"]
        found.add(first.served_by)
        for other in WAYS:
            again = site.ask(other, "/cookie", ("cookie", f"a=b; side={value}; c=d"))
            assert again.served_by == first.served_by
            assert not again.all("set-cookie"), "it has one"
    assert found <= {"stable", "canary"}, "never the entry that is off"


def test_new_clients_are_split_by_weight(site):
    """Whoever comes without a cookie, however it is drawn; 200 are further from 40 once in 10^10 runs."""
    with HTTP1.connect(site.gateway) as client:
        counts = Counter(client.ask("/cookie").served_by for _ in range(200))
    assert 0 < counts["canary"] <= 80 and counts["off"] == 0


def test_the_endpoints_own_cookies_stay(site, way):
    for endpoint in ("stable", "canary"):
        site[endpoint].fields = [("set-cookie", "own=1; Path=/x"), ("set-cookie", "other=2")]
    assert set(cookies(site.ask(way, "/cookie"))) == {"own", "other", "side"}


@pytest.mark.parametrize("value", ["off", "canary", "0", "-1", "99999999999999999999", "%00", "a=b", '"quoted"', "x" * 4000])
def test_forged_cookies(site, way, value):
    """Any value is some key; none leads to an entry that gets nothing, and none does any harm."""
    served = {site.ask(way, "/cookie", ("cookie", f"side={value}")).served_by for _ in range(3)}
    assert len(served) == 1 and served <= {"stable", "canary"}


def test_a_cookie_of_a_similar_name_is_none(site, plain):
    reply = site.ask(plain, "/cookie", ("cookie", "sideways=1; aside=2; SIDE=3"))
    assert "side" in cookies(reply)


def test_errors_and_the_endpoint_see_the_cookie_as_it_is(site, plain):
    first = site.ask(plain, "/cookie")
    value, _ = cookies(first)["side"]
    site.clear()
    site.ask(plain, "/cookie", ("cookie", f"side={value}"))
    assert site.all_requests()[0].get("cookie") == f"side={value}"


def test_secure_over_https(tmp_path):
    """A cookie that came over HTTPS does not travel without."""
    authority = Authority(tmp_path)
    certificate = authority.issue("gateway", "localhost")
    text = MOVING.replace("WEIGHTS", "{ name: stable }, { name: canary }").replace("header: x-user-id", "cookie: side")
    text = f"listeners:\n  - {{ address: 127.0.0.1:${{port}}, tls: {{ certificates: [{certificate.yaml}] }} }}\n" + text
    with serving(text, tmp_path / "gateway", "stable", "canary", "third") as site:
        context = trusting(authority.certificate, "h2")
        with H2Client(site.gateway.host, site.gateway.port, context=context) as client:
            fields = [(name, "https" if name == ":scheme" else value) for name, value in request()]
            cookie = client.answer(client.open(fields)).get("set-cookie")
            assert "secure" in cookie.lower()
    # Without TLS it would never come back.
    with serving(text.replace(f", tls: {{ certificates: [{certificate.yaml}] }}", ""), tmp_path / "plain", "stable",
                 "canary", "third") as site:
        assert "secure" not in site.ask(HTTP1, "/").get("set-cookie").lower()


# --- addresses


def test_addresses(site):
    """Whatever connection and protocol it comes by."""
    found = {}
    for number in range(1, 61):
        source = f"127.0.3.{number}"
        found[source] = site.ask(HTTP1, "/address", connection={"source": source}).served_by
    assert set(found.values()) == {"stable", "canary"}
    for source in list(found)[::7]:
        for way in (HTTP2, CALL):
            assert site.ask(way, "/address", connection={"source": source}).served_by == found[source]
        # As a trusted proxy names it.
        proxied = {"source": "127.0.0.3", "port": TRUSTING}
        assert site.ask(HTTP1, "/address", ("x-forwarded-for", source), connection=proxied).served_by == found[source]
