"""A new process takes the listening sockets of the running one over."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.gateway import Gateway, free_port, wait_until
from support.http2 import GOAWAY, H2Client, request
from support.rawhttp import Client, answer, get
from support.takeover import Conversation, Predecessor, Successor

CONFIG = """
takeover: { socket: t.sock }
shutdown: { drain: 8s }
listeners:
  - { address: "127.0.0.1:${port}" }
  - { address: unix:here.sock }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
"""
VERSION = 2


@pytest.fixture
def first(proxies):
    return proxies(CONFIG)


def next_of(proxy, text: str | None = None) -> Successor:
    return Successor(proxy.gateway, text and text.replace("{address}", proxy.upstream.address))


def served_by(proxy) -> int:
    return proxy.gateway.status()["processID"]


def test_one_after_the_other(proxies):
    """Three processes: the second takes over, and is taken over from. Nothing is bound anew, no file is touched."""
    # That is for balancers, which have to notice; here there is nothing to notice.
    first = proxies(CONFIG.replace("{ drain", "{ delay: 1h, drain"))
    directory = first.gateway.workdir
    files = {path: os.lstat(path).st_ino for path in (directory / "here.sock", directory / "t.sock")}
    assert stat.S_IMODE(os.lstat(directory / "t.sock").st_mode) == 0o600
    before = first.gateway
    for _ in range(2):
        after = Successor(before).take_over()
        try:
            assert before.wait_exit() == 0
            assert first.send(get()).status == 200
            with Client(str(directory / "here.sock")) as client:
                assert client.exchange(get()).status == 200
            assert after.status()["processID"] == after.pid
            assert after.admin_status("/readyz") == 200
            assert {path: os.lstat(path).st_ino for path in files} == files
        except BaseException:
            after.stop(check=False)
            raise
        before = after
    before.signal(signal.SIGTERM)
    wait_until(lambda: "SIGTERM: /readyz" in before.stderr_text(), what="it has heard")
    before.signal(signal.SIGTERM)
    assert before.wait_exit() == 143


def test_what_is_not_in_the_new_configuration_ends(first):
    """Listeners, admin and metrics may come, go and move with the new process."""
    directory, extra, metrics = first.gateway.workdir, free_port(), free_port()
    text = CONFIG.replace("unix:here.sock", f'"127.0.0.1:{extra}"')
    with next_of(first, text + f"metrics: {{ address: 'localhost:{metrics}' }}\n"):
        assert first.gateway.wait_exit() == 0
        assert first.send(get()).status == 200
        with Client("127.0.0.1", extra) as client:
            assert client.exchange(get()).status == 200
        with Client("127.0.0.1", metrics) as client:
            assert client.exchange(get("/metrics", "localhost")).status == 200
        wait_until(lambda: not (directory / "here.sock").exists(), what="the file is gone")


def test_a_wider_address_of_the_same_port(first):
    with next_of(first, CONFIG.replace("127.0.0.1:${port}", "0.0.0.0:${port}")):
        assert first.gateway.wait_exit() == 0
        assert first.send(get()).status == 200


def test_what_runs_goes_on(first):
    """Requests under way, connections just made, and idle ones, of HTTP/1.1 and HTTP/2."""
    upstream = first.upstream
    upstream.reply = lambda request, _: (request.target == "/held" and upstream.hold(), answer(b"done"))[1]
    with first.connect() as held, first.connect() as idle, first.connect() as fresh, \
            H2Client("127.0.0.1", first.gateway.port) as two:
        assert idle.exchange(get()).status == 200
        held.send(get("/held"))
        stream = two.open(request(path="/held"))
        upstream.wait_requests(3)
        # Accepted before the takeover, without a byte.
        first.gateway.wait_metric("sluice_connections_total", 4)
        with next_of(first, CONFIG) as after:
            response = idle.exchange(get())
            assert response.status == 200 and "close" in response.tokens("connection")
            response = fresh.exchange(get())
            assert response.status == 200 and "close" in response.tokens("connection")
            got = two.advance()
            while got.kind != GOAWAY:
                got = two.advance()
            # The old process serves what it has, the new one what comes.
            assert first.send(get()).status == 200
            first.gateway.check_alive()
            upstream.release()
            assert held.response().body == b"done"
            assert two.answer(stream).body == b"done"
            two.expect_end()
            assert first.gateway.wait_exit() == 0
            assert after.metrics().sum("sluice_connections_total") == 1


def watched(process: int) -> set:
    """The inodes in the process's epoll sets, in hexadecimal digits (proc(5))."""
    found = set()
    for info in Path(f"/proc/{process}/fdinfo").iterdir():
        try:
            found |= set(re.findall(r"^tfd:.* ino:([0-9a-f]+) ", info.read_text(), re.MULTILINE))
        except FileNotFoundError:
            pass
    return found


