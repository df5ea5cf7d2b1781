"""A terminal of a given size with a program on it, and what stands on its screen."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading

from support.gateway import wait_until

# What is written behind a program's last words, to see that they have been read.
END = b"\x1b[ended"
# What a program may send here: colours, and what the watch command moves about with. Anything else came from a name.
SEQUENCE = re.compile(r"\x1b\[(\?1049|\?25|\?7)?([0-9;]*)([hlmHKJ])")


class Terminal:
    """Runs a command on a pseudo-terminal until the context is left."""

    def __init__(self, command: list, width: int = 80, height: int = 24, environment: dict | None = None):
        self.width, self.height = width, height
        self.said = ""
        self._raw = b""
        self._ended = False
        self._lock = threading.Lock()
        self.master, self.slave = pty.openpty()
        self._set_size()
        self.before = termios.tcgetattr(self.slave)
        environment = {"TERM": "xterm-256color"} | (environment or {})
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for number in range(3):
                os.dup2(self.slave, number)
            os.closerange(3, 256)
            os.execve(command[0], command, kept | environment)
        self.status = None
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.slave)
        self._ended = True

    def _read(self) -> None:
        while not self._ended:
            if not select.select([self.master], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            with self._lock:
                self._raw += data
                self.said = self._raw.decode(errors="replace")
        os.close(self.master)

    def _set_size(self) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.height, self.width, 0, 0))

    def resize(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._set_size()

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait_exit(self, seconds: float = 20) -> int:
        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            return pid

        wait_until(ended, seconds, f"the command ends; it said {self.said[-2000:]!r}")
        # What it wrote last may still be on its way.
        os.write(self.slave, END)
        wait_until(lambda: self._raw.endswith(END), 20, "everything is read")
        with self._lock:
            self._raw = self._raw.removesuffix(END)
            self.said = self._raw.decode(errors="replace")
        return self.status

    # --- what is seen

    def is_other_screen(self) -> bool:
        with self._lock:
            return self.said.rfind("\x1b[?1049h") > self.said.rfind("\x1b[?1049l")

    def is_cursor_hidden(self) -> bool:
        with self._lock:
            return self.said.rfind("\x1b[?25l") > self.said.rfind("\x1b[?25h")

    def frame(self) -> str:
        """The last frame that is complete, as text; fails on what a screen is not moved by."""
        with self._lock:
            text = self.said
        text = text.split("\x1b[?1049h")[-1]
        frames = [frame for frame in text.split("\x1b[H")[1:] if frame.endswith("\x1b[J")]
        if not frames:
            return ""
        plain = SEQUENCE.sub("", frames[-1])
        assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", plain), repr(plain)
        # The terminal adds another return before each line feed.
        return re.sub("\r+\n", "\n", plain)

    def wait_for(self, *words: str, seconds: float = 20) -> str:
        """The first frame that has all of these words."""

        def found():
            frame = self.frame()
            return all(word in frame for word in words) and frame

        try:
            return wait_until(found, seconds)
        except AssertionError:
            raise AssertionError(f"never saw {words}, but:\n{self.frame()}\n{self.said[-500:]!r}") from None
