"""`sluice weights`: shows splits, changes them, takes changes back, and never overwrites somebody else's."""

import json
import os
import subprocess

import pytest

from support.admin_mock import AdminMock
from support.gateway import binary


def run(*arguments: str, timeout: float = 60, **environment: str):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_ADMIN")}
    return subprocess.run(
        [binary(), "weights", *arguments],
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


def rows(text: str) -> list:
    """The words of each line, without bars."""
    return [[word for word in line.split() if word[0] not in "█▏▎▍▌▋▊▉"] for line in text.splitlines()]


def changes(mock) -> list:
    """(method, path, If-Match, body) of what was more than a question."""
    return [
        (method, path, headers.get("If-Match"), body.decode())
        for method, path, headers, body in mock.requests
        if method != "GET"
    ]


# --- shown


def test_all_splits(mock):
    done = run("--admin", mock.url)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout)[1:] == [["infer"], ["stable", "80", "80", "%"], ["canary", "20", "20", "%"]]
    done = run("--admin", mock.url, "--json")
    entries = [
        {"as": "stable", "backend": "stable", "weight": 80},
        {"as": "canary", "backend": "canary", "weight": 20},
    ]
    assert json.loads(done.stdout) == {"routes": [{"route": "infer", "entries": entries}]}


def test_one_split(mock):
    mock.status["routes"][0]["backends"][1]["as"] = "v2"
    done = run("infer", "--admin", mock.url)
    assert done.returncode == 0
    assert rows(done.stdout) == [
        ["infer", "/etc/sluice/sluice.yaml:9:34"],
        ["BACKEND", "WEIGHT", "SHARE"],
        ["stable", "80", "80", "%"],
        ["v2", "(canary)", "20", "20", "%"],
    ]
    assert json.loads(run("infer", "--json", "--admin", mock.url).stdout)["editable"] is True
    assert not changes(mock)


# --- changed


def test_a_change(mock):
    done = run("infer", "canary=50", "stable=50", "--admin", mock.url)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout) == [
        ["infer"],
        ["BACKEND", "WEIGHT", "SHARE"],
        ["stable", "80", "→", "50", "80", "%", "→", "50", "%"],
        ["canary", "20", "→", "50", "20", "%", "→", "50", "%"],
        ["written", "to", "/etc/sluice/sluice.yaml:9:34"],
    ]
    ((method, path, match, body),) = changes(mock)
    assert (method, path, match) == ("PUT", "/api/v1/routes/infer/weights", '"1"')
    assert json.loads(body) == {"stable": 50, "canary": 50}
    headers = mock.requests[-1][2]
    assert headers["Content-Type"] == "application/json"


def test_undo_and_redo(mock):
    done = run("infer", "--undo", "--admin", mock.url)
    assert done.returncode == 1 and "nothing to undo" in done.stderr
    assert run("infer", "canary=0", "--admin", mock.url).returncode == 0
    for weight in (20, 0):
        done = run("infer", "--undo", "--json", "--admin", mock.url)
        assert done.returncode == 0 and json.loads(done.stdout)["entries"][1]["weight"] == weight
    assert [change[:2] for change in changes(mock)[1:]] == [("POST", "/api/v1/routes/infer/weights/undo")] * 2
    assert [change[2] for change in changes(mock)] == ['"1"', '"2"', '"3"']


def test_swap(mock):
    assert run("infer", "--swap", "--admin", mock.url).returncode == 0
    assert json.loads(changes(mock)[-1][3]) == {"stable": 20, "canary": 80}
    mock.status["routes"][0]["backends"].append({"as": "third", "backend": "stable", "weight": 3})
    done = run("infer", "--swap", "--admin", mock.url)
    assert done.returncode == 1 and "'third'" in done.stderr
    assert run("infer", "--swap", "third", "stable", "--admin", mock.url).returncode == 0
    assert json.loads(changes(mock)[-1][3]) == {"stable": 3, "third": 20}


def test_what_is_so_already_is_not_sent(mock):
    done = run("infer", "canary=20", "--admin", mock.url)
    assert done.returncode == 0 and "already" in done.stdout and not changes(mock)


def test_names_with_slashes_equals_signs_and_more(mock):
    route = mock.status["routes"][0]
    route["name"] = "ns/weights/ä ?#%/0"
    route["backends"][1]["as"] = "a=b"
    done = run("ns/weights/ä ?#%/0", "a=b=30", "--admin", mock.url)
    assert done.returncode == 0, done.stderr
    assert json.loads(changes(mock)[-1][3]) == {"a=b": 30}
    route["name"] = "-dash"
    assert run("--admin", mock.url, "--", "-dash", "a=b=40").returncode == 0


# --- refused


def test_a_conflict_is_no_lost_update(mock):
    mock.conflicts = 1
    done = run("infer", "canary=50", "--admin", mock.url)
    assert done.returncode == 1
    assert "somebody changed" in done.stderr
    assert ["stable", "7", "25.9", "%"] in rows(done.stdout) and ["canary", "20", "74.1", "%"] in rows(done.stdout)
    assert mock.status["routes"][0]["backends"][1]["weight"] == 20


@pytest.mark.parametrize(
    "answer, words",
    [
        ((403, {}, {"error": "admin.readOnly is set"}), ["admin.readOnly is set"]),
        ((409, {}, {"error": "the file cannot be written: \x1b[2J"}), ["the file cannot be written: \\x1b[2J"]),
        ((422, {}, {"error": "sluice.yaml:3:1: error: no"}), ["sluice.yaml:3:1"]),
        ((401, {}, {"error": "who?"}), ["SLUICE_ADMIN_USER"]),
        ((503, {}, b""), ["503"]),
    ],
)
def test_a_refusal_says_why(mock, answer, words):
    mock.answers["PUT", "/api/v1/routes/infer/weights"] = answer
    done = run("infer", "canary=50", "--admin", mock.url)
    assert done.returncode == 1 and not done.stdout and "\x1b" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def test_unknown_names(mock):
    done = run("infr", "--admin", mock.url)
    assert done.returncode == 1 and "'infr'" in done.stderr and "'infer'" in done.stderr
    done = run("infer", "canry=1", "--admin", mock.url)
    assert done.returncode == 1 and "'canry'" in done.stderr and "'canary'" in done.stderr
    done = run("infer", "canary=0", "stable=0", "--admin", mock.url)
    assert done.returncode == 1 and "all weights" in done.stderr
    assert not changes(mock)


def test_a_gateway_without_weights(mock):
    mock.answers["/api/v1/routes/infer/weights"] = 404, {}, {"error": "no such path"}
    done = run("infer", "--admin", mock.url)
    assert done.returncode == 1 and "0.1.0" in done.stderr and "cannot" in done.stderr


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["infer", "canary"], "BACKEND=N"),
        (["infer", "canary=x"], "'x'"),
        (["infer", "canary=-1"], "'-1'"),
        (["infer", "canary=1", "canary=2"], "two weights"),
        (["infer", "--swap", "--undo"], "--swap"),
        (["infer", "--undo", "canary=1"], "canary=1"),
        (["infer", "--swap", "one"], "two"),
        (["--undo"], "route"),
        ([""], "route"),
        (["infer", "--admin", "ftp://x"], "ftp://x"),
    ],
)
def test_wrong_usage(arguments, word):
    done = run(*arguments)
    assert done.returncode == 64 and word in done.stderr and "sluice weights" in done.stderr, done.stderr
