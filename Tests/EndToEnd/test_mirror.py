"""Mirrors: a copy that neither delays, fails nor fattens the primary, whatever becomes of it."""

import hashlib
import os
import threading
import time

import pytest

from support.gateway import settle, wait_until
from support.mock_upstream import SilentPort, refused_port
from support.rawhttp import Incomplete, answer, build, chunked, get, post

MIB = 1 << 20

CONFIG = """
backends:
  main: { endpoints: [{address}] }
  shadow: { endpoints: ["SHADOW"] }
routes:
  - name: infer
    backends: [{ name: main }]
    mirrors: [{ backend: shadow, OPTIONS }]
"""


class Pair:
    """A gateway with a primary and a shadow."""

    def __init__(self, proxy, shadow):
        self.proxy, self.primary, self.shadow = proxy, proxy.upstream, shadow

    def outcome(self, name: str) -> float:
        return self.proxy.gateway.metrics().sum("sluice_mirror_requests_total", route="infer", outcome=name)

    def wait_outcome(self, name: str, count: int, seconds: float = 10) -> None:
        wait_until(lambda: self.outcome(name) >= count, seconds, f"{count} mirror requests end {name}")
        assert self.outcome(name) == count

    def settled(self, count: int) -> dict:
        """Outcomes, once there are `count` altogether."""

        def all_in():
            found = self.proxy.gateway.metrics().select("sluice_mirror_requests_total", route="infer")
            return sum(value for _, value in found) >= count and {
                labels["outcome"]: value for labels, value in found if value
            }

        return wait_until(all_in, 10, f"{count} mirror outcomes")


@pytest.fixture
def pair(proxies, upstreams):
    def make(options: str = "percent: 100", address: str | None = None, shadow=None):
        shadow = shadow or upstreams()
        return Pair(proxies(CONFIG.replace("SHADOW", address or shadow.address).replace("OPTIONS", options)), shadow)

    return make


def test_the_copy(pair):
    made = pair()
    made.primary.reply = answer(b"primary")
    made.shadow.reply = answer(b"shadow", "500 Internal")
    data = post(b"hello", "/v2/models/a/infer?x=%2F", "x", "X-Custom: 1", "X-Request-Id: abc")
    assert made.proxy.send(data).body == b"primary"
    copy, original = made.shadow.wait_requests(1)[0], made.primary.requests[0]
    assert (copy.method, copy.target, copy.body) == ("POST", "/v2/models/a/infer?x=%2F", b"hello")
    assert (copy.get("host"), original.get("host")) == ("x-shadow", "x")
    assert (copy.get("x-sluice-mirror"), original.get("x-sluice-mirror")) == ("infer", None)
    assert (copy.get("x-custom"), copy.get("x-request-id")) == ("1", "abc")
    assert copy.get("via") == original.get("via")
    assert copy.get("x-forwarded-for") == "127.0.0.1"


@pytest.mark.parametrize(
    "host, expected", [("x:8080", {"x-shadow:8080"}), ("models.example.com", {"models.example.com-shadow"})]
)
def test_host_of_the_copy(pair, host, expected):
    """Istio's convention: the suffix goes before the port."""
    made = pair()
    made.proxy.send(get("/", host))
    assert made.shadow.wait_requests(1)[0].get("host") in expected


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_copies_without_a_body(pair, method):
    made = pair()
    assert made.proxy.send(build(method), method).status == 200
    assert made.shadow.wait_requests(1)[0].method == method


def test_chunked_copies_and_trailers(pair):
    made = pair()
    data = build("POST", "/", "x", "Transfer-Encoding: chunked") + chunked(
        b"hello ", b"world", trailers=b"X-Sum: 42\r\n"
    )
    assert made.proxy.send(data).status == 200
    copy = made.shadow.wait_requests(1)[0]
    assert (copy.body, copy.framing) == (b"hello world", "chunked")


def test_outcomes(pair):
    made = pair()
    assert made.proxy.send(post(b"x")).status == 200
    made.wait_outcome("ok", 1)
    made.shadow.reply = answer(b"", "404 Not Found")
    assert made.proxy.send(post(b"x")).status == 200
    made.wait_outcome("ok", 2)
    made.shadow.reply = answer(b"", "500 Internal")
    assert made.proxy.send(post(b"x")).status == 200
    made.wait_outcome("error", 1)
    made.shadow.reply = b"garbage\r\n\r\n"
    assert made.proxy.send(post(b"x")).status == 200
    made.wait_outcome("error", 2)
    made = pair("percent: 100, timeout: 300ms")
    made.shadow.reply = lambda request, connection: connection.wait_end() and None
    assert made.proxy.send(post(b"x")).status == 200
    made.wait_outcome("timeout", 1)


