"""The operator's side against pages of other sites, hostile clients and careless scripts: what is refused changes nothing."""

import json
import time

import pytest

from support.http2 import PREFACE
from support.admin_client import Operator
from support.rawhttp import Incomplete, build, get

ENDPOINTS = ("one", "two")
# Long enough that one name is longer than a line of most terminals.
NAMES = ["infer", "ns/name/0", "a/weights/b", "100%", "naïve ☃", "<script>alert(1)</script>", 'q"uote', "a b", "x" * 200]
CONFIG = """
loops: 1
backends:
  one: { endpoints: [<one>] }
  two: { endpoints: [<two>] }
routes:
  - { name: fixed, match: [{ path: { prefix: /fixed } }], respond: { status: 200, body: fixed } }
""" + "".join(f"""  - name: {json.dumps(name)}
    match: [{{ path: {{ prefix: /{index} }} }}]
    backends:
      - {{ name: one, weight: 80 }}   # stays
      - {{ name: two, weight: 20 }}
""" for index, name in enumerate(NAMES))


@pytest.fixture
def operator(site):
    return Operator(site.gateway)


@pytest.fixture
def unchanged(site, operator):
    """Fails where the test has changed a file, a weight or an endpoint."""

    def state():
        status = operator.json("/api/v1/status")
        return (site.gateway.config_path.read_bytes(), status["configuration"]["hash"], status["state"],
                [(route["name"], [entry["weight"] for entry in route["backends"]]) for route in status["routes"]],
                [end["state"] for backend in status["backends"] for end in backend["endpoints"]])

    before = state()
    yield
    assert state() == before


def refused(answer, *statuses: int) -> bool:
    """An error in the API's own form."""
    return answer.status in statuses and list(json.loads(answer.body)) == ["error"]


# --- pages of other sites

REBOUND = ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example:{port}",
           "evil.example:80:{port}", "127.0.0.1@evil.example", "evil.example#127.0.0.1", "0.0.0.0:{port}", "[::]:{port}",
           "127.1:{port}", "2130706433:{port}", "[::ffff:127.0.0.1]:{port}", "xlocalhost", "localhost\\@evil.example",
           "[127.0.0.1]", "[::1].evil.example", "[::1]evil.example", "127.0.0.1:evil.example", "localhost,evil.example", ""]
GUARDED = [("GET", "/api/v1/status"), ("GET", "/metrics"), ("GET", "/"), ("POST", "/api/v1/reload"),
           ("GET", "/api/v1/events"), ("GET", "/api/v1/routes/infer/weights"), ("GET", "/nothing")]


@pytest.mark.parametrize("host", REBOUND)
def test_names_that_were_rebound(operator, unchanged, host):
    for method, path in GUARDED:
        answer = operator.ask(method, path, host=host.format(port=operator.gateway.admin_port))
        assert refused(answer, 400, 403), (method, path, answer.body)
        assert b"sluice_" not in answer.body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "[::1]:{port}", "127.0.0.1"])
def test_names_of_this_machine(operator, host):
    assert operator.ask("GET", "/api/v1/status", host=host.format(port=operator.gateway.admin_port)).status == 200


def test_probes_need_no_name(operator):
    """A kubelet or balancer calls by whatever address it has."""
    for path in ("/healthz", "/readyz"):
        assert operator.ask("GET", path, host="10.0.0.1:9901").status == 200


def test_a_target_with_another_name(operator, unchanged):
    """RFC 9112 section 3.2.2: it is the target's that counts."""
    for target in ("http://evil.example/api/v1/status", f"http://evil.example:{operator.gateway.admin_port}/metrics"):
        assert refused(operator.get(target), 400, 403, 404)


def test_two_hosts(operator, unchanged):
    for fields in (["Host: evil.example"], [f"Host: {operator.host}"]):
        assert operator.ask("GET", "/api/v1/status", *fields).status == 400


FOREIGN = ["null", "http://evil.example", "http://127.0.0.1", "http://{host}.evil.example",
           "http://evil.example@{host}", "http://{host}/", "http://localhost:{port}", "http://127.0.0.1:1", "{host}",
           "file://", "chrome-extension://abc", "http://{host} http://evil.example", "http://[::1]:{port}", ""]


@pytest.mark.parametrize("origin", FOREIGN)
def test_writes_of_other_origins(operator, unchanged, origin):
    origin = origin.format(host=operator.host, port=operator.gateway.admin_port)
    field = f"Origin: {origin}"
    assert refused(operator.put("infer", {"one": 1}, field), 403)
    assert refused(operator.ask("POST", "/api/v1/drain", field), 403)
    assert refused(operator.ask("POST", "/api/v1/reload", field), 403)


