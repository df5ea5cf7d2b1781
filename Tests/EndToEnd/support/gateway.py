"""Runs the sluice binary on free ports and watches that it lives and ends well."""

import itertools
import json
import os
import random
import re
import resource
import select
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]

# Outside the kernel's range for outgoing connections: no client socket takes the port between the choice and the bind.
PORTS = range(20000, 32000)
START_SECONDS = 15
# Above the `drain` written into configurations that name none.
STOP_SECONDS = 12


def binary() -> str:
    """The gateway under test: SLUICE_BIN, else the release build, else the debug build."""
    named = os.environ.get("SLUICE_BIN")
    if named:
        return named
    for build in ("release", "debug"):
        path = REPOSITORY / ".build" / build / "sluice"
        if path.exists():
            return str(path)
    raise FileNotFoundError("no sluice binary: run `make build` or set SLUICE_BIN")


_ports = itertools.cycle(random.sample(PORTS, len(PORTS)))


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on now, and that was not given out before: who got it may not have bound it yet."""
    for port in itertools.islice(_ports, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port found")


def wait_until(condition, seconds: float = 10, what: str = "condition"):
    """Polls until `condition()` is true and returns its value; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def settle(read, seconds: float = 30):
    """The value of `read()` once it has not changed for a second; fails if it never rests."""
    deadline, value, since = time.monotonic() + seconds, read(), time.monotonic()
    while time.monotonic() - since < 1:
        assert time.monotonic() < deadline, "never settles"
        time.sleep(0.05)
        if (now := read()) != value:
            value, since = now, time.monotonic()
    return value


def wait_process(process: subprocess.Popen, seconds: float) -> int:
    """As `Popen.wait`, which looks only now and then: hundreds of gateways end in a few milliseconds each."""
    if process.poll() is None:
        descriptor = os.pidfd_open(process.pid)
        try:
            # Not select(), for which there are too many descriptors in some tests.
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(seconds * 1000)
        finally:
            os.close(descriptor)
    # It has ended, or its time is over.
    return process.wait(0 if process.poll() is None else None)


class Metrics(dict):
    """Samples by their full text (`name{label="value"}`), with sums over label subsets."""

    SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+#.*)?$")
    LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')

    @classmethod
    def parse(cls, text: str) -> "Metrics":
        result = cls()
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            sample = cls.SAMPLE.match(line)
            assert sample, f"not a metric sample: {line!r}"
            key = sample[1] + ("{" + sample[2] + "}" if sample[2] else "")
            assert key not in result, f"sample twice: {key}"
            result[key] = float(sample[3])
        return result

    def select(self, name: str, **labels: str) -> list:
        """(labels, value) of every sample of `name` that carries all of `labels`."""
        found = []
        for key, value in self.items():
            base, _, rest = key.partition("{")
            if base == name:
                have = dict(self.LABEL.findall(rest))
                if all(have.get(k) == v for k, v in labels.items()):
                    found.append((have, value))
        return found

    def sum(self, name: str, **labels: str) -> float:
        return sum(value for _, value in self.select(name, **labels))


