"""Endpoints that are the pods of a Kubernetes Service: they come and go with its EndpointSlices."""

import json
import threading
import time

import pytest

from support.gateway import Gateway, wait_until
from support.kubernetes_api import SLICES, KubernetesAPI, endpoint, endpoint_slice, status
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, answer, get

CONFIG = """
loops: 2
backends:
  triton: { endpoints: [{ kubernetes: { namespace: ml, service: triton, port: http } }] }
  fixed: { endpoints: [{fixed}] }
routes:
  - { name: fixed, match: [{ path: { prefix: /fixed } }], backends: [{ name: fixed }] }
  - { name: all, backends: [{ name: triton }] }
"""


class World:
    """A cluster with pods that are mock endpoints, and a gateway in it."""

    def __init__(self, directory):
        self.api = KubernetesAPI(directory / "account")
        self.pods = {}
        self.fixed = MockUpstream(reply=answer(b"fixed"))
        self.gateway = Gateway(
            CONFIG.replace("{fixed}", self.fixed.address), directory / "gateway", environment=self.api.environment)

    def pod(self, name: str, **conditions) -> MockUpstream:
        """Starts a pod, or changes its conditions, in a slice of its own."""
        if name not in self.pods:
            self.pods[name] = MockUpstream(reply=answer(name.encode()))
        upstream = self.pods[name]
        self.api.put(SLICES, endpoint_slice(f"triton-{name}", [endpoint("127.0.0.1", name, **conditions)],
                                            upstream.port))
        return upstream

    def known(self) -> list:
        """The pods of the backend, as the status has them."""
        [backend] = [each for each in self.gateway.status()["backends"] if each["name"] == "triton"]
        return sorted(each.get("pod", "") for each in backend["endpoints"])

    def wait_known(self, *names: str) -> None:
        wait_until(lambda: self.known() == sorted(names), 30, f"the pods are {names}, not {self.known()}")

    def ask(self, path: str = "/") -> tuple:
        with Client("127.0.0.1", self.gateway.port) as client:
            found = client.exchange(get(path))
            return found.status, found.body.decode()

    def served_by(self, count: int = 50) -> set:
        return {self.ask()[1] for _ in range(count)}

    def close(self) -> None:
        try:
            self.gateway.stop()
        finally:
            if self.api.is_open:
                self.api.stop()
            for each in [*self.pods.values(), self.fixed]:
                each.stop()


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


def test_pods_come_and_go(world):
    a = world.pod("a")
    world.pod("b")
    # One that is not ready, and a slice of another Service.
    world.pod("unready", ready=False, serving=False)
    world.api.put(SLICES, endpoint_slice("other-1", [endpoint("127.0.0.1", "other")], 1, service="other"))
    world.gateway.start()
    assert world.known() == ["a", "b"]
    assert world.served_by() == {"a", "b"}
    [backend] = [each for each in world.gateway.status()["backends"] if each["name"] == "triton"]
    assert {(each["pod"], each["address"]) for each in backend["endpoints"]} >= {("a", a.address)}

    world.pod("c")
    world.wait_known("a", "b", "c")
    assert world.served_by(80) == {"a", "b", "c"}
    world.pod("unready")
    world.wait_known("a", "b", "c", "unready")
    world.api.delete(SLICES, "triton-b")
    world.api.delete(SLICES, "triton-unready")
    world.wait_known("a", "c")
    assert world.served_by() == {"a", "c"}
    assert world.api.count(SLICES, is_watch=False) == 1, "changes come by the watch"
    assert world.gateway.metrics().sum("sluice_kubernetes_events_total", outcome="changed") >= 5


def test_who_leaves_ends_what_it_has(world):
    """A pod that terminates gets no new requests, and none that it has is lost."""
    leaving = world.pod("leaving")
    world.gateway.start()
    release = threading.Event()

    def slowly(request, connection):
        release.wait(30)
        return answer(b"late")

    leaving.reply = slowly
    answers = []
    asking = threading.Thread(target=lambda: answers.append(world.ask()))
    asking.start()
    wait_until(lambda: leaving.requests, 10, "the request is at the pod")
    world.pod("next")
    world.wait_known("leaving", "next")
    world.pod("leaving", ready=False, terminating=True)
    world.wait_known("next")
    assert world.served_by() == {"next"}
    release.set()
    asking.join()
    assert answers == [(200, "late")]


