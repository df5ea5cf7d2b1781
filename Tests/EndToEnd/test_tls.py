"""TLS in front of clients and towards endpoints, with clients and servers that are not ours."""

import os
import shutil
import ssl
import subprocess
import threading
import time

import pytest

from support.certificates import Authority
from support.gateway import Gateway, wait_until
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, Incomplete, Reader, answer, get, post

MIB = 1 << 20


class SecureClient(Client):
    """A client over TLS."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, name: str = "localhost", session=None, **options):
        super().__init__(host, port, **options)
        self.sock = context.wrap_socket(self.sock, server_hostname=name, session=session)
        self.reader = Reader(self.sock)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def certificates(authority):
    return {
        "ec": authority.issue("ec", "localhost", "127.0.0.1"),
        "rsa": authority.issue("rsa", "localhost", "127.0.0.1", kind="rsa"),
        "other": authority.issue("other", "other.test", "*.wild.test"),
        "client": authority.issue("client"),
    }


def trusting(authority, **options) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    for name, value in options.items():
        setattr(context, name, value)
    return context


@pytest.fixture
def secured(tmp_path, certificates):
    """A gateway whose listener speaks TLS, with more settings as the test asks for."""
    opened = []

    def start(settings: str = "", certificate: str | None = None, upstream=None, directory="gateway"):
        upstream = upstream or MockUpstream()
        shown = certificate or certificates["ec"].yaml
        gateway = Gateway(
            f"""
listeners:
  - address: 127.0.0.1:${{port}}
    tls: {{ certificates: [{shown}]{settings} }}
