"""The loads of HTTP/1.1: wrk for closed loops, h2load for a fixed rate. One wrong answer, and a load does not count."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from machine import Problem
from peers import AUTHORIZATION
from protocols import PATH

SCRIPT = Path(__file__).with_name("load.lua")
TLS_CONFIGURATION = Path(__file__).with_name("tls.cnf")
# More threads than this would wait for the proxy's one core anyway.
MOST_THREADS = 4
# Answers that take longer are errors; 8 MiB on a machine that does something else as well should be well below.
SLOWEST = 10
# The open loop has to keep at least this share of its rate.
KEPT = 0.9


@dataclass(frozen=True)
class Load:
    """What the clients do, each on its own connection: one request after the other."""

    connections: int
    body: int = 128
    answer: int = 0
    closes: bool = False


@dataclass(frozen=True)
class Outcome:
    """Requests in `seconds`, and latencies in microseconds."""

    requests: int
    seconds: float
    p50: float | None = None
    p99: float | None = None
    mean: float | None = None

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def closed_loop(port: int, load: Load, seconds: float, scheme: str = "http") -> Outcome:
    """Every connection sends its next request when the answer is there."""
    threads = max(1, min(MOST_THREADS, load.connections, len(os.sched_getaffinity(0)) - 1))
    environment = os.environ | {
        "BENCH_METHOD": "GET" if load.answer else "POST",
        "BENCH_AUTHORIZATION": AUTHORIZATION,
        "BENCH_BODY": str(load.body),
        "BENCH_ANSWER": str(load.answer),
        "BENCH_CLOSE": "1" if load.closes else "0",
        "OPENSSL_CONF": str(TLS_CONFIGURATION),
    }
    # wrk takes whole seconds only.
    command = ["wrk", f"-t{threads}", f"-c{load.connections}", f"-d{max(1, round(seconds))}s",
               "--timeout", f"{SLOWEST}s", "-s", str(SCRIPT), f"{scheme}://127.0.0.1:{port}{PATH}"]
    output = run(command, environment)
    found = numbers(output)
    errors = {key: found[key] for key in ("connect", "read", "write", "status", "timeout") if found[key]}
    if errors or "Non-2xx" in output:
        raise Problem(f"wrk counted errors: {errors}")
    if not found["requests"]:
        raise Problem("wrk got no answer at all")
    return Outcome(found["requests"], found["duration"] / 1e6, found["p50"], found["p99"])


def numbers(output: str) -> dict[str, int]:
    """What a load writes in its last line: `bench requests=…` and so on."""
    line = re.search(r"^bench (.*)$", output, re.MULTILINE)
    if not line:
        raise Problem(f"the load gave no result: {output.strip()[-200:]}")
    return {key: int(value) for key, value in (pair.split("=") for pair in line.group(1).split())}


def open_loop(port: int, load: Load, rate: float, seconds: float) -> Outcome:
    """Requests come at `rate` for each second, whether the answers before are there or not."""
    requests = int(rate * seconds)
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        body, log = Path(directory) / "body", Path(directory) / "log"
        body.write_bytes(b"x" * load.body)
        output = run([
            "h2load", "--h1", f"--rps={rate / load.connections:.3f}", f"-c{load.connections}", f"-n{requests}",
            f"-d{body}", f"--log-file={log}", "-H", f"authorization: {AUTHORIZATION}",
            f"http://127.0.0.1:{port}{PATH}",
        ])
        # Each line: when the request began, in microseconds; the status; how long it took.
        answers = [tuple(map(int, line.split("\t"))) for line in log.read_text().splitlines()]
    wrong = sum(status != 200 for _, status, _ in answers)
    if wrong or len(answers) != requests:
        raise Problem(f"of {requests} requests h2load logged {len(answers)}, {wrong} not 200: {output.strip()[-200:]}")
    starts = [start for start, _, _ in answers]
    taken = (max(starts) - min(starts)) / 1e6
    if requests / taken < rate * KEPT:
        raise Problem(f"h2load reached {requests / taken:.0f} requests/s of {rate:.0f}")
    latencies = sorted(latency for _, _, latency in answers)
    return Outcome(requests, taken, percentile(latencies, 50), percentile(latencies, 99))


def percentile(ordered: list[int], percent: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    try:
        answer = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
    except FileNotFoundError:
        raise Problem(f"there is no {command[0]}: run bench/setup.") from None
    if answer.returncode != 0:
        raise Problem(f"{command[0]} ended with status {answer.returncode}: {answer.stdout.strip()[-200:]}")
    return answer.stdout


def perf_counts(event: str) -> bool:
    """Whether perf is there, may look, and has a counter; in most virtual machines it has none."""
    if not shutil.which("perf"):
        return False
    answer = subprocess.run(["perf", "stat", "-x;", "-e", event, "true"], capture_output=True, text=True)
    return counted(answer.stderr, event) is not None


def counted(output: str, event: str) -> int | None:
    found = re.search(rf"^([\d.]+);[^;]*;{re.escape(event)}", output, re.MULTILINE)
    return int(float(found.group(1))) if found else None


def count_events(processes: list[int], event: str, load: Callable[[], Outcome]) -> float | None:
    """Events of the processes for each request of a load."""
    perf = subprocess.Popen(
        ["perf", "stat", "-x;", "-e", event, "-p", ",".join(map(str, processes))],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        # perf does not say when it is attached.
        time.sleep(0.2)
        outcome = load()
    finally:
        perf.send_signal(signal.SIGINT)
        output = perf.communicate()[1]
    count = counted(output, event)
    return None if count is None else count / outcome.requests
