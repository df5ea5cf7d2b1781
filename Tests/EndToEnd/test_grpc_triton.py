"""NVIDIA's gRPC client and load generator get through the gateway what they get from Triton itself."""

import queue
import re
import subprocess
import time
from collections import Counter

import grpc
import numpy as np
import pytest
import requests
import tritonclient.grpc as triton
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from support import triton as real
from support.certificates import Authority
from support.gateway import Gateway, wait_until
from support.grpc_mock import OPTIONS, GrpcServer, channel
from support.http2 import H2Client
from tritonclient.utils import InferenceServerException

import traffic

MIB = 1 << 20
BASIC = traffic.authorization()["Authorization"]
PERF_ANALYZER = real.servers.TOOLS / "triton" / "perf_analyzer"
TLS_PORT_LISTENER = """
listeners:
  - address: 127.0.0.1:${port}
  - address: 127.0.0.1:TLS
    tls: { certificates: [CERTIFICATE] }
"""


@pytest.fixture(scope="module")
def tritons():
    return real.shared()


def config(tritons, stable: int = 100, canary: int = 0, **more) -> str:
    """gRPC goes to the port beside each server's own, by any path."""
    text = tritons.config(stable, canary, **more).replace("{ prefix: /v2 }", "{ prefix: / }")
    for each in tritons.all:
        own = f"    endpoints: ['{each.address}']\n"
        assert own in text
        text = text.replace(own, own + f"    triton: {{ grpcPort: {each.ports.grpc} }}\n")
    return text


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def gateway(tritons, authority, tmp_path_factory):
    port = real.free_ports().http
    certificate = authority.issue("gateway", "localhost", "127.0.0.1")
    top = TLS_PORT_LISTENER.replace("TLS", str(port), 1).replace("CERTIFICATE", certificate.yaml)
    with Gateway(config(tritons, top=top), tmp_path_factory.mktemp("gateway")) as running:
        running.tls_port = port
        yield running


def client_of(address: str, **options) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(address, channel_args=OPTIONS, **options)


@pytest.fixture(params=["direct", "sluice", "sluice over TLS"])
def client(request, tritons, gateway, authority):
    """The same test against Triton, which proves the test, and through the gateway."""
    if request.param == "direct":
        made = client_of(f"127.0.0.1:{tritons.stable.ports.grpc}")
    elif request.param == "sluice":
        made = client_of(f"{gateway.host}:{gateway.port}")
    else:
        made = client_of(f"localhost:{gateway.tls_port}", ssl=True, root_certificates=str(authority.certificate))
    yield made
    made.close()


def tensor(name: str, values: np.ndarray, datatype: str) -> triton.InferInput:
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def pixels(values=(0.9, 0.8, 0.1, 0.9)) -> list:
    return [tensor("PIXELS", np.array(values, dtype=np.float32), "FP32")]


def sleep(milliseconds: int) -> list:
    return [tensor("MILLISECONDS", np.array([milliseconds], dtype=np.int32), "INT32")]


def prompt(text: str, tokens: int, milliseconds: int) -> list:
    return [
        tensor("PROMPT", np.array([text.encode()], dtype=np.object_), "BYTES"),
        tensor("TOKENS", np.array([tokens], dtype=np.int32), "INT32"),
        tensor("MILLISECONDS", np.array([milliseconds], dtype=np.int32), "INT32"),
    ]


def server_of(answer) -> str:
    return traffic.text(answer.as_numpy("SERVED_BY")[0])


# --- what is not inference


