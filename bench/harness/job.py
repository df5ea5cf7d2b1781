"""Proves before anything is measured that a proxy does the whole job, and so that all do the same."""

import urllib.request
from collections import Counter

from bench import Bench, Subject
from machine import Problem
from peers import AUTHORIZATION, OTHER_ROUTES, PEERS, Proxy
from protocols import GRPC, H2, PATH, PATIENCE, Answer, Protocol, ask

REQUESTS = 1000
# Where the split is drawn by lot, this is four standard deviations away from 80 percent.
STABLE_SHARE = (0.75, 0.85)
GOOD = {"authorization": AUTHORIZATION}
OTHER_PATH = PATH.replace("classify", OTHER_ROUTES[-1])

# Loopback only: a proxy from the environment has no business here.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def require_the_job(bench: Bench, subject: Subject) -> None:
    """Raises Problem unless password, routes, split, metrics and access log work; looks once for each protocol."""
    peer, protocol = PEERS[subject.peer], subject.protocol
    if (peer.name, protocol) in bench.proven:
        return
    with bench.running(subject) as proxy:
        for fields in ({}, {"authorization": AUTHORIZATION[:-4] + "AAA="}):
            denied = answers(proxy, protocol, protocol.path, fields)[0]
            expect(proxy, denied.denied, denied, "a request without the right password")
        # Other routes stay what they are when one of them is for gRPC.
        other = answers(proxy, H2 if protocol is GRPC else protocol, OTHER_PATH, GOOD)[0]
        expect(proxy, other.good, other, "another route")
        with direct.open(f"http://127.0.0.1:{proxy.admin}{peer.metrics}", timeout=PATIENCE) as metrics:
            metrics.read()
        served = answers(proxy, protocol, protocol.path, GOOD, REQUESTS)
        for answer in served:
            expect(proxy, answer.good, answer, "a good request")
        proxy.stop()
        with open(bench.directory / peer.log, errors="replace") as log:
            logged = sum("POST" in line and protocol.path in line for line in log)
    require_split(proxy, bench.grpc_ports if protocol is GRPC else bench.upstream_ports, served)
    if logged < REQUESTS:
        raise Problem(f"{subject.name} logged {logged} of {REQUESTS} requests")
    bench.proven.add((peer.name, protocol))


def require_split(proxy: Proxy, ports: list[int], served: list[Answer]) -> None:
    by_port = Counter(answer.fields.get("x-port") for answer in served)
    stable, canary = (by_port[str(port)] for port in ports[:2])
    if stable + canary != REQUESTS or not STABLE_SHARE[0] <= stable / REQUESTS <= STABLE_SHARE[1]:
        raise Problem(f"{proxy.name} sent {dict(by_port)} of {REQUESTS} requests to the two backends")


def answers(proxy: Proxy, protocol: Protocol, path: str, fields: dict[str, str], count: int = 1) -> list[Answer]:
    try:
        found = ask(protocol, proxy.port, path, fields, count)
    except OSError as error:
        raise Problem(f"{proxy.name} does not answer over {protocol.name}: {error}") from None
    if len(found) != count:
        raise Problem(f"{proxy.name} answered {len(found)} of {count} requests over {protocol.name}")
    return found


def expect(proxy: Proxy, right: bool, answer: Answer, what: str) -> None:
    if not right:
        raise Problem(f"{proxy.name} answered {answer.status} {answer.fields} to {what}")
