"""`make run` as its user meets it: the report, the weight that moves, the end, and what it says when it cannot."""

import os
import re
import resource
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import triton as real
from support.gateway import REPOSITORY, binary, free_port, wait_until
from support.together import together

import traffic

RUN = REPOSITORY / "config" / "demo" / "run"
SETUP = REPOSITORY / "config" / "demo" / "setup"
DEFAULT_CONFIG = REPOSITORY / "config" / "demo.yaml"
# The password, classify by JSON, binary and gRPC, echo, the stream, and the split.
SERVED = 1 + 3 + 1 + 1 + 500


@pytest.fixture
def environment():
    """Free ports for everything, so that it neither meets a running demonstration nor the other tests."""
    taken = set()

    def unlike_the_others(choose, width):
        while True:
            first = choose()
            if taken.isdisjoint(range(first, first + width)):
                taken.update(range(first, first + width))
                return str(first)

    chosen = {each.variable: unlike_the_others(free_port, 1) for each in (real.ports.GATEWAY, real.ports.ADMIN)}
    chosen.update({
        each.variable: unlike_the_others(lambda: real.free_ports().http, 3) for each in real.ports.TRITONS.values()})
    return {**os.environ, **chosen, "SLUICE_BIN": binary()}


def run(environment, *arguments):
    return subprocess.run(
        [sys.executable, str(RUN), *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True,
        timeout=180)


def children(pid: int) -> list:
    """Processes below `pid`."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in below for each in [int(child), *children(int(child))]]


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Demonstration:
    """The program in its staying-up form."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            [sys.executable, str(RUN)], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.output = ""

    def read_until(self, words: str, seconds: float = 120) -> str:
        deadline = time.monotonic() + seconds
        while words not in self.output:
            assert select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))[0], self.output
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"it ended before it said {words!r}:\n{self.output}"
            self.output += piece.decode()
        return self.output

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)


@pytest.mark.slow
def test_report(environment):
    done = run(environment, "--once")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert re.search(r"nobody +401  WWW-Authenticate: Basic realm=\"Inference\"", done.stdout)
    assert re.search(r"demo +200\n", done.stdout)
    verdicts = re.findall(r"classify, (\S+) +\[.*\] -> day, score 0\.\d+, served by (?:stable|canary)\n", done.stdout)
    assert verdicts == ["JSON", "binary", "gRPC"]
    assert re.search(r"stable +400 +80\.0 %", done.stdout)
    assert "8 MiB there and back" in done.stdout and "identical" in done.stdout
    assert re.search(r'sluice_queue_duration_seconds_count\{.*backend="stable".*\} [1-9]', done.stdout)
    served, copies, outcomes = re.search(
        r"(\d+) requests were served and (\d+) copies.*\n  (ok .*)", done.stdout).groups()
    # The report itself holds missing copies against those the gateway says it dropped.
    assert int(served) == SERVED and SERVED * 0.8 < int(copies) <= SERVED
    assert sum(map(int, re.findall(r"\d+", outcomes))) == SERVED, outcomes
    assert done.stdout.rstrip().endswith("stopping") and "all as promised" in done.stdout


def moves_with_the_file(environment, said: str) -> None:
    config = REPOSITORY / re.search(r"change a weight in (\S+) and save", said)[1]
    assert config != DEFAULT_CONFIG, "a test must not edit the repository"
    gateway = f"127.0.0.1:{environment['SLUICE_PORT']}"
    through = traffic.client(gateway)
    config.write_text(config.read_text().replace("weight: 80", "weight: 0"))
    wait_until(lambda: traffic.split(through, 20) == {"canary": 20}, 10, "the split moves to the canary")
    through.close()
    assert traffic.classify_grpc(gateway).served_by == "canary"


