"""`fault`: delays and errors made on purpose, as often as the file says and to nobody else."""

import threading
import time

import pytest

from support.gateway import wait_until
from support.http2 import Code, H2Client, request, reset
from support.ways import CALL, GRPC_STATUS, HTTP1, PLAIN, Endpoint, filled

ENDPOINTS = ("main", "shadow")
# Long enough to be told apart from a busy machine's own delays by what has happened meanwhile.
DELAY = 0.4
CONFIG = """
loops: 1
backends:
  main: { endpoints: [<main>] }
  shadow: { endpoints: [<shadow>] }
routes:
  - { name: always, match: [{ path: { prefix: /always } }], fault: { abort: { percent: 100, status: 503 } }, backends: [{ name: main }], mirrors: [{ backend: shadow }] }
  - { name: teapot, match: [{ path: { prefix: /teapot } }], fault: { abort: { percent: 100, status: 418 } }, backends: [{ name: main }] }
  - { name: never, match: [{ path: { prefix: /never } }], fault: { abort: { percent: 0, status: 503 }, delay: { percent: 0, duration: 1h } }, backends: [{ name: main }] }
  - { name: half, match: [{ path: { prefix: /half } }], fault: { abort: { percent: 50, status: 503 } }, backends: [{ name: main }] }
  - { name: slow, match: [{ path: { prefix: /slow } }], fault: { delay: { percent: 100, duration: 400ms } }, backends: [{ name: main }] }
  - { name: both, match: [{ path: { prefix: /both } }], fault: { delay: { percent: 100, duration: 400ms }, abort: { percent: 100, status: 500 } }, backends: [{ name: main }] }
  - { name: hour, match: [{ path: { prefix: /hour } }], fault: { delay: { percent: 100, duration: 1h } }, backends: [{ name: main }] }
  - { name: grpc, match: [{ path: { prefix: /grpc } }], fault: { abort: { percent: 100, grpcStatus: 10 } }, backends: [{ name: main }] }
  - { name: unavailable, match: [{ path: { prefix: /unavailable } }], fault: { abort: { percent: 100, grpcStatus: 14 } }, backends: [{ name: main }] }
  - { name: unwritten, match: [{ path: { prefix: /unwritten } }], fault: { abort: { status: 500 } }, backends: [{ name: main }] }
  - { name: retried, match: [{ path: { prefix: /retried } }], fault: { abort: { percent: 100, status: 503 } }, retries: { attempts: 3, on: [503] }, backends: [{ name: main }] }
  - { name: rest, backends: [{ name: main }] }
"""


def is_aborted(reply, status: int, grpc_status: int | None = None) -> bool:
    if reply.is_grpc:
        wanted = GRPC_STATUS.get(status) if grpc_status is None else grpc_status
        return reply.status == 200 and not reply.is_good and (wanted is None or reply.grpc_status == wanted)
    return reply.status == status


def test_abort(site, way):
    for _ in range(3):
        assert is_aborted(site.ask(way, "/always/x"), 503)
    assert is_aborted(site.ask(way, "/unwritten/x"), 500)
    assert is_aborted(site.ask(way, "/teapot/x"), 418)
    assert site.ask(way, "/elsewhere").is_good
    # Nothing went anywhere, copies neither: the marker has overtaken nothing.
    assert site.was_asked() == ["/elsewhere"]


def test_abort_in_grpcs_words(site, way):
    assert is_aborted(site.ask(way, "/unavailable/x"), 503, 14)
    reply = site.ask(way, "/grpc/x")
    if way is CALL:
        assert reply.grpc_status == 10 and not reply.trailers
    else:
        assert reply.status >= 400
    assert site.was_asked() == []


def test_what_is_made_on_purpose_is_not_tried_again(site, way):
    before = site.gateway.metrics()
    assert is_aborted(site.ask(way, "/retried/x"), 503)
    assert site.was_asked() == []
    assert site.gateway.metrics().sum("sluice_retries_total", route="retried") == before.sum(
        "sluice_retries_total", route="retried")


def test_never(site, way):
    for _ in range(10):
        assert site.ask(way, "/never/x").is_good


def test_half(site, way):
    """400 draws are 65 away from 200 once in 10^10 runs."""
    with way.connect(site.gateway) as client:
        through = sum(client.ask("/half/x").is_good for _ in range(400))
    assert abs(through - 200) <= 65
    assert len(site["main"].requests) == through


def test_delay(site, way):
    begin = time.monotonic()
    assert site.ask(way, "/slow/x").is_good
    assert time.monotonic() - begin >= DELAY
    assert site["main"].the_request().path == "/slow/x"


def test_delay_and_abort(site, way):
    begin = time.monotonic()
    assert is_aborted(site.ask(way, "/both/x"), 500)
    assert time.monotonic() - begin >= DELAY
    assert site.was_asked() == []


def test_a_body_waits_with_its_request(site, way):
    body = bytes(range(256)) * 4096
    assert site.ask(way, "/slow/x", body=body).is_good
    assert site["main"].the_request().body.endswith(body)


def test_others_do_not_wait(site):
    """There is one loop: a request that waits for an hour holds nobody up, and leaves with its client."""
    with HTTP1.connect(site.gateway) as waiting:
        waiting.client.send(b"GET /hour HTTP/1.1\r\nHost: test\r\n\r\n")
        for way in PLAIN + [CALL]:
            assert site.ask(way, "/elsewhere").is_good
        assert not waiting.client.readable()
    with H2Client(site.gateway.host, site.gateway.port) as client:
        streams = [client.open(request("GET", "/hour")) for _ in range(50)]
        quick = client.open(request("GET", "/elsewhere"))
        assert client.answer(quick).status == 200
        client.send(*(reset(stream, Code.CANCEL) for stream in streams))
        client.settle()
        assert client.get("/elsewhere").status == 200
    gateway = site.gateway
    wait_until(lambda: gateway.metrics().sum("sluice_connections_open") == 0, what="all have left")
    assert not any(path.startswith("/hour") for path in site.was_asked())
    gateway.wait_metric("sluice_requests_total", 51, route="hour", code="499")


def test_delays_run_beside_each_other(site, way):
    """Thirty at once take as long as one, not thirty times as long."""
    begin = time.monotonic()
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(site.ask(way, "/slow/x"))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 30 and all(reply.is_good for reply in replies)
    assert time.monotonic() - begin < 30 * DELAY


@pytest.mark.parametrize("path", ["/hour", "/slow"])
def test_the_end_of_the_gateway_does_not_wait_for_them(gateways, path):
    with Endpoint("main") as main, Endpoint("shadow") as shadow:
        gateway = gateways(filled(CONFIG, {"main": main, "shadow": shadow}))
        with HTTP1.connect(gateway) as client:
            client.client.send(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            wait_until(lambda: gateway.metrics().sum("sluice_connections_open") == 1)
            # The fixture checks that it ends in time and well.
            gateway.stop()
