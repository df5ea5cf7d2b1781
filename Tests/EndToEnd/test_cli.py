"""The command line: check, serve, passwd, help."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from support.gateway import REPOSITORY, Gateway, binary, free_port

GOOD = """
listeners:
  - address: 127.0.0.1:8080
backends:
  main: { endpoints: [127.0.0.1:8000] }
routes:
  - { name: all, backends: [{ name: main }] }
"""

LINE = re.compile(r"^(.+?):(\d+):(\d+): (error|warning|note): (.+)$")


def run(*arguments: str, cwd=None, timeout: float = 20):
    return subprocess.run(
        [binary(), *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )


def check(tmp_path, text: str, name: str = "sluice.yaml"):
    """(exit status, [(file, line, column, severity, message)])"""
    path = tmp_path / name
    path.write_text(text)
    done = run("check", "-c", str(path))
    found = [LINE.match(line) for line in (done.stdout + done.stderr).splitlines()]
    return done.returncode, [(m[1], int(m[2]), int(m[3]), m[4], m[5]) for m in found if m]


# --- check


def test_check_of_a_good_file(tmp_path):
    status, problems = check(tmp_path, GOOD)
    assert (status, [problem for problem in problems if problem[3] == "error"]) == (0, [])


def test_check_of_examples():
    """Every configuration in the repository is valid, or asks for what is installed later."""
    names = sorted((REPOSITORY / "config").glob("*.yaml"))
    assert names
    for name in names:
        done = run("check", "-c", str(name))
        assert done.returncode == 0, done.stdout + done.stderr


def test_check_finds_every_problem_in_one_pass(tmp_path):
    status, problems = check(
        tmp_path,
        """listeners:
  - address: 127.0.0.1:99999
    limts: {}
backends:
  main: { endpoints: [127.0.0.1:8000], timeouts: { connect: soon } }
routes:
  - name: all
    backends:
      - { name: mian, wieght: 80 }
    mirrors:
      - { backend: main, percent: 120 }
  - name: all
    respond: { status: 42 }
""",
    )
    errors = [problem for problem in problems if problem[3] == "error"]
    assert status == 1
    assert {line for _, line, _, _, _ in errors} >= {2, 3, 5, 9, 11, 12, 13}, errors
    assert all(os.path.basename(file) == "sluice.yaml" for file, *_ in errors)
    assert [(line, column) for _, line, column, _, _ in errors] == sorted(
        (line, column) for _, line, column, _, _ in errors
    )
    messages = {}
    for _, line, _, _, message in errors:
        messages.setdefault(line, []).append(message)
    assert any("limits" in message for message in messages[3]), "the nearest key is named"
    assert any("main" in message for message in messages[9]) and any("weight" in message for message in messages[9])


@pytest.mark.parametrize(
    "text, line, column, words",
    [
        ("routes:\n  - nam: x\n", 2, 5, ["nam", "name"]),
        ("bakends: {}\n", 1, 1, ["bakends", "backends"]),
        ("listeners:\n  - address: nowhere\n", 2, 14, ["nowhere"]),
        ("routes:\n  - { name: a, respond: { status: 200 }, backends: [] }\n", 2, None, ["respond", "backends"]),
        ("routes:\n  - { name: a }\n", 2, None, ["backends"]),
        ("a: [1, 2\n", None, None, []),
        ("a: 1\na: 2\n", 2, 1, []),
        ("\tx: 1\n", 1, None, []),
    ],
)
def test_check_says_where_and_what(tmp_path, text, line, column, words):
    status, problems = check(tmp_path, text)
    errors = [problem for problem in problems if problem[3] == "error"]
    assert status == 1 and errors
    if line:
        assert any(
            e[1] == line and (column is None or e[2] == column) and all(word in e[4] for word in words) for e in errors
        ), errors


def test_check_reads_the_users_file(tmp_path):
    (tmp_path / "users").write_text("ann:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\nbob:plain-secret\n")
    text = GOOD.replace("name: all,", "name: all, basicAuth: { usersFile: users },")
    status, problems = check(tmp_path, text)
    assert status == 1
    assert any(os.path.basename(file) == "users" and line == 2 for file, line, *_ in problems), problems
    assert "plain-secret" not in str(problems)


def test_check_of_a_missing_users_file(tmp_path):
    status, problems = check(tmp_path, GOOD.replace("name: all,", "name: all, basicAuth: { usersFile: nowhere },"))
    assert status == 1
    assert any(line == 7 and "nowhere" in message for _, line, _, _, message in problems), problems


@pytest.mark.parametrize(
    "make",
    [
        lambda path: None,
        lambda path: path.write_text(""),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.mkdir(),
    ],
    ids=["missing", "empty", "not text", "empty directory"],
)
def test_check_of_no_configuration(tmp_path, make):
    path = tmp_path / "sluice.yaml"
    make(path)
    done = run("check", "-c", str(path))
    assert done.returncode == 1
    assert "sluice.yaml" in done.stdout + done.stderr


def test_check_of_an_unreadable_file(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (tmp_path / "sluice.yaml").write_text(GOOD)
    (tmp_path / "sluice.yaml").chmod(0)
    assert run("check", "-c", str(tmp_path / "sluice.yaml")).returncode == 1


def test_check_of_a_directory(tmp_path):
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "1.yaml").write_text(GOOD)
    (folder / "2.yaml").write_text("routes:\n  - { name: all, respond: { status: 200 } }\n")
    (folder / "ignored.txt").write_text("nonsense: [")
    done = run("check", "-c", str(folder))
    assert done.returncode == 1
    assert "2.yaml:2:" in done.stdout + done.stderr
    (folder / "2.yaml").write_text("routes:\n  - { name: other, respond: { status: 200 } }\n")
    assert run("check", "-c", str(folder)).returncode == 0


def test_admin_beyond_loopback_is_refused(tmp_path):
    status, problems = check(tmp_path, GOOD + "admin: { address: 0.0.0.0:9901 }\n")
    assert status == 1
    assert any("admin" in message and ("loopback" in message or "127.0.0.1" in message) for *_, message in problems), (
        problems
    )


def test_alias_bomb_ends_quickly(tmp_path):
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for previous, name in zip("abcdefgh", "bcdefghi"):
        text += f"{name}: &{name} [{', '.join(['*' + previous] * 9)}]\n"
    started = time.monotonic()
    assert check(tmp_path, text)[0] == 1
    assert time.monotonic() - started < 5


# --- serve


def test_serve_with_a_broken_file(tmp_path):
    (tmp_path / "sluice.yaml").write_text("routez: []\n")
    done = run("serve", "-c", str(tmp_path / "sluice.yaml"))
    assert done.returncode not in (0, -6, -4, -11)
    assert "sluice.yaml:1:1: error:" in done.stdout + done.stderr


def test_serve_without_a_file(tmp_path):
    done = run("serve", "-c", str(tmp_path / "nowhere.yaml"))
    assert done.returncode > 0
    assert "nowhere.yaml" in done.stderr


def test_serve_with_a_missing_users_file(tmp_path):
    (tmp_path / "sluice.yaml").write_text(GOOD.replace("name: all,", "name: all, basicAuth: { usersFile: nowhere },"))
    done = run("serve", "-c", str(tmp_path / "sluice.yaml"))
    assert done.returncode > 0 and "nowhere" in done.stdout + done.stderr


@pytest.mark.parametrize("which", ["listener", "admin"])
def test_serve_on_a_taken_port(upstreams, tmp_path, which):
    taken = upstreams()
    listener, admin = (taken.port, free_port()) if which == "listener" else (free_port(), taken.port)
    (tmp_path / "sluice.yaml").write_text(
        f"listeners:\n  - address: 127.0.0.1:{listener}\nadmin: {{ address: 127.0.0.1:{admin} }}\nroutes:\n"
        "  - { name: r, respond: { status: 200 } }\n"
    )
    done = run("serve", "-c", str(tmp_path / "sluice.yaml"))
    assert done.returncode > 0
    assert str(taken.port) in done.stderr and "in use" in done.stderr.lower()


def test_serve_right_after_it_ended(tmp_path, upstreams):
    """Its port is free again although connections of the last run are remembered by the kernel."""
    from support.proxy import Proxy
    from support.rawhttp import get

    upstream = upstreams()
    gateway = Gateway(GOOD.replace("8080", "${port}").replace("127.0.0.1:8000", upstream.address), tmp_path)
    for _ in range(2):
        with gateway:
            proxy = Proxy(gateway, upstream)
            with proxy.connect() as client:
                assert client.exchange(get("/", "x", "Connection: close")).status == 200
                client.expect_end()


# --- passwd


def type_in(command: list, *lines: str) -> tuple:
    """Runs a command on a terminal and types lines when it waits; (status, everything it wrote)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    said, deadline, typed = b"", time.monotonic() + 20, 0
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.3)
        if ready:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            said += data
        # By the time it asks it has turned the echo off, and thrown away what was typed before.
        if typed < len(lines) and said.count(b": ") > typed:
            os.write(terminal, lines[typed].encode() + b"\n")
            typed += 1
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), said.decode(errors="replace")


