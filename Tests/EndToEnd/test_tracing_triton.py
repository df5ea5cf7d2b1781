"""Triton's own traces (`--trace-config mode=opentelemetry`) go on where the gateway's end: one trace, from the client's request
to the model."""

import json
import random
import subprocess

import numpy
import pytest
import tritonclient.grpc as triton

from support.collector import IS_REMOTE, Collector
from support.gateway import Gateway
from support.rawhttp import Client, post
from support.triton import free_ports, servers

BODY = json.dumps({"inputs": [{"name": "INPUT", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]}).encode()

CONFIG = """
tracing: {{ endpoint: '{url}', samplePercent: 100 }}
backends:
  triton: {{ endpoints: ['127.0.0.1:{http}'], triton: {{ grpcPort: {grpc} }} }}
routes: [{{ name: infer, backends: [{{ name: triton }}] }}]
"""


def knows_opentelemetry() -> bool:
    said = subprocess.run([servers.TRITONSERVER, "--help"], capture_output=True, text=True, timeout=60)
    return '"opentelemetry"' in said.stdout + said.stderr


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    if not servers.TRITONSERVER.exists():
        raise FileNotFoundError("no Triton in .build-tools: run config/demo/setup tests")
    if not knows_opentelemetry():
        pytest.skip("this tritonserver was built without OpenTelemetry: its --help does not name the mode")
    directory, ports = tmp_path_factory.mktemp("triton"), free_ports()
    with Collector() as collector:
        settings = ["mode=opentelemetry", f"opentelemetry,url={collector.url}/v1/traces", "rate=1", "level=TIMESTAMPS",
                    "opentelemetry,resource=service.name=triton", "opentelemetry,bsp_schedule_delay=200"]
        arguments = [word for setting in settings for word in ("--trace-config", setting)]
        server = servers.Triton("stable", ports, directory, arguments)
        try:
            server.wait_ready()
            text = CONFIG.format(url=collector.url, http=ports.http, grpc=ports.grpc)
            with Gateway(text, directory / "gateway") as gateway:
                yield gateway, collector
        finally:
            server.stop()


def joined(collector, *traces: str):
    """The spans of the gateway and those of Triton in one of the traces, once both have come."""

    def both(_):
        for trace in traces:
            spans = collector.traces().get(trace, [])
            own = [span for span in spans if span.resource["service.name"] == "sluice"]
            theirs = [span for span in spans if span.resource["service.name"] != "sluice"]
            # The model's own span comes in another batch, now and then.
            if own and len(theirs) > 1:
                return own, theirs
        return None

    return collector.wait(both, 60, "spans of both")


# Nanoseconds.
SLACK = 50_000_000


def check(own: list, theirs: list) -> None:
    server = next(span for span in own if span.kind == "server")
    sent = next(span for span in own if span.kind == "client")
    ids = {span.id for span in theirs}
    outermost = [span for span in theirs if span.parent not in ids]
    assert [span.parent for span in outermost] == [sent.id], [(span.name, span.parent) for span in theirs]
    assert sent.parent == server.id and sent.flags & 1
    # Both clocks are this machine's, which may be set right meanwhile. Triton ends its span a moment after its answer.
    assert server.start - SLACK <= outermost[0].start <= server.end + SLACK
    assert len(theirs) > 1, "the model's own span is missing"


def test_over_http(traced):
    gateway, collector = traced
    trace = f"{random.getrandbits(128) | 1:032x}"
    with Client(gateway.host, gateway.port) as client:
        answer = client.exchange(post(
            BODY, "/v2/models/echo/infer", "h", f"traceparent: 00-{trace}-00f067aa0ba902b7-00"), "POST")
    assert answer.status == 200, answer.body
    own, theirs = joined(collector, trace)
    check(own, theirs)
    assert next(span for span in own if span.kind == "server").flags & IS_REMOTE


def test_over_grpc(traced):
    """Triton 2.51 now and then does not see the metadata of a call and begins a trace of its own, also without a gateway in
    front of it; so there are several calls, one of which joins."""
    gateway, collector = traced
    traces = [f"{random.getrandbits(128) | 1:032x}" for _ in range(10)]
    for trace in traces:
        client = triton.InferenceServerClient(f"{gateway.host}:{gateway.port}")
        try:
            wanted = triton.InferInput("INPUT", [3], "FP32")
            wanted.set_data_from_numpy(numpy.array([1, 2, 3], numpy.float32))
            client.infer("echo", [wanted], headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-00"})
        finally:
            client.close()
    own, theirs = joined(collector, *traces)
    check(own, theirs)
    assert next(span for span in own if span.kind == "server")["rpc.method"] == "ModelInfer"
