"""The four proxies: their programs, their configurations from bench/peers, and how each is started."""

import base64
import getpass
import hashlib
import os
import re
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from machine import ROOT, TOOLS, Problem
from process import Process, free_ports

TEMPLATES = ROOT / "bench" / "peers"
USER, PASSWORD = "demo", "benchmark"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
PATH = "/v2/models/classify/infer"
OTHER_ROUTES = [f"model-{number:02}" for number in range(1, 50)]
# What a proxy has to answer before it counts as ready.
PROBE = f"GET {PATH} HTTP/1.1\r\nHost: bench\r\nAuthorization: {AUTHORIZATION}\r\nConnection: close\r\n\r\n".encode()


@dataclass(frozen=True)
class Peer:
    """One proxy program."""

    name: str
    title: str
    # Where the program is looked for; the environment variable NAME_BIN goes first.
    places: tuple[str, ...]
    # The files written into its directory, each from the template of that name; the first is the configuration.
    files: tuple[str, ...]
    # What follows the program's name, in its directory.
    arguments: tuple[str, ...]
    version_argument: str
    # Where it writes its access log, and where it shows its metrics.
    log: str
    metrics: str
    # Set for it alone.
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def program(self) -> str:
        variable = f"{self.name.upper()}_BIN"
        for place in filter(None, (os.environ.get(variable), *self.places)):
            found = shutil.which(place)
            if found:
                return found
        raise Problem(f"there is no {self.name}: run bench/setup, or name one in {variable}.")

    @property
    def version(self) -> str:
        """What it says of itself."""
        answer = subprocess.run([self.program, self.version_argument], capture_output=True, text=True)
        found = re.search(r"\d+\.\d+\.\d+[\w.+~-]*", answer.stdout + answer.stderr)
        return found.group() if found else "unknown"

    def start(self, label: str, directory: Path, cores: frozenset[int], settings: dict[str, str]) -> "Proxy":
        """Starts it in `directory`, which is new. `settings` fill the templates."""
        port, admin = free_ports(2)
        common = {
            "PORT": str(port),
            "ADMIN": str(admin),
            "USER": getpass.getuser(),
            "FILES": str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
            "PASSWORD": PASSWORD,
            "SHA": "{SHA}" + base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode(),
            "BUFSIZE": "16384",
            "LOOPS": "",
            "MIRRORS": "",
        }
        for name in self.files:
            (directory / name).write_text(fill((TEMPLATES / name).read_text(), common | settings))
        (directory / "users.htpasswd").write_text(self.users())
        return Proxy(label, [self.program, *self.arguments], directory, cores, dict(self.environment), port, admin)

    def users(self) -> str:
        """An htpasswd file of the cheapest kind the proxy takes, or for Sluice of the kind it writes."""
        if self.name != "sluice":
            return f"{USER}:{{PLAIN}}{PASSWORD}\n"
        return subprocess.run(
            [self.program, "passwd", USER], input=PASSWORD + "\n", capture_output=True, text=True, check=True).stdout


class Proxy(Process):
    """A running proxy and its two ports."""

    def __init__(
        self, name: str, command: list[str], directory: Path, cores: frozenset[int], environment: dict[str, str],
        port: int, admin: int,
    ):
        self.port, self.admin = port, admin
        super().__init__(name, command, directory, cores, environment)


# nginx allocates a body's buffer for each request. Whether the C library gives that memory back each time, and takes it
# anew, depends on where it happens to lie, and makes a factor of four; like this it never does.
KEEPING = (("MALLOC_MMAP_THRESHOLD_", str(32 << 20)), ("MALLOC_TRIM_THRESHOLD_", str(64 << 20)))

PEERS = {
    peer.name: peer
    for peer in (
        Peer("sluice", "Sluice", (str(ROOT / ".build" / "release" / "sluice"),), ("sluice.yaml",),
             ("serve", "-c", "sluice.yaml"), "--version", "access.log", "/metrics"),
        Peer("nginx", "nginx", ("nginx", "/usr/sbin/nginx"), ("nginx.conf",),
             ("-p", ".", "-c", "nginx.conf"), "-v", "access.log", "/status", KEEPING),
        Peer("haproxy", "HAProxy", ("haproxy", "/usr/sbin/haproxy"), ("haproxy.cfg", "routes.map"),
             ("-db", "-f", "haproxy.cfg"), "-v", "output.log", "/metrics"),
        Peer("envoy", "Envoy", (str(TOOLS / "envoy"),), ("envoy.yaml",),
             ("-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"),
             "--version", "access.log", "/stats"),
    )
}


def fill(template: str, settings: dict[str, str]) -> str:
    """Repeats what stands between `# for each other route` and `# end`, and replaces the names between @."""
    text = re.sub(
        r"^ *# for each other route\n(.*?)^ *# end\n",
        lambda block: "".join(block.group(1).replace("@MODEL@", model) for model in OTHER_ROUTES),
        template, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"@([A-Z]+)@", lambda name: settings[name.group(1)], text)
