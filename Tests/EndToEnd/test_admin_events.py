"""The stream of events that pages live on: complete, in order, the same for everybody, and no burden."""

import json
import threading
from contextlib import ExitStack

import pytest
from test_auth import basic, htpasswd

from support.events import Events, Picture
from support.gateway import Gateway, Starting, free_port, wait_until
from support.rawhttp import Client, build, get
from support.takeover import Successor

CONFIG = """
loops: 1
routes:
  - { name: fixed, match: [{ path: { exact: / } }], respond: { status: 200, body: fixed } }
  - { name: broken, match: [{ path: { exact: /broken } }], respond: { status: 503 } }
"""


@pytest.fixture(scope="module")
def _gateway(tmp_path_factory):
    with Gateway(CONFIG, tmp_path_factory.mktemp("events")) as gateway:
        yield gateway


@pytest.fixture
def gateway(_gateway):
    _gateway.check_alive()
    return _gateway


class Traffic:
    """Requests one after the other, until it is left."""

    def __init__(self, gateway: Gateway):
        self.gateway, self.ended = gateway, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        with Client(self.gateway.host, self.gateway.port) as client:
            while not self.ended.wait(0.01):
                client.exchange(get("/"))
                client.exchange(get("/broken"))

    def __enter__(self) -> "Traffic":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join()


def test_everything_first(gateway):
    with Events(gateway.admin_port) as events:
        assert events.status == 200 and events.head["content-type"] == "text/event-stream"
        assert events.head["cache-control"] == "no-store" and events.head["x-content-type-options"] == "nosniff"
        assert "content-length" not in events.head and events.head["connection"] == "close"
        state = events.next()
        assert (state.name, state.retry, state.data["sequence"]) == ("state", "1000", state.id)
        assert {"status", "traffic", "memory", "errors", "slow", "changes"} <= set(state.data)
        assert [route["name"] for route in state.data["status"]["routes"]] == ["fixed", "broken"]
        before = state
        for _ in range(3):
            event = events.next()
            assert (event.name, event.id, event.data["sequence"]) == ("delta", before.id + 1, before.id + 1)
            before = event


def test_changes_add_up_to_what_is(gateway):
    with Traffic(gateway), Events(gateway.admin_port) as events:
        picture = Picture(events.next())
        for _ in range(4):
            picture.add(events.next())
        with Events(gateway.admin_port) as fresh:
            state = fresh.next()
            while picture.sequence < state.id:
                picture.add(events.next())
            if picture.sequence == state.id:
                now = Picture(state)
                assert now.status == picture.status
                for name, items in now.traffic.items():
                    for key, item in items.items():
                        assert picture.traffic[name].get(key) == item, (name, key)
        assert picture.traffic["routes"][("fixed",)]["flow"]["rate"] > 0
        assert picture.traffic["routes"][("broken",)]["flow"]["rate"] > 0


def test_a_reload_shows(gateway):
    with Events(gateway.admin_port) as events:
        events.next()
        try:
            gateway.write_config("routes: [")
            event = events.until(lambda event: "lastRejected" in event.data.get("status", {}).get("configuration", {}))
            assert event.data["status"]["configuration"]["lastRejected"]["outcome"] == "rejected"
            gateway.write_config(CONFIG + "  - { name: later, respond: { status: 204 } }\n")
            event = events.until(lambda event: len(event.data.get("status", {}).get("routes", [])) == 3)
            assert event.data["status"]["configuration"]["lastReload"]["outcome"] == "applied"
        finally:
            gateway.write_config(CONFIG)


def test_one_who_comes_again(gateway):
    with Events(gateway.admin_port) as events:
        first = events.next()
    with Events(gateway.admin_port, f"Last-Event-ID: {first.id}") as events:
        assert events.next().name == "state"


def test_old_clients(gateway):
    with Events(gateway.admin_port, version="1.0") as events:
        assert (events.status, events.next().name, events.next().name) == (200, "state", "delta")


def test_who_asks_for_the_head_alone(gateway):
    with Client("127.0.0.1", gateway.admin_port) as client:
        answer = client.exchange(build("HEAD", "/api/v1/events", "localhost"), "HEAD")
        assert answer.status == 200 and answer.get("content-type") == "text/event-stream"
        assert client.exchange(get("/readyz", "localhost")).status == 200


def test_who_may_not(gateway):
    for fields, status in ((["Origin: http://evil.example"], 403), (["Sec-Fetch-Site: cross-site"], 403)):
        with Client("127.0.0.1", gateway.admin_port) as client:
            assert client.exchange(get("/api/v1/events", "localhost", *fields)).status == status
    with Client("127.0.0.1", gateway.admin_port) as client:
        assert client.exchange(get("/api/v1/events", "evil.example")).status == 403


