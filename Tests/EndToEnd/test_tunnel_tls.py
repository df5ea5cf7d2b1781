"""Tunnels over TLS on either side: the same bytes, and ends that are often ruder than TLS would have them."""

import asyncio
import json
import os
import socket
import ssl
import threading

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from support.certificates import Authority
from support.gateway import wait_until
from support.rawhttp import Client, Reader, Request, Response
from support.websocket import SWITCHING, ask

MIB = 1 << 20
ROUNDS = 10


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    authority.shown = authority.issue("shown", "localhost", "127.0.0.1")
    return authority


def serving(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.shown.certificate, authority.shown.key)
    return context


def trusting(authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    # As browsers do for WebSocket, though they speak HTTP/2 to the same port otherwise.
    context.set_alpn_protocols(["http/1.1"])
    return context


def config(authority, port: int) -> str:
    return f"""
listeners: [{{ address: "127.0.0.1:${{port}}", tls: {{ certificates: [{authority.shown.yaml}] }} }}]
accessLog: {{ path: access.log, format: json }}
backends: {{ b: {{ server: generic, endpoints: ["127.0.0.1:{port}"], tls: {{ ca: {authority.certificate} }} }} }}
routes: [{{ name: all, backends: [{{ name: b }}] }}]
"""


def causes(gateway, count: int) -> list:
    path = gateway.workdir / "access.log"
    text = wait_until(
        lambda: path.exists() and len(found := path.read_text().splitlines()) >= count and found, 20, f"{count} lines"
    )
    return [json.loads(line).get("cause") for line in text]


def test_messages_of_8_mib(gateways, authority):
    message = os.urandom(MIB) * 8

    async def talk():
        async def repeat(peer):
            async for received in peer:
                await peer.send(received)

        async with serve(repeat, "127.0.0.1", 0, ssl=serving(authority), max_size=None, compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            gateway = await asyncio.to_thread(gateways, config(authority, port))
            options = {"ssl": trusting(authority), "max_size": None, "compression": None, "proxy": None}
            for _ in range(3):
                async with connect(f"wss://localhost:{gateway.port}/ws", **options) as client:
                    for _ in range(2):
                        await client.send(message)
                        assert await client.recv() == message
                assert client.close_code == 1000
            return gateway

    gateway = asyncio.run(talk())
    assert causes(gateway, 3) == [None] * 3


class Endpoint:
    """Agrees to WebSocket on each connection and hands it to `script`."""

    def __init__(self, authority, script):
        self.context, self.script = serving(authority), script
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(30)
            with self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as secure:
                reader = Reader(secure)
                reader.head(Request)
                secure.sendall(SWITCHING)
                self.script(secure, reader)


def opened(gateway, authority) -> Client:
    client = Client("127.0.0.1", gateway.port, timeout=30)
    client.sock = trusting(authority).wrap_socket(
        client.sock, server_hostname="localhost", suppress_ragged_eofs=False
    )
    client.reader = Reader(client.sock)
    client.send(ask())
    assert client.reader.head(Response).status == 101
    return client


def test_an_endpoint_without_manners(gateways, authority):
    """It closes without close_notify, as many do: what it said before is delivered, and it is no failure."""

    def script(secure, reader):
        reader.exactly(2, "a word")
        secure.sendall(b"last words" * 10_000)
        secure.shutdown(socket.SHUT_WR)

    endpoint = Endpoint(authority, script)
    gateway = gateways(config(authority, endpoint.port))
    for _ in range(ROUNDS):
        with opened(gateway, authority) as client:
            client.send(b"go")
            # The gateway has manners: its end is a proper one.
            assert client.rest() == b"last words" * 10_000
    assert causes(gateway, ROUNDS) == [None] * ROUNDS
    endpoint.listener.close()


def test_a_client_without_manners(gateways, authority):
    """What it had sent is delivered before the end."""
    got = []

    def script(secure, reader):
        while reader.fill():
            pass
        got.append(bytes(reader.buffer))

    endpoint = Endpoint(authority, script)
    gateway = gateways(config(authority, endpoint.port))
    for count in range(1, ROUNDS + 1):
        client = opened(gateway, authority)
        client.send(b"goodbye" * 10_000)
        client.sock.shutdown(socket.SHUT_RDWR)
        client.close()
        wait_until(lambda: len(got) == count, 20, "the endpoint sees the end")
    assert got == [b"goodbye" * 10_000] * ROUNDS
    endpoint.listener.close()
