"""Starts and stops the processes of the demonstration, each in a process group of its own."""

import ctypes
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from ports import Problem

DEMO = Path(__file__).resolve().parent
ROOT = DEMO.parent.parent
TOOLS = ROOT / ".build-tools"
TRITONSERVER = TOOLS / "triton" / "tritonserver"

# Longer than a loaded two-core machine needs to start three Tritons, shorter than a user's patience.
START_SECONDS = 90
# Triton waits this long for requests under way; the process gets a little more before it is killed.
TRITON_EXIT_SECONDS = 5
STOP_SECONDS = TRITON_EXIT_SECONDS + 5

PR_SET_PDEATHSIG = 1
PARENT = os.getpid()
libc = ctypes.CDLL(None)

# Loopback only: a proxy from the environment has no business here.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def prepare_child():
    """Runs in the child: should this program be killed outright, its children are told to stop."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != PARENT:
        os._exit(1)
    # What the parent holds back for a moment would otherwise be blocked in the child for ever.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


class Server:
    """One process with its log, stopped with everything it started."""

    def __init__(self, name, command, ready_url, log, output=None):
        """Starts it. `output` takes standard output where that is not the log."""
        self.name, self.ready_url, self.log = name, ready_url, log
        with open(log, "wb") as errors, open(output or log, "ab") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                start_new_session=True,
                preexec_fn=prepare_child,
            )
        self.started = time.monotonic()

    @property
    def pid(self):
        return self.process.pid

    def require_running(self):
        status = self.process.poll()
        if status is not None:
            raise Problem(f"{self.name} ended with status {status}: its log {self.log} ends in {self.last_line()!r}.")

    def last_line(self):
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def is_ready(self):
        try:
            with direct.open(self.ready_url, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, seconds=START_SECONDS):
        """Returns the seconds since the start, or raises Problem."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            self.require_running()
            if time.monotonic() > deadline:
                raise Problem(f"{self.name} was not ready within {seconds} s: its log is {self.log}.")
            time.sleep(0.05)
        return time.monotonic() - self.started

    def ask_to_stop(self):
        """SIGTERM to the process itself, which ends its children in good order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait_stopped(self, seconds=STOP_SECONDS):
        """Waits, then kills what is left of the group; returns the exit status."""
        try:
            self.process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.process.wait()

    def stop(self):
        self.ask_to_stop()
        return self.wait_stopped()


class Triton(Server):
    """A real Triton on loopback with the shared models and one server's own."""

    def __init__(self, name, ports, directory, arguments=()):
        models = DEMO / "models"
        command = [
            str(TRITONSERVER),
            f"--model-repository={models / 'common'}",
            f"--model-repository={models / name}",
            "--disable-auto-complete-config",
            "--allow-gpu-metrics=false",
            f"--exit-timeout-secs={TRITON_EXIT_SECONDS}",
        ]
        for listener in ("http", "grpc", "metrics"):
            command += [f"--{listener}-address=127.0.0.1", f"--{listener}-port={getattr(ports, listener)}"]
        self.ports = ports
        ready = f"http://127.0.0.1:{ports.http}/v2/health/ready"
        super().__init__(name, command + list(arguments), ready, directory / f"{name}.log")

    def wait_stopped(self, seconds=STOP_SECONDS):
        status = super().wait_stopped(seconds)
        # The Python backend's shared memory outlives a server that had to be killed.
        for region in Path("/dev/shm").glob(f"sluice-demo-{self.pid}-*"):
            region.unlink(missing_ok=True)
        return status
