"""A backend that is started by the first request, and stopped when there are none."""

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from support.gateway import Gateway, free_port, wait_until
from support.http2 import H2Client, data, request, reset
from support.rawhttp import Client, get
from support.takeover import Successor
from support.woken import Runs, alive, config

# For what a process has to be started for, on a machine that does other things as well.
LONG = 30


@pytest.fixture
def woken(tmp_path):
    """Starts gateways in front of a backend that sleeps; in the end no process is left."""
    made = []
    runs = Runs(tmp_path)

    def make(
        *options: str, activate: str = "", top: str = "", backend: str = "", words: list | None = None, **more
    ) -> Gateway:
        port = free_port()
        text = top + config(port, f"runs={runs.path}", *options, activate=activate, words=words)
        text = text.replace("    timeouts:", f"    {backend}\n    timeouts:")
        gateway = Gateway(text, tmp_path / f"gateway{len(made)}", **more)
        gateway.backend_port = port
        made.append(gateway)
        return gateway.start()

    make.runs = runs
    yield make
    try:
        for gateway in made:
            gateway.stop()
        wait_until(lambda: not runs.alive, 15, "no process is left")
    finally:
        runs.kill()


def send(gateway, path: str = "/", timeout: float = LONG, **headers) -> tuple:
    """(status, body as JSON, headers) of one request."""
    with Client(gateway.host, gateway.port, timeout=timeout) as client:
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        client.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
        response = client.response()
        return response.status, json.loads(response.body), response


def activation(gateway) -> dict:
    return gateway.status()["backends"][0]["activation"]


def state(gateway) -> str:
    return activation(gateway)["state"]


def held(gateway) -> float:
    return gateway.metrics().sum("sluice_requests_held")


def outcomes(gateway, outcome: str) -> float:
    return gateway.metrics().sum("sluice_activations_total", backend="main", outcome=outcome)


def test_sleeps_wakes_and_sleeps_again(woken, tmp_path):
    facts = tmp_path / "facts"
    gateway = woken(
        f"environment={facts}", "say=a line of its own", activate="idleAfter: 2s",
        environment={"LISTEN_FDS": "0", "SLUICE_ADMIN_PASSWORD": "secret"})
    assert state(gateway) == "asleep" and not woken.runs.all
    assert send(gateway)[0] == 200
    assert state(gateway) == "running" and activation(gateway)["processID"] == woken.runs.alive[0]
    # What it was given.
    given = json.loads(facts.read_text())
    assert not {"LISTEN_FDS", "SLUICE_ADMIN_PASSWORD", "NOTIFY_SOCKET"} & set(given["variables"])
    # The fourth is that of the list itself.
    assert sorted(given["descriptors"]) == ["0", "1", "2", "3"]
    assert given["directory"] == str(gateway.workdir) and given["group"] == woken.runs.all[0]
    assert "SigBlk:\t0000000000000000" in given["status"]
    wait_until(lambda: "main: a line of its own" in gateway.stderr_text(), what="what it said is passed on")
    # Nobody comes.
    wait_until(lambda: state(gateway) == "asleep", LONG, "it is stopped")
    assert not woken.runs.alive and outcomes(gateway, "stopped") == 1
    assert send(gateway)[0] == 200
    assert len(woken.runs.all) == 2 and outcomes(gateway, "started") == 2
    assert "health check" not in gateway.stderr_text()


def test_many_cold_requests_start_one_process(woken):
    gateway = woken("warm=0.5")
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda n: send(gateway, "/slow/0.05"), range(50)))
    assert {status for status, _, _ in results} == {200}
    assert len(woken.runs.all) == 1 and outcomes(gateway, "started") == 1
    assert gateway.metrics().sum("sluice_queue_duration_seconds_sum") > 5


def held_in_turn(stack: ExitStack, gateway, paths: list) -> list:
    """Clients whose requests are held, each after the one before; `x-number` says which it is."""
    clients = []
    for number, path in enumerate(paths):
        clients.append(stack.enter_context(Client(gateway.host, gateway.port, timeout=LONG)))
        clients[-1].send(f"GET {path} HTTP/1.1\r\nHost: x\r\nx-number: {number}\r\n\r\n".encode())
        wait_until(lambda: held(gateway) == number + 1, what="it is held")
    return clients


