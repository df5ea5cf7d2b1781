"""NVIDIA's own client gets through the gateway exactly what it gets from Triton itself."""

import json
import threading
import time

import numpy as np
import pytest
import requests
import tritonclient.http as triton
from support import triton as real
from support.gateway import Gateway, wait_until

import traffic

BIG_TENSOR = 2 * 1024 * 1024  # FP32 elements: 8 MiB


@pytest.fixture(scope="module")
def tritons():
    return real.shared()


@pytest.fixture(scope="module")
def gateway(tritons, tmp_path_factory):
    with Gateway(tritons.config(100, 0), tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["direct", "sluice"])
def client(request, tritons, gateway):
    """The same test twice: against Triton, which proves the test, and through the gateway."""
    address = tritons.stable.address if request.param == "direct" else f"{gateway.host}:{gateway.port}"
    made = triton.InferenceServerClient(address, concurrency=16)
    yield made
    made.close()


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_infer(client, binary, compression):
    names = ("LABEL", "SCORE", "SERVED_BY")
    pixels = np.array([0.25, 1.0, 0.5, 0.25], dtype=np.float32)
    answer = client.infer(
        "classify", [traffic.tensor("PIXELS", pixels, "FP32", binary)],
        outputs=[triton.InferRequestedOutput(name, binary_data=binary) for name in names],
        request_id="request 7", request_compression_algorithm=compression, response_compression_algorithm=compression)
    assert [traffic.text(answer.as_numpy(name)[0]) for name in names] == ["night", "0.5", "stable"]
    assert answer.get_response()["id"] == "request 7"


def test_binary_in_json_out_and_the_reverse(client):
    pixels = np.linspace(0, 1, 1000, dtype=np.float32)
    for binary in (False, True):
        answer = client.infer(
            "classify", [traffic.tensor("PIXELS", pixels, "FP32", binary)],
            outputs=[triton.InferRequestedOutput("SCORE", binary_data=not binary)])
        assert answer.as_numpy("SCORE")[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("elements", [0, 1, 16_000, BIG_TENSOR])
def test_tensors_of_any_size_come_back_bit_for_bit(client, elements):
    values = np.random.default_rng(elements).integers(0, 2**32, elements, dtype=np.uint32).view(np.float32)
    assert traffic.echo(client, values).tobytes() == values.tobytes()


@pytest.mark.parametrize("elements", [4_000, 12_000, 20_000, 250_000])
def test_no_size_makes_answers_wait(client, elements):
    """No write is held back until the client acknowledges the one before, which clients delay by 40 ms."""
    values = np.zeros(elements, dtype=np.float32)
    for _ in range(5):
        seconds = []
        for _ in range(50):
            begin = time.monotonic()
            traffic.echo(client, values)
            seconds.append(time.monotonic() - begin)
        # Nine of ten, because a busy machine makes a few late on its own; for a while it may make them all late.
        if sorted(seconds)[44] < 0.035:
            return
    raise AssertionError(f"{sorted(seconds)[-10:]}")


def test_what_is_not_inference(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("classify")
    assert not client.is_model_ready("nonesuch")
    assert client.get_server_metadata()["name"] == "triton"
    assert client.get_model_metadata("classify")["inputs"] == [{"name": "PIXELS", "datatype": "FP32", "shape": [-1]}]
    assert client.get_model_config("slow")["name"] == "slow"
    assert client.get_inference_statistics("classify")["model_stats"][0]["name"] == "classify"
    assert {each["name"] for each in client.get_model_repository_index()} == {"classify", "echo", "slow", "stream"}


def test_errors_are_tritons_own(client):
    with pytest.raises(triton.InferenceServerException, match="unknown model: 'nonesuch'"):
        client.infer("nonesuch", [traffic.tensor("INPUT", np.zeros(1, np.float32), "FP32", True)])
    with pytest.raises(triton.InferenceServerException, match="unexpected inference input 'WRONG'"):
        client.infer("echo", [traffic.tensor("WRONG", np.zeros(1, np.float32), "FP32", True)])


def test_many_at_once_on_pooled_connections(client):
    tensors = [np.full(1000, number, dtype=np.float32) for number in range(200)]
    pending = [client.async_infer("echo", [traffic.tensor("INPUT", each, "FP32", True)]) for each in tensors]
    for sent, each in zip(tensors, pending):
        assert np.array_equal(each.get_result().as_numpy("OUTPUT"), sent)


def test_error_answers_are_the_same_bytes(tritons, gateway):
    for path, body in (("/v2/models/nonesuch/infer", "{}"), ("/v2/models/echo/infer", "{"), ("/v2/nonesuch", "")):
        direct = requests.post(f"http://{tritons.stable.address}{path}", data=body, timeout=10)
        through = requests.post(gateway.url + path, data=body, timeout=10)
        assert (through.status_code, through.content) == (direct.status_code, direct.content)
        # Once the lists have been read, it is known without asking which models there are.
        known = (None, "model_not_found") if path.startswith("/v2/models/nonesuch") else (None,)
        assert through.headers.get("x-sluice-cause") in known


def test_stream_arrives_as_it_is_made(gateway):
    pause = 0.15
    # Who holds events back does so each time, and a machine that stands still for a moment only now and then.
    for _ in range(10):
        events = traffic.stream(f"{gateway.host}:{gateway.port}", "a b c", 6, int(pause * 1000), headers={})
        assert [token for _, token in events] == ["a", "b", "c", "a", "b", "c"]
        arrivals = [seconds for seconds, _ in events]
        gaps = [later - earlier for earlier, later in zip(arrivals, arrivals[1:])]
        if arrivals[0] < pause and min(gaps) > pause / 3:
            return
    raise AssertionError(f"the first event waited for the second, or events came in bunches: {arrivals}")


def test_streams_do_not_hold_up_requests(gateway):
    """Four slow streams and short requests at the same time, in front of a model each."""
    address, results = f"{gateway.host}:{gateway.port}", []
    threads = [
        threading.Thread(target=lambda: results.append(traffic.stream(address, "x", 5, 100, headers={})))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    body = json.dumps(traffic.INFER)
    with requests.Session() as session:
        while any(thread.is_alive() for thread in threads):
            answer = session.post(gateway.url + "/v2/models/classify/infer", data=body, timeout=10)
            assert answer.status_code == 200
    for thread in threads:
        thread.join()
    assert [len(events) for events in results] == [5] * 4


def test_a_client_that_leaves_a_stream_frees_the_endpoint(gateway):
    body = json.dumps({"PROMPT": "x", "TOKENS": 10_000, "MILLISECONDS": 20})
    answer = requests.post(
        gateway.url + "/v2/models/stream/generate_stream", data=body, stream=True, timeout=10)
    assert next(answer.iter_lines()).startswith(b"data:")
    assert gateway.metrics().sum("sluice_requests_in_flight", backend="stable") == 1
    answer.close()
    wait_until(
        lambda: gateway.metrics().sum("sluice_requests_in_flight", backend="stable") == 0, 20,
        "the exchange ends with its client")