accessLog: {{ path: {tmp_path}/access.log, format: json }}
backends: {{ b: {{ endpoints: ["{upstream.address}"] }} }}
routes: [{{ name: r, backends: [{{ name: b }}] }}]
""",
            tmp_path / directory,
        )
        opened.append(upstream)
        opened.append(gateway.start())
        gateway.log = tmp_path / "access.log"
        gateway.upstream = upstream
        return gateway

    yield start
    for one in reversed(opened):
        one.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_versions_and_kinds_of_key(secured, authority, certificates, version, kind):
    gateway = secured(certificate=certificates[kind].yaml)
    context = trusting(authority, minimum_version=version, maximum_version=version)
    context.set_alpn_protocols(["http/1.1"])
    with SecureClient(gateway.host, gateway.port, context) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        for _ in range(3):
            assert client.exchange(get("/v2/x")).status == 200
    request = gateway.upstream.requests[0]
    assert request.get("x-forwarded-proto") == "https"


def test_curl(secured, authority):
    gateway = secured()
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--cacert", authority.certificate, "-w", "%{http_code} %{ssl_verify_result}",
         "-o", os.devnull, f"https://localhost:{gateway.port}/v2/x", "--resolve", f"localhost:{gateway.port}:127.0.0.1"],
        capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "200 0"), done.stderr


@pytest.mark.parametrize("size", [1, 16_384, 65_537, 600 * 1024, 5 * MIB])
def test_bodies_arrive_byte_for_byte(secured, authority, size):
    upstream = MockUpstream(reply=lambda request, connection: answer(request.body))
    gateway = secured(upstream=upstream)
    body = os.urandom(size)
    with SecureClient(gateway.host, gateway.port, trusting(authority)) as client:
        for _ in range(2):
            # Sent as a whole first: Python's TLS sockets do not bear two threads.
            assert client.exchange(post(body)).body == body


def test_a_slow_reader_gets_every_byte(secured, authority):
    body = os.urandom(2 * MIB)
    gateway = secured(upstream=MockUpstream(reply=answer(body)))
    with SecureClient(gateway.host, gateway.port, trusting(authority), receive_buffer=16_384) as client:
        client.send(get("/"))
        got = bytearray()

        def sink(part):
            got.extend(part)
            time.sleep(0.001)

        client.response(sink=sink)
        assert bytes(got) == body
        assert client.exchange(get("/again")).body == body


def test_the_name_decides_the_certificate(secured, authority, certificates):
    gateway = secured(certificate=f"{certificates['ec'].yaml}, {certificates['other'].yaml}")
    for name in ("localhost", "other.test", "a.wild.test"):
        with SecureClient(gateway.host, gateway.port, trusting(authority), name) as client:
            assert client.exchange(get("/")).status == 200


def test_metrics_say_when_certificates_expire(secured, certificates):
    gateway = secured(certificate=f"{certificates['ec'].yaml}, {certificates['other'].yaml}")
    metrics = gateway.metrics()
    for name in ("ec", "other"):
        end = metrics.sum("sluice_certificate_not_after_timestamp_seconds", certificate=f"CN={name},O=tests")
        # They are made for two days.
        assert 86_400 < end - time.time() <= 2 * 86_400


def test_client_certificates(secured, authority, certificates):
    gateway = secured(f", clientCA: {authority.certificate}, clientAuth: require")
    own = trusting(authority)
    own.load_cert_chain(certificates["client"].certificate, certificates["client"].key)
    with SecureClient(gateway.host, gateway.port, own) as client:
        assert client.exchange(get("/")).status == 200
    wait_until(lambda: "CN=client,O=tests" in gateway.log.read_text(), what="the subject in the access log")
    with pytest.raises((ssl.SSLError, ConnectionError, Incomplete)):
        with SecureClient(gateway.host, gateway.port, trusting(authority)) as client:
            client.exchange(get("/"))
    assert len(gateway.upstream.requests) == 1
    listener = f"127.0.0.1:{gateway.port}"
    gateway.wait_metric("sluice_tls_handshakes_total", 1, listener=listener, outcome="full")
    gateway.wait_metric("sluice_tls_handshakes_total", 1, listener=listener, outcome="certificate")


def test_sessions_are_resumed_on_every_loop(secured, authority):
    gateway = secured()
    context = trusting(authority)
    with SecureClient(gateway.host, gateway.port, context) as client:
        client.exchange(get("/"))
        session = client.sock.session
    for _ in range(4):
        with SecureClient(gateway.host, gateway.port, context, session=session) as client:
            assert client.exchange(get("/")).status == 200
            assert client.sock.session_reused
            session = client.sock.session
    gateway.wait_metric("sluice_tls_handshakes_total", 4, outcome="resumed")


def test_plain_http_is_answered_in_plain_http(secured):
    gateway = secured()
    with Client(gateway.host, gateway.port) as client:
        response = client.exchange(get("/"))
        assert (response.status, response.cause) == (400, "bad_request")
        assert b"HTTPS" in response.body
        client.expect_end()


def test_old_versions_and_garbage_are_refused(secured, authority):
    gateway = secured(', minVersion: "1.3"')
    with pytest.raises(ssl.SSLError):
        SecureClient(gateway.host, gateway.port, trusting(authority, maximum_version=ssl.TLSVersion.TLSv1_2))
    for garbage in (b"\x00" * 100, b"\x16\x03\x01\xff\xff" + os.urandom(100), os.urandom(2000)):
        with Client(gateway.host, gateway.port) as client:
            client.send_all_it_takes(garbage)
            client.shut_writing()
            client.rest()
    with SecureClient(gateway.host, gateway.port, trusting(authority)) as client:
        assert client.exchange(get("/")).status == 200


def test_a_handshake_that_stalls_is_ended(secured):
    gateway = secured(", handshakeTimeout: 300ms")
    with Client(gateway.host, gateway.port) as client:
        client.send(b"\x16\x03\x01")
        assert client.closed_within(8)
    gateway.wait_metric("sluice_tls_handshakes_total", 1, outcome="timeout")


def test_renegotiation_is_refused(secured, authority):
    gateway = secured()
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-CAfile", authority.certificate],
        input="R\n", capture_output=True, text=True, timeout=20)
    assert "no renegotiation" in (done.stdout + done.stderr).lower(), done.stderr


def test_certificates_are_reloaded_without_losing_connections(secured, authority, certificates, tmp_path):
    shown = tmp_path / "shown.crt", tmp_path / "shown.key"
    shutil.copy(certificates["ec"].certificate, shown[0])
    shutil.copy(certificates["ec"].key, shown[1])
    gateway = secured(certificate=f"{{ certificate: {shown[0]}, privateKey: {shown[1]} }}")

    def serial():
        with SecureClient(gateway.host, gateway.port, trusting(authority)) as client:
            return client.sock.getpeercert()["serialNumber"]

    with SecureClient(gateway.host, gateway.port, trusting(authority)) as old:
        assert old.exchange(get("/")).status == 200
        before = serial()
        # A certificate without its key is refused, and the old pair stays in use.
        shutil.copy(certificates["rsa"].certificate, shown[0])
        gateway.wait_metric("sluice_config_reloads_total", 1, outcome="rejected")
        assert serial() == before
        shutil.copy(certificates["rsa"].key, shown[1])
        wait_until(lambda: serial() != before, what="the new certificate")
        assert old.exchange(get("/")).status == 200


class SecureUpstream(MockUpstream):
    """An endpoint that speaks TLS."""

    def __init__(self, certificate, authority=None, **options):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate.certificate, certificate.key)
        if authority:
            self.context.load_verify_locations(authority.certificate)
            self.context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(**options)

    def _run(self, connection) -> None:
        try:
            connection.sock = self.context.wrap_socket(connection.sock, server_side=True)
        except OSError:
            connection.sock.close()
            connection.closed.set()
            return
        connection.reader = Reader(connection.sock)
        super()._run(connection)


def secure_backend(tmp_path, upstream, settings: str) -> Gateway:
    return Gateway(
        f"""