def test_in_order(woken, tmp_path):
    """The last one is urgent, and goes first."""
    gateway = woken(f"gate={tmp_path / 'gate'}", top="loops: 1\n", backend="limits: { perEndpointInFlight: 1 }")
    with ExitStack() as stack:
        clients = held_in_turn(stack, gateway, ["/slow/0.01"] * 23 + ["/urgent/slow/0.01"])
        (tmp_path / "gate").touch()
        answers = [json.loads(client.response().body) for client in clients]
    assert max((answer["order"] for answer in answers), key=len) == [str(number) for number in [23, *range(23)]]
    assert held(gateway) == 0


def test_not_all_at_once(woken, tmp_path):
    """A few at first, and two for each answer: far sooner than with the time, which lets four go in a second."""
    gateway = woken(f"gate={tmp_path / 'gate'}", top="loops: 1\n")
    with ExitStack() as stack:
        clients = held_in_turn(stack, gateway, ["/slow/0.2"] * 100)
        start = time.monotonic()
        (tmp_path / "gate").touch()
        wait_until(lambda: state(gateway) == "running", LONG, "it runs")
        late = send(gateway, x_number=100)[1]["order"]
        answers = [json.loads(client.response().body) for client in clients]
        assert time.monotonic() - start < 15
    # Who comes when it runs does not pass those that have waited: half of them have an answer before the last one goes.
    assert late.index("100") > 25
    # Four go at once, on connections of their own, and perhaps others with the time; all hundred do not.
    assert min(answer["most"] for answer in answers) <= 40
    before = gateway.metrics().sum("sluice_queue_duration_seconds_sum")
    assert {send(gateway)[0] for _ in range(20)} == {200}
    # Nobody waits any more, as nobody is in front.
    assert gateway.metrics().sum("sluice_queue_duration_seconds_sum") - before < 0.5


@pytest.mark.parametrize("limits", ["inFlight: 2, queue: 1, queueTimeout: 50ms", "connections: 1, queue: 0"])
def test_who_was_held_waits_for_a_place_as_long_as_for_the_start(woken, tmp_path, limits):
    """Neither is the queue too short for those that are let go, nor the time in it; and no loop keeps the one connection."""
    gateway = woken(f"gate={tmp_path / 'gate'}", top="loops: 2\n", backend=f"limits: {{ {limits} }}")
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(send, gateway, "/slow/0.1") for _ in range(16)]
        wait_until(lambda: held(gateway) == 16, LONG, "all are held")
        (tmp_path / "gate").touch()
        answers = [each.result(LONG) for each in asked]
    assert [(status, response.cause) for status, _, response in answers] == [(200, None)] * 16
    assert max(body["most"] for _, body, _ in answers) <= 2
    assert held(gateway) == 0 and gateway.metrics().sum("sluice_requests_queued") == 0


def test_who_comes_later_is_behind_them_and_then_in_the_queue(woken, tmp_path):
    """In which nobody may wait here, so they are refused, but not before those that were held have had their turn."""
    gateway = woken(f"gate={tmp_path / 'gate'}", top="loops: 1\n", backend="limits: { inFlight: 1, queue: 0 }")
    with ThreadPoolExecutor(6) as pool:
        cold = [pool.submit(send, gateway, "/slow/1") for _ in range(3)]
        wait_until(lambda: held(gateway) == 3, LONG, "they are held")
        (tmp_path / "gate").touch()
        wait_until(lambda: held(gateway) <= 2, LONG, "the first has been sent")
        late = [pool.submit(send, gateway) for _ in range(3)]
        assert [each.result(LONG)[0] for each in cold] == [200] * 3
        found = [each.result(LONG) for each in late]
    assert {(status, response.cause) for status, _, response in found} <= {(503, "queue_full"), (200, None)}
    assert send(gateway)[0] == 200 and held(gateway) == 0


def test_a_large_body_waits_at_the_client(woken, tmp_path):
    """What cannot be sent on is not read, and arrives whole."""
    gateway = woken(f"gate={tmp_path / 'gate'}")
    size = 8 << 20
    with Client(gateway.host, gateway.port, timeout=LONG) as client:
        client.send(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        client.sock.settimeout(LONG)
        before = gateway.rss()
        wait_until(lambda: held(gateway) == 1, what="it is held")
        sender = ThreadPoolExecutor(1).submit(client.sock.sendall, bytes(size))
        (tmp_path / "gate").touch()
        assert json.loads(client.response().body)["bytes"] == size
        sender.result(LONG)
        assert gateway.rss() - before < size


def test_a_crash_is_repaired(woken):
    gateway = woken()
    assert send(gateway)[0] == 200
    first = woken.runs.all[0]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(woken.runs.all) == 2, LONG, "it is started again")
    assert send(gateway)[1]["pid"] == woken.runs.all[1]
    assert outcomes(gateway, "crashed") == 1 and "signal 9" in activation(gateway)["lastExit"]


