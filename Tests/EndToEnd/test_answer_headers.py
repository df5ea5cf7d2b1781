"""How the heads of messages are read: options of `Connection`, and heads that come in pieces."""

import time

import pytest

from support.rawhttp import answer, get

MOST = 16
# Once in one field, once over several.
SPREADS = [lambda names: ["Connection: " + ", ".join(names)], lambda names: [f"Connection: {name}" for name in names]]


def names(count: int) -> list:
    return [f"x-{index}" for index in range(count)]


@pytest.mark.parametrize("spread", SPREADS, ids=["one field", "many fields"])
def test_options_of_a_request_are_bounded(proxy, spread):
    assert proxy.send(get("/few", "test", *spread(names(MOST)))).status == 200
    response = proxy.send(get("/many", "test", *spread(names(MOST + 1))))
    assert (response.status, response.cause) == (400, "bad_request")
    assert [request.target for request in proxy.requests_after_marker()] == ["/few"]


@pytest.mark.parametrize("spread", SPREADS, ids=["one field", "many fields"])
def test_options_of_an_answer_are_bounded(proxy, spread):
    proxy.upstream.reply = answer(b"few", "200 OK", *spread(names(MOST)))
    assert proxy.send(get()).body == b"few"
    proxy.upstream.reply = answer(b"many", "200 OK", *spread(names(MOST + 1)))
    response = proxy.send(get())
    assert (response.status, response.cause) == (502, "upstream_protocol")


def test_a_head_in_two_reads_keeps_the_connection(proxies):
    proxy = proxies("""
loops: 1
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
""")

    def reply(request, connection):
        whole = answer(request.target.encode())
        # In the middle of a field, behind a line, and inside the empty line.
        cut = {"/field": 20, "/line": whole.index(b"\r\n") + 2, "/end": whole.index(b"\r\n\r\n") + 3}[request.target]
        connection.send(whole[:cut])
        time.sleep(0.03)
        return whole[cut:]

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        for path in ("/field", "/line", "/end") * 3:
            assert client.exchange(get(path)).body == path.encode()
    assert proxy.upstream.accepted == 1
