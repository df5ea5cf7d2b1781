"""W3C Trace Context on the wire (recommendation of 2021, sections 3 and 4), whether or not the gateway exports traces:
what a client sends reaches endpoint, mirror and every try, and what is none never does."""

import re

import pytest

from support.rawhttp import answer
from support.ways import HTTP1, Site, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01"
# A later version than 00 may go on as it came where the gateway adds no spans.
FORM = re.compile("(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
NAMES = ("main", "shadow", "busy", "spare")
CONFIG = """
loops: 1
backends:
  main: { endpoints: [<main>] }
  shadow: { endpoints: [<shadow>] }
  pair: { balance: roundRobin, endpoints: [<busy>, <spare>] }
routes:
  - name: tried
    match: [{ path: { prefix: /tried } }]
    backends: [{ name: pair }]
    retries: { attempts: 1, on: ["503"], budgetPercent: 100 }
  - { name: rest, backends: [{ name: main }], mirrors: [{ backend: shadow }] }
"""
# Nobody listens there, so what is exported goes nowhere.
TRACING = "tracing: { endpoint: 'http://127.0.0.1:1', samplePercent: 50 }\n"


@pytest.fixture(scope="module", params=["off", "on"])
def site(request, tmp_path_factory):
    text = CONFIG + (TRACING if request.param == "on" else "")
    with serving(text, tmp_path_factory.mktemp("gateway"), *NAMES) as site:
        busy = site["busy"]
        busy.http.reply = lambda asked, connection: busy._reply(asked, connection) and answer(
            b"{}", "503 Service Unavailable")
        yield site


def copies(site: Site, way, *fields: tuple) -> list:
    """The request as endpoint and mirror got it."""
    site.clear()
    assert site.ask(way, "/v2/models/m", *fields).is_good
    return [site[name].wait_requests()[0] for name in ("main", "shadow")]


def parts(seen) -> tuple:
    """The only `traceparent` a request has: trace, parent and flags."""
    form = FORM.fullmatch(text := seen.get("traceparent") or "")
    assert form and (len(text) == 55 or text[:2] != "00") and int(form[1], 16) and int(form[2], 16), seen.all("traceparent")
    return form.groups()


def states(seen) -> list:
    """The members of `tracestate`, whatever number of fields they came in."""
    return [item.strip() for value in seen.all("tracestate") for item in value.split(",") if item.strip()]


# As Triton, tritonclient and other tracers write them.
KEPT = {
    "sampled": GOOD,
    "not sampled": f"00-{TRACE}-{PARENT}-00",
    "flags of the future": f"00-{TRACE}-{PARENT}-ff",
    "flag random": f"00-{TRACE}-{PARENT}-03",
    "a later version": f"cc-{TRACE}-{PARENT}-01",
    "a later version with more": f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like",
    "one digit": f"00-{'0' * 31}1-{'0' * 15}1-00",
}
REPLACED = {
    "version ff": f"ff-{TRACE}-{PARENT}-01",
    "version 00 with more": f"{GOOD}-",
    "version 00 with a part more": f"{GOOD}-what-the-future-will-be-like",
    "a later version run on": f"cc-{TRACE}-{PARENT}-01.what-the-future-will-be-like",
    "a later version cut": f"cc-{TRACE}-{PARENT}-0",
    "version of one digit": f"0-{TRACE}-{PARENT}-01",
    "version of three": f"000-{TRACE}-{PARENT}-01",
    "version no digits": f".0-{TRACE}-{PARENT}-01",
    "trace of zeros": f"00-{'0' * 32}-{PARENT}-01",
    "trace too long": f"00-{TRACE}0-{PARENT}-01",
    "trace too short": f"00-{TRACE[1:]}-{PARENT}-01",
    "trace no digits": f"00-.{TRACE[1:]}-{PARENT}-01",
    "trace in capitals": f"00-{TRACE.upper()}-{PARENT}-01",
    "parent of zeros": f"00-{TRACE}-{'0' * 16}-01",
    "parent too long": f"00-{TRACE}-{PARENT}0-01",
    "parent too short": f"00-{TRACE}-{PARENT[1:]}-01",
    "parent no digits": f"00-{TRACE}-.{PARENT[1:]}-01",
    "parent in capitals": f"00-{TRACE}-{PARENT.upper()}-01",
    "flags no digits": f"00-{TRACE}-{PARENT}-.0",
    "flags in capitals": f"00-{TRACE}-{PARENT}-0A",
    "flags too short": f"00-{TRACE}-{PARENT}-1",
    "flags too long": f"00-{TRACE}-{PARENT}-001",
    "no flags": f"00-{TRACE}-{PARENT}",
    "other separators": GOOD.replace("-", "_"),
    "a list": f"{GOOD}, {GOOD}",
    "in quotes": f'"{GOOD}"',
    "empty": "",
    "a kilobyte": "0" * 1024,
    "high bytes": GOOD[:-1] + "\xb9",
}


@pytest.mark.parametrize("value", KEPT.values(), ids=KEPT.keys())
def test_a_trace_goes_on(site, way, value):
    for seen in copies(site, way, ("traceparent", value), ("tracestate", "congo=t61rcWkgMzE,rojo=1")):
        assert parts(seen)[0] == value[3:35]
        assert states(seen) == ["congo=t61rcWkgMzE", "rojo=1"]


@pytest.mark.parametrize("value", REPLACED.values(), ids=REPLACED.keys())
def test_what_is_no_trace_is_replaced_with_its_state(site, way, value):
    """Section 4.3: "the vendor MUST NOT use the tracestate" of a trace it has begun anew."""
    found = copies(site, way, ("traceparent", value), ("tracestate", "congo=1"))
    for seen in found:
        trace, parent, _ = parts(seen)
        assert trace.lower() != TRACE and parent != PARENT and not states(seen)
    assert parts(found[0])[0] == parts(found[1])[0], "the mirror's copy is of the same trace"


def test_a_state_without_a_trace_goes_nowhere(site, way):
    for seen in copies(site, way, ("tracestate", "congo=1")):
        assert parts(seen)[0] != TRACE and not states(seen)


@pytest.mark.parametrize("second", [GOOD, f"00-{TRACE[::-1]}-{PARENT}-01", "broken"], ids=["same", "other", "broken"])
def test_two_traces_are_none(site, way, second):
    for seen in copies(site, way, ("traceparent", GOOD), ("traceparent", second), ("tracestate", "congo=1")):
        assert parts(seen)[0] not in (TRACE, TRACE[::-1]) and not states(seen)


@pytest.mark.parametrize("name", ["TraceParent", "TRACEPARENT", "tRaCePaReNt"])
def test_names_in_any_case_and_blanks_around_values(site, name):
    for seen in copies(site, HTTP1, (name, f"  \t{GOOD} \t "), ("TRACESTATE", "a=1")):
        assert parts(seen)[0] == TRACE and states(seen) == ["a=1"]


@pytest.mark.parametrize("name", ["trace-parent", "trace.parent", "trace_parent"])
def test_names_that_only_look_like_it(site, way, name):
    for seen in copies(site, way, (name, GOOD)):
        assert parts(seen)[0] != TRACE


MEMBERS = {
    "two fields": (["a=1", "b=2"], ["a=1", "b=2"]),
    "the order of fields": (["c=3,a=1", "b=2"], ["c=3", "a=1", "b=2"]),
    "an empty field before": (["", "a=1"], ["a=1"]),
    "an empty field behind": (["a=1", ""], ["a=1"]),
    "blanks between": (["a=1 \t , \t b=2"], ["a=1", "b=2"]),
    "empty members": (["a=1,,b=2,"], ["a=1", "b=2"]),
    "tenants": (["fw529a3039@dt=FfffffffC,t61@v=0f"], ["fw529a3039@dt=FfffffffC", "t61@v=0f"]),
    "all characters": (["a0_-*/@b0_-*/=" + "".join(map(chr, range(0x21, 0x7F))).replace(",", "").replace("=", "")],
                       None),
    "thirty-two": ([",".join(f"k{index}=1" for index in range(32))], [f"k{index}=1" for index in range(32)]),
    "512 characters": (["a=" + "x" * 256 + ",b=" + "y" * 251], ["a=" + "x" * 256, "b=" + "y" * 251]),
}


@pytest.mark.parametrize("given, expected", MEMBERS.values(), ids=MEMBERS.keys())
def test_states(site, way, given, expected):
    expected = expected or given
    for seen in copies(site, way, ("traceparent", GOOD), *(("tracestate", value) for value in given)):
        assert parts(seen)[0] == TRACE and states(seen) == expected


BROKEN = ["a", "=1", "A=1", "a b=1", "a=1;b", "@a=1", "a=\x80", "a" * 300 + "=1", "a=" + "x" * 300, "a=1,a=2",
          ",".join(f"k{index}=1" for index in range(33)), "x=" + "y" * 20000]


@pytest.mark.parametrize("state", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_state_does_not_break_the_trace(site, plain, state):
    """It may go or stay as it came; nothing else may come of it."""
    given = [item.strip() for item in state.split(",")]
    for seen in copies(site, plain, ("traceparent", GOOD), ("tracestate", state)):
        assert parts(seen)[0] == TRACE and states(seen) in ([], given)


@pytest.mark.parametrize("name", ["traceparent", "tracestate"])
def test_what_is_meant_for_this_hop_alone_ends_here(site, name):
    """`Connection` names it: the endpoint gets none of the client's."""
    for seen in copies(site, HTTP1, ("Connection", name), ("traceparent", GOOD), ("tracestate", "a=1")):
        parts(seen)
        assert not states(seen), "a state belongs to its trace"


def test_each_request_has_a_trace_of_its_own(site, way):
    site.clear()
    with way.connect(site.gateway) as client:
        for _ in range(50):
            assert client.ask("/v2/models/m").is_good
    traces = [parts(seen)[0] for seen in site["main"].wait_requests(50)]
    assert len(set(traces)) == 50


def test_a_call_in_the_middle_of_a_trace_has_no_state_of_the_one_before(site, way):
    """Exchanges are used again."""
    site.clear()
    with way.connect(site.gateway) as client:
        for fields in ([("traceparent", GOOD), ("tracestate", "a=1")], [], [("tracestate", "b=1")]):
            assert client.ask("/v2/models/m", *fields).is_good
    first, second, third = site["main"].wait_requests(3)
    assert states(first) == ["a=1"] and not states(second) and not states(third)
    assert len({parts(seen)[0] for seen in (first, second, third)}) == 3


@pytest.mark.parametrize("fields", [[("traceparent", GOOD), ("tracestate", "a=1")], []], ids=["given", "made"])
def test_every_try_is_of_one_trace(site, plain, fields):
    site.clear()
    for _ in range(8):
        assert site.ask(plain, "/tried", *fields, method="GET").is_good
        if site["busy"].requests:
            break
    failed = site["busy"].wait_requests()[0]
    again = next(seen for seen in reversed(site["spare"].wait_requests())
                 if seen.get("x-request-id") == failed.get("x-request-id"))
    assert parts(failed)[0] == parts(again)[0] and (not fields or parts(again)[0] == TRACE)
    assert states(failed) == states(again) == (["a=1"] if fields else [])
