"""`sluice status`: once, watched on a terminal, and piped."""

import json
import os
import re
import signal
import ssl
import subprocess
import termios

import pytest

from support.admin_mock import AdminMock, endpoint, flow
from support.certificates import Authority
from support.gateway import binary, free_port, wait_until
from support.terminal import Terminal


def run(*arguments: str, timeout: float = 30, **environment: str):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_ADMIN")}
    return subprocess.run(
        [binary(), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env=kept | {"HOME": "/nonexistent"} | environment,
    )


@pytest.fixture
def mock():
    with AdminMock() as mock:
        yield mock


def watching(mock, *arguments: str, **options) -> Terminal:
    return Terminal([binary(), "status", "--watch", "--admin", mock.url, *arguments], **options)


# --- once


def test_once(mock):
    mock.status["backends"][1]["endpoints"] = [
        endpoint("10.0.0.8:8000", "unhealthy", reason="connect_failed", detail="connection refused")
    ]
    done = run("status", "--admin", mock.url)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert re.search(r"^infer +300/s +0 % +3\.4 ms +12 ms", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^  stable +80 +80 % +80 % +240/s", done.stdout, re.MULTILINE)
    assert re.search(r"^  canary +20 +20 % +20 % +60/s", done.stdout, re.MULTILINE)
    assert re.search(r"^  10\.0\.0\.8:8000 +unhealthy .* connect_failed: connection refused$", done.stdout, re.MULTILINE)
    assert "applied" in done.stdout and "/etc/sluice/sluice.yaml" in done.stdout


def test_a_rejected_reload_is_shown(mock):
    rejected = {
        "outcome": "rejected",
        "time": "2026-11-22T01:03:00Z",
        "message": "the configuration is invalid",
        "diagnostics": ["sluice.yaml:4:7: error: unknown key 'wieght', write 'weight'"],
    }
    mock.status["configuration"] |= {"lastReload": rejected, "lastRejected": rejected}
    done = run("status", "--admin", mock.url)
    assert "the configuration is invalid" in done.stdout and "unknown key 'wieght'" in done.stdout


def test_json_is_the_status(mock):
    done = run("status", "--json", "--admin", mock.url)
    assert done.returncode == 0 and json.loads(done.stdout) == mock.status
    assert not any(path == "/api/v1/events" for _, path, *_ in mock.requests)


def test_without_events_there_are_no_rates(mock):
    mock.answers["/api/v1/events"] = 404, {}, {"error": "there is nothing here"}
    done = run("status", "--admin", mock.url)
    assert done.returncode == 0 and "RATE" not in done.stdout and "infer" in done.stdout


def test_colours_are_for_terminals(mock):
    command = [binary(), "status", "--admin", mock.url]
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)):
        with Terminal(command, environment=environment) as terminal:
            assert terminal.wait_exit() == 0
            wait_until(lambda: "10.0.0.8:8000" in terminal.said, 10, "everything is read")
            assert ("\x1b[" in terminal.said) == coloured, environment


# --- where it asks


def test_the_address_comes_from_the_environment(mock):
    assert run("status", SLUICE_ADMIN=mock.url).returncode == 0
    assert run("status", "--admin", mock.url, SLUICE_ADMIN="http://127.0.0.1:1").returncode == 0
    assert run("status", "--admin", mock.url.removeprefix("http://")).returncode == 0


def test_unix_socket(tmp_path):
    with AdminMock(path=tmp_path / "admin.sock") as mock:
        done = run("status", "--admin", f"unix:{tmp_path}/admin.sock")
        assert done.returncode == 0 and "infer" in done.stdout, done.stderr
        assert mock.requests[0][2]["Host"] == "localhost"


def test_credentials(mock, tmp_path):
    def authorization(**environment):
        mock.requests.clear()
        assert run("status", "--json", "--admin", mock.url, **environment).returncode == 0
        return mock.requests[0][2].get("Authorization")

    assert authorization() is None
    assert authorization(SLUICE_ADMIN_USER="ann", SLUICE_ADMIN_PASSWORD="s") == "Basic YW5uOnM="
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login bob password t\n")
    assert authorization(HOME=str(tmp_path)) == "Basic Ym9iOnQ="
    assert authorization(NETRC=str(tmp_path / ".netrc")) == "Basic Ym9iOnQ="
    assert authorization(NETRC=str(tmp_path / ".netrc"), SLUICE_ADMIN_USER="ann", SLUICE_ADMIN_PASSWORD="s") == (
        "Basic YW5uOnM="
    )