def test_a_short_answer_is_an_error(pair):
    made = pair()
    made.shadow.reply = lambda request, connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx") and None
    )
    assert made.proxy.send(post(b"x")).status == 200
    made.wait_outcome("error", 1)


def garbage(request, connection):
    connection.send(os.urandom(100_000))
    return None


def endless(request, connection):
    try:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.send(bytes(65536))
    except OSError:
        return None


BAD = {
    "hung": lambda request, connection: connection.wait_end() and None,
    "garbage": garbage,
    "closing": lambda request, connection: None,
    "resetting": lambda request, connection: connection.reset(),
    "slow": lambda request, connection: (time.sleep(1.5), answer())[1],
    "half an answer": lambda request, connection: (connection.send(b"HTTP/1.1 200"), connection.wait_end())[0] and None,
    "endless": endless,
}


@pytest.mark.parametrize("behaviour", [*BAD, "refusing", "never accepting"])
def test_a_bad_shadow_does_not_touch_the_primary(pair, behaviour):
    if behaviour == "refusing":
        with refused_port() as port:
            check_untouched(pair("percent: 100, timeout: 2s", f"127.0.0.1:{port.getsockname()[1]}"))
    elif behaviour == "never accepting":
        with SilentPort() as silent:
            check_untouched(pair("percent: 100, timeout: 2s", f"127.0.0.1:{silent.port}"))
    else:
        made = pair("percent: 100, timeout: 2s, maxInFlight: 8")
        made.shadow.reply = BAD[behaviour]
        check_untouched(made)


def check_untouched(made):
    """Small and large requests through one connection, none of which waits for the shadow; and bounded memory."""
    made.primary.reply = lambda request, connection: answer(hashlib.sha256(request.body).hexdigest().encode())
    before = made.proxy.gateway.rss()
    bodies = [b"x" * 10, os.urandom(300_000)]
    times = []
    with made.proxy.connect() as client:
        for index in range(60):
            body = bodies[index % 2]
            started = time.monotonic()
            response = client.exchange(post(body))
            times.append(time.monotonic() - started)
            assert (response.status, response.body) == (200, hashlib.sha256(body).hexdigest().encode())
    # The shadow takes 1.5 s, or the 2 s of its timeout, and that eight times at least. A machine stops now and then.
    times.sort()
    assert times[-4] < 1.2, f"requests took {times[-4:]} s"
    # 8 or 64 copies of at most 300 KB.
    assert made.proxy.gateway.rss() - before < 40 * MIB
    outcomes = made.settled(60)
    assert sum(outcomes.values()) == 60


def test_max_in_flight(pair):
    made = pair("percent: 100, maxInFlight: 4, timeout: 60s")
    made.shadow.reply = made.shadow.holding()
    with made.proxy.connect() as client:
        for _ in range(50):
            assert client.exchange(post(b"x")).status == 200
    made.wait_outcome("dropped", 46)
    assert len(made.shadow.wait_requests(4)) == 4
    made.shadow.release()
    made.wait_outcome("ok", 4)
    assert made.proxy.send(post(b"x")).status == 200
    made.wait_outcome("ok", 5)


