"""Proves before anything is measured that a proxy does the whole job, and so that all do the same."""

import http.client
from collections import Counter

from bench import Bench, Subject
from machine import Problem
from peers import AUTHORIZATION, OTHER_ROUTES, PATH, PEERS, Proxy

REQUESTS = 1000
# Where the split is drawn by lot, this is four standard deviations away from 80 percent.
STABLE_SHARE = (0.75, 0.85)


def require_the_job(bench: Bench, subject: Subject) -> None:
    """Raises Problem unless password, routes, split, metrics and access log work."""
    peer = PEERS[subject.peer]
    with bench.running(subject) as proxy:
        for header in ({}, {"Authorization": AUTHORIZATION[:-4] + "AAA="}):
            expect(proxy, 401, status(proxy.port, PATH, header), "a request without the right password")
        other = PATH.replace("classify", OTHER_ROUTES[-1])
        expect(proxy, 200, status(proxy.port, other, {"Authorization": AUTHORIZATION}), "another route")
        expect(proxy, 200, status(proxy.admin, peer.metrics, {}), "metrics")
        served = Counter(ports(proxy))
        proxy.stop()
        with open(bench.directory / peer.log, errors="replace") as log:
            logged = sum(f"POST {PATH}" in line or f'"path":"{PATH}"' in line for line in log)
    stable, canary = (served[str(port)] for port in bench.upstream_ports[:2])
    if stable + canary != REQUESTS or not STABLE_SHARE[0] <= stable / REQUESTS <= STABLE_SHARE[1]:
        raise Problem(f"{subject.name} sent {dict(served)} of {REQUESTS} requests to the two backends")
    if logged < REQUESTS:
        raise Problem(f"{subject.name} logged {logged} of {REQUESTS} requests")


def ports(proxy: Proxy) -> list[str | None]:
    """The ports of the upstream that answered, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    found = []
    for _ in range(REQUESTS):
        connection.request("POST", PATH, b"x" * 128, {"Authorization": AUTHORIZATION})
        answer = connection.getresponse()
        answer.read()
        found.append(answer.getheader("x-port"))
    connection.close()
    return found


def status(port: int, path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except OSError as error:
        raise Problem(f"no answer from port {port}: {error}") from None
    finally:
        connection.close()


def expect(proxy: Proxy, wanted: int, got: int, what: str) -> None:
    if got != wanted:
        raise Problem(f"{proxy.name} answered {got} to {what}, not {wanted}")
