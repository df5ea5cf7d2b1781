"""Sockets that the service manager passes, and what it is told."""

import os
import re
import socket
import time
from pathlib import Path

import pytest

from support.gateway import REPOSITORY, Gateway, Starting, wait_until
from support.rawhttp import Client, get
from support.systemd import Manager, listening, pass_sockets, halted, loop_threads, same_control_group
from support.takeover import Successor

ROUTES = "routes: [{ name: all, respond: { status: 200, body: hi } }]\n"
PASSED = "listeners: [{ address: systemd:http }]\n" + ROUTES


def ask(one: socket.socket):
    name = one.getsockname()
    with Client(*((name, 0) if isinstance(name, str) else name)) as client:
        return client.exchange(get())


@pytest.fixture
def gateway(tmp_path):
    return Gateway(PASSED, tmp_path / "gateway")


def refused(gateway) -> str:
    gateway.start(wait=False)
    assert gateway.wait_exit() == 1
    return gateway.stderr_text()


# --- passed sockets


def test_passed_sockets_are_served(tmp_path):
    sockets = {
        "admin": listening(),
        "http": listening(),
        "local": listening(socket.AF_UNIX, str(tmp_path / "l.sock")),
        "spare": listening(),
    }
    gateway = Starting(
        "listeners: [{ address: systemd:http }, { address: systemd:local }]\nadmin: { address: systemd:admin }\n" + ROUTES,
        tmp_path / "gateway",
    )
    pass_sockets(gateway, sockets)
    gateway.admin_url = "http://127.0.0.1:%d" % sockets["admin"].getsockname()[1]
    with gateway:
        assert ask(sockets["http"]).body == ask(sockets["local"]).body == b"hi"
        assert gateway.admin_status("/readyz") == 200
        wait_until(lambda: "socket 'spare' was passed" in gateway.stderr_text(), what="a warning")
        environment = Path(f"/proc/{gateway.pid}/environ").read_bytes()
        assert b"LISTEN_FDS" in environment, "the launcher works"
    # The manager's, so it stays.
    assert (tmp_path / "l.sock").exists()
    # Whoever comes now waits for the next start.
    with socket.create_connection(sockets["http"].getsockname(), 20) as client:
        client.sendall(get())
        with gateway:
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    for one in sockets.values():
        one.close()


def test_a_listener_may_leave_and_come_back(gateway):
    one = listening()
    pass_sockets(gateway, {"http": one})
    with gateway:
        assert ask(one).body == b"hi"
        gateway.write_config(ROUTES)
        wait_until(lambda: [e["address"] for e in gateway.status()["listeners"]] == [f"127.0.0.1:{gateway.port}"])
        gateway.write_config(PASSED)
        wait_until(lambda: "systemd:http" in [e["name"] for e in gateway.status()["listeners"]])
        assert ask(one).body == b"hi"


def test_passed_sockets_are_handed_over(tmp_path):
    """They stay the manager's: whoever has them in the end leaves the file alone."""
    one = listening(socket.AF_UNIX, str(tmp_path / "l.sock"))
    gateway = Gateway("takeover: { socket: t.sock }\nlisteners: [{ address: systemd:http }]\n" + ROUTES, tmp_path / "gateway")
    pass_sockets(gateway, {"http": one})
    with gateway:
        with Successor(gateway):
            assert gateway.wait_exit() == 0
            assert ask(one).body == b"hi"
        gateway.process = None
        assert (tmp_path / "l.sock").exists()
        assert not (gateway.workdir / "t.sock").exists()


def test_a_name_that_was_not_passed(gateway):
    pass_sockets(gateway, {"https": listening(), "other": listening()})
    assert "no socket of this name was passed, only: https, other" in refused(gateway)


def test_nothing_passed(gateway):
    assert "no socket was passed to this process" in refused(gateway)


def test_one_name_for_two(gateway):
    pass_sockets(gateway, [listening(), listening()], names="http:http")
    assert "2 sockets were passed under this name" in refused(gateway)


def test_what_is_not_listening(gateway):
    pass_sockets(gateway, {"http": listening(kind=socket.SOCK_DGRAM)})
    assert "no listening stream socket" in refused(gateway)


def test_names_and_numbers_that_differ(gateway):
    pass_sockets(gateway, {"http": listening()}, names="http:more")
    assert "LISTEN_FDNAMES names 2 sockets, and LISTEN_FDS says 1" in refused(gateway)


def test_sockets_for_another_process(gateway):
    """A parent that does not clean its environment: the descriptors may be anything."""
    pass_sockets(gateway, {"http": listening()})
    gateway.environment["PID_OFFSET"] = "1"
    assert "no socket was passed to this process" in refused(gateway)


