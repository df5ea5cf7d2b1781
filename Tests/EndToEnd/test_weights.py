"""Weights changed while the gateway runs: in force at once, in the file byte for byte, and never by halves."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections import Counter
from urllib.parse import quote

import pytest

from support.gateway import Gateway, wait_until
from support.proxy import Proxy
from support.rawhttp import answer, get
from support.takeover import Conversation

TEXT = """# Who may change this: everybody on duty.
listeners:
  - address: 127.0.0.1:${port}
admin:
  address: 127.0.0.1:${admin_port}
shutdown: { drain: 2s }
backends:
  stable: { endpoints: [{stable}] }
  canary: { endpoints: [{canary}] }
routes:
  - name: ml/infer   # the one that matters
    backends:
      - { name: stable, weight: 80 }   # tried and tested
      - name: canary
        as: v2
        weight: "20"
    timeout: 20s
  - name: other
    hosts: [other.example.com]
    backends: [{ name: stable }, { name: canary }]
"""
ROUTE = "ml/infer"


class Site:
    """A gateway with a split route, and what may be asked of its weights."""

    def __init__(self, gateway: Gateway, stable, canary):
        self.gateway, self.stable, self.canary = gateway, stable, canary
        self.proxy = Proxy(gateway, stable)

    @property
    def text(self) -> str:
        return self.gateway.config_path.read_bytes().decode()

    def call(self, method: str, path: str, body=None, if_match: str | None = None):
        """(status, headers, decoded body)"""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if if_match is not None:
            headers["If-Match"] = if_match
        data = None if body is None else json.dumps(body).encode()
        status, headers, text = self.gateway.admin(path, method, data, headers)
        return status, headers, json.loads(text)

    def path(self, route: str) -> str:
        return f"/api/v1/routes/{quote(route)}/weights"

    def get(self, route: str = ROUTE):
        status, headers, weights = self.call("GET", self.path(route))
        assert status == 200, weights
        return headers["ETag"], weights

    def weights(self, route: str = ROUTE) -> dict:
        return {entry["as"]: entry["weight"] for entry in self.get(route)[1]["entries"]}

    def put(self, weights, route: str = ROUTE, if_match: str | None = None):
        status, _, answer = self.call("PUT", self.path(route), weights, if_match)
        return status, answer

    def undo(self, route: str = ROUTE, if_match: str | None = None):
        status, _, answer = self.call("POST", self.path(route) + "/undo", if_match=if_match)
        return status, answer

    def changes(self) -> list:
        return self.call("GET", "/api/v1/changes")[2]["changes"]

    def reloads(self) -> dict:
        found = self.gateway.metrics().select("sluice_config_reloads_total")
        return {labels["outcome"]: value for labels, value in found}

    def refused(self, expected: int, words: str, call=None) -> None:
        """A call that changes nothing, neither in the file nor in what runs."""
        before, weights = self.text, self.weights()
        status, answer = call() if call else self.put({"stable": 50, "v2": 50})
        assert status == expected, answer
        assert words in answer["error"], answer
        assert self.text == before and self.weights() == weights
        assert words in self.changes()[0]["refusal"]
        leftovers = [name for name in os.listdir(self.gateway.config_path.resolve().parent) if "sluice-" in name]
        assert not leftovers


def expand(text: str, stable, canary) -> str:
    return text.replace("{stable}", f'"{stable.address}"').replace("{canary}", f'"{canary.address}"')


@pytest.fixture
def endpoints(upstreams):
    stable, canary = upstreams(), upstreams()
    stable.reply, canary.reply = answer(body=b"stable"), answer(body=b"canary")
    return stable, canary


@pytest.fixture
def sites(gateways, endpoints):
    def make(text: str = TEXT, **options) -> Site:
        return Site(gateways(expand(text, *endpoints), **options), *endpoints)

    return make


# --- in force, and in the file


def test_set_undo_and_do_again(sites):
    site = sites()
    tag, weights = site.get()
    assert weights["entries"] == [
        {"as": "stable", "backend": "stable", "weight": 80},
        {"as": "v2", "backend": "canary", "weight": 20},
    ]
    assert weights["editable"] and "undo" not in weights and "reason" not in weights
    assert weights["place"] == f"{site.gateway.config_path}:13:33"
    before = site.text
    status, changed = site.put({"stable": 30, "v2": 70}, if_match=tag)
    assert status == 200 and changed["undo"] == {"stable": 80, "v2": 20}
    after = before.replace("weight: 80", "weight: 30").replace('"20"', '"70"')
    assert site.text == after
    assert site.get()[0] != tag
    assert site.gateway.metrics().select("sluice_route_weight", route=ROUTE, backend="v2")[0][1] == 70
    # One entry alone, and the default written out.
    assert site.put({"canary": 3}, route="other")[0] == 200
    other = after.replace("{ name: canary }", "{ name: canary, weight: 3 }")
    assert site.text == other
    # Each route has its own step.
    assert site.undo()[0] == 200
    assert site.weights() == {"stable": 80, "v2": 20} and site.weights("other") == {"stable": 1, "canary": 3}
    assert site.undo()[0] == 200
    assert site.text == other
    status, answer = site.undo("other")
    assert status == 200 and {entry["as"]: entry["weight"] for entry in answer["entries"]} == {"stable": 1, "canary": 1}


def test_each_change_is_told(sites):
    site = sites()
    assert site.put({"stable": 0, "v2": 100})[0] == 200
    assert site.undo()[0] == 200
    assert site.put({"v3": 1})[0] == 400
    refused, undone, changed = site.changes()
    for record in (refused, undone, changed):
        assert record["subject"] == ROUTE and record["client"] == "127.0.0.1" and "user" not in record
    assert (changed["kind"], changed["before"], changed["after"]) == (
        "weights", {"stable": 80, "v2": 20}, {"stable": 0, "v2": 100})
    assert (undone["kind"], undone["after"]) == ("undo", {"stable": 80, "v2": 20})
    assert "has no entry 'v3', it has 'stable' and 'v2'" in refused["refusal"]
    log = site.gateway.stderr_text()
    assert f"weights of '{ROUTE}' by 127.0.0.1: stable 80 -> 0, v2 20 -> 100" in log
    assert f"undo of '{ROUTE}' by 127.0.0.1: stable 0 -> 80, v2 100 -> 20" in log
    assert "refused: this route has no entry 'v3'" in log
    # What changes nothing is no change.
    assert site.put({"stable": 80})[0] == 200
    assert len(site.changes()) == 3


def test_under_load(sites):
    """Every request is answered while the split goes from one end to the other, and follows at once."""
    site = sites()
    stop = threading.Event()
    failures, seen = [], Counter()

    def client():
        with site.proxy.connect() as connection:
            while not stop.is_set():
                got = connection.exchange(get("/"))
                if got.status != 200:
                    failures.append(got)
                seen[got.body] += 1

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    try:
        for number in range(12):
            stable, canary = ((100, 0), (0, 100), (50, 50))[number % 3]
            assert site.put({"stable": stable, "v2": canary})[0] == 200
            # The answer comes when every loop has changed over.
            bodies = Counter(site.proxy.send(get("/")).body for _ in range(10))
            if stable == 0:
                assert bodies == {b"canary": 10}
            elif canary == 0:
                assert bodies == {b"stable": 10}
    finally:
        stop.set()
        for thread in clients:
            thread.join()
    assert not failures
    assert seen[b"stable"] and seen[b"canary"]
    # Each change was one reload, and the file that was written was none besides.
    assert site.gateway.stderr_text().count(" runs (weights)") == 12
    assert " runs (file changed)" not in site.gateway.stderr_text()


def test_manifests(gateways, endpoints):
    """Routes from manifests: the weight goes into the manifest, and all routes of one rule follow."""
    stable, canary = endpoints
    text = f"""