@pytest.mark.parametrize("site_is", ["cross-site", "same-site", "anything", "Cross-Site", ""])
def test_what_browsers_say_of_a_request(operator, unchanged, site_is):
    field = f"Sec-Fetch-Site: {site_is}"
    assert refused(operator.put("infer", {"one": 1}, field), 403)
    assert refused(operator.ask("POST", "/api/v1/drain", field), 403)


def test_its_own_page_may(operator):
    for fields in ([f"Origin: http://{operator.host}", "Sec-Fetch-Site: same-origin"], ["Sec-Fetch-Site: none"]):
        assert operator.put("infer", {"one": 80, "two": 20}, *fields).status == 200


@pytest.mark.parametrize("field", ["Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded",
                                   "Content-Type: multipart/form-data; boundary=x", "X: y",
                                   "Content-Type: text/plain; application/json", "Content-Type: application/jsonp",
                                   "Content-Type: application/json, text/plain", "Content-Type:"])
def test_no_form_can_write(operator, unchanged, field):
    assert refused(operator.ask("PUT", operator.path("infer"), field, body=b'{"one":1}'), 415)
    assert refused(operator.ask("POST", "/api/v1/drain", field, body=b'{}'), 415)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"])
def test_ways_to_say_json(operator, kind):
    answer = operator.ask("PUT", operator.path("infer"), f"Content-Type: {kind}", body=b'{"one":80,"two":20}')
    assert answer.status == 200, answer.body


# --- paths


@pytest.mark.parametrize("name", NAMES)
def test_names_as_they_are(operator, name):
    """Slashes and all: what is between `routes/` and the last `/weights`, decoded once."""
    answer = operator.get(operator.path(name))
    assert answer.status == 200 and json.loads(answer.body)["route"] == name
    assert operator.weights(name)[0] == {"one": 80, "two": 20}


NOWHERE = ["/api/v1/routes/%2e%2e/weights", "/api/v1/routes/../weights", "/api/v1/routes/infer/../infer/weights",
           "/api/v1/routes/%252e/weights", "/api/v1/routes/%69nfer%00/weights", "/api/v1/routes/%zz/weights",
           "/api/v1/routes/%/weights", "/api/v1/routes/100%25%/weights", "/api/v1/routes/%ff/weights",
           "/api/v1/routes//weights", "/api/v1/routes/weights", "/api/v1/routes/infer/weights/", "/API/V1/status",
           "/api/v1/routes/infer/weights/weights", "/api/v1/routes/INFER/weights", "/api/v1/routes/infer%2fweights",
           "//api/v1/status", "/api/v1/status/", "/api/v1/status;x", "/api/v1/./status", "/api/v1/%73tatus/x",
           "/api/v1/routes/infer/weights/undo/undo", "/api\\v1\\status", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
           "/../../../../etc/passwd", "/index.html%00.js", "/.git/config", "/sluice.yaml", "/%2fetc%2fpasswd", "/*"]


@pytest.mark.parametrize("path", NOWHERE)
def test_paths_that_lead_nowhere(operator, unchanged, path):
    answer = operator.get(path)
    assert refused(answer, 400, 404), (answer.status, answer.body[:200])
    assert answer.get("x-content-type-options") == "nosniff" and answer.get("cache-control") == "no-store"
    assert operator.ask("PUT", path, "Content-Type: application/json", body=b'{"one":1}').status in (400, 404, 405)


@pytest.mark.parametrize("length", [1000, 8000, 15000, 17000, 1_000_000])
def test_long_paths(operator, unchanged, length):
    for path in (f"/api/v1/routes/{'x' * length}/weights", "/" + "%41" * (length // 3), "/api/v1/status?" + "a=b&" * (length // 4)):
        assert operator.get(path).status in (200, 400, 404, 414, 431)
    assert operator.gateway.admin_status("/readyz") == 200


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/api/v1/routes/infer/weights", {"GET", "HEAD", "PUT"}), ("PUT", "/api/v1/status", {"GET", "HEAD"}),
    ("GET", "/api/v1/reload", {"POST"}), ("GET", "/api/v1/routes/infer/weights/undo", {"POST"}),
    ("PATCH", "/api/v1/drain", {"POST", "DELETE"}), ("POST", "/metrics", {"GET", "HEAD"}),
    ("BREW", "/api/v1/events", {"GET"}), ("POST", "/", {"GET", "HEAD"}), ("OPTIONS", "/api/v1/status", {"GET", "HEAD"})])