listeners: [{{ address: 127.0.0.1:${{port}} }}]
backends: {{ b: {{ server: generic, endpoints: ["{upstream.address}"], tls: {{ {settings} }} }} }}
routes: [{{ name: r, backends: [{{ name: b }}] }}]
""",
        tmp_path,
    )


@pytest.mark.parametrize("size", [0, 100, 600 * 1024, 3 * MIB])
def test_endpoints_over_tls(tmp_path, authority, certificates, size):
    body = os.urandom(size)
    with SecureUpstream(certificates["ec"], reply=lambda request, connection: answer(request.body)) as upstream:
        with secure_backend(tmp_path, upstream, f"ca: {authority.certificate}") as gateway:
            with Client(gateway.host, gateway.port) as client:
                for _ in range(3):
                    sender = threading.Thread(target=client.send, args=(post(body),))
                    sender.start()
                    assert client.response().body == body
                    sender.join()
            assert upstream.accepted == 1, "the connection is used again"


@pytest.mark.parametrize("settings", ["", "ca: {authority}, serverName: wrong.test"])
def test_endpoints_that_cannot_be_verified_are_not_used(tmp_path, authority, certificates, settings):
    with SecureUpstream(certificates["ec"]) as upstream:
        settings = settings.format(authority=authority.certificate)
        with secure_backend(tmp_path, upstream, settings) as gateway:
            with Client(gateway.host, gateway.port) as client:
                response = client.exchange(post(b"x"))
                assert (response.status, response.cause) == (502, "tls_handshake")
        assert upstream.requests == []


def test_a_certificate_of_our_own_for_endpoints(tmp_path, authority, certificates):
    pair = f"certificate: {certificates['client'].certificate}, privateKey: {certificates['client'].key}"
    with SecureUpstream(certificates["ec"], authority) as upstream:
        with secure_backend(tmp_path, upstream, f"ca: {authority.certificate}, {pair}") as gateway:
            with Client(gateway.host, gateway.port) as client:
                assert client.exchange(get("/")).status == 200


def test_an_endpoint_that_speaks_no_tls(tmp_path, authority):
    with MockUpstream() as upstream:
        with secure_backend(tmp_path, upstream, f"ca: {authority.certificate}") as gateway:
            with Client(gateway.host, gateway.port) as client:
                response = client.exchange(get("/"))
                assert (response.status, response.cause) == (502, "tls_handshake")
