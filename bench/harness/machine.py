"""What the benchmark runs on: which cores are for what, and what stands beside the results."""

import os
import platform
import re
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".build-tools" / "bench"

# Enough for 10,000 clients and every endpoint's connections; more would only cost memory in tables.
MOST_FILES = 65536
# The access logs of one measurement with room to spare.
LOG_BYTES = 4 << 30
# Above this share of the machine in other hands the numbers are not worth much.
QUIET = 0.1


class Problem(Exception):
    """What keeps a measurement from counting, or the user from measuring; its text is one sentence."""


@dataclass(frozen=True)
class Cores:
    """Which cores the proxy and everything else run on."""

    proxy: frozenset[int]
    load: frozenset[int]

    @staticmethod
    def apart() -> "Cores":
        """One core for the proxy, and the others, without that core's second thread, for the load."""
        allowed = frozenset(os.sched_getaffinity(0))
        first = min(allowed)
        others = allowed - siblings(first) or allowed - {first}
        if not others:
            raise Problem("the benchmark may use one core only: it needs one for the proxy and one for the load.")
        return Cores(frozenset({first}), frozenset(others))

    @staticmethod
    def shared() -> "Cores":
        """For more than one loop: half of eight cores or more, and the same cores as the load where there are fewer."""
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 8:
            return Cores(frozenset(allowed), frozenset(allowed))
        half = len(allowed) // 2
        return Cores(frozenset(allowed[:half]), frozenset(allowed[half:]))


def siblings(core: int) -> set[int]:
    """The hardware threads of a core's physical core."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    found = {core}
    if not path.exists():
        return found
    for span in path.read_text().strip().split(","):
        low, _, high = span.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found


def raise_descriptors() -> int:
    """Raises the limit of open files as far as it goes and returns it; the proxies inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def scratch() -> Path:
    """A new directory in memory, where there is room, so that no disk writes one proxy's log in another's turn."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > LOG_BYTES
    return Path(tempfile.mkdtemp(prefix="sluice-bench-", dir=memory if roomy else None))


def busy(seconds: float = 1) -> float:
    """The share of all cores that somebody uses, before the benchmark does."""
    before, idle_before = ticks()
    time.sleep(seconds)
    after, idle_after = ticks()
    return 1 - (idle_after - idle_before) / max(after - before, 1)


def ticks() -> tuple[int, int]:
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    # Time of guests is in user time already; idle and waiting for a disk are both idle.
    return sum(fields[:8]), fields[3] + fields[4]


def facts() -> dict[str, object]:
    """CPU, cores, memory and kernel, for the table."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpu, re.MULTILINE)
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', Path("/etc/os-release").read_text(), re.MULTILINE)
    return {
        "cpu": model.group(1).strip() if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": bool(re.search(r"^flags.*\bhypervisor\b", cpu, re.MULTILINE)),
        "memoryGiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "kernel": platform.release(),
        "system": system.group(1) if system else "Linux",
    }
