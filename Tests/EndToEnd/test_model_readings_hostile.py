"""Servers that give nonsense for metrics, or take for ever: each costs itself its numbers, and the others nothing."""

import json

import pytest

from support.gateway import Gateway, wait_until
from support.mock_upstream import MockUpstream
from support.rawhttp import answer
from support.unending import dripping, endless

PAGE = """# HELP nv_inference_request_success Number of successful inference requests
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="m",version="1"} COUNT
nv_inference_queue_duration_us{model="m",version="1"} 5000
"""
EVIL = 'a/b "c" \\\\ <img src=x onerror=alert(1)> ü→模型'
ESCAPED = EVIL.replace("\\", "\\\\").replace('"', '\\"')
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


def page(text: str) -> bytes:
    return answer(text.encode(), "200 OK", "Content-Type: text/plain; charset=utf-8")


def hanging(connection) -> None:
    connection.wait_end(60)


# What the metrics port answers, and which outcomes its readings have.
BAD = {
    "hangs": (dict(serve=hanging), "timeout"),
    "drips": (dict(serve=dripping(b"#")), "timeout"),
    "endless": (dict(serve=endless(b"x_metric 1\n", PAGE.encode(), "text/plain", 1 << 20)), "unreadable"),
    "line": (dict(serve=endless(b"m", content_type="text/plain")), "unreadable"),
    "html": (dict(reply=answer(b"<!DOCTYPE html><html></html>", "200 OK", "Content-Type: text/html")), "unreadable"),
    "json": (dict(reply=answer(b'{"error":"no"}')), "unreadable"),
    "words": (dict(reply=answer(b"hello world\n")), "unreadable"),
    "node": (dict(reply=page("# TYPE up gauge\nup 1\n")), "unreadable"),
    "empty": (dict(reply=answer(b"")), "unreadable"),
    "refused": (dict(reply=answer(b"", "403 Forbidden")), "refused"),
    "broken": (dict(reply=answer(b"", "502 Bad Gateway")), "refused"),
    "cut": (dict(reply=lambda asked, connection: connection.send(HEAD + b"5\r\nnv_in\r\n") and None), "unreachable"),
    "closed": (dict(reply=lambda asked, connection: None), "unreachable"),
}


def test_each_costs_only_itself(upstreams, gateways):
    good = upstreams(page(PAGE.replace("COUNT", "7")), hears_questions=True)
    bad = {name: upstreams(hears_questions=True, **script) for name, (script, _) in BAD.items()}
    # Its own port knows no statistics either.
    front = upstreams(answer(b"ok"))

    def backend(name: str, server: MockUpstream) -> str:
        return f"  {name}: {{ endpoints: ['{front.address}'], triton: {{ metricsPort: {server.port}, interval: 100ms }} }}\n"

    names = ["good", *bad]
    gateway = gateways("loops: 1\nbackends:\n" + backend("good", good) + "".join(backend(*each) for each in bad.items())
                       + "routes:\n" + "".join(f"  - {{ name: {name}, match: [{{ path: {{ prefix: /{name} }} }}], backends: [{{ name: {name} }}] }}\n"
                                               for name in names))
    before = gateway.rss()
    for name, (_, outcome) in BAD.items():
        gateway.wait_metric("sluice_model_readings_total", 1, 30, backend=name, outcome=outcome)
    gateway.wait_metric("sluice_model_readings_total", 30, 30, backend="good", outcome="ok")
    found = gateway.metrics()
    assert found.select("sluice_model_requests_total", backend="good")[0][1] == 7
    for name in BAD:
        assert not found.select("sluice_model_requests_total", backend=name), name
        # Who fails is left alone for longer and longer.
        assert found.sum("sluice_model_readings_total", backend=name) < 30, name
    assert gateway.rss() < before + (64 << 20)
    wait_until(lambda: gateway.stderr_text().count("does not give its models' numbers") >= len(BAD), 20, "all is told")
    log = gateway.stderr_text()
    for name in BAD:
        assert log.count(f"of backend {name} does not give its models' numbers") == 1, log
    assert gateway.admin_status("/api/v1/status") == 200


def test_samples_that_cannot_be(upstreams, gateways):
    many = "".join(f'nv_inference_count{{model="many{number}",version="1"}} {number}\n' for number in range(50_000))
    odd = PAGE.replace("COUNT", "NaN") + f"""nv_inference_request_success{{model="{ESCAPED}",version="1"}} 3
nv_inference_request_success{{model="{'m' * 300}",version="1"}} 3
nv_inference_request_success{{model="minus",version="1"}} -3
nv_inference_request_success{{model="endless",version="1"}} +Inf
nv_inference_request_success{{model="huge",version="1"}} 1e300
nv_inference_request_success{{model="fine",version="1"}} 1.5e3 1395066363000
this is no line
nv_gpu_utilization{{gpu_uuid="GPU-1"}} 0.5
"""
    odd_one, crowded = upstreams(page(odd), hears_questions=True), upstreams(page(many), hears_questions=True)
    front = upstreams(answer(b"ok"))
    gateway = gateways(f"""
loops: 1
backends:
  odd: {{ endpoints: ['{front.address}'], triton: {{ metricsPort: {odd_one.port}, interval: 100ms }} }}
  crowded: {{ endpoints: ['{front.address}'], triton: {{ metricsPort: {crowded.port}, interval: 1s }} }}
routes:
  - {{ name: a, match: [{{ path: {{ prefix: /a }} }}], backends: [{{ name: odd }}] }}
  - {{ name: b, backends: [{{ name: crowded }}] }}
""")
    gateway.wait_metric("sluice_model_readings_total", 2, 30, backend="odd", outcome="ok")
    gateway.wait_metric("sluice_model_readings_total", 1, 30, backend="crowded", outcome="ok")
    found = gateway.metrics()
    counts = {labels["model"]: value for labels, value in found.select("sluice_model_requests_total", backend="odd")}
    assert counts.pop("fine") == 1500 and counts.pop("m") == 0
    (name, value), = counts.items()
    assert value == 3 and json.loads(f'"{name}"') == EVIL
    assert len(found.select("sluice_model_inferences_total", backend="crowded")) == 2000
    assert found.sum("sluice_models_left_out", backend="crowded") == 48_000


def test_counters_that_go_back(upstreams, gateways):
    server = upstreams(page(PAGE.replace("COUNT", "1000000")), hears_questions=True)
    front = upstreams(answer(b"ok"))
    gateway = gateways(f"""
loops: 1
backends: {{ main: {{ endpoints: ['{front.address}'], triton: {{ metricsPort: {server.port}, interval: 100ms }} }} }}
routes: [{{ name: all, backends: [{{ name: main }}] }}]
""")
    gateway.wait_metric("sluice_model_readings_total", 2, 30, outcome="ok")
    assert not gateway.metrics().select("sluice_model_queue_seconds_mean")
    server.reply = page(PAGE.replace("COUNT", "10").replace("5000", "100"))
    wait_until(lambda: gateway.metrics().sum("sluice_model_requests_total") == 10, 20, "the new count is read")
    assert not gateway.metrics().select("sluice_model_queue_seconds_mean"), "a restart is no request"
    server.reply = page(PAGE.replace("COUNT", "14").replace("5000", "900"))
    wait_until(lambda: gateway.metrics().select("sluice_model_queue_seconds_mean"), 20, "a mean comes")
    assert gateway.metrics().sum("sluice_model_queue_seconds_mean") == pytest.approx(0.0002)
    # A server that goes away takes its numbers with it.
    server.stop()
    wait_until(lambda: not gateway.metrics().select("sluice_model_requests_total"), 30, "old numbers are not shown")
