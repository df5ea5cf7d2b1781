"""Weights are changed where they are written and nowhere else: files of many layouts, made at random from seeds, come
back with other numbers and not one other byte."""

import io
import random
import re

import pytest
from ruamel.yaml import YAML

from support.gateway import Gateway
from support.admin_client import Operator

TURNS = 60
# Written for each place of a weight; the number goes in later.
MARK = "@{}@"
LABELS = ["one", "two", "three", "naïve ☃", "weight", "a: b", "x # y", "80", "true", "'", '"', "- z", "{}", "0"]


def quoted(rng: random.Random, text: str) -> str:
    """A scalar in one of the ways YAML knows for it."""
    ways = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', "'" + text.replace("'", "''") + "'"]
    return rng.choice(ways + [text] if re.fullmatch("[a-z]{3,}", text) and text != "true" else ways)


def entry(rng: random.Random, index: int, label: str, indent: str) -> str:
    """One entry of `backends`, whose weight is a mark."""
    mark = MARK.format(index)
    weight = rng.choice(["weight", '"weight"', "'weight'"]) + ":" + " " * rng.randint(1, 4) + mark
    pairs = [f"name: {rng.choice(['one', 'two'])}", f"as: {quoted(rng, label)}", weight]
    if rng.random() < 0.3:
        pairs.append(rng.choice(['model: m', 'version: "3"', "requestHeaders: { set: { x: 'weight: 80' } }"]))
    rng.shuffle(pairs)
    comment = rng.choice(["", "", "   # weight: 80", " # { weight: 7 }", "\t# ☃"])
    style = rng.choice(["flow", "flow lines", "block", "block", "json"])
    if style == "flow":
        return f"{indent}- {{ {', '.join(pairs)} }}{comment}\n"
    if style == "flow lines":
        inside = f",\n{indent}    ".join(pairs)
        return f"{indent}- {{\n{indent}    {inside}{rng.choice(['', ','])}{comment}\n{indent}  }}\n"
    if style == "json":
        values = ['"name": "one"', f'"as": {quoted(rng, label)}', f'"weight":{rng.choice(["", " "])}{mark}']
        return f"{indent}- {{{','.join(values)}}}{comment}\n"
    lines = f"{comment}\n{indent}  ".join(pairs)
    return f"{indent}-{rng.choice([' ', ' ', chr(10) + indent + '  '])}{lines}{comment}\n"


def layout(rng: random.Random, head: str) -> tuple[str, list[str]]:
    """A whole file with marks, and the names of the entries of its route `the/route`."""
    labels = rng.sample(LABELS, rng.randint(2, 4))
    indent = rng.choice(["    ", "      ", "          "])
    body = "".join(
        rng.choice(["", "", f"{indent}# weight: 9\n", "\n"]) + entry(rng, index, label, indent)
        for index, label in enumerate(labels))
    name = quoted(rng, "the/route")
    policies = rng.choice(["", "    timeout: 5s\n", "    requestHeaders: { set: { x-weight: 'weight: 3' } }\n"])
    route = f"  - name: {name}\n{policies}    backends:{rng.choice(['', '   # weights'])}\n{body}"
    others = "  - { name: first, match: [{ path: /first }], backends: [{ name: one, weight: 80 }, { name: two, weight: 20 }] }\n"
    others = others.replace("path: /first", "path: { exact: /first }")
    last = "  - { name: last, match: [{ path: { exact: /last } }], respond: { status: 200, body: 'weight: 80' } }\n"
    text = head + "routes:\n" + (others if rng.random() < 0.5 else "") + (last if rng.random() < 0.5 else "") + route
    if rng.random() < 0.3:
        text = text.rstrip("\n")
    if rng.random() < 0.25:
        text = text.replace("\n", "\r\n")
    if rng.random() < 0.2:
        text = "\ufeff" + text
    return text, labels


def filled(text: str, weights: list[int]) -> bytes:
    for index, weight in enumerate(weights):
        text = text.replace(MARK.format(index), str(weight))
    return text.encode()


@pytest.fixture
def operator(gateways) -> Operator:
    return Operator(gateways("routes:\n  - { name: x, respond: { status: 200 } }\n"))