def test_the_old_process_is_not_woken(first):
    """Closing does not take a socket out of an epoll set while another process has it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = {f":{port:04X}" for port in (first.gateway.port, first.gateway.admin_port)}
    inodes = {f"{int(row[9]):x}" for row in rows if row[1][-5:] in ports and row[3] == "0A"}
    assert len(inodes) == 2 and inodes <= watched(first.gateway.pid)
    first.upstream.reply = first.upstream.holding()
    with first.connect() as held:
        held.send(get())
        first.upstream.wait_requests(1)
        with next_of(first) as after:
            assert inodes <= watched(after.pid)
            assert not inodes & watched(first.gateway.pid)
            first.upstream.release()
            assert held.response().status == 200
            assert first.gateway.wait_exit() == 0


def test_idle_connections_do_not_keep_the_old_process(first):
    with first.connect() as idle:
        assert idle.exchange(get()).status == 200
        with next_of(first, CONFIG.replace("8s", "60s")):
            idle.expect_end()
            assert first.gateway.wait_exit() == 0


def test_signals_to_the_old_process(first):
    """It ends already: the first one changes nothing, the second ends it at once."""
    first.upstream.reply = first.upstream.holding()
    with first.connect() as held:
        held.send(get())
        first.upstream.wait_requests(1)
        with next_of(first, CONFIG):
            first.gateway.signal(signal.SIGTERM)
            wait_until(lambda: "has been taken over from" in first.gateway.stderr_text(), what="it says so")
            first.upstream.release()
            assert held.response().status == 200
            assert first.gateway.wait_exit() == 0


# --- what fails leaves the running process alone


def failing(proxy, after: Gateway) -> str:
    """What the new process says as it gives up. The old one serves."""
    after.start(wait=False)
    assert after.wait_exit(30) == 1
    assert proxy.send(get()).status == 200
    assert served_by(proxy) == proxy.gateway.pid
    proxy.gateway.check_alive()
    return after.stderr_text()


def test_an_invalid_configuration(first):
    good = first.gateway.config_path.read_text()
    assert "nothing was started" in failing(first, next_of(first, "nonsense: 1\n"))
    first.gateway.config_path.write_text(good)
    assert "taking over" not in first.gateway.stderr_text()


def test_an_address_that_is_taken(first):
    with socket.create_server(("127.0.0.1", 0)) as other:
        text = CONFIG + f"metrics: {{ address: '127.0.0.1:{other.getsockname()[1]}' }}\n"
        assert "cannot listen on" in failing(first, next_of(first, text))
        wait_until(lambda: "this one goes on" in first.gateway.stderr_text(), what="the old one says so")
    assert (first.gateway.workdir / "here.sock").exists()
    # The next attempt finds everything as it was.
    with next_of(first, CONFIG):
        assert first.gateway.wait_exit() == 0


def test_two_at_a_time(first):
    """One has got the sockets and does not accept yet. Another one is told so, and nothing changes meanwhile."""
    gateway = first.gateway
    with Conversation.with_gateway(gateway.workdir / "t.sock") as one:
        messages = one.say(f"hello {VERSION} 1 test").hear_all()
        assert messages[0].startswith(f"hello {VERSION} {gateway.pid} ")
        assert set(messages[1:]) == {
            f"socket 127.0.0.1:{gateway.port}",
            f"socket 127.0.0.1:{gateway.admin_port}",
            f"socket unix:{gateway.workdir}/here.sock",
            f"control {gateway.workdir}/t.sock",
            "end 4",
        }
        assert len(one.descriptors) == 4
        assert "another process is taking over just now" in failing(first, next_of(first))
        gateway.write_config(CONFIG.replace("{address}", first.upstream.address).replace("all", "other"))
        status, text = gateway.reload()
        assert status == 422 and "another process is taking over" in text
        assert first.send(get()).status == 200
        assert gateway.status()["routes"][0]["name"] == "all"
    # It has gone; the change that was put off is made now.
    wait_until(lambda: gateway.status()["routes"][0]["name"] == "other", what="the new configuration")


@pytest.mark.parametrize(
    "said", ["", "hello 99 future", "hello", "accepting", "socket x", b"\xff\xfe", b"hello 2 \n", b"x" * 4000]
)
def test_nonsense(first, said):
    with Conversation.with_gateway(first.gateway.workdir / "t.sock") as one:
        if said:
            one.say(said)
        else:
            one.sock.shutdown(socket.SHUT_WR)
        last = one.hear()
        assert last == "" or last.startswith("refused ")
    assert first.send(get()).status == 200


def test_sockets_that_nobody_asked_for(proxies):
    """Descriptors that come with a message where none belongs do not stay."""
    # Of an endpoint that is no Triton nothing is asked, which would open some as well.
    first = proxies(CONFIG.replace("endpoints:", "server: generic, endpoints:"))
    before = first.gateway.fds()
    for _ in range(8):
        with Conversation.with_gateway(first.gateway.workdir / "t.sock") as one, socket.socket() as gift:
            one.say(b"\x01\x02", gift, gift, gift).expect_end()
    wait_until(lambda: first.gateway.fds() <= before, what="the descriptors are closed")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_strangers_get_nothing(first, tmp_path):
    """The file's mode keeps them out; and where it does not, who they are."""
    path = first.gateway.workdir / "t.sock"
    for directory in [path.parent, *path.parents]:
        if directory.stat().st_uid == 0 and str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    script = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(20)\n"
        "s.connect(sys.argv[1])\n"
        "try:\n    s.send(b'hello 2 test')\n"
        "except BrokenPipeError:\n    pass\n"
        "try:\n    print(s.recv(100))\n"
        "except ConnectionResetError:\n    print(b'')\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    assert "PermissionError" in subprocess.run(command, capture_output=True, text=True, timeout=30).stderr
    path.chmod(0o666)
    assert subprocess.run(command, capture_output=True, text=True, timeout=30).stdout == "b''\n"


