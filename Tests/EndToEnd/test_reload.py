"""Configuration changes while the gateway runs: all of one, or all of the old."""

import json
import os
import signal
import threading

import pytest

from support.gateway import Gateway, free_port, wait_until
from support.proxy import Proxy
from support.rawhttp import Client, Incomplete, answer, get, post

BODY = """
routes:
  - name: fixed
    respond: { status: 200, body: "WORD" }
"""


def config(word: str) -> str:
    return BODY.replace("WORD", word)


@pytest.fixture
def fixed(proxies):
    return proxies(config("one"))


def says(proxy, word: str, seconds: float = 10) -> None:
    wait_until(lambda: proxy.send(get()).body == word.encode(), seconds, f"the gateway answers {word}")


def reloads(proxy, outcome: str) -> float:
    return proxy.gateway.metrics().sum("sluice_config_reloads_total", outcome=outcome)


# --- how a change is seen


def test_written_in_place(fixed):
    fixed.gateway.write_config(config("two"))
    says(fixed, "two")


def test_renamed_over(fixed):
    for word in ("two", "three", "four"):
        fixed.gateway.replace_config(config(word))
        says(fixed, word)


def test_removed_and_written_again(fixed):
    """As some editors save; the moment without a file changes nothing."""
    text = fixed.gateway.expand(config("two"))
    os.rename(fixed.gateway.config_path, fixed.gateway.config_path.with_suffix(".bak"))
    assert fixed.send(get()).body == b"one"
    fixed.gateway.config_path.write_text(text)
    says(fixed, "two")
    fixed.gateway.write_config(config("three"))
    says(fixed, "three")


def test_config_map(tmp_path):
    """Kubernetes swaps the link `..data` between directories; the file itself is a link that never changes."""
    volume = tmp_path / "volume"
    volume.mkdir()

    def publish(name, word, gateway):
        (volume / name).mkdir()
        (volume / name / "sluice.yaml").write_text(gateway.expand(config(word)))
        os.symlink(name, volume / "..data_tmp")
        os.rename(volume / "..data_tmp", volume / "..data")

    gateway = Gateway("", tmp_path / "gateway", config_path=tmp_path / "unused.yaml")
    publish("..1", "one", gateway)
    os.symlink("..data/sluice.yaml", volume / "sluice.yaml")
    gateway.config_path = volume / "sluice.yaml"
    with gateway:
        proxy = Proxy(gateway, None)
        assert proxy.send(get()).body == b"one"
        for number, word in enumerate(("two", "three"), 2):
            publish(f"..{number}", word, gateway)
            says(proxy, word)


def test_changed_as_soon_as_it_runs(proxies):
    """What is written between the first reading of the files and the first watching of them counts as well."""
    for _ in range(5):
        proxy = proxies(config("one"))
        proxy.gateway.stop()
        proxy.gateway.write_config(config("one"))
        proxy.gateway.start(wait=False)
        # The first connection that is taken, not the first answer of the admin side: that comes later.
        wait_until(lambda: connects(proxy), what="the gateway takes connections")
        proxy.gateway.write_config(config("two"))
        says(proxy, "two")


def connects(proxy) -> bool:
    try:
        proxy.connect().close()
        return True
    except OSError:
        return False