def test_who_leaves_gives_the_place_back(woken):
    gateway = woken("delay=600", activate="hold: { requests: 1, timeout: 2m }")
    client = Client(gateway.host, gateway.port)
    client.send(get())
    wait_until(lambda: held(gateway) == 1, what="it is held")
    # Whoever scales it hears of it.
    scale = json.loads(gateway.admin("/api/v1/scale?backend=main")[2])
    assert (scale["held"], scale["pendingRequests"]) == (1, 1)
    status, body, response = send(gateway)
    assert status == 503 and response.cause == "queue_full" and response.get("retry-after")
    client.reset()
    wait_until(lambda: held(gateway) == 0, what="the place is free")
    with H2Client(gateway.host, gateway.port) as two:
        stream = two.open(request())
        wait_until(lambda: held(gateway) == 1, what="it is held")
        two.send(reset(stream))
        wait_until(lambda: held(gateway) == 0, what="the place is free")
        # And a body that has come, as far as its window goes.
        stream = two.open(request("POST"), end=False)
        two.send(*[data(stream, bytes(16384)) for _ in range(4)], reset(stream))
        wait_until(lambda: gateway.metrics().sum("sluice_requests_total", cause="client_closed") == 3, what="it has left")
        assert held(gateway) == 0


def test_too_many_bytes(woken):
    gateway = woken("delay=600", activate="hold: { bytes: 16KiB, timeout: 2m }")
    with Client(gateway.host, gateway.port) as small, Client(gateway.host, gateway.port) as large:
        small.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + bytes(1000))
        wait_until(lambda: held(gateway) == 1, what="it is held")
        large.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" + bytes(30000))
        response = large.response()
        assert response.status == 503 and response.cause == "queue_full"
        assert held(gateway) == 1


def test_bytes_are_counted_from_the_first_on_and_given_back(woken):
    gateway = woken("delay=600", activate="hold: { bytes: 16KiB, timeout: 2m }")
    body = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + bytes(10000)
    for _ in range(3):
        with Client(gateway.host, gateway.port) as client, Client(gateway.host, gateway.port) as other:
            client.send(body)
            wait_until(lambda: held(gateway) == 1, what="it is held")
            other.send(body)
            assert other.response().cause == "queue_full" and held(gateway) == 1
            client.reset()
        wait_until(lambda: held(gateway) == 0, what="the place is free")


def test_too_long(woken):
    """Both a request and the start have only so long; the route's own timeouts do not run meanwhile."""
    gateway = woken("delay=600", activate="hold: { timeout: 1s }")
    status, body, response = send(gateway)
    assert status == 503 and response.cause in ("queue_timeout", "activation_failed")
    wait_until(lambda: outcomes(gateway, "failed") >= 1, LONG, "the start counts as failed")
    assert "not ready within 1 s" in gateway.stderr_text()


def test_says_why_it_cannot_start(woken, tmp_path):
    fixed = tmp_path / "fixed"
    gateway = woken(f"after={tmp_path / 'all'}", "fail=error: creating server: no models found", f"unless={fixed}")
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(send, gateway) for _ in range(5)]
        wait_until(lambda: held(gateway) == 5, LONG, "all are held")
        (tmp_path / "all").touch()
        for status, body, response in (each.result(LONG) for each in asked):
            assert status == 503 and response.cause == "activation_failed"
            assert "no models found" in body["error"] and "status 3" in body["error"]
    assert outcomes(gateway, "failed") == 1 and state(gateway) == "failed"
    fixed.write_text("")
    # After a moment it is tried again, for whoever comes then.
    assert send(gateway)[0] == 200


def test_waits_longer_each_time(woken):
    gateway = woken("fail=nothing works")
    wait_until(lambda: send(gateway)[0] == 503 and outcomes(gateway, "failed") >= 3, LONG, "it has failed three times")
    status, body, response = send(gateway)
    assert status == 503 and 1 <= int(response.get("retry-after")) <= 60
    assert outcomes(gateway, "failed") == 3


