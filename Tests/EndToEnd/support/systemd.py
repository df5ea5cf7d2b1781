"""What systemd is to a service: it passes sockets (sd_listen_fds(3)) and listens to notifications (sd_notify(3))."""

import contextlib
import ctypes
import os
import socket
import sys
from pathlib import Path

from support.gateway import wait_until

# Moves the descriptors named first to 3 and on, says so in the environment, and becomes the command that follows.
LAUNCHER = """
import os, sys
count = int(sys.argv[1])
kept = [os.dup(int(number)) for number in sys.argv[2 : 2 + count]]
kept = [__import__("fcntl").fcntl(one, 0, 200) for one in kept]
for index, one in enumerate(kept):
    os.dup2(one, 3 + index, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid() + int(os.environ.pop("PID_OFFSET", "0"))), LISTEN_FDS=str(count))
os.execv(sys.argv[2 + count], sys.argv[2 + count :])
"""


def pass_sockets(gateway, sockets: dict | list, names: str | None = None) -> None:
    """Has the gateway started with these sockets: by name, or without names."""
    ones = list(sockets.values()) if isinstance(sockets, dict) else sockets
    # Open for as long as it may be started.
    gateway.passed = ones
    gateway.wrapper = [sys.executable, "-c", LAUNCHER, str(len(ones)), *(str(one.fileno()) for one in ones)]
    gateway.pass_fds = tuple(one.fileno() for one in ones)
    names = names or (":".join(sockets) if isinstance(sockets, dict) else None)
    if names is not None:
        gateway.environment["LISTEN_FDNAMES"] = names


def listening(family=socket.AF_INET, address=("127.0.0.1", 0), kind=socket.SOCK_STREAM) -> socket.socket:
    one = socket.socket(family, kind)
    one.bind(address)
    if kind == socket.SOCK_STREAM:
        one.listen(64)
    return one


class Manager:
    """Takes notifications; they are kept in order, as dictionaries."""

    def __init__(self, address: str):
        """A path, or `@` and an abstract name."""
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.setblocking(False)
        self.messages = []

    def __enter__(self) -> "Manager":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    @property
    def environment(self) -> dict:
        return {"NOTIFY_SOCKET": self.address}

    def read(self) -> list:
        """(sender's process, assignments) of every notification so far."""
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
            except BlockingIOError:
                return self.messages
            sender = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
            pairs = dict(line.split("=", 1) for line in data.decode().split("\n"))
            self.messages.append((sender, pairs))

    def wait(self, key: str, value: str | None = None, count: int = 1) -> list:
        """The notifications that assign the key, once there are as many."""

        def found():
            ones = [m for m in self.read() if key in m[1] and value in (None, m[1][key])]
            return len(ones) >= count and ones

        return wait_until(found, 20, f"{count} notifications of {key}, {self.messages}")

    def assignments(self, key: str) -> list:
        return [pairs[key] for _, pairs in self.read() if key in pairs]


def loop_threads(process: int) -> list:
    """The threads that wait in `epoll_wait` for 256 events, as only loops do."""
    found = []
    for thread in Path(f"/proc/{process}/task").iterdir():
        words = (thread / "syscall").read_text().split()
        if len(words) > 3 and words[0] == "232" and int(words[3], 16) == 256:
            found.append(int(thread.name))
    return found


@contextlib.contextmanager
def halted(thread: int):
    """One thread of another process stands still, the others run (ptrace(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    attach, detach, any_kind = 16, 17, 0x40000000
    assert libc.ptrace(attach, thread, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(thread, any_kind)
    try:
        yield
    finally:
        assert libc.ptrace(detach, thread, None, None) == 0, os.strerror(ctypes.get_errno())


def same_control_group(process: int) -> bool:
    with open(f"/proc/{process}/cgroup") as one, open(f"/proc/{os.getpid()}/cgroup") as other:
        return one.read() == other.read()
