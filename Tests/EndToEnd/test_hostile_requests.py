"""Thousands of seeded requests at routes that match and rewrite everything there is: whatever comes, the gateway lives,
no request costs much, and what arrives at an endpoint is a path that any server reads in the same way.
"""

import os
import random
import re
from urllib.parse import unquote_to_bytes

import pytest

from support import http2
from support.http2 import H2Client
from support.rawhttp import Client, Incomplete
from test_mutations import mutate

SEEDS = range(2)
REQUESTS = 2500
# Of the processor, for all of a test's requests: a thousandth of a second for each, where 20 µs are usual.
SECONDS_PER_REQUEST = 0.001

ENDPOINTS = ("main", "shadow")
CONFIG = r"""
loops: 2
backends:
  main: { endpoints: [<main>] }
  shadow: { endpoints: [<shadow>] }
routes:
  - name: headers
    hosts: ["*.example.com"]
    match:
      - headers: { x-a: { regex: "(a+)+b|[^c]*c.{0,40}$" }, x-b: { prefix: b } }
        query: { q: { regex: ".*[0-9]{3}" } }
      - withoutHeaders: { x-a: { present: true } }
        path: { regex: "/(([a-z]+)*/)*[0-9]+" }
    rewrite: { regex: { match: "([a-z])([a-z]*)", replace: '\2\1%' } }
    backends: [{ name: main }]
  - name: swap
    match: [{ path: { startsWith: /s } }]
    rewrite: { regex: { match: "(/[^/]*)(/[^/]*)", replace: '\2\1' } }
    backends: [{ name: main }]
  - name: dots
    match: [{ path: { prefix: /D, ignoreCase: true } }]
    rewrite: { regex: { match: "_|%5f|=", replace: '.' } }
    sticky: { cookie: side }
    backends: [{ name: main, as: a }, { name: main, as: b }]
    mirrors: [{ backend: shadow, requestHeaders: { set: { x-copy: "%{request.id} %{client.address}" } } }]
  - name: slashes
    match: [{ path: { prefix: /l } }]
    rewrite: { regex: { match: "l|%6c", replace: '/' } }
    backends: [{ name: main }]
  - name: vanish
    match: [{ path: { prefix: /e } }]
    rewrite: { regex: { match: ".*", replace: '' } }
    backends: [{ name: main }]
  - name: models
    match: [{ model: m }]
    rewrite: { host: "other.example.com" }
    sticky: { header: x-a }
    backends: [{ name: main, model: "new model", version: "7" }]
  - name: moved
    match: [{ path: { prefix: /r } }]
    redirect: { prefix: /new, host: new.test }
    responseHeaders: { set: { x-id: "%{request.id}" } }
  - name: limited
    match: [{ path: { prefix: /t } }]
    rateLimit: { requests: 1000, per: 1s, key: "header:x-a" }
    cors: { allowOrigins: ["https://*.example.com", { regex: "(h|t|p)*s?://.*" }], allowHeaders: ["*"], allowMethods: ["*"], allowCredentials: true }
    backends: [{ name: main }]
  - name: rest
    rewrite: { prefix: /rest/ }
    requestHeaders: { set: { x-all: "%{client.address} %{request.id} %{user} %{route} %{backend}" }, remove: [x-b] }
    backends: [{ name: main }]
"""
PIECES = [
    "/", "/", "/", "//", "a", "b", "abc", "_", "__", "..", ".", "%2e", "%2E%2e", "%2f", "%5c", "%5f", "\\", "%00", "%", "%4",
    "%zz", "%41", "%c3%a9", "\u00e9", ";", ":", "@", "=", "+", "~", "v2", "v2/models/m", "/v2/models/m/versions/1", "infer",
    "s", "D", "d", "l", "%6c", "r", "t", "e", "?", "&", "q=123", "q=", "#", " ", "\t", "a" * 200, "0", "*", "http://x/",
]
HOSTS = ["test", "a.example.com", "A.EXAMPLE.COM.", "example.com", "[::1]:80", "a.example.com:99999", "", "a b", "\u00e9", "x" * 300]
NAMES = ["x-a", "x-b", "cookie", "origin", "x-request-id", "access-control-request-method", "access-control-request-headers",
         "x-forwarded-for", "traceparent", "connection", "authorization", "upgrade"]
VALUES = ["a" * 30, "aaab", "b", "side=1; side=2", "side=", "https://a.example.com", "null", "", "id", "x-a, x-b", "%{user}",
          "POST", "1.2.3.4, 5.6.7.8", "close", "websocket", "\u00e9", "\x01", "a\tb", "c" * 3000]
