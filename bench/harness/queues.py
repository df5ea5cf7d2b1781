"""How long requests wait where endpoints and models are unequal: real Tritons whose models sleep, at a fixed rate.

Two models, a cheap and a dear one, share three endpoints. One of them takes three times as long, one has half of the
instances. Requests come at random times, the same for everyone, whether the answers before are there or not; a request's
time counts from when it was due.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import Bench, Subject
from job import direct
from machine import ROOT, Problem
from measure import Sample
from peers import AUTHORIZATION
from process import Process, free_ports
from protocols import QUEUES

TRITONSERVER = ROOT / ".build-tools" / "triton" / "tritonserver"
# Milliseconds of a request at an endpoint of factor 1.
MODELS = {"cheap": 10, "dear": 100}
# Of each endpoint: how much longer it takes, and how many of each model it works on at once.
ENDPOINTS = ((1, 2), (1, 1), (3, 2))
NAMES = ("FAST", "EQUAL", "SLOW")
# Of what the three can do of each model together.
LOAD = 0.6
# For connections, and for one who counts queues to have seen some; not measured.
WARM_SECONDS = 4
# A tail needs requests: p99 of the dear model rests on some ten of them in each round.
LEAST_SECONDS = 10
# A request that takes longer than this is an error.
PATIENCE = 30
CODE = """
import time

import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for _ in requests:
            time.sleep(@SECONDS@)
            answers.append(pb.InferenceResponse([pb.Tensor("OUTPUT", np.zeros(1, dtype=np.float32))]))
        return answers
"""
CONFIG = """
backend: "python"
max_batch_size: 0
input [ { name: "INPUT" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "OUTPUT" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { kind: KIND_CPU count: @COUNT@ } ]
"""
BY_QUEUE = Subject("sluice", "sluice", (("BALANCE", "leastQueue"),), protocol=QUEUES)
BY_REQUEST = Subject("leastRequest", "sluice", (("BALANCE", "leastRequest"),), protocol=QUEUES)


def rate(model: str) -> float:
    """Requests a second."""
    return LOAD * sum(count * 1000 / (MODELS[model] * factor) for factor, count in ENDPOINTS)


def schedule(seed: int, seconds: float) -> list[tuple[float, str]]:
    """When requests are due, and of which model: the gaps of each are exponentially distributed."""
    draw = random.Random(seed)
    due = []
    for model in MODELS:
        at = draw.expovariate(rate(model))
        while at < seconds:
            due.append((at, model))
            at += draw.expovariate(rate(model))
    return sorted(due)


@dataclass
class Queues:
    """Requests of both models at a fixed rate."""

    settings: tuple[tuple[str, str], ...] = ()
    round: int = 0

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        if not TRITONSERVER.exists():
            raise Problem("there is no Triton: run config/demo/setup.")
        ports = [free_ports(3) for _ in ENDPOINTS]
        for (factor, count), three in zip(ENDPOINTS, ports):
            bench.upstreams.append(start_triton(bench, factor, count, three))
        for server, (http, _, _) in zip(bench.upstreams[-len(ports):], ports):
            server.wait_ready(lambda http=http: is_ready(http))
        self.settings = tuple(
            (name + suffix, str(port))
            for name, (http, _, metrics) in zip(NAMES, ports) for suffix, port in (("", http), ("METRICS", metrics)))

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        # Everybody meets the same requests in the same round.
        seed = self.round // 4
        self.round += 1
        with bench.running(replace(subject, settings=self.settings + subject.settings)) as proxy:
            asyncio.run(Clients(proxy.port).send(schedule(1_000 + seed, WARM_SECONDS)))
            times = asyncio.run(Clients(proxy.port).send(schedule(seed, max(bench.seconds, LEAST_SECONDS))))
        everything = [each for some in times.values() for each in some]
        return (
            part("", everything, 50) | part("", everything, 99)
            | {f"{model}{name}": percentile(times[model], percent)
               for model in MODELS for name, percent in (("50", 50), ("99", 99), ("max", 100))})


def part(name: str, times: list[float], percent: int) -> Sample:
    return {f"{name}p{percent}": percentile(times, percent)}


def percentile(times: list[float], percent: int) -> float:
    """In milliseconds."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1e3


def start_triton(bench: Bench, factor: int, count: int, ports: list[int]) -> Process:
    directory = Path(tempfile.mkdtemp(prefix="triton-", dir=bench.scratch))
    for model, milliseconds in MODELS.items():
        version = directory / "models" / model / "1"
        version.mkdir(parents=True)
        (version / "model.py").write_text(CODE.replace("@SECONDS@", str(milliseconds * factor / 1000)))
        (version.parent / "config.pbtxt").write_text(CONFIG.replace("@COUNT@", str(count)))
    command = [str(TRITONSERVER), f"--model-repository={directory / 'models'}", "--disable-auto-complete-config",
               "--allow-gpu-metrics=false", "--exit-timeout-secs=1"]
    for listener, port in zip(("http", "grpc", "metrics"), ports):
        command += [f"--{listener}-address=127.0.0.1", f"--{listener}-port={port}"]
    return Process("a Triton", command, directory, bench.cores.load)


def is_ready(port: int) -> bool:
    try:
        with direct.open(f"http://127.0.0.1:{port}/v2/health/ready", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


class Clients:
    """As many connections as there are requests under way, kept for the next ones."""

    def __init__(self, port: int):
        self.port = port
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        fields = dict(QUEUES.fields) | {"authorization": AUTHORIZATION, "content-length": str(len(QUEUES.body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.requests = {
            model: f"POST /v2/models/{model}/infer HTTP/1.1\r\nhost: bench\r\n{lines}\r\n".encode() + QUEUES.body
            for model in MODELS}

    async def send(self, due: list[tuple[float, str]]) -> dict[str, list[float]]:
        """The time of each request, in seconds, by model."""
        times: dict[str, list[float]] = {model: [] for model in MODELS}
        start = time.monotonic() + 0.1

        async def one(at: float, model: str) -> None:
            await asyncio.wait_for(self.ask(model), PATIENCE)
            times[model].append(time.monotonic() - start - at)

        try:
            async with asyncio.TaskGroup() as group:
                for at, model in due:
                    wait = start + at - time.monotonic()
                    if wait > 0:
                        await asyncio.sleep(wait)
                    group.create_task(one(at, model))
        except* (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError) as failures:
            raise Problem(f"a request failed: {failures.exceptions[0]!r}") from None
        for _, writer in self.idle:
            writer.close()
        return times

    async def ask(self, model: str) -> None:
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self.requests[model])
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise ValueError(head.decode(errors="replace").partition("\r")[0])
        length = next(
            (line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), b":0").partition(b":")[2]
        await reader.readexactly(int(length))
        self.idle.append((reader, writer))
