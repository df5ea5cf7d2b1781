"""Configurations and manifests that nobody should write: bombs, wrong bytes, and seeded mutations of good ones."""

import random
from pathlib import Path

from support.gateway import REPOSITORY

MIB = 1 << 20

NATIVE = """\
listeners:
  - address: 127.0.0.1:1
backends:
  main: { endpoints: [127.0.0.1:2] }
routes:
  - name: VALUE
    match: [{ path: { prefix: / } }]
    backends: [{ name: main }]
"""
KINDS = {
    "native": NATIVE,
    "VirtualService": """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: VALUE, namespace: ns }
spec:
  hosts: [a.example.com]
  http:
    - match: [{ uri: { prefix: / } }]
      route: [{ destination: { host: a, port: { number: 80 } } }]
""",
    "DestinationRule": """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: VALUE, namespace: ns }
spec:
  host: a
  trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }
""",
    "HTTPRoute": """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: VALUE, namespace: ns }
spec:
  hostnames: [a.example.com]
  rules:
    - matches: [{ path: { type: PathPrefix, value: / } }]
      backendRefs: [{ name: a, port: 80 }]
""",
    "GRPCRoute": """\
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: VALUE, namespace: ns }
spec:
  rules:
    - matches: [{ method: { service: a.B, method: C } }]
      backendRefs: [{ name: a, port: 80 }]
""",
    "Ingress": """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: VALUE
  annotations: { nginx.ingress.kubernetes.io/proxy-read-timeout: "300" }
spec:
  ingressClassName: nginx
  rules:
    - host: a.example.com
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: a, port: { number: 80 } } } }] }
""",
    "Secret": """\
apiVersion: v1
kind: Secret
metadata: { name: VALUE }
data: { auth: YTpiCg== }
""",
    "List": """\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata: { name: VALUE }
""",
}