def test_tls(tmp_path):
    authority = Authority(tmp_path)
    issued = authority.issue("admin", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    with AdminMock(tls=context) as mock:
        done = run("status", "--admin", mock.url, "--ca", str(authority.certificate))
        assert done.returncode == 0 and "infer" in done.stdout, done.stderr
        done = run("status", "--admin", mock.url)
        assert done.returncode == 1 and "--ca" in done.stderr
        done = run("status", "--admin", mock.url.replace("127.0.0.1", "localhost"), "--ca", str(authority.certificate))
        assert done.returncode == 1 and "localhost" in done.stderr
        done = run("status", "--admin", mock.url.replace("https", "http"))
        assert done.returncode == 1 and "https://" in done.stderr


# --- what goes wrong


@pytest.mark.parametrize(
    "answer, words",
    [
        ((401, {"WWW-Authenticate": "Basic"}, {"error": "who?"}), ["asks for a password", "SLUICE_ADMIN_USER", "netrc"]),
        ((403, {}, {"error": "the Host is not known here"}), ["refuses", "the Host is not known here"]),
        ((429, {"Retry-After": "7"}, {"error": "slow down"}), ["wrong passwords", "in 7 s"]),
        ((404, {}, b"<html>"), ["nothing at /api/v1/status", "admin address"]),
        ((404, {"x-sluice-cause": "no_route"}, {"error": "no route"}), ["listener for clients"]),
        ((200, {}, b"<html>hello</html>"), ["admin address"]),
        ((200, {}, {"version": 3}), ["admin address"]),
        ((500, {}, {"error": "\x1b[2Jboom"}), ["\\x1b[2Jboom"]),
        ((302, {"Location": "/login"}, b""), ["302", "admin address"]),
    ],
)
def test_refusals_say_what_to_do(mock, answer, words):
    mock.answers["/api/v1/status"] = answer
    for more in ([], ["--watch"]):
        done = run("status", "--admin", mock.url, *more)
        assert done.returncode == 1 and not done.stdout
        assert done.stderr.startswith("sluice: ") and all(word in done.stderr for word in words), done.stderr
        assert "\x1b" not in done.stderr


def test_a_wrong_password_is_told_without_it(mock):
    mock.answers["/api/v1/status"] = 401, {}, {"error": "who?"}
    done = run("status", "--admin", mock.url, SLUICE_ADMIN_USER="ann", SLUICE_ADMIN_PASSWORD="s3cret")
    assert done.returncode == 1 and "'ann'" in done.stderr and "s3cret" not in done.stderr


def test_nobody_listens():
    port = free_port()
    done = run("status", "--admin", f"http://127.0.0.1:{port}")
    assert done.returncode == 1 and f"127.0.0.1:{port}" in done.stderr and "connection refused" in done.stderr
    assert "--admin" in done.stderr


@pytest.mark.parametrize(
    "arguments, environment, word",
    [
        (["--admin", "ftp://x"], {}, "--admin 'ftp://x'"),
        (["--admin", "http://ann:s3cret@127.0.0.1"], {}, "SLUICE_ADMIN_USER"),
        (["--admin", "http://127.0.0.1:9901/api"], {}, "path"),
        (["--admin", "unix:"], {}, "unix:"),
        (["--ca", "x"], {}, "https"),
        (["--admin", "https://127.0.0.1:9901", "--ca", "/nonexistent"], {}, "/nonexistent"),
        ([], {"SLUICE_ADMIN": "nowhere:x"}, "SLUICE_ADMIN 'nowhere:x'"),
        ([], {"SLUICE_ADMIN_USER": "ann"}, "SLUICE_ADMIN_PASSWORD"),
        ([], {"SLUICE_ADMIN_PASSWORD": "s3cret"}, "SLUICE_ADMIN_USER"),
        ([], {"SLUICE_ADMIN_USER": "a:b", "SLUICE_ADMIN_PASSWORD": "s3cret"}, "colon"),
        (["extra"], {}, "extra"),
    ],
)
def test_wrong_usage(arguments, environment, word):
    done = run("status", *arguments, **environment)
    assert done.returncode == 64 and word in done.stderr and "s3cret" not in done.stderr, done.stderr
    assert "sluice status" in done.stderr


# --- watched


def test_watch_is_redrawn_and_leaves_the_terminal_as_it_was(mock):
    with watching(mock) as terminal:
        frame = terminal.wait_for("infer", "300/s", "80 %")
        assert terminal.is_other_screen() and terminal.is_cursor_hidden()
        assert not termios.tcgetattr(terminal.slave)[3] & termios.ECHO
        assert len(frame.split("\n")) <= 24 and all(len(line) <= 80 for line in frame.split("\n"))
        mock.status["routes"][0]["backends"][1]["weight"] = 80
        mock.send({"traffic": mock.traffic(1200), "status": mock.status})
        terminal.wait_for("1.2k/s", "50 %", "600/s")
        terminal.resize(40, 8)
        small = wait_until(lambda: len((frame := terminal.frame()).split("\n")) <= 8 and frame, 20, "it fits")
        assert "… " in small and all(len(line) <= 40 for line in small.split("\n"))
        terminal.resize(100, 30)
        terminal.wait_for("10.0.0.8:8000")
        terminal.type("\x03")
        assert terminal.wait_exit() == 0
        assert not terminal.is_other_screen() and not terminal.is_cursor_hidden()
        assert termios.tcgetattr(terminal.slave) == terminal.before
        # Drawn over, and not cleared: no flicker.
        assert "\x1b[2J" not in terminal.said


@pytest.mark.parametrize("way", ["q", "\x04", signal.SIGTERM, signal.SIGHUP], ids=str)
def test_every_end_restores_the_terminal(mock, way):
    with watching(mock) as terminal:
        terminal.wait_for("infer")
        if isinstance(way, str):
            terminal.type(way)
        else:
            terminal.signal(way)
        assert terminal.wait_exit() == (0 if isinstance(way, str) else 128 + way)
        assert not terminal.is_other_screen() and not terminal.is_cursor_hidden()
        assert termios.tcgetattr(terminal.slave) == terminal.before


def test_ctrl_z_gives_the_terminal_back(mock):
    with watching(mock) as terminal:
        terminal.wait_for("infer")
        # The kernel stops nobody whose group has no shell to wake it again: the signal comes from outside.
        terminal.signal(signal.SIGTSTP)
        wait_until(lambda: not terminal.is_other_screen(), 20, "the terminal is given back")
        assert termios.tcgetattr(terminal.slave) == terminal.before
        state = f"/proc/{terminal.pid}/stat"
        wait_until(lambda: open(state).read().rpartition(")")[2].split()[0] == "T", 20, "it stops")
        terminal.signal(signal.SIGCONT)
        wait_until(terminal.is_other_screen, 20, "it goes on")
        terminal.wait_for("infer")
        terminal.type("q")
        assert terminal.wait_exit() == 0


def test_watch_says_that_the_gateway_was_restarted(mock):
    with watching(mock, width=160, height=40) as terminal:
        terminal.wait_for("infer", "pid 4711")
        mock.__exit__()
        terminal.wait_for("connection lost")
        terminal.wait_for("connection lost", "connection refused")
        with AdminMock(mock.port) as other:
            other.status["processID"] = 4800
            terminal.wait_for("connected again: the gateway was restarted", "pid 4800", seconds=40)
            other.cut()
            wait_until(lambda: other.watchers() == 1, 20, "it comes again")
            terminal.wait_for("connected again")
            # A password that is wrong from now on is not tried again and again.
            other.answers["/api/v1/events"] = 401, {}, {"error": "who?"}
            other.cut()
            assert terminal.wait_exit() == 1
            assert not terminal.is_other_screen()
            assert "asks for a password" in terminal.said.rpartition("\x1b[?1049l")[2]


def test_names_do_not_drive_the_terminal(mock):
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
    route = mock.status["routes"][0]
    route["name"] = evil
    route["backends"][0]["as"] = "a\r\nb"
    mock.status["backends"][0]["endpoints"] = [endpoint("x", "unhealthy", reason="\x1b[5m", detail="\x07")]
    with watching(mock, width=200, height=50) as terminal:
        frame = terminal.wait_for("owned", "300/s")
        assert "\\x1b]0;owned\\x07\\x1b[2J\\u{9b}31m\\u{202e}" in frame and "a\\x0d\\x0ab" in frame
        terminal.type("q")
        assert terminal.wait_exit() == 0
        assert "\x1b]" not in terminal.said and "\x07" not in terminal.said and "\x9b" not in terminal.said
    done = run("status", "--json", "--admin", mock.url)
    assert json.loads(done.stdout)["routes"][0]["name"] == evil and "\x9b" not in done.stdout and "\x1b" not in done.stdout


def test_watch_without_events(mock):
    mock.answers["/api/v1/events"] = 404, {}, {"error": "there are no events here"}
    with watching(mock) as terminal:
        assert terminal.wait_exit() == 1
        assert "there are no events here" in terminal.said and not terminal.is_other_screen()


class Watching:
    """`sluice status --watch` into a pipe."""

    def __init__(self, mock, *arguments):
        self.process = subprocess.Popen(
            [binary(), "status", "--watch", "--admin", mock.url, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def test_watch_into_a_pipe_is_plain(mock):
    def read(process):
        text = ""
        while "10.0.0.8:8000" not in text:
            text += process.stdout.readline()
        return text

    with Watching(mock) as process:
        first = read(process)
        assert "300/s" in first and "\x1b" not in first
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", first)
        mock.send({"traffic": mock.traffic(1200)})
        assert "1.2k/s" in read(process)
        # Whoever reads has had enough, as head(1).
        process.stdout.close()

        def ended():
            mock.send({})
            return process.poll() is not None

        wait_until(ended, 20, "it ends")
        assert process.returncode == -signal.SIGPIPE
        process.stdout = None


def test_watch_json_is_a_line_for_each_event(mock):
    with Watching(mock, "--json") as process:
        first = json.loads(process.stdout.readline())
        assert first["status"] == mock.status and first["sequence"] == 1
        mock.send({"traffic": {"routes": [{"name": "infer", "flow": flow(7), "listeners": {}}]} | mock.traffic(7)})
        second = json.loads(process.stdout.readline())
        assert second["sequence"] == 2 and second["traffic"]["routes"][0]["flow"]["rate"] == 7
        mock.cut()
        assert "connection lost" in process.stderr.readline()
        assert json.loads(process.stdout.readline())["status"] == mock.status
        assert "connected again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