def big(pair, size: int, options: str, shadow_reads: bool):
    """Sends `size` bytes while the shadow reads along or stands still; (pair, digests received, sent, growth)."""
    made = pair(options)
    digests = {}

    def reader(upstream, name, reads):
        def serve(connection):
            head = connection.read_head()
            if not reads:
                upstream.hold(60)
                return
            digest = hashlib.sha256()
            connection.reader.body(head, digest.update)
            digests[name] = digest.hexdigest()
            upstream.record(connection, head)
            connection.send(answer())
            return True

        upstream.serve = serve

    reader(made.primary, "primary", True)
    reader(made.shadow, "shadow", shadow_reads)
    sent, block = hashlib.sha256(), os.urandom(MIB)
    before = highest = made.proxy.gateway.rss()
    with made.proxy.connect(timeout=60) as client:
        client.send(build("POST", "/", "x", f"Content-Length: {size}"))
        for _ in range(size // MIB):
            sent.update(block)
            client.send(block)
            highest = max(highest, made.proxy.gateway.rss())
        assert client.response().status == 200
    assert digests["primary"] == sent.hexdigest()
    return made, digests, sent.hexdigest(), highest - before


def test_64_mib_are_mirrored_byte_for_byte(pair):
    made, digests, sent, _ = big(pair, 64 * MIB, "percent: 100", True)
    made.shadow.wait_requests(1, 30)
    assert digests["shadow"] == sent
    made.wait_outcome("ok", 1)


def test_a_shadow_that_stops_reading_is_dropped(pair):
    made, _, _, growth = big(pair, 128 * MIB, "percent: 100, maxBufferedBytes: 1MiB, timeout: 60s", False)
    made.wait_outcome("dropped", 1)
    assert growth < 16 * MIB, f"{growth / MIB:.0f} MiB"


def test_buffered_bytes_are_a_total(pair):
    """Ten copies that lag share one bound."""
    made = pair("percent: 100, maxBufferedBytes: 8MiB, timeout: 60s")
    made.shadow.serve = lambda connection: (connection.read_head(), made.shadow.hold(60))
    before = made.proxy.gateway.rss()
    for _ in range(10):
        assert made.proxy.send(post(bytes(20 * MIB))).status == 200
    assert made.proxy.gateway.rss() - before < 28 * MIB
    wait_until(lambda: made.outcome("dropped") >= 9, what="nine are dropped")


def test_what_lags_is_dropped_not_what_is_large(pair):
    """A body far above maxBufferedBytes is mirrored whole by a shadow that keeps up."""
    made = pair("percent: 100, maxBufferedBytes: 4MiB")
    digest = hashlib.sha256()
    seen = 0

    def count(part):
        nonlocal seen
        seen += len(part)
        digest.update(part)

    def serve(connection):
        head = connection.read_head()
        connection.reader.body(head, count)
        made.shadow.record(connection, head)
        connection.send(answer())
        return True

    made.shadow.serve = serve
    sent, block = hashlib.sha256(), os.urandom(MIB)
    with made.proxy.connect(timeout=30) as client:
        client.send(build("POST", "/", "x", f"Content-Length: {32 * MIB}"))
        for index in range(32):
            client.send(block)
            sent.update(block)
            wait_until(lambda: seen >= (index + 1) * MIB, 10, f"the shadow has {index + 1} MiB")
        assert client.response().status == 200
    made.shadow.wait_requests(1)
    assert digest.digest() == sent.digest()


def test_the_copy_streams_beside_the_original(pair):
    made = pair()
    parts = threading.Semaphore(0)

    def serve(connection):
        head = connection.read_head()
        connection.reader.body(head, lambda part: parts.release())
        connection.send(answer())
        return True

    made.shadow.serve = serve
    with made.proxy.connect() as client:
        client.send(build("POST", "/", "x", "Content-Length: 10") + b"hello")
        assert parts.acquire(timeout=10), "the shadow gets nothing before the body ends"
        assert client.exchange(b"world").status == 200


def test_the_primary_does_not_wait_for_the_copys_connection(proxies):
    with SilentPort() as silent:
        text = CONFIG.replace('"SHADOW"]', f'"127.0.0.1:{silent.port}"], timeouts: {{ connect: 1m }}')
        proxy = proxies(text.replace("OPTIONS", "timeout: 1m") + "shutdown: { drain: 100ms }\n")
        # A client waits for ten seconds.
        assert proxy.send(post(b"x")).status == 200


@pytest.mark.parametrize("percent, low, high", [(12.5, 40, 170), (0, 0, 0), (50, 300, 500), (100, 800, 800)])
def test_share(pair, percent, low, high):
    made = pair(f"percent: {percent}, maxInFlight: 1000")
    with made.proxy.connect() as client:
        for _ in range(800):
            assert client.exchange(get()).status == 200
    if high == 0:
        assert made.shadow.accepted == 0
        return
    made.settled(low)
    settle(lambda: made.outcome("ok"))
    assert low <= len(made.shadow.requests) <= high


def test_one_draw_decides_for_all_mirrors(proxies, upstreams):
    """Who is in the smaller sample is in the larger one too."""
    half, quarter = upstreams(), upstreams()
    proxy = proxies(f"""
backends:
  main: {{ endpoints: [{{address}}] }}
  half: {{ endpoints: ["{half.address}"] }}
  quarter: {{ endpoints: ["{quarter.address}"] }}
routes:
  - name: infer
    backends: [{{ name: main }}]
    mirrors:
      - {{ backend: half, percent: 50, maxInFlight: 1000 }}
      - {{ backend: quarter, percent: 25, maxInFlight: 1000 }}
""")
    with proxy.connect() as client:
        for index in range(200):
            assert client.exchange(get(f"/{index}")).status == 200
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0, what="all copies have ended")
    in_half, in_quarter = ({request.target for request in upstream.requests} for upstream in (half, quarter))
    assert in_quarter < in_half