class Gateway:
    """One running gateway.

    `config_text` is YAML. What it leaves out is added: `listeners` (one, on a free port), `admin`, and a short
    `shutdown.drain`. `${port}` and `${admin_port}` in it stand for the free ports.
    Leaving the context stops it with SIGTERM and checks that it had not died before and ends with status 0.
    """

    def __init__(
        self,
        config_text: str,
        workdir,
        nofile: int | None = None,
        stdout=None,
        config_path=None,
        environment: dict | None = None,
        wrapper: list | None = None,
    ):
        self.workdir = Path(workdir)
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.host = "127.0.0.1"
        self.port = free_port()
        self.admin_port = free_port()
        self.url = f"http://{self.host}:{self.port}"
        self.admin_url = f"http://{self.host}:{self.admin_port}"
        self.config_path = Path(config_path) if config_path else self.workdir / "sluice.yaml"
        self.nofile = nofile
        self.stdout = stdout
        # Variables besides those of the tests.
        self.environment = os.environ | (environment or {})
        # A command that ends in running the one behind it, in the same process.
        self.wrapper = wrapper or []
        # Descriptors it gets.
        self.pass_fds = ()
        self.process = None
        self.config_path.write_text(self.expand(config_text))

    # --- configuration

    def expand(self, text: str) -> str:
        text = text.replace("${port}", str(self.port)).replace("${admin_port}", str(self.admin_port))
        top = set(re.findall(r"^([A-Za-z]+):", text, re.MULTILINE))
        if "listeners" not in top:
            text += f"\nlisteners:\n  - address: {self.host}:{self.port}\n"
        if "admin" not in top:
            text += f"\nadmin:\n  address: {self.host}:{self.admin_port}\n"
        if "shutdown" not in top:
            text += "\nshutdown: { drain: 2s }\n"
        return text

    def write_config(self, text: str) -> None:
        """Writes the file in place, as an editor without a temporary file does."""
        self.config_path.write_text(self.expand(text))

    def replace_config(self, text: str) -> None:
        """Writes beside the file and renames over it, as most editors do."""
        beside = self.config_path.with_suffix(".tmp")
        beside.write_text(self.expand(text))
        os.replace(beside, self.config_path)

    # --- life

    def __enter__(self) -> "Gateway":
        self.start()
        return self

    def __exit__(self, kind, value, traceback) -> None:
        self.stop(check=kind is None)

    def start(self, wait: bool = True) -> "Gateway":
        command = [binary(), "serve", "-c", str(self.config_path)]
        if self.nofile:
            command = ["prlimit", f"--nofile={self.nofile}:{self.nofile}"] + command
        command = self.wrapper + command
        self._stderr = open(self.workdir / "stderr.log", "ab")
        self._stdout = open(self.workdir / "stdout.log", "ab")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.stdout or self._stdout,
            stderr=self._stderr,
            cwd=self.workdir,
            env=self.environment,
            pass_fds=self.pass_fds,
        )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        def ready():
            self.check_alive()
            return self.admin_status("/readyz") == 200

        try:
            wait_until(ready, seconds, "/readyz says 200")
        except AssertionError:
            self.stop(check=False)
            raise AssertionError(f"the gateway did not start:\n{self.stderr_text()}") from None

    def check_alive(self) -> None:
        code = self.process.poll()
        assert code is None, f"the gateway ended with {code}:\n{self.stderr_text()}"

    def stop(self, check: bool = True) -> None:
        """SIGTERM, then the verdict: alive until now, ends in time, with status 0, and nothing looks like a crash."""
        if self.process is None:
            return
        died = self.process.poll()
        late = False
        if died is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                wait_process(self.process, STOP_SECONDS)
            except subprocess.TimeoutExpired:
                late = True
                self.process.kill()
                self.process.wait()
        code = self.process.returncode
        self._stderr.close()
        self._stdout.close()
        text = self.stderr_text()
        self.process = None
        if text:
            print(f"--- gateway stderr\n{text[-8000:]}")
        crashed = [
            word for word in ("Fatal error", "Crashed", "AddressSanitizer", "Precondition failed") if word in text
        ]
        assert not crashed, f"the gateway crashed: {crashed}"
        assert died is None, f"the gateway ended by itself with {died}"
        if check:
            assert not late, "the gateway did not end after SIGTERM"
            assert code == 0, f"the gateway ended with {code}"

    def wait_exit(self, seconds: float = STOP_SECONDS) -> int:
        """The exit status of a gateway that the test has told to end."""
        code = wait_process(self.process, seconds)
        self._stderr.close()
        self._stdout.close()
        self.process = None
        return code

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def is_stopped(self) -> bool:
        """After SIGSTOP, whether every thread has come to a halt."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)

    @property
    def pid(self) -> int:
        return self.process.pid

    # --- what it says

    def stderr_text(self) -> str:
        return (self.workdir / "stderr.log").read_text(errors="replace")

    def stdout_text(self) -> str:
        return (self.workdir / "stdout.log").read_text(errors="replace")

    def admin(self, path: str, method: str = "GET", body: bytes | None = None, headers: dict | None = None):
        """(status, headers, text) of the admin surface, whatever the status."""
        request = urllib.request.Request(self.admin_url + path, method=method, data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def admin_status(self, path: str) -> int:
        """The status of an admin path, 0 where nobody answers."""
        try:
            return self.admin(path)[0]
        except OSError:
            return 0

    def reload(self) -> tuple:
        """(status, text) of POST /api/v1/reload."""
        status, _, text = self.admin("/api/v1/reload", "POST", b"")
        return status, text

    def status(self) -> dict:
        return json.loads(self.admin("/api/v1/status")[2])

    def metrics(self) -> Metrics:
        status, _, text = self.admin("/metrics")
        assert status == 200, text
        return Metrics.parse(text)

    def wait_metric(self, name: str, at_least: float, seconds: float = 10, **labels: str) -> float:
        """Waits until the sum of `name` over `labels` reaches `at_least`."""
        return wait_until(
            lambda: (value := self.metrics().sum(name, **labels)) >= at_least and (value or True),
            seconds,
            f"{name}{labels} >= {at_least}",
        )

    # --- what it costs

    def rss(self) -> int:
        """Resident bytes."""
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * resource.getpagesize()

    def fds(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Starting(Gateway):
    """A gateway whose start is awaited by what it says, where its admin address cannot be asked."""

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        wait_until(lambda: self.check_alive() or " serves on " in self.stderr_text(), seconds, "it serves")