listeners: [{{ address: "127.0.0.1:${{port}}" }}]
admin: {{ address: "127.0.0.1:${{admin_port}}" }}
shutdown: {{ drain: 2s }}
resolve:
  stable.default.svc.cluster.local: "{stable.address}"
  canary.default.svc.cluster.local: "{canary.address}"
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: infer }}
spec:
  hosts: [a.example.com]
  http:
    - route:
        - destination: {{ host: stable, port: {{ number: 80 }} }}
          weight: 100
        - destination: {{ host: canary, port: {{ number: 80 }} }}
          weight: 0
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: models }}
spec:
  hostnames: [b.example.com]
  rules:
    - backendRefs:
        - {{ name: stable, port: 80 }}
        - {{ name: canary, port: 80, weight: 0 }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{ name: web }}
spec:
  rules:
    - host: c.example.com
      http: {{ paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: stable, port: {{ number: 80 }} }} }} }}] }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web-canary
  annotations:
    nginx.ingress.kubernetes.io/canary: "true"
    nginx.ingress.kubernetes.io/canary-weight: "0"
spec:
  rules:
    - host: c.example.com
      http: {{ paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: canary, port: {{ number: 80 }} }} }} }}] }}
"""
    site = Site(gateways(text), stable, canary)
    cases = {
        "default/infer/0": ("a.example.com", "weight: 100\n", "weight: 0\n"),
        "default/models/0": ("b.example.com", "{ name: stable, port: 80 }", "{ name: stable, port: 80, weight: 0 }"),
        "default/web/0": ("c.example.com", 'canary-weight: "0"', 'canary-weight: "100"'),
    }
    for route, (host, old, new) in cases.items():
        before = site.text
        assert site.proxy.send(get("/", host)).body == b"stable"
        # Two ways to use a service have names of their own.
        first, second = site.weights(route)
        assert first.startswith("stable") and second.startswith("canary")
        status, said = site.put({first: 0, second: 100}, route=route)
        assert status == 200, said
        assert site.proxy.send(get("/", host)).body == b"canary"
        assert new in site.text and old in before
        assert site.undo(route)[0] == 200
        assert site.proxy.send(get("/", host)).body == b"stable"


# --- conflicts


def test_two_at_once(sites):
    """Of many who have seen the same state exactly one changes it."""
    site = sites()
    for number in range(1, 6):
        tag = site.get()[0]
        results = []
        barrier = threading.Barrier(6)

        def change(weight):
            barrier.wait()
            results.append((site.put({"stable": weight, "v2": 1000}, if_match=tag)[0], weight))

        threads = [threading.Thread(target=change, args=(number * 10 + index,)) for index in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [weight for status, weight in results if status == 200]
        assert sorted(status for status, _ in results) == [200] + [412] * 5, results
        assert site.weights()["stable"] == winners[0] and f"weight: {winners[0]} " in site.text


def test_conditions(sites):
    site = sites()
    tag = site.get()[0]
    for condition in ('"0000000000000000"', f"W/{tag}", tag.strip('"'), ""):
        status, said = site.put({"stable": 1}, if_match=condition)
        # A field without any tag may be refused as such.
        assert status in (412, 400), (condition, said)
    assert site.put({"stable": 1}, if_match="*")[0] == 200
    assert site.undo(if_match=tag)[0] == 412
    assert site.undo(if_match=site.get()[0])[0] == 200
    assert site.get()[0] == tag


def test_wrong_wishes(sites):
    site = sites()
    site.refused(400, "has no entry 'canary'", lambda: site.put({"canary": 5}))
    site.refused(400, "every weight would be 0", lambda: site.put({"stable": 0, "v2": 0}))
    site.refused(400, "from 0 to 1000000", lambda: site.put({"stable": 1_000_001}))
    site.refused(409, "nothing to undo", site.undo)
    site.refused(404, "no such route", lambda: site.put({"stable": 5}, route="infer"))


def test_changed_by_somebody_else(sites):
    """A file that the gateway has not read yet, or cannot read, is not written over."""
    site = sites()
    assert site.put({"stable": 10})[0] == 200
    # As the last reload left it: rejected, and so not what runs.
    broken = site.text.replace("timeout: 20s", "timeout: soon")
    site.gateway.replace_config(broken)
    wait_until(lambda: site.reloads().get("rejected"), what="the change is rejected")
    site.refused(409, "the last reload was rejected")
    assert site.text == broken
    site.gateway.replace_config(broken.replace("soon", "30s").replace("weight: 10 ", "weight: 11 "))
    wait_until(lambda: site.weights()["stable"] == 11, what="the file is read again")
    site.refused(409, "changed otherwise since", site.undo)
    assert site.put({"stable": 12})[0] == 200 and "timeout: 30s" in site.text


def test_somebody_else_writes_all_the_time(sites, endpoints):
    """What he writes is never lost."""
    site = sites()
    stop = threading.Event()
    texts = []

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            text = expand(site.gateway.expand(TEXT), *endpoints).replace("timeout: 20s", f"timeout: {number % 50 + 1}s")
            texts.append(text)
            beside = site.gateway.config_path.with_suffix(".other")
            beside.write_text(text)
            os.replace(beside, site.gateway.config_path)
            stop.wait(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(texts) > 2, what="somebody writes")
        statuses = Counter(site.put({"stable": 1 + number % 99})[0] for number in range(40))
    finally:
        stop.set()
        writer.join()
    assert set(statuses) <= {200, 409} and statuses[409], statuses
    # Whoever wrote last has the say: his text stands, with another weight in it at most.
    assert re.sub(r"weight: \d+ ", "weight: 80 ", site.text) == texts[-1]


# --- where it cannot be written


def test_config_map(endpoints, tmp_path):
    volume = tmp_path / "volume"
    (volume / "..2026_11_22").mkdir(parents=True)
    gateway = Gateway("", tmp_path / "gateway", config_path=tmp_path / "unused.yaml")
    (volume / "..2026_11_22" / "sluice.yaml").write_text(gateway.expand(expand(TEXT, *endpoints)))
    os.symlink("..2026_11_22", volume / "..data")
    os.symlink("..data/sluice.yaml", volume / "sluice.yaml")
    gateway.config_path = volume / "sluice.yaml"
    with gateway:
        site = Site(gateway, *endpoints)
        weights = site.get()[1]
        assert not weights["editable"] and "kubectl edit configmap" in weights["reason"]
        site.refused(409, "comes from a ConfigMap or Secret")


def test_a_link(endpoints, tmp_path):
    """A link of other kinds stays one, and the file keeps its mode."""
    gateway = Gateway(expand(TEXT, *endpoints), tmp_path / "gateway")
    real = tmp_path / "elsewhere" / "real.yaml"
    real.parent.mkdir()
    shutil.move(gateway.config_path, real)
    os.chmod(real, 0o604)
    os.symlink(real, gateway.config_path)
    with gateway:
        site = Site(gateway, *endpoints)
        assert site.put({"stable": 7})[0] == 200
        assert gateway.config_path.is_symlink() and "weight: 7 " in real.read_text()
        assert real.stat().st_mode & 0o7777 == 0o604
        assert os.listdir(real.parent) == ["real.yaml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_directory_of_somebody_else(endpoints, tmp_path):
    """Who may not make a file beside the configuration cannot replace it."""
    folder = tmp_path / "conf"
    folder.mkdir()
    for path in [folder, *folder.parents]:
        if path.stat().st_mode & 0o005 != 0o005:
            os.chmod(path, path.stat().st_mode | 0o005)
    gateway = Gateway(expand(TEXT, *endpoints), tmp_path / "gateway", config_path=folder / "sluice.yaml",
                      wrapper=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    os.chmod(gateway.config_path, 0o644)
    with gateway:
        site = Site(gateway, *endpoints)
        assert "give user 65534 the right to" in site.get()[1]["reason"]
        site.refused(409, f"may not write in {folder}")
        os.chmod(folder, 0o777)
        assert site.get()[1]["editable"]
        os.chown(gateway.config_path, 65534, 65534)
        assert site.put({"stable": 5})[0] == 200
        assert gateway.config_path.stat().st_uid == 65534


def mounted(*commands: str) -> list:
    """Runs the gateway where something is mounted for it alone."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("needs root and a mount namespace")
    script = " && ".join([*commands, 'exec "$0" "$@"'])
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script]