@pytest.mark.parametrize("sent", ["half the body", "all"])
def test_a_client_that_leaves_cancels_the_copy(pair, sent):
    made = pair("percent: 100, timeout: 60s")
    ended = threading.Event()

    def serve(connection):
        connection.read_head()
        made.shadow.record(connection, None)
        if connection.wait_end(20):
            ended.set()

    made.shadow.serve = serve
    made.primary.serve = lambda connection: (
        connection.read_head(),
        made.primary.record(connection, None),
        connection.wait_end(20),
    )
    with made.proxy.connect() as client:
        client.send(build("POST", "/", "x", "Content-Length: 1000") + bytes(500 if sent == "half the body" else 1000))
        made.shadow.wait_requests(1)
        made.primary.wait_requests(1)
        client.reset()
    assert ended.wait(10)
    made.wait_outcome("canceled", 1)


def test_a_copy_outlives_its_original(pair):
    """The primary has answered; the copy goes on to its own end."""
    made = pair("percent: 100, timeout: 20s")
    made.shadow.reply = made.shadow.holding()
    with made.proxy.connect() as client:
        assert client.exchange(post(b"x")).status == 200
    made.shadow.wait_requests(1)
    assert made.outcome("canceled") == 0
    made.shadow.release()
    made.wait_outcome("ok", 1)


def test_own_answers_are_not_mirrored(proxies, upstreams):
    shadow = upstreams()
    proxy = proxies(f"""
backends:
  main: {{ endpoints: [{{address}}] }}
  shadow: {{ endpoints: ["{shadow.address}"] }}
routes:
  - name: infer
    maxBodySize: 10
    basicAuth: {{ users: {{ ann: "{{SHA}}qUqP5cyxm6YcTAhz05Hph5gvu9M=" }} }}
    backends: [{{ name: main }}]
    mirrors: [{{ backend: shadow }}]
""")
    credentials = "Authorization: Basic YW5uOnRlc3Q="
    assert proxy.send(post(b"x")).status == 401
    assert proxy.send(post(b"x" * 11, "/", "x", credentials)).status == 413
    assert proxy.send(b"broken\r\n\r\n").status == 400
    assert proxy.send(post(b"marker", "/", "x", credentials)).status == 200
    assert [request.body for request in shadow.wait_requests(1)] == [b"marker"]
    assert shadow.accepted == 1
    assert not shadow.requests[0].has("authorization")


def test_a_queued_request_is_mirrored_when_it_is_dispatched(proxies, upstreams):
    shadow = upstreams()
    proxy = proxies(f"""
backends:
  main: {{ endpoints: [{{address}}], limits: {{ inFlight: 1, queue: 1, queueTimeout: 300ms }} }}
  shadow: {{ endpoints: ["{shadow.address}"] }}
routes:
  - {{ name: infer, backends: [{{ name: main }}], mirrors: [{{ backend: shadow }}] }}
""")
    proxy.upstream.reply = proxy.upstream.holding()
    first = proxy.connect().send(get("/first"))
    proxy.upstream.wait_requests(1)
    assert proxy.send(get("/second")).cause == "queue_timeout"
    proxy.upstream.release()
    assert first.response().status == 200
    first.close()
    assert proxy.send(get("/third")).status == 200
    shadow.wait_requests(2)
    assert sorted(request.target for request in shadow.requests) == ["/first", "/third"]


def test_a_copy_is_never_repeated(pair):
    """Not on a stale connection either."""
    made = pair()
    made.shadow.reply = lambda request, connection: answer() if request.target == "/1" else None
    for target in ("/1", "/2"):
        assert made.proxy.send(get(target)).status == 200
        made.settled(int(target[1:]))
    assert [request.target for request in made.shadow.requests] == ["/1", "/2"]
    assert made.outcome("error") == 1


def test_the_primarys_failure_is_the_clients(pair):
    """A good shadow does not stand in."""
    made = pair()
    made.primary.reply = lambda request, connection: None
    try:
        assert made.proxy.send(post(b"x")).status == 502
    except Incomplete:
        pass


def test_a_request_that_expects_to_be_asked_for_its_body(pair):
    """The shadow's 100 is not waited for, nor passed on."""
    made = pair()
    made.primary.reply = lambda request, connection: answer(b"primary")
    with made.proxy.connect() as client:
        client.send(build("POST", "/", "x", "Expect: 100-continue", "Content-Length: 5") + b"hello")
        response = client.response()
    assert (response.body, len(response.interim) <= 1) == (b"primary", True)
    assert made.shadow.wait_requests(1)[0].body == b"hello"
    made.wait_outcome("ok", 1)


def test_interim_answers_of_a_shadow_stay_there(pair):
    made = pair()
    made.shadow.reply = b"HTTP/1.1 103 Early Hints\r\nLink: </shadow>\r\n\r\n" + answer(b"shadow")
    response = made.proxy.send(post(b"x"))
    assert (response.interim, response.body) == ([], b"ok")
    made.wait_outcome("ok", 1)