METHODS = ["GET", "GET", "POST", "OPTIONS", "HEAD", "DELETE", "PATCH", "get", "X-ODD"]


def some(chance: random.Random) -> tuple[str, str, str, list]:
    """(method, path, host, fields)"""
    path = "/" + "".join(chance.choice(PIECES) for _ in range(chance.randrange(8)))
    if chance.random() < 0.03:
        path = path * chance.randrange(2, 60)
    fields = [(chance.choice(NAMES), chance.choice(VALUES)) for _ in range(chance.randrange(4))]
    return chance.choice(METHODS), path[:7000], chance.choice(HOSTS[: chance.choice((2, len(HOSTS)))]), fields


def cpu_seconds(gateway) -> float:
    fields = open(f"/proc/{gateway.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prove(site, before: float) -> None:
    """What has arrived can be read in one way only; and it cost what it may."""
    spent = cpu_seconds(site.gateway) - before
    assert spent < REQUESTS * SECONDS_PER_REQUEST, f"{spent:.2f} s of the processor for {REQUESTS} requests"
    for seen in site.all_requests():
        if seen.method == "OPTIONS" and seen.path == "*":
            continue
        path = seen.path.partition("?")[0]
        assert path.startswith("/"), seen.path
        plain = unquote_to_bytes(path)
        assert not {b".", b".."} & set(plain.split(b"/")), seen.path
        assert b"\0" not in plain and b"\\" not in plain, seen.path
        assert not re.search("%2f|%5c|%00", path, re.IGNORECASE), seen.path
        assert not seen.all("x-copy") or seen.get("x-sluice-mirror") == "dots"
    strange = [each.failure for endpoint in site.endpoints.values() for each in endpoint.http.connections
               if each.failure and type(each.failure).__name__ in ("Malformed", "AssertionError")]
    assert not strange


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_requests_of_http1(site, seed):
    chance = random.Random(seed)
    before, statuses, client = cpu_seconds(site.gateway), set(), None
    for _ in range(REQUESTS):
        method, path, host, fields = some(chance)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields), "", ""]
        data = "\r\n".join(lines).encode("latin-1")
        if chance.random() < 0.2:
            data = mutate(chance, data)
        client = client or Client(site.gateway.host, site.gateway.port)
        client.send_all_it_takes(data)
        # What has been cut short would be waited for.
        if not data.endswith(b"\r\n\r\n") or data.count(b"\r\n\r\n") > 1 or b"ontent-" in data or b"hunked" in data:
            client.close()
            client = None
            continue
        try:
            reply = client.response("HEAD" if data.startswith(b"HEAD ") else "GET")
            statuses.add(reply.status)
            closing = "close" in reply.tokens("connection") or reply.framing == "close"
        except (Incomplete, ConnectionError):
            closing = True
        if closing:
            client.close()
            client = None
    if client:
        client.close()
    assert {200, 308, 400} <= statuses, statuses
    prove(site, before)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_requests_of_http2(site, seed):
    chance = random.Random(100 + seed)
    before, statuses, client = cpu_seconds(site.gateway), set(), None
    for number in range(REQUESTS):
        method, path, host, fields = some(chance)
        if number % 3 == 0:
            method, fields = "POST", [*fields, ("content-type", "application/grpc"), ("te", "trailers")]
        client = client or H2Client(site.gateway.host, site.gateway.port)
        try:
            stream = client.open(http2.request(method, path, *fields, authority=host))
            reply = client.answer(stream)
            statuses.add(reply.status)
        except (AssertionError, OSError):
            # A connection that the gateway has ended because of what was sent.
            client.sock.close()
            client = None
    if client:
        client.sock.close()
    assert {200, 308, 400} <= statuses, statuses
    prove(site, before)


@pytest.mark.parametrize("path", ["/s" + "/a" * 3000, "/l" + "l" * 6000, "/D" + "_a" * 3000, "/e" + "x" * 6000,
                                  "/" + "ab/" * 2000 + "1", "/v2/models/m/" + "x" * 6000])
def test_long_paths_cost_little(site, way, path):
    """As long as a head may be: linear in its length whatever the pattern."""
    before = cpu_seconds(site.gateway)
    for _ in range(20):
        reply = site.ask(way, path, host="a.example.com")
        assert reply.status in (200, 400, 414, 431), reply.status
    assert cpu_seconds(site.gateway) - before < 1
