"""The load of the rows with many streams on a connection: h2load, whose answers are counted to the byte."""

import re
from dataclasses import dataclass
from pathlib import Path

from load import Outcome, run
from machine import Problem
from peers import AUTHORIZATION
from protocols import Protocol


@dataclass(frozen=True)
class Streams:
    """What the clients do: on each connection as many requests at once as there are streams, without a pause."""

    protocol: Protocol
    connections: int
    streams: int


def send(port: int, load: Streams, body: Path, requests: int, answer: int) -> Outcome:
    """Sends `requests`; each has to be answered with 200 and `answer` bytes, trailers not among them."""
    fields = [f"-H{name}: {value}" for name, value in load.protocol.fields]
    output = run([
        "h2load", f"-c{load.connections}", f"-m{load.streams}", f"-n{requests}", f"-d{body}",
        f"-Hauthorization: {AUTHORIZATION}", *fields, f"http://127.0.0.1:{port}{load.protocol.path}",
    ])
    rate = re.search(r"^finished in \S+ ([\d.]+) req/s", output, re.MULTILINE)
    good = re.search(r"^status codes: (\d+) 2xx", output, re.MULTILINE)
    data = re.search(r"\((\d+)\) data$", output, re.MULTILINE)
    mean = re.search(r"^time for request: +\S+ +\S+ +([\d.]+)(us|ms|s) ", output, re.MULTILINE)
    if not rate or not good or not data or not mean:
        raise Problem(f"h2load gave no result: {output.strip()[-200:]}")
    if int(good.group(1)) != requests or int(data.group(1)) != requests * answer:
        raise Problem(
            f"of {requests} requests h2load saw {good.group(1)} answered with 200, and {data.group(1)} bytes "
            f"instead of {requests * answer}")
    milliseconds = float(mean.group(1)) * {"us": 1e-3, "ms": 1, "s": 1e3}[mean.group(2)]
    return Outcome(requests, requests / float(rate.group(1)), mean=milliseconds * 1e3)
