"""The dashboard's files, as the binary serves them: byte for byte, kept by browsers, and nothing but their own."""

import re
from pathlib import Path

import pytest

from support.gateway import REPOSITORY, Gateway, free_port
from support.rawhttp import Client, build, get, post

WEB = REPOSITORY / "Sources" / "CDashboard" / "web"
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".json": "application/json", ".webmanifest": "application/manifest+json",
         ".woff2": "font/woff2", ".png": "image/png", ".ico": "image/x-icon"}
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
    "connect-src": "'self'", "font-src": "'self'", "manifest-src": "'self'", "base-uri": "'none'",
    "form-action": "'none'", "frame-ancestors": "'none'",
}
FIXED = "routes:\n  - { name: fixed, respond: { status: 200, body: one } }\n"


def url(path: Path) -> str:
    name = path.relative_to(WEB).as_posix()
    return "/" if name == "index.html" else f"/{name}"


@pytest.fixture(scope="module")
def _gateway(tmp_path_factory):
    with Gateway(FIXED, tmp_path_factory.mktemp("assets")) as gateway:
        yield gateway


@pytest.fixture
def client(_gateway):
    with Client("127.0.0.1", _gateway.admin_port) as client:
        yield client


@pytest.mark.parametrize("path", FILES, ids=url)
def test_files(client, path):
    answer = client.exchange(get(url(path), "localhost"))
    assert answer.status == 200 and answer.body == path.read_bytes()
    assert answer.get("content-type").split(";")[0] == TYPES[path.suffix].split(";")[0]
    assert dict(rule.split(" ", 1) for rule in answer.get("content-security-policy").split("; ")) == POLICY
    assert answer.get("x-frame-options") == "DENY" and answer.get("referrer-policy") == "no-referrer"
    assert answer.get("x-content-type-options") == "nosniff" and answer.get("cache-control") == "no-cache"
    assert answer.get("cross-origin-opener-policy") == answer.get("cross-origin-resource-policy") == "same-origin"
    tag = answer.get("etag")
    for field in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.exchange(get(url(path), "localhost", f"If-None-Match: {field}"))
        assert (again.status, again.body, again.get("etag")) == (304, b"", tag)
    assert client.exchange(get(url(path), "localhost", 'If-None-Match: "other"')).status == 200
    head = client.exchange(build("HEAD", url(path), "localhost"), "HEAD")
    assert (head.status, head.get("content-length"), head.get("etag")) == (200, str(len(answer.body)), tag)


def test_tags_tell_files_apart(client):
    tags = [client.exchange(get(url(path), "localhost")).get("etag") for path in FILES]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in (".html", ".svg")], ids=url)
def test_pages_need_nothing_that_the_policy_forbids(path):
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), "inside a page nothing is run or styled"
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("path", FILES, ids=url)
def test_nothing_comes_from_elsewhere(path):
    if path.suffix in (".html", ".css", ".js", ".svg"):
        links = set(re.findall(r"https?://[^\s\"'`)>]+", path.read_text()))
        assert {link for link in links if not link.startswith(("http://www.w3.org/", "http://127.0.0.1"))} == set(), path.name


@pytest.mark.parametrize("path", ["/index.html", "/dashboard.c", "/../dashboard.c", "/%2e%2e/dashboard.c", "/web/index.html"])
def test_what_is_no_file(client, path):
    answer = client.exchange(get(path, "localhost"))
    assert answer.status == 404 and answer.get("content-type") == "application/json"


def test_files_are_read(client):
    answer = client.exchange(post(b"", "/", "localhost"))
    assert answer.status == 405 and answer.tokens("allow") == {"get", "head"}


def test_of_the_metrics_listener_they_are_not(gateways):
    port = free_port()
    gateways(f"metrics: {{ address: 127.0.0.1:{port} }}\n" + FIXED)
    with Client("127.0.0.1", port) as client:
        assert client.exchange(get("/")).status == 404