def test_the_admin_side_stays_on_this_machine(tmp_path):
    gateway = Gateway("admin: { address: systemd:admin }\n" + ROUTES, tmp_path / "gateway")
    pass_sockets(gateway, {"admin": listening(address=("0.0.0.0", 0))})
    assert "which needs 'admin.tls' and 'admin.basicAuth'" in refused(gateway)


# --- notifications


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    with Manager(str(tmp_path / "notify") if request.param == "path" else f"@sluice-test-{time.monotonic_ns()}") as one:
        yield one


def test_the_life_of_a_service(manager, gateways):
    gateway = gateways(ROUTES, environment=manager.environment)
    sender, first = manager.wait("READY", "1")[0]
    assert sender == gateway.pid
    assert f"serves on 127.0.0.1:{gateway.port}" in first["STATUS"]

    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert gateway.reload()[0] == 200
    _, reloading = manager.wait("RELOADING", "1")[0]
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.wait("READY", "1", 2)
    gateway.write_config("routes: [{ name: all }]")
    assert "rejected" in manager.wait("READY", "1", 3)[2][1]["STATUS"]
    gateway.write_config(ROUTES.replace("hi", "ho"))
    manager.wait("READY", "1", 4)

    gateway.stop()
    assert manager.wait("STOPPING", "1")
    assert not manager.assignments("WATCHDOG")


def falls_silent(manager, seconds: float, within: float) -> bool:
    """Whether the watchdog hears nothing for so long, beginning within that time."""
    begin = since = time.monotonic()
    count = len(manager.assignments("WATCHDOG"))
    while time.monotonic() - since < seconds:
        if since - begin > within:
            return False
        time.sleep(0.02)
        if (now := len(manager.assignments("WATCHDOG"))) != count:
            count, since = now, time.monotonic()
    return True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into other processes' threads for sure")
def test_the_watchdog_hears_of_loops_that_run(tmp_path, gateways):
    """One loop stands still, as if caught in something endless; all else in the process runs."""
    with Manager(str(tmp_path / "notify")) as manager:
        gateway = gateways("loops: 3\n" + ROUTES, environment=manager.environment | {"WATCHDOG_USEC": "300000"})
        manager.wait("WATCHDOG", "1", 3)
        loops = wait_until(lambda: len(found := loop_threads(gateway.pid)) == 4 and found, what="all loops wait")
        silent = 0
        for thread in loops:
            with halted(thread):
                # What was on its way comes; then nothing for two periods, unless the thread was the admin side's.
                silent += falls_silent(manager, 0.6, 1.4)
            manager.wait("WATCHDOG", "1", len(manager.assignments("WATCHDOG")) + 1)
        assert silent >= 3


def test_the_watchdog_of_another_process(tmp_path, gateways):
    with Manager(str(tmp_path / "notify")) as manager:
        gateways(ROUTES, environment=manager.environment | {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
        manager.wait("READY", "1")
        # Three periods of a watchdog that is not wanted.
        time.sleep(0.3)
        assert not manager.assignments("WATCHDOG")


def test_the_service_goes_to_the_process_that_takes_over(tmp_path, gateways):
    with Manager(str(tmp_path / "notify")) as manager:
        gateway = gateways(
            "takeover: { socket: t.sock }\n" + ROUTES, environment=manager.environment | {"WATCHDOG_USEC": "300000"}
        )
        assert same_control_group(gateway.pid)
        before = gateway.pid
        manager.wait("READY", "1")
        with Successor(gateway, environment=manager.environment) as successor:
            assert gateway.wait_exit() == 0
            sender, message = manager.wait("MAINPID")[0]
            assert (sender, message["MAINPID"]) == (before, str(successor.pid))
            wait_until(lambda: any(s == successor.pid and "READY" in m for s, m in manager.read()), 20, "it is ready")
            order = [(s, *(k for k in m if k in ("READY", "MAINPID"))) for s, m in manager.read()]
            assert order.index((before, "MAINPID")) < order.index((successor.pid, "READY"))
            # systemd would not listen to what the old one says now.
            after = manager.read()[order.index((before, "MAINPID")) + 1 :]
            assert before not in [sender for sender, _ in after]
            # The period went along with the sockets.
            wait_until(lambda: (successor.pid, {"WATCHDOG": "1"}) in manager.read(), 20, "its watchdog")


# --- the units


def test_units():
    service = (REPOSITORY / "config/systemd/sluice.service").read_text()
    drain = 25 + 2
    assert int(re.search(r"^TimeoutStopSec=(\d+)", service, re.MULTILINE)[1]) > drain
    assert re.search(r"^Type=notify$", service, re.MULTILINE)
