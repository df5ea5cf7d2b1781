"""Collectors that are gone, slow, refuse or talk nonsense: requests go on, spans wait for a while, and what is lost is
counted. And what a good one gets."""

import ssl
import threading

import pytest

from support.certificates import Authority
from support.collector import Collector, rejecting
from support.gateway import Gateway, free_port, wait_until
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, get
from support.together import together

# As many as fill what may wait for a collector, and more: 8 MiB, of which each takes some 3 KiB.
FLOOD = 6000
LONG = "x" * 1000


def config(url: str, more: str = "", top: str = "") -> str:
    return f"""
tracing: {{ endpoint: '{url}', samplePercent: 100 {more} }}
{top}
routes: [{{ name: all, respond: {{ status: 204 }} }}]
"""


def ask(gateway, count: int, *fields: str, at_once: int = 50) -> None:
    """Requests that are all answered."""
    with Client(gateway.host, gateway.port) as client:
        for start in range(0, count, at_once):
            number = min(at_once, count - start)
            client.send(get("/all", "h", *fields) * number)
            assert [client.response().status for _ in range(number)] == [204] * number


def outcomes(gateway) -> dict:
    return {labels["outcome"]: value for labels, value in gateway.metrics().select("sluice_trace_spans_total")}


def test_what_a_collector_gets(tmp_path):
    with Collector() as collector, Gateway(
        config(collector.url + "/otlp/", ", headers: { X-Token: hidden, accept: 'a/b' }"), tmp_path) as gateway:
        # The path of the endpoint is its base.
        collector.take, take = lambda path, *rest: take(path.removeprefix("/otlp"), *rest), collector.take
        ask(gateway, 700)
        collector.wait(lambda each: len(each.spans) == 700)
        gateway.wait_metric("sluice_trace_spans_total", 700, outcome="exported")
        assert outcomes(gateway) == {"exported": 700, "dropped": 0, "rejected": 0}
        _, _, headers, _, _ = collector.requests[0]
        assert headers["X-Token"] == "hidden" and headers["Accept"] == "a/b"
        assert headers["Host"] == f"127.0.0.1:{collector.port}" and headers["User-Agent"].startswith("sluice/")
        assert len({span.resource["service.instance.id"] for span in collector.spans}) == 1
        assert "hidden" not in gateway.stderr_text() + gateway.admin("/api/v1/status")[2] + gateway.admin("/metrics")[2]


def test_a_collector_that_comes_late(tmp_path):
    """Nobody listens; what was to be sent is sent when somebody does."""
    port = free_port()
    with Gateway(config(f"http://127.0.0.1:{port}"), tmp_path) as gateway:
        ask(gateway, 100)
        wait_until(lambda: "spans could not be exported" in gateway.stderr_text(), what="the operator is told")
        with Collector(port) as collector:
            collector.wait(lambda each: len(each.spans) == 100, 60)
            gateway.wait_metric("sluice_trace_spans_total", 100, outcome="exported")
        assert gateway.metrics().sum("sluice_trace_spans_total", outcome="dropped") == 0


def test_a_collector_that_hangs(tmp_path):
    """At most two requests are under way, what waits is bounded, and the rest is dropped and counted."""
    with Collector(answer=lambda _: None) as collector, Gateway(config(collector.url), tmp_path) as gateway:
        ask(gateway, 200, f"User-Agent: {LONG}")
        before = gateway.rss()
        collector.wait(lambda each: each.requests)
        ask(gateway, FLOOD, f"User-Agent: {LONG}")
        ask(gateway, FLOOD, f"User-Agent: {LONG}")
        gateway.wait_metric("sluice_trace_spans_total", 1, outcome="dropped")
        assert gateway.rss() - before < 96 << 20
        # After ten seconds without an answer it calls again.
        first = collector.requests[0][0]
        assert len([each for each in collector.requests if each[0] < first + 9]) <= 2


def test_the_end_does_not_wait_for_one_that_hangs(tmp_path):
    """`Gateway` has it end in time, with status 0."""
    with Collector(answer=lambda _: None) as collector, Gateway(config(collector.url), tmp_path) as gateway:
        ask(gateway, 10)
        collector.wait(lambda each: each.requests)


def test_at_the_end_everything_is_sent(tmp_path):
    with Collector() as collector:
        with Gateway(config(collector.url), tmp_path) as gateway:
            ask(gateway, 1500)
        assert len(collector.spans) == 1500


