"""`sluice convert`: manifests in, native YAML out, and the same gateway whichever is served."""

import subprocess

from support.gateway import Gateway, binary
from support.mock_upstream import MockUpstream
from support.proxy import Proxy
from support.rawhttp import answer, get

ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: shop }
spec:
  rules:
    - matches: [{ path: { value: /api } }]
      backendRefs: [{ name: api, port: 8080 }]
"""


def convert(tmp_path, *arguments: str):
    return subprocess.run(
        [binary(), "convert", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL)


def test_to_standard_output(tmp_path):
    (tmp_path / "web.yaml").write_text(ROUTE)
    done = convert(tmp_path, "web.yaml")
    assert done.returncode == 0
    assert done.stdout.startswith("# Converted by 'sluice convert' from web.yaml.\n")
    assert "  # HTTPRoute shop/web\n  - name: shop/web/0\n    match: [{ path: { prefix: /api } }]\n" in done.stdout
    assert "web.yaml:2:1: note: there is no listener" in done.stderr


def test_what_cannot_be_carried_over(tmp_path):
    (tmp_path / "web.yaml").write_text(ROUTE.replace("port: 8080", "port: 8080, kind: Bucket"))
    done = convert(tmp_path, "web.yaml", "-o", "native.yaml")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "web.yaml:8:46: error: only a Service is known here, not a 'Bucket'" in done.stderr
    assert not (tmp_path / "native.yaml").exists()


def test_several_files_into_one(tmp_path):
    (tmp_path / "web.yaml").write_text(ROUTE)
    (tmp_path / "pins.yaml").write_text("resolve: { api.shop: 127.0.0.1:9000 }\n")
    done = convert(tmp_path, "web.yaml", "pins.yaml", "--output", "native.yaml")
    assert (done.returncode, done.stdout) == (0, "")
    text = (tmp_path / "native.yaml").read_text()
    assert text.startswith("# Converted by 'sluice convert' from web.yaml and pins.yaml.\n")
    assert "  api.shop: 127.0.0.1:9000\n" in text


def test_nowhere_to_write(tmp_path):
    (tmp_path / "web.yaml").write_text(ROUTE)
    done = convert(tmp_path, "web.yaml", "-o", "missing/native.yaml")
    assert done.returncode == 1
    assert "cannot write missing/native.yaml: No such file or directory" in done.stderr


def test_what_is_written_can_be_served(tmp_path):
    with MockUpstream(answer(b"api")) as upstream:
        (tmp_path / "web.yaml").write_text(ROUTE)
        (tmp_path / "pins.yaml").write_text(f"resolve: {{ api.shop: {upstream.address} }}\n")
        native = convert(tmp_path, "web.yaml", "pins.yaml").stdout
        for name, text in [("native", native), ("as it is", ROUTE + "---\n" + (tmp_path / "pins.yaml").read_text())]:
            with Gateway(text, tmp_path / name) as gateway:
                assert Proxy(gateway, None).send(get("/api/x")).body == b"api", name
                assert Proxy(gateway, None).send(get("/other")).status == 404, name
