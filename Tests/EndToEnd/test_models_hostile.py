"""The list of models, asked of servers that are slow, broken or hostile: those that answer are listed, the others are named
with a reason, and nothing of it takes the gateway's memory or time."""

import json
import time

from support.gateway import wait_until
from support.admin_client import Operator
from support.rawhttp import answer, chunked, get
from support.unending import dripping, endless

EVIL = '<img src=x onerror=alert(1)>"\\\u2028\x00\x1b'


def index(models: list) -> bytes:
    return answer(json.dumps(models).encode(), "200 OK", "Content-Type: application/json")


GOOD = [{"name": "densenet", "version": "1", "state": "READY"}, {"name": "densenet", "version": "2", "state": "UNAVAILABLE",
        "reason": EVIL}, {"name": EVIL, "version": EVIL, "state": EVIL, "reason": EVIL}, {"name": "unloaded"}]


BAD = {
    "no": dict(reply=answer(b"{}", "404 Not Found")),
    "text": dict(reply=answer(b"hello")),
    "object": dict(reply=answer(b'{"name":"m"}')),
    "nothing": dict(reply=answer(b"")),
    "numbers": dict(reply=index([{"name": 1, "version": {}, "state": []}, 5, None])),
    "deep": dict(reply=answer(b"[" * 200_000)),
    "many": dict(reply=index([{"name": f"m{number}", "version": "1", "state": "READY"} for number in range(50_000)])),
    "long": dict(reply=index([{"name": "m" * 1_000_000, "version": "1", "state": "READY"}])),
    "utf8": dict(reply=answer(b'[{"name":"\xff\xfe","version":"1","state":"READY"}]')),
    "closed": dict(reply=lambda asked, connection: None),
    "garbage": dict(reply=b"\x00\x01\x02\r\n\r\n"),
    "redirect": dict(reply=answer(b"", "302 Found", "Location: http://127.0.0.1:1/")),
    "chunks": dict(reply=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"[]", b"[]")),
    "endless": dict(serve=endless(b"[")),
    "dripping": dict(serve=dripping(start=b"[")),
}


def test_whatever_they_say(upstreams, gateways):
    good = upstreams(index(GOOD), hears_questions=True)
    bad = {name: upstreams(hears_questions=True, **script) for name, script in BAD.items()}
    backends = "".join(f"  {name}: {{ endpoints: [{server.address}] }}\n" for name, server in bad.items())
    routes = "".join(f"  - {{ name: '{name}', match: [{{ path: {{ prefix: /{name} }} }}], backends: [{{ name: {name} }}] }}\n"
                     for name in bad)
    gateway = gateways(f"loops: 1\nbackends:\n  good: {{ endpoints: [{good.address}] }}\n{backends}"
                       f"routes:\n{routes}  - {{ name: rest, backends: [{{ name: good }}] }}\n")
    operator = Operator(gateway)
    before = gateway.rss()

    def ask() -> dict:
        with operator.connect(timeout=60) as client:
            response = client.exchange(get("/api/v1/models?refresh=1", operator.host))
            assert response.status == 200
            return json.loads(response.body)

    started = time.monotonic()
    found = ask()
    assert time.monotonic() - started < 40
    listed = {(model["name"], model["version"]): model for model in found["models"] if model["backend"] == "good"}
    assert listed["densenet", "1"]["endpoints"][0]["state"] == "READY" and len(listed) >= 3
    silent = {each["backend"] for each in found["unreachable"]}
    assert {"no", "text", "object", "nothing", "deep", "closed", "garbage", "redirect", "endless", "dripping"} <= silent
    assert all(each["reason"] for each in found["unreachable"])
    assert len(json.dumps(found)) < 8 << 20, "the list is for people"
    # Whoever asks often gets what is known.
    def lists() -> int:
        return sum(request.target == "/v2/repository/index" for request in good.requests)

    asked = lists()
    for _ in range(10):
        ask()
    # The monitor asks as well.
    assert lists() <= asked + 4 + (time.monotonic() - started) // 5
    # The monitor reads such answers too, at any time.
    wait_until(lambda: gateway.rss() < before + (64 << 20), 40, "memory is given back")