def test_what_is_refused_is_not_sent_again(tmp_path):
    def prove(status: int) -> None:
        with (Collector(answer=lambda _: (status, {}, b"")) as collector,
              Gateway(config(collector.url), tmp_path / str(status)) as gateway):
            ask(gateway, 10)
            gateway.wait_metric("sluice_trace_spans_total", 10, 30, outcome="rejected")
            wait_until(lambda: f"answered {status}" in gateway.stderr_text(), what="the operator is told")
            ask(gateway, 5)
            gateway.wait_metric("sluice_trace_spans_total", 15, 30, outcome="rejected")
            bodies = [request[3] for request in collector.requests]
            assert len(set(bodies)) == len(bodies)

    together(prove, [400, 401, 404, 500])


def test_what_is_not_taken_now_is_sent_again(tmp_path):
    def prove(status: int) -> None:
        def answer(number: int):
            return (status, {"Retry-After": "2"} if status in (429, 503) else {}, b"") if number == 1 else (200, {}, b"")

        with Collector(answer=answer) as collector, Gateway(config(collector.url), tmp_path / str(status)) as gateway:
            ask(gateway, 10)
            gateway.wait_metric("sluice_trace_spans_total", 10, 30, outcome="exported")
            (first, *_, body, _), (second, *_, again, _) = collector.requests[:2]
            assert body == again
            # Half of the shortest wait, or what the collector asked for; with a little for two clocks.
            assert second - first > (1.95 if status in (429, 503) else 0.45)
            assert outcomes(gateway) == {"exported": 10, "dropped": 0, "rejected": 0}

    together(prove, [429, 502, 503, 504])


def test_spans_that_a_collector_picks_out(tmp_path):
    with Collector(answer=lambda _: (200, {}, rejecting(3))) as collector:
        with Gateway(config(collector.url), tmp_path) as gateway:
            ask(gateway, 10, at_once=10)
            gateway.wait_metric("sluice_trace_spans_total", 3, outcome="rejected")
            found = outcomes(gateway)
            assert found["exported"] + found["rejected"] == 10 and "rejected 3 spans" in gateway.stderr_text()


@pytest.mark.parametrize("garbage", [
    b"\0" * 4000, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200_000,
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\xff\xff\xff\xff\xff"], ids=["bytes", "endless", "message"])
def test_answers_that_are_none(tmp_path, garbage):
    with MockUpstream(garbage) as upstream, Gateway(config(f"http://{upstream.address}"), tmp_path) as gateway:
        ask(gateway, 10)
        wait_until(lambda: sum(outcomes(gateway).values()) >= 10 or len(upstream.requests) > 1, 30, "an end of it")
        ask(gateway, 10)


def test_a_reload_takes_what_waits_elsewhere(tmp_path):
    with Gateway(config(f"http://127.0.0.1:{free_port()}"), tmp_path) as gateway, Collector() as collector:
        ask(gateway, 20)
        gateway.write_config(config(collector.url, ", serviceName: moved"))
        assert gateway.reload()[0] == 200
        collector.wait(lambda each: len(each.spans) == 20, 60)
        assert {span.resource["service.name"] for span in collector.spans} == {"moved"}
        # Off: nothing new comes, and requests go on.
        gateway.write_config("routes: [{ name: all, respond: { status: 204 } }]\n")
        assert gateway.reload()[0] == 200
        ask(gateway, 20)
        # And on again, with another percentage.
        gateway.write_config(config(collector.url).replace("100", "0"))
        assert gateway.reload()[0] == 200
        ask(gateway, 20)
        gateway.write_config(config(collector.url))
        assert gateway.reload()[0] == 200
        ask(gateway, 1)
        collector.wait(lambda each: len(each.spans) == 21)


def test_over_tls(tmp_path):
    authority = Authority(tmp_path)
    own = authority.issue("collector", "collector.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    with Collector() as collector:
        collector.server.socket = context.wrap_socket(collector.server.socket, server_side=True)
        # The name of the certificate is the endpoint's, which is pinned to an address.
        text = config(
            f"https://collector.test:{collector.port}", f", tls: {{ ca: {authority.certificate} }}",
            f"resolve: {{ collector.test: '127.0.0.1:{collector.port}' }}")
        with Gateway(text, tmp_path / "gateway") as gateway:
            ask(gateway, 5)
            collector.wait(lambda each: len(each.spans) == 5, 60)
            assert collector.requests[0][2]["Host"] == f"collector.test:{collector.port}"


def test_many_clients_at_once(tmp_path):
    """Every loop hands its spans over, and none is lost or sent twice."""
    with Collector() as collector, Gateway("loops: 4\n" + config(collector.url), tmp_path) as gateway:
        threads = [threading.Thread(target=ask, args=(gateway, 200)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gateway.wait_metric("sluice_trace_spans_total", 1600, 30, outcome="exported")
        assert len({span.id for span in collector.spans}) == len(collector.spans) == 1600
