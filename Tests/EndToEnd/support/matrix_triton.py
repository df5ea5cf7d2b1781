"""The row of the fault matrix with real Tritons: one of three is killed and started again under perf_analyzer."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from support import triton as real
from support.gateway import Gateway, wait_until
from support.matrix import CONFIG, TRITON, Row

PERF_ANALYZER = real.servers.TOOLS / "triton" / "perf_analyzer"
CONNECTIONS = 4
# Three windows: it is killed in the first, and is back before the last ends.
WINDOW_SECONDS = 5
# It reads the model's statistics before and after, and subtracts: both have to be of the same server.
ROUTES = """
  - name: about
    match:
      - { path: { prefix: /v2 }, method: GET }
      - { path: { regex: "/inference[.]GRPCInferenceService/(Model(Statistics|Metadata|Config)|Server.*)" } }
    backends: [{ name: about }]
"""


class Trio:
    """Three Tritons with the same models, the last of them to be killed."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.servers = []

    def __enter__(self) -> "Trio":
        self.servers = [self.launch(real.free_ports(), index) for index in range(3)]
        for server in self.servers:
            server.wait_ready()
        return self

    def __exit__(self, *_) -> None:
        for server in self.servers:
            server.ask_to_stop()
        for server in self.servers:
            server.wait_stopped()

    def launch(self, ports, index: int):
        place = self.directory / f"triton{index}"
        place.mkdir(exist_ok=True)
        return real.servers.Triton("stable", ports, place)

    def config(self) -> str:
        entries = [f"{{ address: '127.0.0.1:{each.ports.http}', triton: {{ grpcPort: {each.ports.grpc} }} }}"
                   for each in self.servers]
        about = f"  about: {{ endpoints: [{entries[0]}] }}\nroutes:\n" + ROUTES.strip("\n") + "\n"
        return CONFIG.replace("ENDPOINTS", ", ".join(entries)).replace("routes:\n", about)

    @property
    def victim(self) -> str:
        return f"127.0.0.1:{self.servers[-1].ports.http}"

    def kill(self) -> None:
        victim = self.servers[-1]
        os.killpg(victim.process.pid, signal.SIGKILL)
        victim.wait_stopped()

    def restart(self) -> None:
        self.servers[-1] = self.launch(self.servers[-1].ports, 2)


def measure(trio: Trio, workdir: Path, protocol: str) -> Row:
    with Gateway(trio.config(), workdir) as gateway:
        def is_up() -> bool:
            return gateway.metrics().sum("sluice_endpoint_up", backend="fleet", endpoint=trio.victim) == 1

        def taken(begin: float, up: bool) -> float:
            wait_until(lambda: is_up() == up, 60, f"the Triton is {'up' if up else 'out'}")
            return time.monotonic() - begin

        wait_until(is_up, 60, "the Triton is ready")
        command = [str(PERF_ANALYZER), "-i", "grpc" if protocol == "gRPC" else "http",
                   "-u", f"127.0.0.1:{gateway.port}", "-m", "classify", "--shape", "PIXELS:4", "--concurrency-range", str(CONNECTIONS),
                   "--measurement-mode", "time_windows", "-p", str(WINDOW_SECONDS * 1000), "-r", "3", "-s", "999"]
        analyzer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            gateway.wait_metric("sluice_requests_total", 100, 60, route="all")
            begin = time.monotonic()
            trio.kill()
            out = taken(begin, False)
            begin = time.monotonic()
            trio.restart()
            back = taken(begin, True)
            report = analyzer.communicate(timeout=120)[0]
        finally:
            analyzer.kill()
            analyzer.wait()
        errors = Counter()
        if analyzer.returncode != 0:
            errors[f"perf_analyzer ended with {analyzer.returncode}: {report.strip()[-200:]}"] += 1
        metrics = gateway.metrics()
        for labels, count in metrics.select("sluice_requests_total", route="all"):
            # It leaves requests behind when a measurement ends.
            if labels["code"] not in ("200", "499"):
                errors[f"{labels['code']} {labels['cause']}".strip()] += int(count)
        for failures in re.findall(r"Failed Request Count: (\d+)", report):
            errors["failed for perf_analyzer"] += int(failures)
        return Row(TRITON, protocol, CONNECTIONS, int(metrics.sum("sluice_requests_total", route="all")), +errors,
                   out, back, int(metrics.sum("sluice_retries_total", route="all")))