def test_directory(tmp_path):
    """Files of a directory are read in order; a new one is a change."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    gateway = Gateway("", tmp_path / "gateway", config_path=tmp_path / "unused.yaml")
    (folder / "10-base.yaml").write_text(gateway.expand(""))
    (folder / "50-routes.yaml").write_text(config("one"))
    gateway.config_path = folder
    with gateway:
        proxy = Proxy(gateway, None)
        assert proxy.send(get()).body == b"one"
        (folder / "20-first.yaml").write_text(
            "routes:\n  - name: first\n    match: [{ path: { prefix: /first } }]\n"
            "    respond: { status: 200, body: first }\n"
        )
        wait_until(lambda: proxy.send(get("/first")).body == b"first", 10, "the new file's route is there")
        assert proxy.send(get()).body == b"one"
        os.remove(folder / "20-first.yaml")
        wait_until(lambda: proxy.send(get("/first")).body == b"one", 10, "the removed file's route is gone")


def test_hangup_signal(fixed):
    fixed.gateway.write_config(config("two"))
    fixed.gateway.signal(signal.SIGHUP)
    says(fixed, "two")
    before = fixed.gateway.metrics().sum("sluice_config_reloads_total")
    fixed.gateway.signal(signal.SIGHUP)
    wait_until(lambda: fixed.gateway.metrics().sum("sluice_config_reloads_total") > before, 10, "the signal is counted")
    assert fixed.send(get()).body == b"two"


def test_a_burst_of_signals(fixed):
    fixed.gateway.write_config(config("two"))
    for _ in range(200):
        fixed.gateway.signal(signal.SIGHUP)
    says(fixed, "two")
    fixed.gateway.write_config(config("three"))
    says(fixed, "three")


def test_api(fixed):
    fixed.gateway.write_config(config("two"))
    status, text = fixed.gateway.reload()
    assert status == 200, text
    assert fixed.send(get()).body == b"two"


# --- what does not change


INVALID = {
    "unknown key": config("two") + "\nroutez: []\n",
    "syntax": "routes: [",
    "empty": "",
    "unknown backend": "routes:\n  - { name: r, backends: [{ name: nowhere }] }\n",
    "weights all 0": "backends: { a: { endpoints: [127.0.0.1:1] } }\n"
    "routes:\n  - { name: r, backends: [{ name: a, weight: 0 }] }\n",
    "endpoints where there are none": "routes:\n  - { name: r, respond: { status: 200 }, fanOut: true }\n",
    "missing users file": "routes:\n  - { name: r, basicAuth: { usersFile: missing }, respond: { status: 200 } }\n",
    "not text": "\udcff\udcfe",
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_file_changes_nothing_and_is_reported(fixed, text):
    """In the log, in the status, in the metrics, and in the answer of the API."""
    before = reloads(fixed, "rejected")
    log = fixed.gateway.stderr_text()
    whole = fixed.gateway.expand(text) if text.strip("\udcff\udcfe") else text
    fixed.gateway.config_path.write_bytes(whole.encode("utf-8", "surrogateescape"))
    status, answer_text = fixed.gateway.reload()
    assert 400 <= status < 500, answer_text
    assert reloads(fixed, "rejected") > before
    assert fixed.send(get()).body == b"one"
    said = fixed.gateway.stderr_text()[len(log) :]
    assert "sluice.yaml" in said, "the log does not name the file"
    state = fixed.gateway.admin("/api/v1/status")[2]
    assert "sluice.yaml:" in state or "error" in state.lower(), state
    assert fixed.gateway.admin_status("/readyz") == 200
    fixed.gateway.write_config(config("three"))
    says(fixed, "three")
    configuration = fixed.gateway.status()["configuration"]
    assert "sluice.yaml:" not in json.dumps(configuration["lastReload"]), "an error that is gone is still reported"
    assert configuration["lastRejected"]["outcome"] == "rejected", "what was wrong last is still told"


def test_the_reported_error_names_its_place(fixed):
    fixed.gateway.write_config(config("two") + "\nroutez: []\n")
    status, text = fixed.gateway.reload()
    assert "routez" in text and "routes" in text
    assert "routez" in fixed.gateway.admin("/api/v1/status")[2]
    assert "routez" in fixed.gateway.stderr_text()


def test_requests_in_flight_are_untouched(proxies):
    """An exchange that has begun ends as it began: its route, backend and endpoint may be gone meanwhile."""
    text = """
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: old, backends: [{ name: main }] }
"""
    proxy = proxies(text)
    proxy.upstream.reply = proxy.upstream.holding(answer(b"old answer"))
    waiting = proxy.connect().send(get("/waiting"))
    half = proxy.connect().send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello")
    idle = proxy.connect()
    # The half one has begun as well; the endpoint's script tells of whole ones only.
    proxy.gateway.wait_metric("sluice_requests_in_flight", 2)
    proxy.upstream.wait_requests(1)
    proxy.gateway.write_config(config("new"))
    assert proxy.gateway.reload()[0] == 200
    assert idle.exchange(get()).body == b"new"
    half.send(b"world")
    proxy.upstream.release()
    assert waiting.response().body == b"old answer"
    assert half.response().body == b"old answer"
    assert waiting.exchange(get()).body == b"new", "the connection goes on under the new configuration"
    for client in (waiting, half, idle):
        client.close()
    wait_until(
        lambda: all(c.closed.is_set() for c in proxy.upstream.connections),
        10,
        "pooled connections of a removed backend end",
    )


def test_queued_requests_survive(proxies):
    text = """
