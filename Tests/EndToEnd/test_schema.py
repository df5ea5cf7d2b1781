"""config/sluice.schema.json, which editors use: it takes every example, and refuses what `sluice check` refuses."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from support.gateway import REPOSITORY, binary

SCHEMA = json.loads((REPOSITORY / "config/sluice.schema.json").read_text())
VALIDATOR = Draft7Validator(SCHEMA)


def problems(text: str) -> list[str]:
    """What the schema has against the documents of a file."""
    # YAML 1.2, as editors read it: `yes` and `12:30` are text.
    documents = [document for document in YAML(typ="safe", pure=True).load_all(text) if document is not None]
    assert documents, "nothing to look at"
    return [f"{list(e.absolute_path)}: {e.message}" for document in documents for e in VALIDATOR.iter_errors(document)]


def check(tmp_path: Path, text: str) -> subprocess.CompletedProcess:
    path = tmp_path / "sluice.yaml"
    path.write_text(text)
    return subprocess.run([binary(), "check", "-c", str(path)], capture_output=True, text=True, timeout=20)


def test_the_schema_is_one():
    Draft7Validator.check_schema(SCHEMA)


# Those of other programs, such as Prometheus, end in `.yml`.
EXAMPLES = list((REPOSITORY / "config").rglob("*.yaml"))


@pytest.mark.parametrize("path", sorted(EXAMPLES), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_examples_are_good(path):
    assert problems(path.read_text()) == []


def test_what_convert_reads_and_writes_is_good():
    """Its golden files: manifests, and native configurations of all kinds."""
    files = sorted((REPOSITORY / "Tests/ConfigFilesTests/convert").rglob("*.yaml"))
    assert len(files) > 100
    found = {path.name: problems(path.read_text()) for path in files}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def blocks():
    """The YAML blocks of all documents; those of other programs are marked `yml`."""
    for path in sorted([REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]):
        for match in re.finditer(r"^```yaml\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE):
            line = path.read_text()[: match.start()].count("\n") + 1
            yield pytest.param(match[1], id=f"{path.name}:{line}")


@pytest.mark.parametrize("text", list(blocks()))
def test_documented_yaml_is_good(text):
    assert problems(text) == []


HEAD = "listeners: [{ address: 127.0.0.1:8080 }]\nbackends: { main: { endpoints: [127.0.0.1:8000] } }\n"


def route(text: str) -> str:
    return f"{HEAD}routes: [{{ name: a, {text} }}]\n"


def sent(text: str) -> str:
    return route(f"backends: [{{ name: main }}], {text}")


def matched(text: str) -> str:
    return sent(f"match: [{{ {text} }}]")


WRONG = {
    "unknown key": HEAD + "bakends: {}\n",
    "later key": HEAD + "customMetrics: {}\n",
    "no collector": HEAD + "tracing: {}\n",
    "collector without a scheme": HEAD + "tracing: { endpoint: '127.0.0.1:4318' }\n",
    "list of settings": "- a\n",
    "word": "a\n",
    "null": HEAD + "loops:\n",
    "loops": HEAD + "loops: 65\n",
    "fraction": HEAD + "loops: 1.5\n",
    "limit": HEAD + "memoryLimit: 64MB\n",
    "pin": HEAD + "resolve: { a: b }\n",
    "no address": HEAD.replace("{ address: 127.0.0.1:8080 }", "{}"),
    "no port": HEAD.replace("127.0.0.1:8080", "127.0.0.1"),
    "url for an address": HEAD.replace("127.0.0.1:8000", "'http://127.0.0.1:8000'"),
    "no listeners": HEAD.replace("[{ address: 127.0.0.1:8080 }]", "[]"),
    "version of TLS": HEAD.replace("8080 }", "8080, tls: { certificates: [{ certificate: a, privateKey: b }], minVersion: 1.1 } }"),
    "no key for TLS": HEAD.replace("8080 }", "8080, tls: { certificates: [{ certificate: a }] } }"),
    "endpoint to listen": HEAD.replace("127.0.0.1:8000", "'systemd:a'"),
    "backend without endpoints": HEAD.replace("endpoints: [127.0.0.1:8000]", "server: triton"),
    "server": HEAD.replace("endpoints:", "server: seldon, endpoints:"),
    "balance": HEAD.replace("endpoints:", "balance: random, endpoints:"),
    "two hashes": HEAD.replace("endpoints:", "balance: { hash: { header: a, cookie: b } }, endpoints:"),
    "hash of nothing": HEAD.replace("endpoints:", "balance: { hash: { clientAddress: false } }, endpoints:"),
    "half a certificate": HEAD.replace("endpoints:", "tls: { certificate: a }, endpoints:"),
    "percent": HEAD.replace("endpoints:", "panicThreshold: 101, endpoints:"),
    "duration": HEAD.replace("endpoints:", "slowStart: 30, endpoints:"),
    "no unit": HEAD.replace("endpoints:", "timeouts: { connect: '1' }, endpoints:"),
    "no name": HEAD + "routes: [{ backends: [{ name: main }] }]\n",
    "nothing to do": route("timeout: 1s"),
    "two things to do": sent("respond: { status: 200 }"),
    "redirect and respond": route("redirect: { path: /a }, respond: { status: 200 }"),
    "weight": route("backends: [{ name: main, weight: -1 }]"),
    "model": route("backends: [{ name: main, model: a/b }]"),
    "host": sent("hosts: ['a:80']"),
    "every host": sent("hosts: ['*']"),
    "empty match": sent("match: [{}]"),
    "path as text": matched("path: /v2"),
    "relative path": matched("path: { prefix: v2 }"),
    "path with a query": matched("path: { exact: '/a?b' }"),
    "two ways": matched("path: { exact: /a, prefix: /b }"),
    "no way": matched("path: { ignoreCase: true }"),
    "small method": matched("method: get"),
    "scheme": matched("scheme: ftp"),
    "port": matched("port: 0"),
    "header name": matched("headers: { 'a b': c }"),
    "two comparisons": matched("headers: { a: { exact: b, prefix: c } }"),
    "presence": matched("withoutHeaders: { a: { present: maybe } }"),
    "network": sent("denyFrom: [example.com]"),
    "no network": sent("allowFrom: []"),
    "no origin": sent("cors: {}"),
    "origin without scheme": sent("cors: { allowOrigins: [app.example.com] }"),
    "origin with a path": sent("cors: { allowOrigins: ['https://app.example.com/'] }"),
    "preflights": sent("cors: { allowOrigins: ['*'], unmatchedPreflights: drop }"),
    "no users": sent("basicAuth: { realm: a }"),
    "hash": sent("basicAuth: { users: { ann: secret } }"),
    "user": sent("basicAuth: { users: { 'a:b': '{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=' } }"),
    "header of the user": sent("basicAuth: { users: { ann: '{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=' }, forwardUser: TE }"),
    "rate without a time": sent("rateLimit: { requests: 1 }"),
    "rate key": sent("rateLimit: { requests: 1, per: 1s, key: address }"),
    "no rewrite": sent("rewrite: {}"),
    "two rewrites": sent("rewrite: { prefix: /a, path: /b }"),
    "relative rewrite": sent("rewrite: { path: a }"),
    "half a pattern": sent("rewrite: { regex: { match: a } }"),
    "host with a scheme": sent("rewrite: { host: 'http://a' }"),
    "no change": sent("requestHeaders: {}"),
    "framing": sent("requestHeaders: { set: { Transfer-Encoding: chunked } }"),
    "the gateway's own": sent("responseHeaders: { remove: [X-Sluice-Cause] }"),
    "value of a header": sent("requestHeaders: { set: { a: ' b' } }"),
    "retries": sent("retries: { on: [5xx] }"),
    "status to try again after": sent("retries: { on: [302] }"),
    "priority": sent("priority: low"),
    "rewrite without backends": route("respond: { status: 200 }, rewrite: { path: /a }"),
    "fault without backends": route("redirect: { path: /a }, fault: { abort: { status: 503 } }"),
    "sticky twice": sent("sticky: { header: a, cookie: b }"),
    "age of a header": sent("sticky: { header: a, ttl: 1h }"),
    "no fault": sent("fault: {}"),
    "two statuses": sent("fault: { abort: { status: 503, grpcStatus: 14 } }"),
    "status of gRPC": sent("fault: { abort: { grpcStatus: 0 } }"),
    "no redirect": route("redirect: { code: 301 }"),
    "code": route("redirect: { path: /a, code: 300 }"),
    "two places to go to": route("redirect: { path: /a, prefix: /b }"),
    "no status": route("respond: { body: a }"),
    "status": route("respond: { status: 199 }"),
    "half a manifest": "apiVersion: v1\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_check_refuses_is_refused(tmp_path, text):
    assert check(tmp_path, text).returncode == 1
    assert problems(text) != []


GOOD = {
    "quoted numbers": HEAD + "loops: '2'\nmemoryLimit: '67108864'\n",
    "unquoted text": HEAD.replace("8080 }", "8080, name: 1 }"),
    "IPv6": HEAD.replace("127.0.0.1:8080", "'[::1]:8080'").replace("127.0.0.1:8000", "'[2001:db8::1]:8000'"),
    "sockets": HEAD.replace("127.0.0.1:8080", "'systemd:http'").replace("127.0.0.1:8000", "unix:run/a.sock"),
    "version as a number": matched("version: 2"),
    "empty values": matched("headers: { a: '', b: { exact: '' } }"),
    "words for hashes": HEAD.replace("endpoints:", "balance: { hash: sequenceId }, endpoints:"),
    "everything off": HEAD.replace("endpoints:", "slowStart: 0s, panicThreshold: '0', health: {}, endpoints:"),
    "quoted flags": sent("retries: { inference: 'true', on: ['503', reset] }"),
    "codes": route("redirect: { path: '/a?b=c', code: '301' }"),
    "redirect to a port": route("redirect: { port: scheme }"),
    "origins": sent("cors: { allowOrigins: ['null', '*', 'https://*.example.com', 'http://localhost:*', 'https://[::1]'] }"),
    "all of a kind": sent("cors: { allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*'] }"),
    "hosts": sent("hosts: [a, '*.b.c', 10.0.0.1, '::1', '[::2]'], rewrite: { host: 'a:80' }"),
    "nothing in the place of a match": sent("rewrite: { regex: { match: '^/a', replace: '' } }"),
    "a file of a directory": "routes: [{ name: a, respond: { status: 200 } }]\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_what_check_takes_is_taken(tmp_path, text):
    # A directory's other files.
    if "listeners" not in text:
        (tmp_path / "rest.yaml").write_text(HEAD)
        (tmp_path / "routes.yaml").write_text(text)
        done = subprocess.run([binary(), "check", "-c", str(tmp_path)], capture_output=True, text=True, timeout=20)
    else:
        done = check(tmp_path, text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert problems(text) == []


def test_manifests_pass():
    manifest = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: a }\nspec: { hosts: [a] }\n"
    assert problems(manifest) == []