def test_methods(operator, unchanged, method, path, allowed):
    answer = operator.ask(method, path, "Content-Type: application/json", body=b"{}")
    assert refused(answer, 405) and allowed <= {each.upper() for each in answer.tokens("allow")}, answer.raw_head


# --- bodies

WRONG = [b"", b" ", b"{", b"}", b"[]", b"1", b'"one"', b"null", b'{"one":1}x', b'{"one":1}{"two":2}', b'{"one":1,}',
         b"{'one':1}", b'{one:1}', b'{"one":1}//', b'{"one":01}', b'{"one":+1}', b'{"one":.5}', b'{"one":1.5}',
         b'{"one":"1"}', b'{"one":true}', b'{"one":null}', b'{"one":[1]}', b'{"one":{}}', b'{"one":-1}', b'{"one":-0.5}',
         b'{"one":1000001}', b'{"one":1e7}', b'{"one":1e400}', b'{"one":99999999999999999999}', b'{"one":NaN}',
         b'{"one":18446744073709551617}', b'{"one":9223372036854775808}', b'{"one":1,"one":2}', b'{"one":1,"\\u006fne":2}',
         b'{"one":1,"two":2,"one":1}', b'{"three":1}', b'{"one":1,"three":1}', b'{"ONE":1}', b'{"one ":1}', b'{"":1}',
         b'{"one":0,"two":0}', b'\xef\xbb\xbf{"one":1}', '{"one":1}'.encode("utf-16"), b'{"on\xff":1}', b'{"on\\ud800":1}',
         b'{"one\x00":1}', b'{"one\\u0000":1}', b"[" * 30000, b'{"one":' * 8000, b'{"one":' + b"9" * 30000 + b"}",
         b"{" + b",".join(b'"k%d":1' % index for index in range(4000)) + b"}", b'{"one":1' + b" " * 40000]


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_bodies_that_are_no_weights(operator, unchanged, body):
    started = time.monotonic()
    answer = operator.put("infer", body)
    assert refused(answer, 400), (answer.status, answer.body[:300])
    assert len(answer.body) < 8192, "a message is for people"
    assert time.monotonic() - started < 5


def test_a_name_that_is_not_there_is_told_with_those_that_are(operator, unchanged):
    message = json.loads(operator.put("infer", {"stable": 1}).body)["error"]
    assert "stable" in message and "one" in message and "two" in message


@pytest.mark.parametrize("fields", [[], ["Content-Length: 0"]])
def test_no_body(operator, unchanged, fields):
    head = build("PUT", operator.path("infer"), operator.host, "Content-Type: application/json", *fields)
    with operator.connect() as client:
        assert refused(client.exchange(head), 400, 411, 415)


@pytest.mark.parametrize("size", [65537, 1 << 20, 1 << 40])
def test_large_bodies_are_not_taken(operator, unchanged, size):
    head = build("PUT", operator.path("infer"), operator.host, "Content-Type: application/json", f"Content-Length: {size}")
    with operator.connect() as client:
        client.send_all_it_takes(head + b" " * min(size, 1 << 20))
        assert client.response().status == 413
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    head = build("PUT", operator.path("infer"), operator.host, "Content-Type: application/json", "Transfer-Encoding: chunked")
    with operator.connect() as client:
        client.send_all_it_takes(head + chunk * 4)
        assert client.response().status == 413


def test_a_route_that_does_not_forward(operator, unchanged):
    assert refused(operator.get(operator.path("fixed")), 409)
    assert refused(operator.put("fixed", {"one": 1}), 409)


# --- two readings of one stream

