"""Real requests, as clients of Triton send them: by NVIDIA's own client, and by plain HTTP where a status is the point."""

import base64
import http.client
import json
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import tritonclient.grpc
import tritonclient.http as triton
from tritonclient.http.auth import BasicAuth

USER, PASSWORD = "demo", "demo"
PICTURE = [0.9, 0.8, 0.1, 0.9]
OUTPUTS = ("LABEL", "SCORE", "SERVED_BY")
INFER = {"inputs": [{"name": "PIXELS", "datatype": "FP32", "shape": [4], "data": PICTURE}]}
JSON = {"Content-Type": "application/json"}
# A request that takes longer has failed as far as a demonstration goes.
SECONDS = 30


def authorization(user=USER, password=PASSWORD):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def client(address, concurrency=1, password=PASSWORD):
    """NVIDIA's client with Basic credentials."""
    made = triton.InferenceServerClient(
        address, concurrency=concurrency, connection_timeout=SECONDS, network_timeout=SECONDS
    )
    made.register_plugin(BasicAuth(USER, password))
    return made


def tensor(name, values, datatype, binary):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


@dataclass
class Verdict:
    label: str
    score: float
    served_by: str


def classify(through, binary=False, pixels=PICTURE):
    """One request to the model whose answer names the server."""
    answer = through.infer(
        "classify",
        [tensor("PIXELS", np.array(pixels, dtype=np.float32), "FP32", binary)],
        outputs=[triton.InferRequestedOutput(name, binary_data=binary) for name in OUTPUTS],
    )
    return verdict(answer)


def classify_grpc(address):
    """The same request by NVIDIA's gRPC client, on the same port."""
    # Loopback only: this library would go through a proxy from the environment.
    through = tritonclient.grpc.InferenceServerClient(address, channel_args=[("grpc.enable_http_proxy", 0)])
    try:
        pixels = tritonclient.grpc.InferInput("PIXELS", [len(PICTURE)], "FP32")
        pixels.set_data_from_numpy(np.array(PICTURE, dtype=np.float32))
        # Metadata, whose names are in lower case.
        credentials = {"authorization": authorization()["Authorization"]}
        return verdict(through.infer("classify", [pixels], headers=credentials, client_timeout=SECONDS))
    finally:
        through.close()


def verdict(answer):
    label, score, served_by = (answer.as_numpy(name)[0] for name in OUTPUTS)
    return Verdict(text(label), float(score), text(served_by))


def text(value):
    """BYTES elements come as bytes from binary answers and as text from JSON ones."""
    return value.decode() if isinstance(value, bytes) else str(value)


def echo(through, values):
    """The same tensor back, both ways as raw bytes behind a JSON header."""
    answer = through.infer(
        "echo",
        [tensor("INPUT", values, "FP32", True)],
        outputs=[triton.InferRequestedOutput("OUTPUT", binary_data=True)],
    )
    return answer.as_numpy("OUTPUT")


def split(through, requests):
    """Who answered, over this many requests one after the other on one connection."""
    return Counter(classify(through).served_by for _ in range(requests))


def post_status(address, headers):
    """One inference request by plain HTTP: the status and the headers of the answer."""
    connection = http.client.HTTPConnection(address, timeout=SECONDS)
    try:
        connection.request("POST", "/v2/models/classify/infer", json.dumps(INFER), {**JSON, **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    finally:
        connection.close()


def stream(address, prompt, tokens, milliseconds, headers=None):
    """Server-sent events of the streaming model: (seconds since the request, token) for each."""
    body = json.dumps({"PROMPT": prompt, "TOKENS": tokens, "MILLISECONDS": milliseconds})
    headers = {**JSON, **(authorization() if headers is None else headers)}
    connection = http.client.HTTPConnection(address, timeout=SECONDS)
    try:
        begin = time.monotonic()
        connection.request("POST", "/v2/models/stream/generate_stream", body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise ConnectionError(f"generate_stream answered {answer.status}: {answer.read(200)!r}")
        events = []
        while line := answer.readline():
            if line.startswith(b"data:"):
                events.append((time.monotonic() - begin, json.loads(line[5:])["TOKEN"]))
        return events
    finally:
        connection.close()


def burst(address, requests, milliseconds):
    """This many requests at once to the model that sleeps; returns the seconds until the last answer."""
    through = client(address, concurrency=requests)
    try:
        inputs = [tensor("MILLISECONDS", np.array([milliseconds], dtype=np.int32), "INT32", True)]
        begin = time.monotonic()
        pending = [through.async_infer("slow", inputs) for _ in range(requests)]
        for each in pending:
            each.get_result()
        return time.monotonic() - begin
    finally:
        through.close()