def head(gateway: Gateway) -> str:
    """What every file begins with."""
    return (f"# Ünïcödé before ☃\nlisteners: [{{ address: '127.0.0.1:{gateway.port}' }}]\n"
            f"admin: {{ address: '127.0.0.1:{gateway.admin_port}' }}\nloops: 1\n"
            "backends: { one: { endpoints: ['127.0.0.1:1'] }, two: { endpoints: ['127.0.0.1:2'] } }\n")


def test_only_the_numbers_change(operator):
    rng = random.Random(7)
    gateway = operator.gateway
    for turn in range(TURNS):
        text, labels = layout(rng, head(gateway))
        before = [rng.choice([0, 1, 7, 80, 100, 999_999]) for _ in labels]
        before[rng.randrange(len(labels))] = 5
        gateway.config_path.write_bytes(filled(text, before))
        status, answer = gateway.reload()
        assert status == 200, (turn, answer, text)
        weights, tag = operator.weights("the/route")
        assert weights == dict(zip(labels, before)), text
        after = [rng.choice([weight, weight, 0, 3, 20, 123_456]) for weight in before]
        after[rng.randrange(len(labels))] = rng.randint(1, 1000)
        wish = {label: weight for label, weight, old in zip(labels, after, before) if weight != old or rng.random() < 0.5}
        if not wish:
            continue
        answer = operator.put("the/route", wish, tag=tag)
        assert answer.status == 200, (turn, answer.body, text)
        assert gateway.config_path.read_bytes() == filled(text, after), (turn, text)
        assert operator.weights("the/route")[0] == dict(zip(labels, after))
        if before != after:
            undone = operator.ask("POST", operator.path("the/route") + "/undo")
            assert undone.status == 200, undone.body
            assert gateway.config_path.read_bytes() == filled(text, before), (turn, text)


def parsed(text: bytes):
    return YAML(typ="safe").load(io.BytesIO(text))


BARE = ["- { name: one, as: a }", "- {name: one, as: a}", "- name: one\n      as: a   # weight: 3", "- { as: a, name: one, }",
        '- {"name":"one","as":"a"}', "- name: one\n      as: a\n      requestHeaders:\n        set: { x: y }",
        "- { name: one, as: a, requestHeaders: { set: { x: '}' } } }", "- as: 'a'\n      name: \"one\"",
        "- {\n        name: one,\n        as: a\n      }"]


@pytest.mark.parametrize("written", BARE, ids=range(len(BARE)))
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_weight_that_is_not_written_is_added(operator, written, ending):
    """All comments and line endings stay, and the file means the same but for the weight."""
    gateway = operator.gateway
    text = head(gateway) + f"routes:\n  - name: r\n    backends:\n    {written}\n    - {{ name: two, as: b, weight: 4 }} # last\n"
    text = text.replace("\n", ending)
    gateway.config_path.write_bytes(text.encode())
    status, answer = gateway.reload()
    assert status == 200, answer
    answer = operator.put("r", {"a": 6})
    after = gateway.config_path.read_bytes()
    assert answer.status == 200, answer.body
    expected = parsed(text.encode())
    expected["routes"][0]["backends"][0]["weight"] = 6
    assert parsed(after) == expected
    left = after.decode()
    for line in text.split(ending):
        assert "#" not in line or line[line.index("#"):] in left
    assert (ending == "\r\n") == ("\r\n" in left) and left.count("\n") == left.count(ending)
    assert operator.weights("r")[0] == {"a": 6, "b": 4}


SHARED = {
    "an alias": "- { name: one, as: a, weight: &w 5 }\n    - { name: two, as: b, weight: *w }",
    "an entry that is an alias": "- &e { name: one, weight: 5 }\n    - { name: two }\n  - name: again\n    match: [{ path: { exact: /x } }]\n"
                                 "    backends:\n    - *e\n    - { name: two }",
}


@pytest.mark.parametrize("written", SHARED.values(), ids=SHARED.keys())
def test_a_number_that_stands_for_more_is_left_alone(operator, written):
    gateway = operator.gateway
    text = head(gateway) + f"routes:\n  - name: r\n    match: [{{ path: {{ exact: /y }} }}]\n    backends:\n    {written}\n"
    gateway.config_path.write_text(text)
    status, answer = gateway.reload()
    assert status == 200, answer
    weights, _ = operator.weights("r")
    first = next(iter(weights))
    answer = operator.put("r", {first: 6})
    assert answer.status == 409, answer.body
    assert gateway.config_path.read_text() == text and operator.weights("r")[0] == weights
