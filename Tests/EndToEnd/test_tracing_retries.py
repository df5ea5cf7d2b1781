"""The traces of exchanges that are tried more than once: each try is a span, and the endpoint is told of its own."""

from contextlib import contextmanager

from support.collector import Collector, a_trace, named
from support.gateway import Gateway
from support.mock_upstream import MockUpstream, refused_port
from support.rawhttp import Client, answer, get

RETRIES = """
loops: 1
tracing: {{ endpoint: '{url}', samplePercent: 100 }}
backends:
  pair: {{ endpoints: {endpoints}, balance: roundRobin, outlierDetection: {{ maxEjectionPercent: 0 }} }}
routes:
  - name: all
    retries: {{ attempts: 2, on: [connectFailure, reset, 503], budgetPercent: 100 }}
    backends: [{{ name: pair }}]
"""


@contextmanager
def retried(directory, *endpoints: str):
    with Collector() as collector:
        text = RETRIES.format(url=collector.url, endpoints=list(endpoints))
        with Gateway(text, directory) as gateway:
            yield gateway, collector


def exchange(gateway, trace: str):
    with Client(gateway.host, gateway.port) as client:
        return client.exchange(get("/", "h", ": ".join(named(trace))))


def test_each_try_is_a_span(tmp_path):
    with MockUpstream(answer(b"", "503 Busy")) as bad, MockUpstream() as good:
        with retried(tmp_path, bad.address, good.address) as (gateway, collector):
            for _ in range(4):
                trace = a_trace()
                assert exchange(gateway, trace).status == 200
                spans = collector.wait_trace(trace, 2)
                if len(spans.of_kind("client")) == 2:
                    break
            first, second = spans.of_kind("client")
    assert first.id != second.id and first.parent == second.parent == spans.server.id
    assert first.is_error and first["error.type"] == "503" and not second.is_error and not spans.server.is_error
    assert first["http.request.resend_count"] is None and second["http.request.resend_count"] == 1
    assert spans.server["sluice.retries"] == 1 and first.end <= second.start
    assert first["sluice.endpoint"] == bad.address and second["sluice.endpoint"] == good.address
    assert bad.requests[-1].get("traceparent") == f"00-{trace}-{first.id}-01"
    assert good.requests[-1].get("traceparent") == f"00-{trace}-{second.id}-01"


def test_a_connection_that_is_not_made(tmp_path):
    with refused_port() as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        with retried(tmp_path, address) as (gateway, collector):
            trace = a_trace()
            assert exchange(gateway, trace).status == 502
            spans = collector.wait_trace(trace, 3)
    tries, connects = spans.of_kind("client"), spans.named("connect")
    assert len(tries) == len(connects) > 0 and {span.parent for span in connects} == {span.id for span in tries}
    assert all(span.is_error and span["error.type"] == "connect_failed" for span in [*tries, *connects])
    assert spans.server["sluice.cause"] == "connect_failed" and spans.server.is_error


def test_a_connection_that_had_ended(tmp_path):
    """The pooled one is gone: the request is sent over a new one."""

    def once(connection):
        request = connection.read_request()
        connection.upstream.record(connection, request)
        connection.send(answer())
        connection.upstream.hold()
        # Takes the next request, and the connection ends in place of an answer.
        connection.read_request()

    with MockUpstream(serve=once) as upstream, retried(tmp_path, upstream.address) as (gateway, collector):
        assert exchange(gateway, a_trace()).status == 200
        upstream.release()
        upstream.serve = once
        trace = a_trace()
        assert exchange(gateway, trace).status == 200
        spans = collector.wait_trace(trace, 3)
    sent = spans.of_kind("client")
    assert sent[-1]["http.response.status_code"] == 200 and sent[-1]["http.request.resend_count"] == 1
    assert f"00-{trace}-{sent[-1].id}-01" == upstream.requests[-1].get("traceparent")
