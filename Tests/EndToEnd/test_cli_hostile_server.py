"""`sluice status` and `sluice weights` against something that is no gateway, or a bad one: nothing it says reaches the
terminal as a command, no password goes elsewhere, and they end."""

import json
import subprocess
import time

import pytest

from support.gateway import binary
from support.rawhttp import answer

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\x08\x7f\r\n"
PASSWORD = "planted-password-1d2e"


def run(address: str, *arguments: str, timeout: float = 30, **environment: str) -> subprocess.CompletedProcess:
    variables = {"PATH": "/usr/bin:/bin", "SLUICE_ADMIN": f"http://{address}", "TERM": "xterm-256color", "HOME": "/nowhere",
                 **environment}
    return subprocess.run([binary(), *arguments], capture_output=True, timeout=timeout, env=variables)


def calm(done: subprocess.CompletedProcess, turns: str = "\u202e\u2066") -> bool:
    """Text that moves no cursor, turns no direction of writing, and no crash."""
    assert done.returncode in (0, 1, 64), (done.returncode, done.stderr)
    text = (done.stdout + done.stderr).decode()
    return not any(0x20 > ord(each) and each != "\n" or 0x7F <= ord(each) <= 0x9F or each in turns for each in text)


def status() -> dict:
    """What `GET /api/v1/status` answers, with hostile words wherever there are words."""
    endpoint = {"address": HOSTILE, "weight": 1, "inFlight": 0, "connections": 0, "state": "unhealthy", "reason": HOSTILE,
                "detail": HOSTILE, "changed": HOSTILE, "consecutiveErrors": 1, "ejections": 1}
    reload = {"outcome": "rejected", "time": HOSTILE, "message": HOSTILE, "diagnostics": [HOSTILE]}
    return {
        "version": HOSTILE, "processID": 1, "startedAt": HOSTILE, "state": "serving", "readOnly": False, "loops": 1,
        "configuration": {"path": HOSTILE, "hash": HOSTILE, "lastReload": reload, "lastRejected": reload},
        "memory": {"bytes": -(1 << 63), "limitBytes": (1 << 63) - 1, "state": "normal"},
        "listeners": [{"name": HOSTILE, "address": HOSTILE, "tls": True, "connections": -5}],
        "routes": [{"name": HOSTILE, "action": "forward", "hosts": [HOSTILE], "matches": [HOSTILE], "policies": [HOSTILE],
                    "mirrors": [{"backend": HOSTILE, "percent": 1e308}],
                    "backends": [{"as": HOSTILE, "backend": HOSTILE, "weight": weight} for weight in (0, -1, (1 << 63) - 1)]}],
        "backends": [{"name": HOSTILE, "server": HOSTILE, "balance": HOSTILE, "inFlight": (1 << 63) - 1,
                      "queued": -(1 << 63), "endpoints": [endpoint]}],
    }


def traffic() -> dict:
    flow = {"rate": 1e308, "errors": 1e308, "p50": 1e308, "p99": -1e308, "queue": 1e-320, "queueP99": 0}
    return {
        "listeners": [{"name": HOSTILE, "connections": 1, "http2Connections": 1, "flow": flow}],
        "routes": [{"name": HOSTILE, "flow": flow, "listeners": {HOSTILE: -1e308}}, {"name": "", "flow": flow, "listeners": {}}],
        "entries": [{"route": HOSTILE, "as": HOSTILE, "flow": flow}] * 2,
        "mirrors": [{"route": HOSTILE, "backend": HOSTILE, "rate": 1e308, "outcomes": {HOSTILE: 1e308}}],
        "backends": [{"name": HOSTILE, "inFlight": (1 << 63) - 1, "queued": (1 << 63) - 1}],
        "endpoints": [{"backend": HOSTILE, "address": HOSTILE, "inFlight": -1, "connections": -1, "flow": flow}],
    }


def record() -> dict:
    return {"time": HOSTILE, "client": HOSTILE, "method": HOSTILE, "path": HOSTILE, "route": HOSTILE, "backend": HOSTILE,
            "endpoint": HOSTILE, "status": -(1 << 63), "cause": HOSTILE, "grpcStatus": 1 << 62, "requestId": HOSTILE,
            "traceId": HOSTILE, "traced": True, "queue": -1e308, "duration": 1e308}


