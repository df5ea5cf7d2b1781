"""Many at once on the operator's side: writers, readers of events, and clients that only hold connections."""

import json
import threading
import time

import pytest
from ruamel.yaml import YAML

from support.gateway import free_port, wait_until
from support.admin_client import Operator, Stream
from support.rawhttp import Client, Incomplete, build, get
from support.takeover import Successor
from support.ways import HTTP1, serving

CONFIG = """
# The first line stays.
loops: 2
takeover: { socket: t.sock }
shutdown: { drain: 3s }
backends:
  one: { endpoints: [<one>] }
  two: { endpoints: [<two>] }
routes:
  - name: infer
    match: [{ path: { prefix: /v2 } }]
    backends:
      - { name: one, weight: 80 }   # the old one
      - { name: two, weight: 20 }   # the new one
  - name: other
    backends: [{ name: one, weight: 1 }, { name: two, weight: 3 }]
"""
# Open streams of events, in the contract.
STREAMS = 64
CONNECTIONS = 256


@pytest.fixture
def site(tmp_path):
    with serving(CONFIG, tmp_path, "one", "two") as site:
        yield site


@pytest.fixture
def operator(site):
    return Operator(site.gateway)


def written(path) -> dict:
    """The weights of `infer` that a file says."""
    routes = YAML(typ="safe").load(path.read_text())["routes"]
    return {entry["name"]: entry["weight"] for entry in routes[0]["backends"]}


def together(count: int, work) -> list:
    """Runs `work(index)` in threads that begin at the same moment, and returns what each returned."""
    barrier, results, failures = threading.Barrier(count), [None] * count, []

    def run(index: int) -> None:
        try:
            barrier.wait()
            results[index] = work(index)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    return results


# --- writers


def test_one_wins_of_those_that_saw_the_same(site, operator):
    """Of many who change what they have read, exactly one does; the file says what he said, and nothing of the others."""
    path = site.gateway.config_path
    for turn in range(6):
        _, tag = operator.weights("infer")
        wishes = [{"one": 100 * turn + index + 1, "two": 7} for index in range(8)]
        statuses = together(8, lambda index: operator.put("infer", wishes[index], tag=tag).status)
        assert sorted(statuses) == [200] + [412] * 7
        winner = wishes[statuses.index(200)]
        assert written(path) == winner == operator.weights("infer")[0]
        text = path.read_text()
        assert "# The first line stays." in text and "# the old one" in text and "# the new one" in text


def test_writers_without_tags_come_one_after_another(site, operator):
    """Each changes one entry: none takes the other's away, and the changes tell how it went."""
    def work(index: int) -> list:
        name, other = ("one", "two") if index % 2 else ("two", "one")
        return [operator.put("infer", {name: 10 * (index + 1) + turn}).status for turn in range(5)]

    statuses = together(6, work)
    assert {status for each in statuses for status in each} <= {200, 409}
    done = [change for change in operator.json("/api/v1/changes")["changes"]
            if change["kind"] == "weights" and not change.get("refusal")]
    assert done[0]["after"] == written(site.gateway.config_path) == operator.weights("infer")[0]
    for newer, older in zip(done, done[1:]):
        assert newer["before"] == older["after"], "a chain without a gap"


