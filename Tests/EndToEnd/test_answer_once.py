"""One answer for a request: what goes wrong after an answer has begun cuts it, and never looks like a part of it."""

import pytest

from support.rawhttp import build

CONFIG = """
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, maxBodySize: 1KiB, backends: [{ name: main }] }
"""

BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"A" * 50


@pytest.mark.parametrize("rest", [
    pytest.param(b"800\r\n" + b"z" * 2048 + b"\r\n", id="exceeds maxBodySize"),
    pytest.param(b"zz\r\n", id="malformed chunk size"),
    pytest.param(b"5\r\nhelloXX", id="malformed chunk end"),
])
def test_early_answer_then_a_faulty_body(proxies, rest):
    proxy = proxies(CONFIG)

    def serve(connection):
        connection.read_head()
        connection.send(BEGUN)
        connection.wait_end()

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
        while not client.reader.buffer.endswith(b"A" * 50):
            assert client.reader.fill()
        client.send_all_it_takes(rest)
        data = client.rest()
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert data.count(b"HTTP/1.") == 1, data
    assert data.endswith(b"\r\n\r\n" + b"A" * 50), data
    proxy.gateway.check_alive()