def test_no_request_is_lost_while_pods_change(world):
    for name in "abc":
        world.pod(name)
    world.gateway.start()
    wrong, done = [], threading.Event()

    def keep_asking():
        with Client("127.0.0.1", world.gateway.port) as client:
            while not done.is_set():
                found = client.exchange(get("/"))
                if found.status != 200:
                    wrong.append(found.status)

    clients = [threading.Thread(target=keep_asking) for _ in range(4)]
    for each in clients:
        each.start()
    for turn in range(6):
        name = "abc"[turn % 3]
        world.pod(name, ready=False, terminating=True)
        world.wait_known(*sorted(set("abc") - {name}))
        world.pod(name)
        world.wait_known("a", "b", "c")
    done.set()
    for each in clients:
        each.join()
    assert not wrong


def test_gone_is_listed_again(world):
    world.pod("a")
    world.gateway.start()
    world.pod("b")
    world.wait_known("a", "b")
    # What changed meanwhile is not told of any more.
    with world.api.lock:
        world.api.end_watches()
        world.api.objects[SLICES].pop(("ml", "triton-a"))
        world.api.compact()
    world.wait_known("b")
    # A watch that went well until its end goes on where it was.
    lists = world.api.count(SLICES, is_watch=False)
    assert lists >= 2
    world.pod("c")
    world.wait_known("b", "c")
    assert world.api.count(SLICES, is_watch=False) == lists


def test_a_long_list_comes_in_pages(world):
    world.api.page = 2
    for name in "abcde":
        world.pod(name)
    world.gateway.start()
    assert world.known() == list("abcde")
    assert world.api.count(SLICES, is_watch=False) == 3


def test_what_was_known_stays_while_the_api_is_away(world):
    world.pod("a")
    world.pod("b")
    world.gateway.start()
    world.api.stop()
    wait_until(lambda: "no news of the Service ml/triton" in world.gateway.stderr_text(), 30, "the log says so")
    assert world.served_by() == {"a", "b"}
    assert world.gateway.reload()[0] == 200
    assert world.served_by() == {"a", "b"}
    assert world.gateway.metrics().sum("sluice_kubernetes_events_total", outcome="failed") >= 1
    del world.api.objects[SLICES]["ml", "triton-a"]
    world.api.restart()
    world.wait_known("b")
    wait_until(lambda: "there is news of the Service ml/triton again" in world.gateway.stderr_text(), 30, "and this")


def huge(handler, call):
    handler.begin_chunks()
    try:
        for _ in range(100):
            handler.chunk(b" " * (1 << 20))
    except OSError:
        pass
    handler.hang_up()
    return True


def garbled_watch(handler, call):
    if not call.is_watch:
        return False
    handler.begin_chunks()
    handler.chunk(b'{"type":"ADDED","object":{"metadata":"x"}}\nnonsense\n')
    handler.chunk(b"")
    return True


def endless_line(handler, call):
    if not call.is_watch:
        return False
    handler.begin_chunks()
    try:
        for _ in range(64):
            handler.chunk(b"x" * (1 << 17))
    except OSError:
        pass
    return True


def drip(handler, call):
    """A letter at a time, of an event that never ends."""
    if not call.is_watch:
        return False
    handler.begin_chunks()
    try:
        for letter in b'{"type":"ADDED","object":{"metadata":{"name":"' + b"y" * 200:
            handler.chunk(bytes([letter]))
            time.sleep(0.01)
        handler.hang_up()
    except OSError:
        pass
    return True


MISBEHAVIOURS = {
    "garbage": lambda handler, call: handler.send_json(200, b"\x00\xff<html>" * 1000) or True,
    "another-document": lambda handler, call: handler.send_json(200, b"[1, 2]") or True,
    "huge": huge,
    "deep": lambda handler, call: handler.send_json(200, b"[" * 200_000 + b"]" * 200_000) or True,
    "refusal": lambda handler, call: handler.send_json(
        403, status(403, "Forbidden", "endpointslices is forbidden: no \x1b[31m colours")) or True,
    "broken": lambda handler, call: handler.send_json(500, b"oops") or True,
    "hang-up": lambda handler, call: handler.hang_up() or True,
    "garbled-events": garbled_watch,
    "endless-line": endless_line,
    "drip": drip,
}


