"""A Deployment that is scaled from 0 by the first request, and to 0 when nobody uses it, by a server that plays the API."""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import woken
from support.certificates import Authority
from support.gateway import Gateway, free_port, wait_until

LONG = 30
SCALE = "/apis/apps/v1/namespaces/models/deployments/triton/scale"
# How long others use a pod, in seconds: longer than the `idleAfter` below.
BUSY = 4
# Of another Deployment, whose pods never come.
OTHER_SCALE = SCALE.replace("triton", "other")
CONFIG = """
backends:
  main:
    endpoints: ["127.0.0.1:{pod}"]
    activate: { kubernetes: { namespace: models, deployment: triton }, idleAfter: 1s }
routes:
  - { name: all, backends: [{ name: main }] }
"""


class Cluster:
    """The scale of one Deployment, whose one pod is a process here."""

    def __init__(self, directory):
        self.pod_port, self.replicas, self.pod, self.calls, self.refusal = free_port(), 0, None, [], None
        self.other_calls = []
        # Seconds that each pod has lived.
        self.lives = []
        self.looks = self.busy = 0
        (directory / "token").write_text("the-token\n")
        authority = Authority(directory, "ca")
        certificate = authority.issue("apiserver", "127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = cluster.answer(self.command, self.path, self.headers, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_PATCH = do_GET

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.environment = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.server.server_address[1]),
            "SLUICE_SERVICEACCOUNT": str(directory)}

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        if self.refusal:
            return 403, {"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                         "message": self.refusal}
        if path == OTHER_SCALE:
            if method == "PATCH":
                self.other_calls.append(json.loads(body)["spec"]["replicas"])
            return 200, {"kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {}}
        if path != SCALE or headers.get("Authorization") != "Bearer the-token":
            return 404, {"kind": "Status", "status": "Failure", "code": 404, "message": "no such thing"}
        if method == "PATCH":
            assert headers["Content-Type"] == "application/merge-patch+json"
            self.replicas = json.loads(body)["spec"]["replicas"]
            self.calls.append(self.replicas)
            self.settle()
        else:
            self.looks += 1
        # As an API server does it, a number of 0 is left out.
        spec = {"replicas": self.replicas} if self.replicas else {}
        return 200, {"kind": "Scale", "apiVersion": "autoscaling/v1", "spec": spec, "status": {"replicas": self.replicas}}

    def settle(self) -> None:
        if self.replicas and not self.pod:
            self.pod = subprocess.Popen([sys.executable, woken.__file__, str(self.pod_port), f"busy={self.busy}"])
            self.began = time.monotonic()
        elif not self.replicas and self.pod:
            self.lives.append(time.monotonic() - self.began)
            self.pod.kill()
            self.pod.wait()
            self.pod = None

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.replicas = 0
        self.settle()


@pytest.fixture
def cluster(tmp_path):
    directory = tmp_path / "account"
    directory.mkdir()
    made = Cluster(directory)
    yield made
    made.stop()


def activation(gateway) -> dict:
    return gateway.status()["backends"][0]["activation"]


def ask(url: str) -> tuple:
    try:
        with urllib.request.urlopen(url, timeout=LONG) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


def test_from_zero_and_back(cluster, tmp_path):
    cluster.busy = BUSY
    text = CONFIG.replace("{pod}", str(cluster.pod_port))
    with Gateway(text, tmp_path / "gateway", environment=cluster.environment) as gateway:
        wait_until(lambda: activation(gateway)["state"] == "asleep", LONG, "it has looked, and found nobody")
        assert ask(gateway.url)[0] == 200
        assert cluster.calls == [1] and activation(gateway)["state"] == "running"
        # Others use it as well: then it stays.
        wait_until(lambda: cluster.calls == [1, 0], LONG, "nobody does any more")
        wait_until(lambda: cluster.lives, what="the pod has ended")
        assert cluster.lives[0] > BUSY
        assert ask(gateway.url)[0] == 200 and cluster.calls == [1, 0, 1]
        assert gateway.metrics().sum("sluice_activations_total", backend="main", outcome="started") == 2
    # The gateway's end is no reason to stop it.
    assert cluster.replicas == 1


def test_a_reload_stops_what_was_started_and_not_what_it_names(cluster, tmp_path):
    text = CONFIG.replace("{pod}", str(cluster.pod_port)).replace("idleAfter: 1s", "idleAfter: 1h")
    with Gateway(text, tmp_path / "gateway", environment=cluster.environment) as gateway:
        assert ask(gateway.url)[0] == 200 and cluster.calls == [1]
        gateway.replace_config(text.replace("deployment: triton", "deployment: other"))
        wait_until(lambda: cluster.other_calls, LONG, "the other one is started, for it was in use")
        wait_until(lambda: cluster.calls == [1, 0], LONG, "and the first one stopped")
        assert cluster.other_calls == [1]


def test_what_others_have_scaled_up_is_waited_for(cluster, tmp_path):
    """Three are on their way, and that is more than the one that is needed."""
    cluster.replicas = 3
    text = CONFIG.replace("{pod}", str(cluster.pod_port)).replace("idleAfter: 1s", "idleAfter: 10m")
    with Gateway(text, tmp_path / "gateway", environment=cluster.environment) as gateway:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ask, gateway.url)
            wait_until(lambda: cluster.looks, LONG, "it has looked at the scale")
            wait_until(lambda: activation(gateway)["held"] == 1, LONG, "it waits")
            cluster.settle()
            assert waiting.result(LONG)[0] == 200
        assert cluster.calls == []


def test_what_runs_already_is_scaled_down_when_nobody_uses_it(cluster, tmp_path):
    """Nobody else would do so, where no request ever comes."""
    cluster.replicas = 1
    cluster.settle()
    wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", cluster.pod_port)), LONG, "it listens")
    text = CONFIG.replace("{pod}", str(cluster.pod_port))
    with Gateway(text, tmp_path / "gateway", environment=cluster.environment) as gateway:
        wait_until(lambda: cluster.calls == [0], LONG, "it is scaled down")
        assert gateway.metrics().sum("sluice_activations_total", backend="main", outcome="started") == 0


def test_says_why_it_may_not(cluster, tmp_path):
    cluster.refusal = 'deployments.apps "triton" is forbidden: User "sluice" cannot get resource'
    text = CONFIG.replace("{pod}", str(cluster.pod_port))
    with Gateway(text, tmp_path / "gateway", environment=cluster.environment) as gateway:
        status, body, headers = ask(gateway.url)
        assert status == 503 and headers["x-sluice-cause"] == "activation_failed" and "is forbidden" in body["error"]
        assert "the-token" not in gateway.stderr_text()


def test_without_a_cluster(tmp_path):
    with Gateway(CONFIG.replace("{pod}", str(free_port())), tmp_path / "gateway") as gateway:
        status, body, headers = ask(gateway.url)
        assert status == 503 and "no pod with a service account" in body["error"]