def test_passwd(tmp_path):
    status, said = type_in([binary(), "passwd", "ann"], "s3cret-word", "s3cret-word")
    assert status == 0, said
    assert "s3cret-word" not in said, "the password was echoed"
    line = re.search(r"^ann:\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}\s*$", said, re.MULTILINE)
    assert line, said
    if shutil.which("htpasswd"):
        users = tmp_path / "users"
        users.write_text(line[0].strip() + "\n")
        for password, expected in (("s3cret-word", 0), ("wrong", 3)):
            done = subprocess.run(["htpasswd", "-vb", str(users), "ann", password], capture_output=True)
            assert done.returncode == expected, done.stderr


def test_passwd_twice_is_salted():
    lines = {re.search(r"\$2[aby]\$\S+", type_in([binary(), "passwd", "ann"], "same", "same")[1])[0] for _ in range(2)}
    assert len(lines) == 2


def test_passwd_refuses_impossible_users():
    done = run("passwd", "a:b")
    assert done.returncode != 0


# --- help

COMMANDS = ["serve", "check", "explain", "convert", "status", "weights", "passwd"]

def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+", done.stdout)


def test_help():
    done = run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert re.search(rf"sluice {command} \S", done.stdout.split("USAGE")[0] + done.stdout.split("USAGE")[-1])
    assert "example" in done.stdout.lower()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_document_has_every_option(command):
    text = (REPOSITORY / "docs" / "command-line.md").read_text()
    section = text.split(f"## sluice {command}\n")[1].split("\n## ")[0]
    listed = run("--help").stdout.split("SUBCOMMANDS:")[1]
    assert set(re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)) == set(COMMANDS)
    for option in set(re.findall(r"--[a-z-]+", run(command, "--help").stdout.split("OPTIONS:")[1])):
        assert option in section or option in ("--version", "--help"), option


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["serve"], ["check"], ["passwd"], ["serve", "--nonsense"], ["check", "-c"]]
)
def test_wrong_usage(arguments):
    done = run(*arguments)
    assert done.returncode not in (0, 1) or done.stderr
    assert done.returncode != 0
    assert "usage" in (done.stderr + done.stdout).lower()