INNER = b'PUT /api/v1/routes/infer/weights HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"one":1}'
FRAMINGS = {
    "length and chunks": ["Content-Length: {all}", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 5", "Content-Length: {all}"],
    "a list of lengths": ["Content-Length: 5, {all}"],
    "a sign": ["Content-Length: +5"],
    "hexadecimal": ["Content-Length: 0x5"],
    "a huge length": ["Content-Length: 18446744073709551621"],
    "an unknown coding": ["Transfer-Encoding: xchunked"],
    "chunked twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "chunked and identity": ["Transfer-Encoding: chunked, identity"],
    "chunked behind a tab": ["Transfer-Encoding:\tchunked,", "Content-Length: 5"],
    "a blank before the colon": ["Content-Length : 5"],
    "a folded line": ["X: y", " Content-Length: 5"],
    "a bare line feed": ["X: y\nContent-Length: 5"],
    "a bare carriage return": ["X: y\rContent-Length: 5"],
    "a NUL": ["X: \x00", "Content-Length: 5"],
}


@pytest.mark.parametrize("fields", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_requests_in_requests(operator, unchanged, fields):
    inner = INNER % operator.host.encode()
    data = b"0\r\n\r\n" + inner
    fields = [field.format(all=len(data)) for field in fields]
    head = build("POST", "/api/v1/nothing", operator.host, "Content-Type: application/json", *fields)
    with operator.connect() as client:
        client.send_all_it_takes(head + data)
        assert client.response().status == 400
        assert client.rest() == b"", "what follows is not read"


def test_a_body_that_nobody_wants_is_no_request(operator, unchanged):
    inner = INNER % operator.host.encode()
    for method, path in (("GET", "/api/v1/status"), ("GET", "/nothing"), ("PUT", "/metrics"), ("POST", "/healthz")):
        with operator.connect() as client:
            client.send(build(method, path, operator.host, f"Content-Length: {len(inner)}") + inner)
            client.response(method)
            client.send_all_it_takes(get("/readyz", operator.host))
            try:
                assert client.response().body == b"ready\n"
            except Incomplete:
                pass


def test_many_requests_in_one_write(operator):
    paths = ["/healthz", "/api/v1/status", "/nothing", "/metrics", "/api/v1/routes/infer/weights", "/readyz"] * 5
    with operator.connect() as client:
        client.send(b"".join(get(path, operator.host) for path in paths))
        statuses = [client.response().status for _ in paths]
    assert statuses == [200, 200, 404, 200, 200, 200] * 5


@pytest.mark.parametrize("data", [PREFACE, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100, b"\r\n" * 50000,
                                  b"GET", b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 20000, b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"])
def test_other_protocols(operator, unchanged, data):
    with operator.connect() as client:
        client.send_all_it_takes(data)
        try:
            client.shut_writing()
        except OSError:
            pass
        assert not client.rest().startswith(b"HTTP/1.1 200")
    assert operator.gateway.admin_status("/readyz") == 200


# --- tags


def test_tags(operator, unchanged):
    same = {"one": 80, "two": 20}
    _, tag = operator.weights("infer")
    assert tag.startswith('"') and tag.endswith('"') and operator.get("/api/v1/status").get("etag") == tag
    for good in (tag, "*", f'"other", {tag}', f'{tag},"other"', f'"a,b" , {tag}'):
        assert operator.put("infer", same, tag=good).status == 200, good
    for bad in (f"W/{tag}", '"other"', '""', f'"{tag[1:-1]}x"', tag.upper().replace('"', "'"), f'W/{tag}, "other"'):
        assert refused(operator.put("infer", {"one": 1}, tag=bad), 412, 400), bad
    assert operator.put("infer", same, f"If-Match: {tag}", tag='"other"').status == 200, "one list in two fields"


def test_a_tag_without_quotes_matches_nothing(operator, unchanged):
    _, tag = operator.weights("infer")
    assert refused(operator.put("infer", {"one": 1}, tag=tag.strip('"')), 412, 400)


def test_undo_asks_for_the_tag_too(operator):
    before, tag = operator.weights("infer")
    assert operator.put("infer", {"one": 50, "two": 50}, tag=tag).status == 200
    undo = operator.path("infer") + "/undo"
    assert refused(operator.ask("POST", undo, f"If-Match: {tag}"), 412)
    assert operator.ask("POST", undo, f"If-Match: {operator.weights('infer')[1]}").status == 200
    assert operator.weights("infer")[0] == before


# --- what an answer says to browsers


def test_no_answer_is_kept_or_guessed_at(operator):
    for method, path in (("GET", "/api/v1/status"), ("GET", "/metrics"), ("GET", "/nothing"), ("POST", "/api/v1/status")):
        answer = operator.ask(method, path)
        assert answer.get("cache-control") == "no-store" and answer.get("x-content-type-options") == "nosniff"
        assert not answer.has("access-control-allow-origin") and not answer.has("server")
    page = operator.get("/")
    policy = page.get("content-security-policy")
    assert page.status == 200 and page.get("x-frame-options") == "DENY" and page.get("referrer-policy") == "no-referrer"
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy and "form-action 'none'" in policy


def test_no_preflight_is_granted(operator, unchanged):
    answer = operator.ask("OPTIONS", operator.path("infer"), "Origin: http://evil.example",
                          "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type")
    assert refused(answer, 403, 405) and not [name for name, _ in answer.headers if name.lower().startswith(b"access-control")]
