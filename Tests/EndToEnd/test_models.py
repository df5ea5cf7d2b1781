"""The list of models: what Tritons say, the URLs that really lead to each, and Tritons that lie."""

import json
import time
import urllib.error
import urllib.request

import pytest

from support import versions
from support.gateway import Gateway, wait_until
from support.mock_upstream import MockUpstream
from support.rawhttp import answer

REAL = """
backends:
  triton: { endpoints: [<triton>] }
  gone: { endpoints: ["127.0.0.1:9"] }
  other: { server: generic, endpoints: ["127.0.0.1:9"] }
routes:
  - name: next
    match: [{ model: densenet_next }]
    backends: [{ name: triton, as: next, model: densenet_of_next_year }]
  - name: gold
    hosts: [gold.example]
    match: [{ path: { prefix: /gold } }]
    rewrite: { prefix: / }
    backends: [{ name: triton, as: gold, weight: 1 }, { name: gone, weight: 1 }]
  - { name: shut, match: [{ model: densenet }], respond: { status: 403 } }
  - { name: rest, backends: [{ name: triton }] }
"""


def models(gateway: Gateway, refresh: bool = True) -> dict:
    status, _, text = gateway.admin("/api/v1/models" + ("?refresh=1" if refresh else ""))
    assert status == 200, text
    return json.loads(text)


def wait_listed(gateway: Gateway, is_right) -> dict:
    """The list, once it is right: what was said half a second ago is kept, whoever asked."""
    return wait_until(lambda: is_right(listed := models(gateway)) and listed, 20, "the list is right")


def test_the_urls_of_a_real_triton_work(tmp_path):
    with Gateway(REAL.replace("<triton>", versions.shared().yaml), tmp_path) as gateway:
        # Each Triton has two seconds, and none on a machine that stops.
        listed = wait_listed(gateway, lambda listed: len(listed["models"]) == 5)
        found = {(one["name"], one["version"]): one for one in listed["models"]}
        assert set(found) == {("densenet", "1"), ("densenet", "2"), ("densenet_of_next_year", "1"), ("tokens", "1"), ("tokens", "2")}
        assert all(one["backend"] == "triton" and one["endpoints"][0]["state"] == "READY" for one in listed["models"])
        assert [one["backend"] for one in listed["unreachable"]] == ["gone"] and listed["unreachable"][0]["reason"]
        urls = {key: {url["route"]: url for url in one["urls"]} for key, one in found.items()}
        assert set(urls[("densenet", "2")]) == {"gold"}, "the route before takes what names the model"
        assert urls[("densenet_of_next_year", "1")]["next"]["url"] == f"{gateway.url}/v2/models/densenet_next/infer"
        assert urls[("tokens", "2")]["rest"]["url"] == f"{gateway.url}/v2/models/tokens/versions/2/infer"
        assert urls[("tokens", "2")]["gold"]["url"] == f"{gateway.url}/gold/v2/models/tokens/versions/2/infer"
        assert urls[("tokens", "2")]["gold"]["host"] == "gold.example"
        for key in (("densenet_of_next_year", "1"), ("densenet", "2")):
            for url in urls[key].values():
                said = [ask(url, key) for _ in range(4)]
                # The other half of "gold" has nobody behind it.
                assert key[0] in " ".join(said) if url["route"] != "gold" else any(key[0] in one for one in said), said


def ask(url: dict, key) -> str:
    """What Triton says to a request without inputs: it names the model."""
    request = urllib.request.Request(url["url"], data=b'{"inputs": []}', headers={"Content-Type": "application/json"})
    if "host" in url:
        request.add_header("Host", url["host"])
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


# --- Tritons that lie

LIARS = """
backends:
  liar: { endpoints: [<liar>] }
routes: [{ name: all, backends: [{ name: liar }] }]
"""


def index(*entries) -> bytes:
    return answer(json.dumps(list(entries)).encode())


@pytest.fixture(scope="module")
def _liar(tmp_path_factory):
    with MockUpstream(hears_questions=True) as liar, Gateway(LIARS.replace("<liar>", liar.address), tmp_path_factory.mktemp("liar")) as gateway:
        yield gateway, liar


@pytest.fixture
def liar(_liar):
    gateway, liar = _liar
    gateway.check_alive()
    # An answer is kept for half a second, also for who wants a new one.
    time.sleep(0.6)
    yield _liar
    liar.serve = None
    liar.reply = answer()


@pytest.mark.parametrize("reply, said", [
    (answer(b"[" * 100_000), "cannot be read"),
    (answer(b'{"name": "m"}'), "cannot be read"),
    (answer(b'[{"version": "1"}]'), "cannot be read"),
    (answer(b"\xff\xfe\x00"), "cannot be read"),
    (answer(b""), "cannot be read"),
    (answer(b"no", "404 Not Found"), "404"),
    (index(*[{"name": f"m{number}", "version": "1", "state": "READY"} for number in range(2001)]), "2001"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b" " * (5 << 20), ""),
    (b"\x00\x01 garbage\r\n\r\n", ""),
])
def test_what_cannot_be_believed_is_said(liar, reply, said):
    gateway, upstream = liar
    upstream.reply = reply
    listed = wait_listed(gateway, lambda listed: listed["models"] == [] and len(listed["unreachable"]) == 1
                         and said in listed["unreachable"][0]["reason"])
    assert len(listed["unreachable"][0]["reason"]) < 1000


def test_names_are_texts(liar):
    gateway, upstream = liar
    names = ["<img src=x onerror=alert(1)>", "a/b", "a b", "..", "a%2Fb", "ü", "m" * 300, "", "x\r\nHost: evil"]
    upstream.reply = index(*[{"name": name, "version": "1", "state": "BROKEN", "reason": "<b>" * 1000} for name in names])
    listed = wait_listed(gateway, lambda listed: listed["models"])
    assert {one["name"] for one in listed["models"]} == set(names) - {"", "m" * 300}
    for one in listed["models"]:
        assert one["endpoints"][0]["state"] == "UNKNOWN" and len(one["endpoints"][0]["reason"]) <= 1000
        for url in one["urls"]:
            assert url["url"].isascii() and not set(' <>"\r\n?#') & set(url["url"]), url
    assert [one["urls"][0]["url"] for one in listed["models"] if one["name"] == "a b"] == [f"{gateway.url}/v2/models/a%20b/versions/1/infer"]


def test_one_who_hangs_holds_nobody_up(liar):
    gateway, upstream = liar
    upstream.serve = lambda connection: connection.wait_end(20)
    # A call to the admin address has ten seconds.
    wait_listed(gateway, lambda listed: any("2 s" in each["reason"] for each in listed["unreachable"]))
    assert gateway.admin_status("/api/v1/status") == 200


def test_an_answer_is_kept_for_a_while(liar):
    gateway, upstream = liar
    upstream.reply = index({"name": "first", "version": "1", "state": "READY"})
    wait_listed(gateway, lambda listed: [one["name"] for one in listed["models"]] == ["first"])
    upstream.reply = index({"name": "second", "version": "1", "state": "READY"})
    before, start = len(upstream.requests), time.monotonic()
    for _ in range(20):
        models(gateway, refresh=False)
    # The monitor asks as well, once in ten seconds, and its statistics cannot be read here.
    assert len(upstream.requests) - before <= 4 + 2 * (time.monotonic() - start)
    wait_until(lambda: [one["name"] for one in models(gateway)["models"]] == ["second"], 10, "a fresh answer is asked for")