backends:
  main: { endpoints: [{address}], limits: { inFlight: 1, queue: 5, queueTimeout: 30s } }
routes:
  - { name: NAME, backends: [{ name: main }] }
"""
    proxy = proxies(text.replace("NAME", "one"))
    proxy.upstream.reply = proxy.upstream.holding()
    clients = [proxy.connect().send(get(f"/{index}")) for index in range(3)]
    proxy.gateway.wait_metric("sluice_requests_queued", 2)
    address = proxy.upstream.address
    proxy.gateway.write_config(text.replace("NAME", "two").replace("{address}", address))
    assert proxy.gateway.reload()[0] == 200
    extra = proxy.connect().send(get("/extra"))
    proxy.gateway.wait_metric("sluice_requests_queued", 3)
    assert len(proxy.upstream.requests) == 1, "the limit was forgotten by the reload"
    proxy.upstream.release()
    for client in [*clients, extra]:
        assert client.response().status == 200
        client.close()


def test_connections_to_endpoints_survive(proxies):
    text = """
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: NAME, backends: [{ name: main }] }
"""
    proxy = proxies(text.replace("NAME", "one"))
    with proxy.connect() as client:
        assert client.exchange(post(b"x")).status == 200
        for name in ("two", "three"):
            proxy.gateway.write_config(text.replace("NAME", name).replace("{address}", proxy.upstream.address))
            assert proxy.gateway.reload()[0] == 200
            assert client.exchange(post(b"x")).status == 200
    assert proxy.upstream.accepted == 1


def test_a_raised_limit_frees_the_queue(proxies):
    text = """
backends:
  main: { endpoints: [{address}], limits: { inFlight: COUNT, queue: 5, queueTimeout: 30s } }
routes:
  - { name: r, backends: [{ name: main }] }
"""
    proxy = proxies(text.replace("COUNT", "1"))
    proxy.upstream.reply = proxy.upstream.holding()
    clients = [proxy.connect().send(get(f"/{index}")) for index in range(3)]
    proxy.gateway.wait_metric("sluice_requests_queued", 2)
    proxy.gateway.write_config(text.replace("COUNT", "10").replace("{address}", proxy.upstream.address))
    assert proxy.gateway.reload()[0] == 200
    proxy.upstream.wait_requests(3)
    proxy.upstream.release()
    for client in clients:
        assert client.response().status == 200
        client.close()


def test_a_pinned_name_moves(proxies, upstreams):
    one, two = upstreams(answer(b"one")), upstreams(answer(b"two"))
    text = """
resolve: { triton.test: "TARGET" }
backends:
  main: { endpoints: ["triton.test:8000"] }
routes:
  - { name: r, backends: [{ name: main }] }
