"""The ports of the demonstration: which they are, whether they are free, and who holds one that is not."""

import errno
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path


class Problem(Exception):
    """Something the user can put right; its text is one sentence that says how."""


@dataclass(frozen=True)
class TritonPorts:
    """A Triton's three listeners; by Triton's own habit they follow each other."""

    http: int

    @property
    def grpc(self):
        return self.http + 1

    @property
    def metrics(self):
        return self.http + 2


@dataclass(frozen=True)
class Setting:
    """A port with the environment variable that moves it."""

    variable: str
    default: int

    def read(self, environment):
        text = environment.get(self.variable, str(self.default))
        if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65533:
            raise Problem(f"{self.variable}={text} is not a port: give a number from 1 to 65533.")
        return int(text)


GATEWAY = Setting("SLUICE_PORT", 8080)
ADMIN = Setting("SLUICE_ADMIN_PORT", 9901)
TRITONS = {
    "stable": Setting("TRITON_STABLE_PORT", 8000),
    "canary": Setting("TRITON_CANARY_PORT", 8100),
    "shadow": Setting("TRITON_SHADOW_PORT", 8200),
}


def require_free(port, purpose, variable):
    """Raises Problem when something listens on 127.0.0.1:port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise Problem(f"port {port} ({purpose}) needs root: set {variable} to a port above 1023.") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise Problem(
                f"port {port} ({purpose}) is in use by {holder(port)}: "
                f"stop that, or set {variable} to another port."
            ) from None


def holder(port):
    """Names the process that listens on a port, as far as /proc lets this user see."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            listens = fields[3] == "0A"
            if listens and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in inodes:
                    return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue
    return "a process that is not yours to see"