def sse(kind: str, event: dict) -> bytes:
    return f"id: 1\nevent: {kind}\ndata: {json.dumps(event)}\n\n".encode()


def events(pieces: list[bytes]):
    """Serves a stream of pieces, then ends."""

    def serve(connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for piece in pieces:
            connection.send(piece)
            time.sleep(0.02)

    return serve


COMMANDS = [["status"], ["status", "--json"], ["weights"], ["weights", "infer"], ["weights", "infer", "a=1"],
            ["weights", "infer", "--undo"], ["weights", "--json"], ["weights", "infer", "--json"]]
BODIES = {
    "a hostile error": (json.dumps({"error": HOSTILE}), "400 Bad Request"),
    "a hostile 403": (json.dumps({"error": HOSTILE}), "403 Forbidden"),
    "no JSON": ("<html>" + HOSTILE, "500 X"),
    "a hostile status": (json.dumps(status()), "200 OK"),
    "hostile weights": (json.dumps({"route": HOSTILE, "entries": [{"as": HOSTILE, "backend": HOSTILE, "weight": weight}
                                                                 for weight in ((1 << 63) - 1, (1 << 63) - 1)],
                                    "place": HOSTILE, "editable": True, "reason": HOSTILE, "undo": {HOSTILE: 1}}), "200 OK"),
    "other JSON": ("[]", "200 OK"),
    "an empty answer": ("", "200 OK"),
    "deep JSON": ("[" * 100_000, "200 OK"),
    "numbers that are none": ('{"route":"r","entries":[{"as":"a","backend":"b","weight":1e999}],"editable":true}', "200 OK"),
}


@pytest.mark.parametrize("body, line", BODIES.values(), ids=BODIES.keys())
def test_nothing_it_says_commands_the_terminal(upstreams, body, line):
    server = upstreams(answer(body.encode(), line, "Content-Type: application/json", f"ETag: {HOSTILE.split(chr(13))[0]!a}"))
    for command in COMMANDS:
        # JSON says what it was told.
        assert calm(run(server.address, *command), "" if "--json" in command else "\u202e\u2066"), command


STREAMS = {
    "a hostile state": [sse("state", {"sequence": 1, "time": HOSTILE, "status": status(), "traffic": traffic(),
                                      "errors": [record()], "slow": [record()]}),
                        sse("delta", {"sequence": (1 << 64) - 1, "time": HOSTILE, "traffic": traffic()})],
    "a delta first": [sse("delta", {"sequence": 1, "time": "x", "traffic": traffic()})],
    "no JSON": [b"event: state\ndata: {\n\n", b"data\n\n", b":\n\n" * 100],
    "bytes": [bytes(range(256)) * 20],
    "a line without an end": [b"data: " + b"x" * 65536] * 400,
}


@pytest.mark.parametrize("pieces", STREAMS.values(), ids=STREAMS.keys())
def test_no_stream_does(upstreams, pieces):
    """Piped, so that each screen is plain text; it goes on until it is told to stop."""
    server = upstreams(serve=events(pieces))
    process = subprocess.Popen([binary(), "status", "--watch", "--admin", f"http://{server.address}"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=2)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, err = process.communicate(timeout=10)
    assert process.returncode in (0, 1, -15, 143, 130), (process.returncode, err[-2000:])
    assert calm(subprocess.CompletedProcess([], 0, out, err)), out[:500]


def test_a_password_goes_nowhere_else(upstreams):
    """No redirect is followed: what is elsewhere is not the gateway."""
    other = upstreams()
    server = upstreams(answer(b"", "302 Found", f"Location: http://{other.address}/api/v1/status"))
    for command in COMMANDS:
        done = run(server.address, *command, SLUICE_ADMIN_USER="root", SLUICE_ADMIN_PASSWORD=PASSWORD)
        assert done.returncode == 1 and calm(done) and PASSWORD.encode() not in done.stdout + done.stderr
    assert server.requests and all(each.has("authorization") for each in server.requests)
    assert not other.requests


def test_no_proxy_of_the_environment_gets_it(upstreams):
    proxy, server = upstreams(), upstreams(answer(json.dumps(status()).encode()))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        run(server.address, "status", SLUICE_ADMIN_USER="root", SLUICE_ADMIN_PASSWORD=PASSWORD, **{name: f"http://{proxy.address}"})
    assert not proxy.requests and len(server.requests) >= 4