def test_an_api_that_misbehaves(tmp_path):
    """In ten ways at once, of ten Services. The endpoints stay, and the API is asked neither in a loop nor never."""
    names = list(MISBEHAVIOURS)
    lines = ["backends:"]
    lines += [f"  {name}: {{ endpoints: [{{ kubernetes: {{ namespace: ml, service: {name}, port: http }} }}] }}" for name in names]
    lines += ["routes:"]
    lines += [f"  - {{ name: {name}, match: [{{ path: {{ prefix: /{name} }} }}], backends: [{{ name: {name} }}] }}"
              for name in names]
    with KubernetesAPI(tmp_path / "account") as api, MockUpstream(reply=answer(b"fine")) as upstream:
        def put(name: str, *pods: str) -> None:
            api.put(SLICES, endpoint_slice(f"{name}-1", [endpoint(f"127.0.0.{index}", each)
                                                         for index, each in enumerate(pods, 1)], upstream.port, service=name))

        def calls(name: str) -> int:
            with api.lock:
                return sum(call.query["labelSelector"].endswith(f"={name}") for call in api.calls)

        for name in names:
            put(name, "first")
        with Gateway("\n".join(lines), tmp_path / "gateway", environment=api.environment) as gateway:
            def pods() -> dict:
                return {each["name"]: [one["pod"] for one in each["endpoints"]] for each in gateway.status()["backends"]}

            def ask(name: str) -> int:
                with Client("127.0.0.1", gateway.port) as client:
                    return client.exchange(get(f"/{name}")).status

            assert pods() == {name: ["first"] for name in names}
            before = {name: calls(name) for name in names}
            with api.lock:
                api.misbehave = lambda handler, call: MISBEHAVIOURS[call.query["labelSelector"].split("=")[1]](handler, call)
                api.end_watches()
            for name in names:
                wait_until(lambda: calls(name) >= before[name] + 3, 60, f"asked again after {name}")
            assert {ask(name) for name in names} == {200}
            assert pods() == {name: ["first"] for name in names}
            assert gateway.rss() < 500 << 20
            assert max(calls(name) - before[name] for name in names) < 60
            with api.lock:
                api.misbehave = None
            for name in names:
                put(name, "first", "second")
            wait_until(lambda: pods() == {name: ["first", "second"] for name in names}, 60, "all is well again")
            assert "\x1b" not in gateway.stderr_text()


def test_the_token_is_read_anew(world):
    world.pod("a")
    world.gateway.start()
    world.api.set_token("second-token")
    world.api.end_watches()
    world.pod("b")
    world.wait_known("a", "b")

    def last() -> str:
        with world.api.lock:
            return world.api.calls[-1].headers["Authorization"]

    # The watch before may have told of the pod before it ended.
    wait_until(lambda: last() == "Bearer second-token", 30, "it is used")
    # No secret is told.
    for text in (world.gateway.stderr_text(), json.dumps(world.gateway.status())):
        assert "-token" not in text


def test_a_service_that_has_no_such_port(world):
    world.pod("a")
    world.gateway.config_path.write_text(world.gateway.config_path.read_text().replace("port: http", "port: grpc"))
    world.gateway.start()
    assert world.known() == [] and world.ask()[0] == 503
    wait_until(lambda: "no port 'grpc': its pods have http (" in world.gateway.stderr_text(), 10, "the log says why")
    assert world.ask("/fixed") == (200, "fixed")


def test_without_a_cluster(tmp_path, upstreams):
    fixed = upstreams(reply=answer(b"fixed"))
    with Gateway(CONFIG.replace("{fixed}", fixed.address), tmp_path) as gateway:
        assert "this process is in no pod" in gateway.stderr_text()
        with Client("127.0.0.1", gateway.port) as client:
            assert client.exchange(get("/")).status == 503
            assert client.exchange(get("/fixed")).body == b"fixed"


def test_services_change_with_the_file(world):
    world.pod("a")
    spare = MockUpstream(reply=answer(b"spare"))
    world.pods["spare"] = spare
    world.api.put(SLICES, endpoint_slice("spare-1", [endpoint("127.0.0.1", "spare")], spare.port, service="spare"))
    world.gateway.start()
    text = world.gateway.config_path.read_text()
    world.gateway.replace_config(text.replace("service: triton", "service: spare"))
    world.wait_known("spare")
    assert world.served_by(5) == {"spare"}
    # Pods beside addresses; and who is both is there once.
    both = f"endpoints: ['{world.fixed.address}', '{spare.address}', {{ kubernetes"
    world.gateway.replace_config(text.replace("endpoints: [{ kubernetes", both).replace("service: triton", "service: spare"))
    world.wait_known("", "")
    assert world.gateway.reload()[0] == 200
    world.gateway.replace_config(text)
    world.wait_known("a")


def test_an_account_that_may_nothing(world):
    """At the start, where nothing is known yet: the backend is empty, and everything else is served."""
    world.pod("a")
    world.api.token = "other"
    world.gateway.start()
    assert world.ask()[0] == 503 and world.ask("/fixed") == (200, "fixed")
    text = "nothing is known of the Service ml/triton: the Kubernetes API answered 401: Unauthorized"
    wait_until(lambda: text in world.gateway.stderr_text(), 10, "the log says why")
    world.api.token = "first-token"
    world.wait_known("a")