def test_an_old_process_that_ends_meanwhile(first):
    """SIGTERM after the sockets are given away: they live on, and so do the files that belong to them."""
    first.upstream.reply = first.upstream.holding()
    with Conversation.with_gateway(first.gateway.workdir / "t.sock") as one, first.connect() as held:
        held.send(get())
        first.upstream.wait_requests(1)
        names = one.say(f"hello {VERSION} 1 test").hear_all()[1:]
        first.gateway.signal(signal.SIGTERM)
        wait_until(lambda: "SIGTERM" in first.gateway.stderr_text(), what="it has heard")
        one.say("accepting")
        assert one.hear() == "released"
        first.upstream.release()
        assert held.response().status == 200
        assert first.gateway.wait_exit() == 0
        assert (first.gateway.workdir / "here.sock").exists()
        listener = socket.socket(fileno=os.dup(one.descriptors[names.index(f"socket 127.0.0.1:{first.gateway.port}")]))
        with listener, first.connect() as client:
            taken, _ = listener.accept()
            taken.close()
            client.expect_end()


# --- the new process, and a running one that is none of ours


@pytest.fixture
def alone(tmp_path, upstreams):
    return Gateway(CONFIG.replace("{address}", upstreams().address), tmp_path / "gateway")


def given_up(gateway) -> str:
    assert gateway.wait_exit(30) == 1
    return gateway.stderr_text()


@pytest.mark.parametrize(
    "said, complaint",
    [
        (["refused I would rather not"], "I would rather not"),
        (["hello 99 1 9.9"], "sluice 9.9, speaks version 99"),
        ([f"hello {VERSION} 1 9.9", "end 3"], "something else than expected"),
        ([f"hello {VERSION} 1 9.9", "socket 127.0.0.1:1"], "something else than expected"),
        ([b"\x00"], "no message"),
        ([], "hung up"),
    ],
)
def test_a_running_process_that_does_not_hand_over(alone, said, complaint):
    with Predecessor(alone.workdir / "t.sock") as before:
        alone.start(wait=False)
        with before.accept() as one:
            assert one.hear().startswith(f"hello {VERSION} {alone.pid} ")
            for message in said:
                one.say(message)
            if not said:
                one.close()
            assert complaint in given_up(alone)


def test_a_running_process_that_is_stuck(alone):
    with Predecessor(alone.workdir / "t.sock"):
        alone.start(wait=False)
        assert "the running process does not answer" in given_up(alone)


def test_what_comes_is_no_listening_socket(alone):
    with Predecessor(alone.workdir / "t.sock") as before, socket.socket() as wrong:
        alone.start(wait=False)
        with before.accept() as one:
            one.hear()
            one.say(f"hello {VERSION} 1 x").say("socket 127.0.0.1:1", wrong)
            assert "no listening socket" in given_up(alone)


def test_a_running_process_that_dies_before_it_lets_go(alone):
    """The new one accepts already, and goes on."""
    with Predecessor(alone.workdir / "t.sock") as before, socket.create_server(("127.0.0.1", alone.port)) as listener:
        alone.start(wait=False)
        with before.accept() as one:
            one.hear()
            one.say(f"hello {VERSION} 1 x").say(f"socket 127.0.0.1:{alone.port}", listener)
            one.say(f"control {alone.workdir}/t.sock", before.sock).say("end 2")
            assert one.hear() == "accepting"
        before.sock.close()
        listener.close()
        try:
            wait_until(lambda: "has ended meanwhile" in alone.stderr_text(), what="it says so")
            with Client("127.0.0.1", alone.port) as client:
                assert client.exchange(get()).status == 200
        finally:
            alone.stop()


def test_a_signal_before_the_new_process_accepts(alone):
    """It ends, and has not said that it accepts."""
    with Predecessor(alone.workdir / "t.sock") as before:
        alone.start(wait=False)
        with before.accept() as one:
            one.hear()
            alone.signal(signal.SIGTERM)
            assert alone.wait_exit() == 0
            assert one.hear() == ""
            assert "stopped before it had started" in alone.stderr_text()


def test_a_stale_socket_is_replaced(alone):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stale:
        stale.bind(str(alone.workdir / "t.sock"))
    with alone:
        with Conversation.with_gateway(alone.workdir / "t.sock") as one:
            assert one.say(f"hello {VERSION} 1 x").hear().startswith(f"hello {VERSION}")
        wait_until(lambda: "this one goes on" in alone.stderr_text(), what="it is over")
    assert not (alone.workdir / "t.sock").exists()