def test_health_and_metadata(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("classify")
    assert not client.is_model_ready("nonesuch")
    assert client.get_server_metadata().name == "triton"
    assert client.get_model_metadata("classify").inputs[0].name == "PIXELS"
    assert client.get_model_config("slow").config.name == "slow"
    assert client.get_inference_statistics("classify").model_stats[0].name == "classify"
    assert {each.name for each in client.get_inference_statistics().model_stats} == {
        "classify", "echo", "slow", "stream"}
    assert {each.name for each in client.get_model_repository_index().models} == {"classify", "echo", "slow", "stream"}
    assert client.get_trace_settings().settings and client.get_log_settings().settings
    assert client.get_system_shared_memory_status() is not None


def test_answers_are_tritons_own(tritons, gateway):
    """The same bytes, as far as Triton itself writes the same twice."""
    with channel(f"127.0.0.1:{tritons.stable.ports.grpc}") as direct, channel(
            f"{gateway.host}:{gateway.port}") as through:
        for method, request in (("ServerMetadata", b""), ("ModelMetadata", b"\x0a\x04echo"), ("ServerReady", b"")):
            path = f"/inference.GRPCInferenceService/{method}"
            assert through.unary_unary(path)(request) == direct.unary_unary(path)(request)


def test_errors_are_tritons_own(client):
    with pytest.raises(InferenceServerException, match="unknown model: 'nonesuch'") as raised:
        client.infer("nonesuch", pixels())
    assert raised.value.status() == "StatusCode.NOT_FOUND"
    with pytest.raises(InferenceServerException, match="unexpected inference input 'WRONG'") as raised:
        client.infer("echo", [tensor("WRONG", np.zeros(1, np.float32), "FP32")])
    assert raised.value.status() == "StatusCode.INVALID_ARGUMENT"


@pytest.fixture
def explicit(tmp_path):
    """A Triton that loads models when it is told to; it starts with one."""
    arguments = ["--model-control-mode=explicit", "--load-model=classify"]
    server = real.servers.Triton("stable", real.free_ports(), tmp_path, arguments)
    server.wait_ready()
    yield server
    server.stop()


@pytest.mark.slow
def test_load_and_unload(explicit, tmp_path):
    text = (f"backends: {{ one: {{ endpoints: ['127.0.0.1:{explicit.ports.http}'], "
            f"triton: {{ grpcPort: {explicit.ports.grpc} }} }} }}\n"
            "routes: [{ name: all, backends: [{ name: one }] }]\n")
    with Gateway(text, tmp_path / "gateway") as gateway:
        client = client_of(f"{gateway.host}:{gateway.port}")
        assert client.is_model_ready("classify") and not client.is_model_ready("echo")
        client.load_model("echo")
        assert client.is_model_ready("echo")
        values = np.arange(10, dtype=np.float32)
        assert (client.infer("echo", [tensor("INPUT", values, "FP32")]).as_numpy("OUTPUT") == values).all()
        client.unload_model("echo")
        wait_until(lambda: not client.is_model_ready("echo"), 10, "the model is gone")
        with pytest.raises(InferenceServerException, match="failed to load 'nonesuch'"):
            client.load_model("nonesuch")
        client.close()


def test_health_protocol_and_reflection(tritons, gateway):
    """grpc.health.v1 passes, and what Triton answers to reflection is what the gateway answers."""
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    outcomes = []
    for address in (f"127.0.0.1:{tritons.stable.ports.grpc}", f"{gateway.host}:{gateway.port}"):
        with channel(address) as opened:
            assert opened.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5) == b"\x08\x01"
            try:
                answers = reflection_pb2_grpc.ServerReflectionStub(opened).ServerReflectionInfo(
                    iter([question]), timeout=5)
                outcomes.append([each.name for each in next(answers).list_services_response.service])
            except grpc.RpcError as error:
                outcomes.append((error.code(), error.details()))
    assert outcomes[0] == outcomes[1]


