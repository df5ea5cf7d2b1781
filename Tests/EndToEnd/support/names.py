"""Names under a test's control: a gateway in a mount namespace of its own, with its own /etc/hosts and resolv.conf.

The system's resolver is the one that is tested, so nothing stands in for it; the files it reads do, and a small DNS server
on an address of 127.0.0.0/8 that only these gateways ask.
"""

import os
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

A, AAAA = 1, 28
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3


def require_namespaces() -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root and unshare(1) for a mount namespace")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces here")


class NameServer:
    """Answers A and AAAA questions over UDP, and over TCP what does not fit.

    `records` maps a name to a list of addresses (none: the name exists without an address), to a status, or to `None` for
    no answer at all. What is not in it does not exist.
    """

    def __init__(self, address: str):
        self.records: dict = {}
        self.questions: list = []
        self.lock = threading.Lock()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, 53))
        self.tcp.listen(32)
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        for sock in (self.udp, self.tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def asked(self, name: str) -> int:
        with self.lock:
            return self.questions.count(name)

    def _serve_udp(self) -> None:
        while True:
            try:
                question, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if not question:
                # What recvfrom(2) says of a socket that was shut down.
                return
            reply = self._answer(question)
            if reply is None:
                continue
            if len(reply) > 512:
                # Truncated: the resolver asks again over TCP.
                reply = reply[:2] + struct.pack("!H", 0x8380) + question[4:6] + bytes(6) + self._question(question)
            self.udp.sendto(reply, peer)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            while len(size := stream.read(2)) == 2:
                reply = self._answer(stream.read(struct.unpack("!H", size)[0]))
                if reply is None:
                    return
                stream.write(struct.pack("!H", len(reply)) + reply)
                stream.flush()

    @staticmethod
    def _question(message: bytes) -> bytes:
        end = message.index(b"\0", 12) + 5
        return message[12:end]

    def _answer(self, message: bytes):
        question = self._question(message)
        labels, position = [], 0
        while question[position]:
            labels.append(question[position + 1 : position + 1 + question[position]].decode())
            position += 1 + question[position]
        name, kind = ".".join(labels), struct.unpack("!H", question[position + 1 : position + 3])[0]
        with self.lock:
            if kind == A:
                self.questions.append(name)
            record = self.records.get(name, NO_SUCH_NAME)
        if record is None:
            return None
        status, addresses = (record, []) if isinstance(record, int) else (NO_ERROR, record)
        family, wanted = (socket.AF_INET6, AAAA) if kind == AAAA else (socket.AF_INET, A)
        found = [address for address in addresses if (":" in address) == (kind == AAAA)] if kind == wanted else []
        body = b"".join(
            struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
            for packed in (socket.inet_pton(family, address) for address in found)
        )
        return message[:2] + struct.pack("!HHHHH", 0x8180 | status, 1, len(found), 0, 0) + question + body


class NameWorld:
    """The files that tell a gateway's resolver about names."""

    # Nobody else's: tests may run beside each other.
    ADDRESS = "127.41.{}.{}"

    def __init__(self, directory: Path):
        require_namespaces()
        directory.mkdir()
        self.hosts = directory / "hosts"
        self.resolv = directory / "resolv.conf"
        self.switch = directory / "nsswitch.conf"
        self.write_hosts({})
        address = self.ADDRESS.format(os.getpid() % 250 + 1, (os.getpid() >> 8) % 250 + 1)
        self.server = NameServer(address)
        # A look-up that is not answered takes 3 s and fails.
        self.resolv.write_text(f"nameserver {address}\noptions timeout:3 attempts:1\n")
        self.switch.write_text("hosts: files dns\n")

    def write_hosts(self, names: dict) -> None:
        """In place: the file that is mounted is this inode."""
        lines = ["127.0.0.1 localhost"]
        lines += [f"{address} {name}" for name, addresses in names.items() for address in addresses]
        self.hosts.write_text("\n".join(lines) + "\n")

    @property
    def wrapper(self) -> list:
        """In front of a command that is to see this world."""
        mounts = [
            f"mount --bind {source} $(readlink -f {target})"
            for source, target in (
                (self.hosts, "/etc/hosts"),
                (self.resolv, "/etc/resolv.conf"),
                (self.switch, "/etc/nsswitch.conf"),
            )
        ]
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", " && ".join([*mounts, 'exec "$0" "$@"'])]

    def close(self) -> None:
        self.server.close()
