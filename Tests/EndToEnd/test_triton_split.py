"""The split and the mirror as the Tritons themselves count them."""

import json
from collections import Counter

import numpy as np
import pytest
import requests
from support import triton as real
from support.gateway import Gateway, wait_until

import traffic

INFER = "/v2/models/classify/infer"
BODY = json.dumps(traffic.INFER)


@pytest.fixture(scope="module")
def tritons():
    return real.shared()


def infer(session, gateway, **more) -> str:
    """One request; the name of the server that answered."""
    answer = session.post(gateway.url + INFER, data=BODY, timeout=10, **more)
    assert answer.status_code == 200, answer.text
    return next(each["data"][0] for each in answer.json()["outputs"] if each["name"] == "SERVED_BY")


def split(gateway, count) -> Counter:
    with requests.Session() as session:
        return Counter(infer(session, gateway) for _ in range(count))


def split_over_connections(gateway, count) -> Counter:
    """Every request on a connection of its own, so that all loops take part."""
    return Counter(infer(requests, gateway) for _ in range(count))


def wait_executed(server, model: str, count: int) -> None:
    """A server counts what it has executed a moment after it has answered."""
    wait_until(lambda: server.inferences(model) >= count, what=f"{count} inferences")
    assert server.inferences(model) == count


@pytest.mark.parametrize("weights", [(80, 20), (99, 1), (1, 3), (50, 50)])
def test_split_is_exact_on_one_loop(tritons, tmp_path, weights):
    with Gateway(tritons.config(*weights, top="loops: 1"), tmp_path) as gateway:
        for _ in range(2):
            counts = split_over_connections(gateway, 100)
            assert abs(counts["stable"] - 100 * weights[0] / sum(weights)) <= 1, counts


def test_split_is_exact_on_each_connection(tritons, tmp_path):
    """A connection stays on its loop, so 100 requests in sequence are 80 and 20 whichever loop that is."""
    with Gateway(tritons.config(80, 20, top="loops: 2"), tmp_path) as gateway:
        for _ in range(4):
            assert abs(split(gateway, 100)["stable"] - 80) <= 1


def test_split_over_many_connections_and_loops(tritons, tmp_path):
    with Gateway(tritons.config(80, 20, top="loops: 2"), tmp_path) as gateway:
        counts = split_over_connections(gateway, 400)
        # Each loop is off by at most one from its own 80 %.
        assert abs(counts["stable"] - 320) <= 4, counts


def test_weight_zero_gets_nothing(tritons, tmp_path):
    with Gateway(tritons.config(100, 0), tmp_path) as gateway:
        assert split(gateway, 50) == {"stable": 50}


def test_both_sides_agree_on_the_counts(tritons, tmp_path):
    """What clients saw, what Tritons counted, and what the gateway's metrics say are the same numbers."""
    before = {each.name: each.inferences("classify") for each in tritons.all}
    with Gateway(tritons.config(80, 20, mirror=100), tmp_path) as gateway:
        counts = split(gateway, 100)
        wait_until(lambda: tritons.shadow.inferences("classify") - before["shadow"] == 100, 10, "100 copies")
        for each in (tritons.stable, tritons.canary):
            wait_executed(each, "classify", before[each.name] + counts[each.name])
            assert gateway.metrics().sum("sluice_requests_total", backend=each.name, code="200") == counts[each.name]
        gateway.wait_metric("sluice_mirror_requests_total", 100, outcome="ok")


def test_saved_weight_moves_the_split(tritons, tmp_path):
    with Gateway(tritons.config(100, 0), tmp_path) as gateway:
        assert split(gateway, 20) == {"stable": 20}
        gateway.replace_config(tritons.config(0, 100))
        # On every loop.
        wait_until(lambda: split_over_connections(gateway, 4) == {"canary": 4}, 20, "the saved file is live")
        assert split(gateway, 20) == {"canary": 20}


@pytest.mark.parametrize("percent", [0, 12.5, 50])
def test_mirror_takes_its_share(tritons, tmp_path, percent):
    before = tritons.shadow.inferences("classify")
    with Gateway(tritons.config(80, 20, mirror=percent, top="loops: 1"), tmp_path) as gateway:
        split(gateway, 400)
        wanted = 400 * percent / 100
        # A random draw is within seven standard deviations of its mean all but once in 10^10 runs.
        slack = 7 * (400 * percent / 100 * (1 - percent / 100)) ** 0.5
        wait_until(
            lambda: gateway.metrics().sum("sluice_mirror_requests_total") >= wanted - slack, 10, "copies are counted")
        wait_until(
            lambda: tritons.shadow.inferences("classify") - before
            == gateway.metrics().sum("sluice_mirror_requests_total", outcome="ok"), 10, "both sides agree")
        assert abs(tritons.shadow.inferences("classify") - before - wanted) <= slack


def test_mirrored_tensors_arrive_whole(tritons, tmp_path):
    """The shadow executes 8 MiB copies without an error, which it could not were a byte missing."""
    before = tritons.shadow.inferences("echo")
    with Gateway(tritons.config(100, 0, mirror=100), tmp_path) as gateway:
        through = traffic.client(f"{gateway.host}:{gateway.port}")
        values = np.arange(2 * 1024 * 1024, dtype=np.float32)
        for _ in range(5):
            assert np.array_equal(traffic.echo(through, values), values)
        through.close()
        gateway.wait_metric("sluice_mirror_requests_total", 5, outcome="ok")
        wait_executed(tritons.shadow, "echo", before + 5)


def test_a_hung_shadow_changes_nothing(tritons, tmp_path):
    """A stopped process takes connections and never answers; requests are as many, as quick and as right as before."""
    with Gateway(tritons.config(80, 20, mirror=100), tmp_path) as gateway:
        split(gateway, 50)
        with tritons.shadow.hung():
            counts = split(gateway, 200)
            slowest = max(requests.post(gateway.url + INFER, data=BODY, timeout=10).elapsed.total_seconds()
                          for _ in range(50))
        assert abs(counts["stable"] - 160) <= 2
        assert slowest < 5, f"a request took {slowest:.2f} s beside a hung shadow"
        # Copies beyond maxInFlight, 64, were dropped and counted.
        gateway.wait_metric("sluice_mirror_requests_total", 1, outcome="dropped")


def test_what_the_gateway_refuses_is_not_mirrored(tritons, tmp_path):
    users = tmp_path / "users.htpasswd"
    users.write_text((real.servers.DEMO / "users.htpasswd").read_text())
    before = tritons.shadow.inferences("classify")
    route = f"basicAuth: {{ realm: Inference, usersFile: {users} }}"
    with Gateway(tritons.config(80, 20, mirror=100, route=route), tmp_path) as gateway:
        refused = requests.post(gateway.url + INFER, data=BODY, timeout=10)
        assert (refused.status_code, refused.headers["x-sluice-cause"]) == (401, "unauthorized")
        assert refused.headers["WWW-Authenticate"].startswith('Basic realm="Inference"')
        assert "error" in refused.json()
        wrong = requests.post(gateway.url + INFER, data=BODY, timeout=10, auth=("demo", "wrong"))
        assert (wrong.status_code, wrong.content) == (401, refused.content)
        with requests.Session() as session:
            infer(session, gateway, auth=(traffic.USER, traffic.PASSWORD))
        gateway.wait_metric("sluice_mirror_requests_total", 1, outcome="ok")
        wait_executed(tritons.shadow, "classify", before + 1)
        assert gateway.metrics().sum("sluice_requests_total", code="401", cause="unauthorized") == 2
