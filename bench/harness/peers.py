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
from process import Process, answers, free_ports
from protocols import H1, PATH, Protocol, ask

TEMPLATES = ROOT / "bench" / "peers"
USER, PASSWORD = "demo", "benchmark"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
OTHER_ROUTES = [f"model-{number:02}" for number in range(1, 50)]
# A setting: how many of them there are.
OTHERS = "OTHERS"
# What a proxy has to answer before it counts as ready, where it speaks HTTP/1.1.
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

    def start(
        self, label: str, directory: Path, cores: frozenset[int], protocol: Protocol, settings: dict[str, str],
    ) -> "Proxy":
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
            "LOG": "accessLog:\n  path: access.log",
            "WATCHED": "",
            "MIRRORS": "",
            "ROUTES": "",
            OTHERS: str(len(OTHER_ROUTES)),
        }
        for name in self.files:
            text = fill((TEMPLATES / name).read_text(), protocol.blocks, common | settings)
            (directory / name).write_text(text)
        (directory / "users.htpasswd").write_text(self.users())
        command = [self.program, *self.arguments]
        return Proxy(label, command, directory, cores, dict(self.environment), protocol, port, admin)

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
        protocol: Protocol, port: int, admin: int,
    ):
        self.protocol, self.port, self.admin = protocol, port, admin
        super().__init__(name, command, directory, cores, environment)

    def ready(self) -> bool:
        """Whether it answers a request with a password."""
        if self.protocol is H1:
            return answers(self.port, PROBE)
        try:
            found = ask(self.protocol, self.port, self.protocol.path, {"authorization": AUTHORIZATION})
        except OSError:
            return False
        return bool(found) and found[0].good


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


def fill(template: str, blocks: tuple[str, ...], settings: dict[str, str]) -> str:
    """Fills a template.

    What stands between `# with NAME NAME` and `# end` stays if `blocks` has one of the names, what stands between
    `# for each other route` and `# end` is repeated, and names between @ are replaced. Nothing of that is nested.
    """
    text = re.sub(
        r"^ *# with ([\w ]+)\n(.*?)^ *# end\n",
        lambda block: "" if set(block.group(1).split()).isdisjoint(blocks) else block.group(2),
        template, flags=re.MULTILINE | re.DOTALL)
    others = OTHER_ROUTES[:int(settings[OTHERS])]
    text = re.sub(
        r"^ *# for each other route\n(.*?)^ *# end\n",
        lambda block: "".join(block.group(1).replace("@MODEL@", model) for model in others),
        text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"@([A-Z]+)@", lambda name: settings[name.group(1)], text)
