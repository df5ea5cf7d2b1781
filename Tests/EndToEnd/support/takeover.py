"""A gateway that takes over from another one, on the same addresses."""

import os
import socket

from support.gateway import Gateway, wait_until


class Successor(Gateway):
    """The next process with the same configuration file, or a changed one. `before` has `takeover` configured."""

    def __init__(self, before: Gateway, text: str | None = None, environment: dict | None = None):
        name, _, number = before.workdir.name.partition("-next")
        workdir = before.workdir.parent / f"{name}-next{int(number or 0) + 1}"
        self.before = before
        super().__init__("", workdir, config_path=workdir / "unused.yaml", environment=environment)
        self.port, self.admin_port = before.port, before.admin_port
        self.url, self.admin_url = before.url, before.admin_url
        self.config_path = before.config_path
        if text is not None:
            self.write_config(text)

    def __enter__(self) -> "Successor":
        return self.take_over()

    def take_over(self) -> "Successor":
        """Starts and returns when the other one accepts nothing any more."""
        self.start(wait=False)
        try:
            self.wait_released()
        except BaseException:
            self.stop(check=False)
            raise
        return self

    def wait_released(self) -> None:
        def released():
            self.check_alive()
            return f"sockets over from process {self.before.pid}, which ends" in self.stderr_text()

        wait_until(released, 30, "it has taken over")


class Conversation:
    """One end of a takeover's conversation, packet by packet."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.sock.settimeout(20)
        self.descriptors = []

    @classmethod
    def with_gateway(cls, path) -> "Conversation":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(str(path))
        return cls(sock)

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()
        for one in self.descriptors:
            os.close(one)
        self.descriptors.clear()

    def say(self, text: str | bytes, *sockets: socket.socket) -> "Conversation":
        data = text if isinstance(text, bytes) else text.encode()
        socket.send_fds(self.sock, [data], [one.fileno() for one in sockets])
        return self

    def hear(self) -> str:
        """The next message, empty at the end."""
        data, descriptors, _, _ = socket.recv_fds(self.sock, 4096, 4)
        self.descriptors += descriptors
        return data.decode()

    def hear_all(self) -> list:
        """Every message up to `end`."""
        messages = [self.hear()]
        while not messages[-1].startswith("end") and messages[-1]:
            messages.append(self.hear())
        return messages

    def expect_end(self) -> None:
        assert self.hear() == ""


class Predecessor:
    """Listens as a running gateway does, for one newer process."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.bind(str(path))
        self.sock.listen(4)
        self.sock.settimeout(20)

    def __enter__(self) -> "Predecessor":
        return self

    def __exit__(self, *_) -> None:
        self.sock.close()

    def accept(self) -> Conversation:
        return Conversation(self.sock.accept()[0])