def prints_load_that_works(_, said: str) -> None:
    def run(protocol: str) -> None:
        command = re.search(rf"\S+perf_analyzer .*-i {protocol} (?:.*\\\n)*.*", said)[0]
        # Of the same option the last counts; these make it short.
        short = ["--concurrency-range", "2", "--measurement-interval", "500", "--stability-percentage", "999"]
        done = subprocess.run(
            shlex.split(command) + short, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"Concurrency: 2, throughput: [1-9]", done.stdout), done.stdout

    together(run, ["http", "grpc"])


@pytest.mark.slow
@pytest.mark.parametrize("number, does", [(signal.SIGINT, moves_with_the_file), (signal.SIGTERM, prints_load_that_works)],
                         ids=["SIGINT", "SIGTERM"])
def test_stays_up_and_leaves_nothing(environment, number, does):
    demonstration = Demonstration(environment)
    try:
        does(environment, demonstration.read_until("the access log is"))
        below = children(demonstration.process.pid)
        assert len(below) > 4, "three Tritons, their models and the gateway"
        assert demonstration.end(number) == 0
    finally:
        if demonstration.process.poll() is None:
            demonstration.end(signal.SIGTERM)
        demonstration.process.stdout.close()
    wait_until(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()], 10, "no process is left")
    assert not any(listening(int(environment[variable])) for variable in environment if variable.endswith("_PORT")
                   and variable.startswith(("SLUICE", "TRITON")))
    assert not [each for pid in below for each in Path("/dev/shm").glob(f"sluice-demo-{pid}-*")]


@pytest.mark.slow
def test_interrupted_start_leaves_nothing(environment):
    demonstration = Demonstration(environment)
    demonstration.read_until("starting three Tritons")
    below = wait_until(lambda: children(demonstration.process.pid), 20, "the first child")
    assert demonstration.end(signal.SIGINT) == 0
    demonstration.process.stdout.close()
    wait_until(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()], 10, "no process is left")


def test_port_in_use(environment):
    with socket.create_server(("127.0.0.1", int(environment["TRITON_CANARY_PORT"]) + 1)) as taken:
        done = run(environment, "--once")
        port = taken.getsockname()[1]
    assert done.returncode == 1
    assert re.fullmatch(
        rf"demo: port {port} \(Triton canary, grpc\) is in use by \S+ \(process {os.getpid()}\): "
        r"stop that, or set TRITON_CANARY_PORT to another port\.\n", done.stderr), done.stderr


@pytest.mark.parametrize("changes, sentence", [
    ({"SLUICE_PORT": "http"}, "SLUICE_PORT=http is not a port: give a number from 1 to 65533."),
    ({"SLUICE_PORT": "70000"}, "SLUICE_PORT=70000 is not a port: give a number from 1 to 65533."),
    ({"SLUICE_BIN": "/nonexistent/sluice"}, "there is no gateway at /nonexistent/sluice: run make build first."),
    ({"SLUICE_PORT": "31999", "TRITON_STABLE_PORT": "31998"},
     "port 31999 is wanted by Sluice and by Triton stable, grpc: set TRITON_STABLE_PORT to another port."),
])
def test_what_is_missing_is_said_in_a_sentence(environment, changes, sentence):
    done = run({**environment, **changes}, "--once")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"demo: {sentence}\n")


@pytest.mark.slow
def test_a_gateway_that_does_not_start_is_named(environment, tmp_path):
    broken = tmp_path / "sluice"
    broken.write_text("#!/bin/sh\necho 'out of luck' >&2\nexit 3\n")
    broken.chmod(0o755)
    done = run({**environment, "SLUICE_BIN": str(broken)}, "--once")
    assert done.returncode == 1
    assert re.search(r"demo: sluice ended with status 3: its log \S+ ends in 'out of luck'\.\n", done.stderr)


def test_setup_is_quick_when_nothing_is_to_do():
    # Of the processor's time, since others use this machine too.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(SETUP), "tests"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


@pytest.mark.parametrize("path", ["config/demo.yaml", "docker/sluice.yaml"])
def test_shipped_configurations_are_valid(path):
    done = subprocess.run([binary(), "check", "-c", str(REPOSITORY / path)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