def test_a_file_that_is_mounted(endpoints, tmp_path):
    """As `docker run -v ./sluice.yaml:/etc/sluice.yaml` does it."""
    path = tmp_path / "gateway" / "sluice.yaml"
    gateway = Gateway(expand(TEXT, *endpoints), tmp_path / "gateway",
                      wrapper=mounted(f"mount --bind {path} {path}"))
    with gateway:
        Site(gateway, *endpoints).refused(409, "is mounted by itself, and a mount cannot be replaced")


def test_a_read_only_file_system(endpoints, tmp_path):
    folder = tmp_path / "conf"
    folder.mkdir()
    gateway = Gateway(expand(TEXT, *endpoints), tmp_path / "gateway", config_path=folder / "sluice.yaml",
                      wrapper=mounted(f"mount --bind {folder} {folder}", f"mount -o remount,bind,ro {folder}"))
    with gateway:
        site = Site(gateway, *endpoints)
        assert "its file system is read-only" in site.get()[1]["reason"]
        site.refused(409, "its file system is read-only")


def test_read_only(sites):
    site = sites(TEXT.replace("admin:\n", "admin:\n  readOnly: true\n"))
    weights = site.get()[1]
    assert not weights["editable"] and "admin.readOnly" in weights["reason"]
    before = site.text
    assert site.put({"stable": 1})[0] == 403
    assert site.undo()[0] == 403
    assert site.text == before


def test_while_another_process_takes_over(sites, tmp_path):
    """From the offer of the sockets until the other process is heard of nothing is changed."""
    socket = tmp_path / "takeover.sock"
    site = sites(TEXT + f"takeover: {{ socket: {socket} }}\n")
    with Conversation.with_gateway(socket) as other:
        assert other.say("hello 2 1 test").hear_all()[-1].startswith("end")
        site.refused(409, "another process is taking over")
    wait_until(lambda: site.put({"stable": 41, "v2": 59})[0] == 200, what="it goes on by itself")