@pytest.mark.parametrize("program, reason", [
    ("no-such-program-anywhere", "No such file"), ("./a-directory", "ermission denied"), ("./not-runnable", "ermission denied")])
def test_a_program_that_cannot_be_started(woken, tmp_path, program, reason):
    directory = tmp_path / "gateway0"
    (directory / "a-directory").mkdir(parents=True)
    (directory / "not-runnable").write_text("#!/bin/sh\n")
    gateway = woken(words=[program])
    status, body, response = send(gateway)
    assert status == 503 and reason in body["error"] and program in body["error"]
    assert activation(gateway)["state"] == "failed"
    assert reason in gateway.stderr_text()


def test_a_model_that_never_loads(woken):
    models = json.dumps([{"name": "good", "version": "1", "state": "READY"},
                         {"name": "bad", "version": "1", "state": "UNAVAILABLE", "reason": "no such \"file\""}])
    gateway = woken(f"models={models}")
    status, body, response = send(gateway)
    assert status == 503 and "model bad failed to load: no such \"file\"" in body["error"]
    wait_until(lambda: not woken.runs.alive, LONG, "it is stopped")


def test_one_that_ignores_sigterm_and_one_that_forks(woken, tmp_path):
    """The gateway's own end takes all that it started with it."""
    gateway = woken("stubborn", f"child={tmp_path / 'child'}")
    assert send(gateway)[0] == 200
    child = int((tmp_path / "child").read_text())
    assert alive(child) and woken.runs.alive
    gateway.signal(signal.SIGTERM)
    assert gateway.wait_exit(30) == 0
    wait_until(lambda: not alive(child) and not woken.runs.alive, what="what was killed has ended")
    assert "does not end by SIGTERM" in gateway.stderr_text()


def test_what_runs_already_is_used_and_not_stopped(woken, tmp_path):
    import subprocess
    import sys
    from support import woken as server

    gateway = woken(activate="idleAfter: 1s")
    process = subprocess.Popen([sys.executable, server.__file__, str(gateway.backend_port)])
    try:
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", gateway.backend_port)), LONG, "it listens")
        assert send(gateway)[1]["pid"] == process.pid
        assert not woken.runs.all and activation(gateway).get("processID") is None
        time.sleep(1.5)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    # Gone: now there is somebody to start.
    assert send(gateway)[1]["pid"] == woken.runs.all[0]


def test_a_reload_keeps_what_runs_until_nobody_uses_it(woken):
    gateway = woken()
    first = send(gateway)[1]["pid"]
    text = gateway.config_path.read_text()
    gateway.replace_config(text.replace('"runs=', '"say=new", "runs='))
    wait_until(lambda: len(woken.runs.all) == 1 and not alive(first), LONG, "the old one is stopped")
    assert send(gateway)[1]["pid"] != first
    # Named no more, it ends, once those that are there have their answers.
    last = woken.runs.alive[0]
    slow = ThreadPoolExecutor(1).submit(send, gateway, "/slow/1")
    wait_until(lambda: gateway.metrics().sum("sluice_requests_in_flight") == 1 or slow.done(), what="it is under way")
    gateway.replace_config("routes:\n  - { name: all, respond: { status: 204 } }\n")
    assert slow.result(LONG)[1]["pid"] == last
    wait_until(lambda: not alive(last), LONG, "it is stopped")
    gateway.check_alive()
    # Named again, it is started again.
    gateway.replace_config(text)

    def status() -> int:
        with Client(gateway.host, gateway.port, timeout=LONG) as client:
            client.send(get())
            return client.response().status

    wait_until(lambda: status() == 200, LONG, "it runs again")
    assert len(woken.runs.alive) == 1


def test_a_takeover_hands_the_process_on(woken):
    gateway = woken("say=hello", top="takeover: { socket: t.sock }\n", activate="idleAfter: 3s")
    process = send(gateway)[1]["pid"]
    with Successor(gateway) as after:
        assert gateway.wait_exit() == 0
        assert send(after)[1]["pid"] == process and activation(after)["processID"] == process
        # It is this one's to stop now.
        wait_until(lambda: state(after) == "asleep" and not alive(process), LONG, "it is stopped")
        assert send(after)[1]["pid"] != process
        os.kill(woken.runs.alive[0], signal.SIGKILL)
        wait_until(lambda: len(woken.runs.all) == 3, LONG, "and to start again")