def test_reflection_of_a_server_that_has_it(tmp_path):
    text = ("backends: { main: { protocol: http2, endpoints: [ADDRESS] } }\n"
            "routes: [{ name: all, backends: [{ name: main }] }]\n")
    with GrpcServer() as server, Gateway(text.replace("ADDRESS", server.address), tmp_path) as gateway:
        with channel(f"{gateway.host}:{gateway.port}") as opened:
            stub = reflection_pb2_grpc.ServerReflectionStub(opened)
            questions = [reflection_pb2.ServerReflectionRequest(list_services=""),
                         reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health")]
            services, file = stub.ServerReflectionInfo(iter(questions), timeout=5)
            assert "grpc.health.v1.Health" in {each.name for each in services.list_services_response.service}
            assert b"HealthCheckRequest" in file.file_descriptor_response.file_descriptor_proto[0]


# --- inference


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_infer(client, compression):
    answer = client.infer(
        "classify", pixels((0.25, 1.0, 0.5, 0.25)), request_id="request 7", compression_algorithm=compression)
    assert [traffic.text(answer.as_numpy(name)[0]) for name in ("LABEL", "SCORE", "SERVED_BY")] == [
        "night", "0.5", "stable"]
    assert answer.get_response().id == "request 7"


@pytest.mark.parametrize("elements", [0, 1, 16_000, 2 * MIB, 15 * MIB], ids=["0", "4", "64 kB", "8 MiB", "60 MiB"])
def test_tensors_of_any_size_come_back_bit_for_bit(client, elements):
    values = np.random.default_rng(elements).integers(0, 2**32, elements, dtype=np.uint32).view(np.float32)
    answer = client.infer("echo", [tensor("INPUT", values, "FP32")])
    assert answer.as_numpy("OUTPUT").tobytes() == values.tobytes()


def test_many_at_once(client):
    done = queue.Queue()
    for number in range(200):
        client.async_infer(
            "echo", [tensor("INPUT", np.full(1000, number, dtype=np.float32), "FP32")],
            callback=lambda result, error: done.put((result, error)), request_id=str(number))
    for _ in range(200):
        result, error = done.get(timeout=30)
        assert error is None
        assert (result.as_numpy("OUTPUT") == float(result.get_response().id)).all()


def streamed(client, ask, count: int) -> list:
    """What comes on a stream, with the seconds since its first request."""
    done, begin = queue.Queue(), time.monotonic()
    client.start_stream(callback=lambda result, error: done.put((result, error, time.monotonic() - begin)))
    try:
        ask()
        return [done.get(timeout=20) for _ in range(count)]
    finally:
        client.stop_stream()


def test_stream_of_a_decoupled_model(client):
    """One request, many answers, each as it is made."""
    def come_apart() -> bool:
        events = streamed(client, lambda: client.async_stream_infer("stream", prompt("a b c", 6, 150)), 6)
        assert all(error is None for _, error, _ in events)
        assert [traffic.text(result.as_numpy("TOKEN")[0]) for result, _, _ in events] == list("abcabc")
        arrivals = [seconds for _, _, seconds in events]
        return min(later - earlier for earlier, later in zip(arrivals, arrivals[1:])) > 0.05

    # A process that stands still for a moment finds two of them at once.
    assert any(come_apart() for _ in range(4))


def test_stream_of_many_requests(client):
    def ask():
        for number in range(50):
            client.async_stream_infer(
                "echo", [tensor("INPUT", np.full(1000, number, np.float32), "FP32")], request_id=str(number))

    events = streamed(client, ask, 50)
    assert all(error is None for _, error, _ in events)
    assert sorted(int(result.get_response().id) for result, _, _ in events) == list(range(50))
    assert all((result.as_numpy("OUTPUT") == float(result.get_response().id)).all() for result, _, _ in events)


def test_errors_on_a_stream(client):
    """Triton reports them in the stream, which goes on."""
    def ask():
        client.async_stream_infer("nonesuch", pixels())
        client.async_stream_infer("classify", pixels())

    (_, error, _), (result, nothing, _) = sorted(streamed(client, ask, 2), key=lambda event: event[1] is None)
    assert "unknown model" in str(error) and nothing is None and server_of(result) == "stable"


# --- ends


def in_flight(gateway) -> float:
    return gateway.metrics().sum("sluice_requests_in_flight", backend="stable")


def test_client_cancels(tritons, gateway):
    """Triton stops too: the model would be busy for ten seconds, and answers the next request sooner."""
    client = client_of(f"{gateway.host}:{gateway.port}")
    done = queue.Queue()
    client.start_stream(callback=lambda result, error: done.put((result, error)))
    client.async_stream_infer("stream", prompt("x", 10_000, 20))
    assert done.get(timeout=10)[1] is None
    wait_until(lambda: in_flight(gateway) == 1, 10, "only this one is under way")
    client.stop_stream(cancel_requests=True)
    wait_until(lambda: in_flight(gateway) == 0, 10, "the exchange ends with its client")
    begin = time.monotonic()
    events = streamed(client, lambda: client.async_stream_infer("stream", prompt("again", 1, 0)), 1)
    assert events[0][1] is None and time.monotonic() - begin < 15
    client.close()


def test_unary_call_is_cancelled(gateway):
    client, done = client_of(f"{gateway.host}:{gateway.port}"), queue.Queue()
    context = client.async_infer("slow", sleep(3000), callback=lambda result, error: done.put(error))
    wait_until(lambda: in_flight(gateway) == 1, 10, "the call runs")
    context.cancel()
    assert "CANCELLED" in str(done.get(timeout=10)) and wait_until(lambda: in_flight(gateway) == 0, 10, "it has ended")
    client.close()


def test_client_timeout(client):
    begin = time.monotonic()
    with pytest.raises(InferenceServerException, match="DEADLINE_EXCEEDED|Deadline Exceeded"):
        client.infer("slow", sleep(3000), client_timeout=0.3)
    assert time.monotonic() - begin < 2.8


# --- policies


def test_basic_auth(tritons, tmp_path):
    users = real.servers.DEMO / "users.htpasswd"
    route = f"basicAuth: {{ realm: Inference, usersFile: {users} }}"
    with Gateway(config(tritons, route=route), tmp_path) as gateway:
        client = client_of(f"{gateway.host}:{gateway.port}")
        assert server_of(client.infer("classify", pixels(), headers={"authorization": BASIC})) == "stable"
        for headers in ({}, {"authorization": traffic.authorization(password="wrong")["Authorization"]}):
            with pytest.raises(InferenceServerException) as raised:
                client.infer("classify", pixels(), headers=headers)
            assert raised.value.status() == "StatusCode.UNAUTHENTICATED" and raised.value.message()
        client.close()
        gateway.wait_metric("sluice_grpc_responses_total", 2, route="infer", grpc_status="16")


def test_split_is_exact_for_each_call(tritons, tmp_path):
    """One connection, many calls: the split is per call."""
    with Gateway(config(tritons, 80, 20), tmp_path) as gateway:
        client = client_of(f"{gateway.host}:{gateway.port}")
        for _ in range(2):
            counts = Counter(server_of(client.infer("classify", pixels())) for _ in range(100))
            assert abs(counts["stable"] - 80) <= 1, counts
        client.close()


def test_unary_calls_are_mirrored(tritons, tmp_path):
    """As the shadow counts them itself."""
    with Gateway(config(tritons, 80, 20, mirror=100), tmp_path) as gateway:
        before = tritons.shadow.inferences("classify")
        client = client_of(f"{gateway.host}:{gateway.port}")
        for _ in range(50):
            assert server_of(client.infer("classify", pixels())) in ("stable", "canary")
        client.close()
        gateway.wait_metric("sluice_mirror_requests_total", 50, outcome="ok")
        wait_until(lambda: tritons.shadow.inferences("classify") - before == 50, 10, "the shadow has counted them")


def test_one_port_for_everything(tritons, gateway):
    """HTTP/1.1, HTTP/2 and gRPC at the same port at the same time, to one server."""
    client = client_of(f"{gateway.host}:{gateway.port}")
    with H2Client(gateway.host, gateway.port) as http2:
        for _ in range(10):
            assert server_of(client.infer("classify", pixels())) == "stable"
            answer = requests.post(f"{gateway.url}/v2/models/classify/infer", json=traffic.INFER, timeout=10)
            assert answer.status_code == 200 and "stable" in answer.text
            assert http2.get("/v2/health/ready").status == 200
    client.close()
    metrics = gateway.metrics()
    (endpoint,) = {labels["endpoint"] for labels, value in metrics.select(
        "sluice_upstream_connections_open", backend="stable")}
    assert endpoint == tritons.stable.address


# --- NVIDIA's load generator


@pytest.mark.slow
@pytest.mark.skipif(not PERF_ANALYZER.exists(), reason="this platform's client wheel carries no perf_analyzer")
@pytest.mark.parametrize("mode", [[], ["--streaming"]], ids=["unary", "streaming"])
def test_perf_analyzer(tritons, tmp_path, mode):
    with Gateway(config(tritons), tmp_path) as gateway:
        done = subprocess.run(
            [str(PERF_ANALYZER), "-i", "grpc", "-u", f"{gateway.host}:{gateway.port}", "-m", "classify", "--shape",
             "PIXELS:4", "--concurrency-range", "4", "--measurement-mode", "count_windows",
             "--measurement-request-count", "300", "--stability-percentage", "999", *mode],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        throughputs = [float(each) for each in re.findall(r"Throughput: ([0-9.]+) infer/sec", done.stdout)]
        assert len(throughputs) == 1 and throughputs[0] > 0, done.stdout
        metrics = gateway.metrics()
        assert metrics.sum("sluice_grpc_responses_total", grpc_status="0") > (0 if mode else 100)
        # It leaves calls behind when a measurement ends, and nothing else may go wrong.
        assert metrics.sum("sluice_requests_total") == (
            metrics.sum("sluice_requests_total", code="200") + metrics.sum("sluice_requests_total", code="499"))