def test_there_is_an_end_to_streams(gateway):
    """64 at the most, and what is not a stream goes on beside them."""
    with ExitStack() as stack:
        streams = [stack.enter_context(Events(gateway.admin_port)) for _ in range(64)]
        assert [stream.status for stream in streams] == [200] * 64
        with Client("127.0.0.1", gateway.admin_port) as client:
            refused = client.exchange(get("/api/v1/events", "localhost"))
            assert refused.status == 503 and list(json.loads(refused.body)) == ["error"]
            for _ in range(10):
                assert client.exchange(get("/metrics", "localhost")).status == 200
        assert {stream.next().name for stream in streams} == {"state"}
        streams[0].client.close()

        def comes_in():
            with Events(gateway.admin_port) as late:
                return late.status == 200

        wait_until(comes_in, 20, "a place is free again")
        assert gateway.admin_status("/readyz") == 200


@pytest.mark.parametrize("end", ["close", "reset"])
def test_readers_that_leave_are_forgotten(gateway, end):
    wait_until(lambda: gateway.fds() < 100, 20, "the streams of other tests have gone")
    before = gateway.fds()
    streams = [Events(gateway.admin_port) for _ in range(20)]
    for stream in streams:
        stream.next() if end == "close" else None
    for stream in streams:
        getattr(stream.client, end)()
    wait_until(lambda: gateway.fds() <= before, 20, "descriptors are given back")


def test_a_reader_that_does_not_read_is_cut(gateways):
    """It is left behind, and those that read are not."""
    routes = "".join(f"  - {{ name: {'x' * 200}{number}, match: [{{ path: {{ exact: /{number} }} }}], respond: {{ status: 204 }} }}\n"
                     for number in range(2000))
    gateway = gateways("loops: 1\nroutes:\n" + routes)
    asleep = Client("127.0.0.1", gateway.admin_port, receive_buffer=4096)
    asleep.send(get("/api/v1/events", "localhost"))
    with Events(gateway.admin_port) as events:
        events.next()
        for number in range(60):
            # Another configuration is another status, of about a megabyte.
            gateway.write_config(f"loops: 1\n# {number}\nroutes:\n" + routes)
            events.until(lambda event: "status" in event.data)
            if asleep.closed_within(0.01):
                break
        else:
            raise AssertionError("sixty megabytes wait for it")
        assert events.next().name == "delta"
    asleep.close()
    assert gateway.rss() < 400 << 20


# --- the end


def test_the_end_of_the_process_ends_streams(tmp_path):
    gateway = Gateway(CONFIG, tmp_path / "gateway").start()
    with Events(gateway.admin_port) as events:
        events.next()
        gateway.stop()
        events.ends()


def test_streams_go_to_the_process_that_takes_over(tmp_path):
    text = f"takeover: {{ socket: {tmp_path}/takeover.sock }}\n" + CONFIG
    with Gateway(text, tmp_path / "gateway") as before, Events(before.admin_port) as events:
        events.next()
        with Successor(before) as after:
            events.ends()
            with Events(after.admin_port) as again:
                assert again.next().data["status"]["processID"] == after.pid
            before.wait_exit()


def test_streams_of_a_user_who_was_taken_out(tmp_path):
    workdir = tmp_path / "gateway"
    workdir.mkdir()
    users = workdir / "users.htpasswd"
    users.write_text("\n".join([htpasswd("-s", "ann", "one"), htpasswd("-s", "bob", "two")]) + "\n")
    text = 'admin: { address: "127.0.0.1:${admin_port}", basicAuth: { usersFile: users.htpasswd } }\n' + CONFIG
    with Starting(text, workdir) as gateway, Events(gateway.admin_port, basic("ann", "one")) as events:
        assert events.next().name == "state"
        with Client("127.0.0.1", gateway.admin_port) as client:
            assert client.exchange(get("/api/v1/events", "localhost")).status == 401
        # In one step: an empty file in between would be one without zoe.
        changed = workdir / "changed"
        changed.write_text(users.read_text().replace("ann:", "zoe:"))
        changed.rename(users)
        events.ends()
        with Client("127.0.0.1", gateway.admin_port) as client:
            assert client.exchange(get("/api/v1/events", "localhost", basic("ann", "one"))).status == 401
        with Events(gateway.admin_port, basic("zoe", "one")) as again:
            assert again.next().name == "state"


def test_a_listener_that_moves(tmp_path):
    with Gateway(CONFIG, tmp_path / "gateway") as gateway, Events(gateway.admin_port) as events:
        events.next()
        gateway.admin_port = other = free_port()
        gateway.admin_url = f"http://{gateway.host}:{other}"
        gateway.write_config(CONFIG)
        events.ends()
        wait_until(lambda: gateway.admin_status("/readyz") == 200, 20, "it has moved")