def bomb(levels: int, width: int = 10) -> str:
    """Aliases of aliases: 10 to the power of `levels` values in as many lines."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join(lines) + "\n"


def named(text: str, value: str) -> bytes:
    return text.replace("VALUE", value).encode()


def special(text: str) -> dict[str, bytes]:
    """What may happen to a file of one kind, by name. Each is at most a few MiB."""
    plain = named(text, "good")
    last = max(line for line in plain.splitlines() if line[:1].isalpha()) + b"\n"
    return {
        "aliases": bomb(9).encode() + plain,
        "aliases in place": named(text, "good").replace(b"name: good", b"name: *a8") + b"x:\n  " +
        bomb(9).replace("\n", "\n  ").encode(),
        "an alias of itself": plain + b"x: &x [*x, *x]\n",
        "aliases without an anchor": named(text, "*nobody"),
        "merge keys": b"base: &base { a: 1 }\n" + plain + b"<<: *base\n",
        "deep flow": plain + b"x: " + b"[" * 100_000 + b"]" * 100_000 + b"\n",
        "deep flow without an end": plain + b"x: " + b"[" * 1_000_000,
        "deep mappings": plain + b"x: " + b"{a: " * 50_000 + b"}" * 50_000 + b"\n",
        "deep blocks": plain + b"x:\n" + b"".join(b" " * (level + 1) + b"a:\n" for level in range(1500)),
        "deep sequences": plain + b"x:\n " + b"- " * 100_000 + b"a\n",
        "deep in its value": named(text, "[" * 5000 + "]" * 5000),
        "a megabyte of text": named(text, "x" * MIB),
        "a megabyte in quotes": named(text, '"' + "x" * MIB + '"'),
        "a megabyte of escapes": named(text, '"' + "\\u00e9" * (MIB // 6) + '"'),
        "a megabyte of blanks": named(text, " " * MIB + "x"),
        "a megabyte of lines": plain + b"x: |\n" + b"  y\n" * (MIB // 4),
        "a megabyte as a key": plain + b"x" * MIB + b": 1\n",
        "a megabyte of a number": named(text, "9" * MIB),
        "a megabyte of comments": b"# x\n" * (MIB // 4) + plain,
        "a megabyte of quotes": named(text, "'" * MIB),
        "a file of eight megabytes": plain + b"#" * (8 * MIB),
        "half a million values": plain + b"x: [" + b"1," * 499_000 + b"1]\n",
        "a hundred thousand keys": plain + b"".join(b"k%d: 1\n" % number for number in range(100_000)),
        "a hundred thousand documents": plain + b"---\n" * 100_000,
        "a thousand documents": b"---\n".join([plain] * 1000),
        "one key twice": plain + last,
        "one key a thousand times": plain + last * 1000,
        "tabs": plain.replace(b"  ", b"\t"),
        "tabs for blanks": plain.replace(b" ", b"\t"),
        "a byte order mark": b"\xef\xbb\xbf" + plain,
        "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf" + plain,
        "line ends of Windows": plain.replace(b"\n", b"\r\n"),
        "line ends of old": plain.replace(b"\n", b"\r"),
        "other line ends": plain.replace(b"\n", "\u2028".encode()),
        "UTF-16": plain.decode().encode("utf-16"),
        "UTF-32": plain.decode().encode("utf-32"),
        "Latin-1": text.replace("VALUE", "g\u00fcte").encode("latin-1"),
        "bytes that are no text": named(text, "good").replace(b"good", b"\xff\xfe\xc0\x80\xed\xa0\x80"),
        "a character cut off": plain + "\u20ac".encode()[:2],
        "a NUL": named(text, "go\0od"),
        "control characters": named(text, '"\\x01\\a\\e"').replace(b"/", b"\x01\x1b"),
        "from right to left": named(text, "\u202e\u2066good"),
        "nothing": b"",
        "blanks": b" \n\n \n",
        "only a comment": b"# nothing\n",
        "only a mark": b"---\n",
        "a scalar": b"good\n",
        "a sequence": b"- 1\n- 2\n",
        "null": b"null\n",
        "a tag": b"!!python/object/apply:os.system [ls]\n" + plain,
        "tags on values": named(text, "!!binary aGVsbG8="),
        "a directive": b"%YAML 9.9\n---\n" + plain,
        "tag directives": b"%TAG ! tag:example.com,2000:\n---\n" + plain,
        "cut in half": plain[: len(plain) // 2],
        "compressed": b"\x1f\x8b\x08" + bytes(range(256)) * 10,
        "JSON": b'{"apiVersion": 7, "kind": {"a": []}, "spec": null, "metadata": []}',
        "wrong types": named(text, "[1, {a: b}]").replace(b"[", b"{ a: [").replace(b"]", b"] }"),
    }


# What a pattern may do to a matcher that is not careful.
PATTERNS = [
    "(a{1,1000}){1,1000}", "((((((((((a{1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9})", "(" * 5000,
    "(a|" * 2000 + "b" + ")" * 2000, "[a-" + "z" * 10_000, "a**", "(?P<x>a)(?P<x>b)", "\\" * 1001, "(?=a)", "(a)\\1",
    "[^\\x{10FFFF}]{1000}", ".*.*.*.*.*.*.*.*.*.*.*.*x", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x", "(a*)*b",
    "\\p{L}{500}", "(?i)" + "k" * 4000, "x{99999999999999999999}", "[[:alpha:]" * 100, "(?i:" * 3000, "a{2}{3}{4}{5}{6}",
    "|" * 10_000, "^*$*", "\\Q" + "." * 5000, "[a&&b]", "(?s-i:" + "." * 3000 + ")", "\u20ac+" * 1000,
]
IN_PATTERNS = {
    "native": NATIVE.replace("{ prefix: / }", "{ regex: PATTERN }").replace("VALUE", "good"),
    "rewrite": NATIVE.replace("backends: [{ name: main", "rewrite: { regex: { match: PATTERN, replace: '\\1\\2' } }\n"
                              "    backends: [{ name: main").replace("VALUE", "good"),
    "VirtualService": KINDS["VirtualService"].replace("{ prefix: / }", "{ regex: PATTERN }").replace("VALUE", "good"),
    "HTTPRoute": KINDS["HTTPRoute"].replace("PathPrefix, value: /", "RegularExpression, value: PATTERN").replace(
        "VALUE", "good"),
    "Ingress": KINDS["Ingress"].replace("path: /, pathType: Prefix", "path: PATTERN, pathType: ImplementationSpecific").replace(
        "annotations: {", "annotations: { nginx.ingress.kubernetes.io/use-regex: \"true\",").replace("VALUE", "good"),
}


def with_pattern(text: str, pattern: str) -> bytes:
    return text.replace("PATTERN", "'" + pattern.replace("'", "''") + "'").encode()


# --- mutations

PIECES = [
    "", "[]", "{}", "null", "~", '""', "''", "true", "-1", "0", "1e999", "99999999999999999999", "0x7fffffffffffffff",
    "NaN", "*a", "&a x", "!!int 5", "|", ">-", "? ", ": ", "- ", "[", "]", "{", "}", "#", '"', "'", "%{user}", "%{", "\\1",
    "\\9", "(", "a{1000}", ".*", "*", "/", "/..", "//", "\u00e9", "\U0001f600", "-", "a b", "a/b", "1ms", "1000000h", "-5s",
    "0s", "1KiB", "99999TiB", "127.0.0.1:99999", "[::1]:80", "::/0", "10.0.0.0/33", "x" * 300, "@", "`", "yes", "2001-01-01",
    "http", "100.5", "101", "Bearer x", "a: b", "\t", "svc.ns.svc.cluster.local", "GET", "200", "599", "600",
]


def mutate(chance: random.Random, text: str) -> bytes:
    lines = text.split("\n")
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(lines))
        kind = chance.randrange(9)
        line = lines[at]
        if kind == 0:
            del lines[at]
            lines = lines or [""]
        elif kind == 1:
            lines.insert(at, chance.choice(lines))
        elif kind == 2:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = " " * chance.randrange(6) + line.lstrip()
        elif kind == 4:
            name, colon, _ = line.partition(":")
            lines[at] = f"{name}{colon} {chance.choice(PIECES)}"
        elif kind == 5 and line:
            where = chance.randrange(len(line) + 1)
            lines[at] = line[:where] + chance.choice(PIECES) + line[where + chance.randrange(4):]
        elif kind == 6:
            words = line.split(" ")
            words[chance.randrange(len(words))] = chance.choice(PIECES)
            lines[at] = " ".join(words)
        elif kind == 7:
            other = chance.choice(lines)
            lines[at] = line[: len(line) - len(line.lstrip())] + other.lstrip()
        else:
            end = chance.randrange(at, len(lines)) + 1
            lines[at:end] = lines[at:end] * 2
    data = "\n".join(lines).encode()
    if chance.random() < 0.1 and data:
        data = bytearray(data)
        data[chance.randrange(len(data))] = chance.randrange(256)
        data = bytes(data)
    if chance.random() < 0.05:
        data = data[: chance.randrange(len(data) + 1)]
    return data[:MIB]


def good_inputs() -> list[tuple[str, str]]:
    """(name, text) of everything in the repository that a command reads: examples and the inputs of golden tests."""
    found = []
    for folder in ("config", "Tests"):
        for path in sorted((REPOSITORY / folder).rglob("*.y*ml")):
            if path.suffix in (".yaml", ".yml") and not path.name.endswith(".out.yaml"):
                found.append((str(path.relative_to(REPOSITORY)), path.read_text(errors="replace")))
    return found


def write(directory: Path, data: bytes, name: str = "input.yaml") -> Path:
    path = directory / name
    path.write_bytes(data)
    return path