"""
    proxy = proxies(text.replace("TARGET", one.address))
    with proxy.connect() as client:
        assert client.exchange(get()).body == b"one"
        proxy.gateway.write_config(text.replace("TARGET", two.address))
        assert proxy.gateway.reload()[0] == 200
        assert client.exchange(get()).body == b"two"


# --- listeners


def listening(port: int) -> bool:
    try:
        Client("127.0.0.1", port, timeout=2).close()
        return True
    except OSError:
        return False


def test_listener_added_and_removed(proxies):
    other = free_port()
    both = "listeners:\n  - address: 127.0.0.1:${port}\n  - address: 127.0.0.1:%d\n" % other
    one = "listeners:\n  - address: 127.0.0.1:%d\n" % other
    proxy = proxies(config("one"))
    assert not listening(other)
    proxy.gateway.write_config(both + config("two"))
    assert proxy.gateway.reload()[0] == 200
    with Client("127.0.0.1", other) as client:
        assert client.exchange(get()).body == b"two"
    kept = proxy.connect()
    assert kept.exchange(get()).body == b"two"
    proxy.gateway.write_config(one + config("three"))
    assert proxy.gateway.reload()[0] == 200
    wait_until(lambda: not listening(proxy.gateway.port), 10, "the removed address is closed")
    with Client("127.0.0.1", other) as client:
        assert client.exchange(get()).body == b"three"
    # An idle connection of a removed listener may be closed; one that is served sees the new configuration.
    kept.send_all_it_takes(get())
    try:
        assert kept.response().body == b"three"
    except Incomplete:
        pass
    kept.close()


def test_exchange_on_a_removed_listener_ends_well(proxies):
    other = free_port()
    text = """
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: r, backends: [{ name: main }] }
"""
    proxy = proxies(text)
    proxy.upstream.reply = proxy.upstream.holding(answer(b"late"))
    client = proxy.connect().send(get())
    proxy.upstream.wait_requests(1)
    proxy.gateway.write_config(
        f"listeners: [{{ address: 127.0.0.1:{other} }}]\n" + text.replace("{address}", proxy.upstream.address)
    )
    assert proxy.gateway.reload()[0] == 200
    wait_until(lambda: not listening(proxy.gateway.port), 10, "the removed address is closed")
    proxy.upstream.release()
    assert client.response().body == b"late"
    client.close()


def test_listener_on_a_taken_port_is_rejected(proxies, upstreams):
    """The old configuration goes on whole, routes included."""
    taken = upstreams()
    proxy = proxies(config("one"))
    proxy.gateway.write_config(
        "listeners:\n  - address: 127.0.0.1:${port}\n  - address: %s\n" % taken.address + config("two")
    )
    status, text = proxy.gateway.reload()
    assert 400 <= status < 600 and str(taken.port) in text
    assert reloads(proxy, "rejected") >= 1
    assert proxy.send(get()).body == b"one"


def test_listener_limits_change(proxies):
    tight = "listeners:\n  - address: 127.0.0.1:${port}\n    limits: { headerBytes: 2KiB }\n"
    proxy = proxies(config("one"))
    data = get("/", "x", "X-A: " + "x" * 4000)
    assert proxy.send(data).status == 200
    proxy.gateway.write_config(tight + config("two"))
    assert proxy.gateway.reload()[0] == 200
    assert proxy.send(data).status == 431


# --- under load


@pytest.mark.slow
def test_changes_under_load(proxies, upstreams):
    """Two hundred changes while eight connections send: no answer is lost, nothing leaks."""
    other = upstreams(answer(b"other"))
    text = """
backends:
  main: { endpoints: [{address}] }
  other: { endpoints: ["OTHER"] }
routes:
  - name: r
    backends: [{ name: main, weight: MAIN }, { name: other, weight: REST }]
""".replace("OTHER", other.address)
    proxy = proxies(text.replace("MAIN", "50").replace("REST", "50"))
    text = text.replace("{address}", proxy.upstream.address)
    stop, counts, failures = threading.Event(), [], []

    def work():
        done = 0
        try:
            with proxy.connect() as client:
                while not stop.is_set():
                    assert client.exchange(post(b"x")).status == 200
                    done += 1
        except BaseException as failure:
            failures.append(failure)
        counts.append(done)

    def change(number):
        weight = number % 99 + 1
        proxy.gateway.replace_config(text.replace("MAIN", str(weight)).replace("REST", str(100 - weight)))
        status, said = proxy.gateway.reload()
        assert status == 200, said

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    try:
        for number in range(40):
            change(number)
        memory, descriptors = proxy.gateway.rss(), proxy.gateway.fds()
        for number in range(40, 240):
            change(number)
    finally:
        stop.set()
        for worker in workers:
            worker.join(30)
    assert not failures, failures
    # Every configuration is gone with its last request, but the one that runs.
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_config_snapshots_live") == 1, 20, "one snapshot lives")
    assert min(counts) > 0
    assert proxy.gateway.metrics().sum("sluice_route_weight", route="r", backend="main") == 239 % 99 + 1
    wait_until(lambda: proxy.gateway.fds() <= descriptors + 4, 10, f"descriptors go back to {descriptors}")
    assert proxy.gateway.rss() - memory < 8 << 20


def test_requests_see_one_configuration(proxies):
    """Two keys of one change are never seen apart."""
    text = """
routes:
  - { name: r, respond: { status: STATUS, headers: { X-Word: "STATUS" }, body: "STATUS" } }
"""
    proxy = proxies(text.replace("STATUS", "200"))
    stop, failures = threading.Event(), []

    def work():
        with proxy.connect() as client:
            while not stop.is_set():
                response = client.exchange(get())
                seen = {str(response.status), response.get("x-word"), response.body.decode()}
                if len(seen) != 1:
                    failures.append(seen)

    worker = threading.Thread(target=work)
    worker.start()
    for number in range(50):
        proxy.gateway.replace_config(
            text.replace("STATUS", str(200 + number)).replace("204", "260").replace("205", "261")
        )
        assert proxy.gateway.reload()[0] == 200
    stop.set()
    worker.join(10)
    assert not failures