def test_writes_between_reloads(site, operator):
    """Reloads by API and signal all the while: the file is whole whenever it is read, and the last one that was taken counts."""
    import signal

    path, over, torn = site.gateway.config_path, threading.Event(), []

    def storm() -> None:
        while not over.is_set():
            site.gateway.reload()
            site.gateway.signal(signal.SIGHUP)
            time.sleep(0.005)

    def watch() -> None:
        while not over.is_set():
            try:
                assert set(written(path)) == {"one", "two"}
            except Exception as error:
                torn.append(error)

    threads = [threading.Thread(target=storm), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    last, taken = None, 0
    try:
        for index in range(40):
            wish = {"one": index, "two": 100 - index}
            answer = operator.put("infer", wish)
            assert answer.status in (200, 409), answer.body
            if answer.status == 200:
                last, taken = wish, taken + 1
                assert written(path) == wish
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not torn, torn[:3]
    assert taken > 20 and written(path) == last == operator.weights("infer")[0]
    assert len(list(path.parent.glob("*.yaml*"))) == 1, "nothing is left beside the file"


def test_what_somebody_else_has_written_is_not_overwritten(site, operator):
    """Without a reload, with a half-done edit, and with the file gone: a conflict, and the file as he left it."""
    path = site.gateway.config_path
    good = path.read_text()
    for text in (good + "routes: [\n", good.replace("weight: 20", "weight: 21").replace("drain: 3s", "drain: [")):
        path.write_text(text)
        answer = operator.put("infer", {"one": 1})
        assert answer.status in (409, 422), answer.body
        assert path.read_text() == text
    path.unlink()
    assert operator.put("infer", {"one": 1}).status == 409
    assert not path.exists()
    path.write_text(good)
    wait_until(lambda: operator.put("infer", {"one": 1}).status == 200, 10, "it can be written again")


def test_edits_by_hand_and_by_call_both_stay(site, operator):
    """A person renames a new file into place, the page changes weights, in turns: neither loses what the other did."""
    path = site.gateway.config_path
    for turn in range(10):
        text = path.read_text().replace("# The first line stays.", f"# The first line stays.\n# edit {turn}", 1)
        beside = path.with_suffix(".new")
        beside.write_text(text)
        beside.rename(path)
        wish = {"one": turn + 1, "two": 50}
        # Either it has been loaded by now, or the call is told that it is to come again.
        wait_until(lambda: operator.put("infer", wish).status == 200, 10, "the edit is loaded")
        text = path.read_text()
        assert all(f"# edit {each}\n" in text for each in range(turn + 1)) and written(path) == wish


def test_weights_while_draining(site, operator):
    assert operator.ask("POST", "/api/v1/drain").status == 200
    assert operator.put("infer", {"one": 3, "two": 4}).status == 200
    assert operator.ask("DELETE", "/api/v1/drain").status == 200
    assert operator.weights("infer")[0] == written(site.gateway.config_path) == {"one": 3, "two": 4}
    endpoint = site["one"].http.address
    assert operator.ask("POST", f"/api/v1/drain?backend=one&endpoint={endpoint}").status == 200
    assert operator.put("infer", {"one": 5}).status == 200
    states = [end["state"] for end in operator.json("/api/v1/status")["backends"][0]["endpoints"]]
    assert states == ["draining"], "a change of weights is no change of endpoints"


def test_weights_while_it_stops(site, operator):
    """Whoever is told 200 finds it in the file; whoever is not finds the file as it was before his call."""
    path = site.gateway.config_path
    last = written(path)
    with HTTP1.connect(site.gateway) as client:
        site["one"].http.reply = site["two"].http.reply = lambda asked, connection: time.sleep(1)
        client.client.send(get("/v2/held"))
        for index in range(400):
            if index == 10:
                threading.Thread(target=site.gateway.signal, args=(15,)).start()
            wish = {"one": index + 1, "two": 1}
            try:
                if operator.put("infer", wish).status == 200:
                    last = wish
            except (OSError, Incomplete):
                break
        assert written(path) in (last, wish)
    site.gateway.wait_exit()
    site.gateway.start()
    assert operator.weights("infer")[0] == written(path)


def test_weights_while_another_process_takes_over(site, operator):
    """What was answered 200 is what the file says and what the new process runs, whichever of them took the call."""
    before, path = site.gateway, site.gateway.config_path
    accepted, over = [], threading.Event()

    def write() -> None:
        index = 0
        while not over.is_set():
            index += 1
            wish = {"one": index, "two": 5}
            try:
                if operator.put("infer", wish).status == 200:
                    accepted.append(wish)
            except (OSError, Incomplete):
                pass

    writer = threading.Thread(target=write)
    writer.start()
    after = None
    try:
        wait_until(lambda: len(accepted) > 5, 20, "writes")
        after = Successor(before).take_over()
        assert before.wait_exit() == 0
        count = len(accepted)
        wait_until(lambda: len(accepted) > count + 5, 20, "writes to the new process")
    finally:
        over.set()
        writer.join()
        if after:
            try:
                wait_until(lambda: operator.weights("infer")[0] == written(path), 5, "the new process runs the file")
                assert written(path) == accepted[-1]
            finally:
                after.stop()
                # The fixture ends the one it has started.
                if before.process is None:
                    before.start()


# --- readers


def test_events(site, operator):
    with Stream(operator) as stream:
        assert stream.head.status == 200 and stream.head.get("content-type").startswith("text/event-stream")
        assert stream.head.get("cache-control") in ("no-store", "no-cache, no-store", "no-store, no-cache")
        first = stream.next()
        assert first.kind == "state" and set(first.data) >= {"sequence", "time", "status", "traffic"}
        for _ in range(3):
            later = stream.next()
            assert later.kind == "delta" and later.data["sequence"] == first.data["sequence"] + 1
            assert later.id == str(later.data["sequence"])
            first = later
    with Stream(operator, fields=("Last-Event-ID: 1",)) as stream:
        assert stream.next().kind == "state", "who comes back gets everything"


def test_slow_readers_of_events(site, operator):
    """As many as may be open and read nothing: calls, metrics and the data path go on, and places come back."""
    slow = [Stream(operator, receive_buffer=2048) for _ in range(STREAMS)]
    try:
        answer = operator.get("/api/v1/events")
        assert answer.status == 503 and json.loads(answer.body)["error"]
        assert operator.put("infer", {"one": 9, "two": 9}).status == 200
        assert operator.get("/metrics").status == operator.get("/api/v1/status").status == 200
        assert site.ask(HTTP1, "/v2/x").is_good
    finally:
        for stream in slow:
            stream.client.reset()

    def again():
        with operator.connect() as client:
            client.send(build("GET", "/api/v1/events", operator.host))
            return client.reader.head(type(answer)).status == 200

    wait_until(again, 20, "a place is free again")


def test_connections_that_only_wait(site, operator):
    """They take the operator's places, not the gateway's descriptors, memory or data path; and they are given back."""
    before = site.gateway.fds()
    idle = [Client("127.0.0.1", site.gateway.admin_port) for _ in range(CONNECTIONS + 40)]
    try:
        wait_until(lambda: site.gateway.fds() >= before + 100, 10, "they are accepted")
        assert site.gateway.fds() <= before + CONNECTIONS + 16
        for _ in range(5):
            assert site.ask(HTTP1, "/v2/x").is_good
    finally:
        for client in idle:
            client.reset()
    wait_until(lambda: operator.gateway.admin_status("/readyz") == 200, 20, "the operator is heard again")
    wait_until(lambda: site.gateway.fds() <= before + 16, 20, "descriptors are back")


@pytest.mark.parametrize("listener", ["admin", "metrics"])
def test_who_asks_and_does_not_read_is_not_asked_again(gateways, listener):
    """Answers that nobody takes do not pile up: the next request is read when the answer before has gone."""
    routes = "".join(
        f"  - {{ name: r{index}, match: [{{ path: {{ prefix: /{index} }} }}], backends: [{{ name: one }}] }}\n"
        for index in range(300))
    port = free_port()
    gateway = gateways(f"metrics: {{ address: '127.0.0.1:{port}' }}\nloops: 1\n"
                       f"backends:\n  one: {{ endpoints: ['127.0.0.1:1'] }}\nroutes:\n{routes}")
    if listener == "admin":
        port = gateway.admin_port
    page, before = len(gateway.admin("/metrics")[2]), gateway.rss()
    with Client("127.0.0.1", port, receive_buffer=4096) as client:
        client.sock.settimeout(0.5)
        try:
            for _ in range(300):
                client.send(get("/metrics", f"127.0.0.1:{port}"))
                time.sleep(0.003)
        except TimeoutError:
            pass
        assert page > 1 << 20
        # A hundred pages of them would be there by now.
        assert gateway.rss() < before + 16 * page, (page, before, gateway.rss())
        assert gateway.admin_status("/readyz") == 200


def test_readers_come_and_go(site, operator):
    """Nothing is kept of streams that have ended, however they did."""
    with Stream(operator) as stream:
        stream.next()
    before = site.gateway.fds()
    for turn in range(5):
        streams = [Stream(operator) for _ in range(30)]
        for index, stream in enumerate(streams):
            if index % 3 == 0:
                stream.client.reset()
            elif index % 3 == 1:
                stream.client.shut_writing()
                stream.client.close()
            else:
                stream.client.close()
    # Of 150 streams; what the gateway asks its endpoints by itself may have come in between.
    wait_until(lambda: site.gateway.fds() <= before + 8, 20, "descriptors are back")
    with Stream(operator) as stream:
        assert stream.next().kind == "state"


def test_streams_end_with_the_gateway(site, operator):
    """An open page does not hold up the stop."""
    with Stream(operator) as stream:
        stream.next()
        started = time.monotonic()
        site.gateway.signal(15)
        site.gateway.wait_exit()
        assert time.monotonic() - started < 10
        with pytest.raises((Incomplete, OSError)):
            while True:
                stream.next()
    site.gateway.start()
