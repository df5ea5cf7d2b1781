"""The arithmetic of the dashboard: its pure modules, run in the browser that runs them for operators."""

import http.server
import json
import random
import re
import threading

import pytest

from support.browser import Browser
from support.gateway import REPOSITORY

WEB = REPOSITORY / "Sources/CDashboard/web"


class Files(http.server.SimpleHTTPRequestHandler):
    """The files as they are, and an empty page to load modules from."""

    def __init__(self, *arguments):
        super().__init__(*arguments, directory=str(WEB))

    def do_GET(self):
        if self.path != "/empty":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """Evaluates an expression in which `m` is a module, such as `weights.js`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with Browser(tmp_path_factory.mktemp("profile")) as browser:
            browser.open(f"http://127.0.0.1:{server.server_port}/empty")

            def evaluate(name: str, expression: str, *arguments):
                result = browser.driver.execute_async_script(
                    "const done = arguments[arguments.length - 1]; const a = JSON.parse(arguments[2]);"
                    "import('/' + arguments[0]).then(m => done({ value: Function('m', 'a', 'return ' + arguments[1])(m, a) }))"
                    ".catch(error => done({ error: String(error) }))",
                    name, expression, json.dumps(arguments))
                assert "error" not in result, result["error"]
                return result["value"]

            yield evaluate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- weights


@pytest.mark.parametrize("base, index, value, after", [
    ([80, 20], 1, 50, [50, 50]),
    ([80, 20], 0, 100, [100, 0]),
    ([100, 0], 1, 30, [70, 30]),
    ([50, 30, 20], 0, 75, [75, 15, 10]),
    ([50, 30, 20], 0, 0, [0, 60, 40]),
    ([0, 0, 100], 2, 50, [25, 25, 50]),
    ([1, 1, 1], 0, 2, [2, 1, 0]),
    ([80, 20], 0, 1000, [100, 0]),
    ([80, 20], 0, -5, [0, 100]),
    ([7], 0, 3, [7]),
])
def test_a_slider_keeps_the_sum(module, base, index, value, after):
    assert module("weights.js", "m.moved(...a)", base, index, value) == after


def test_whatever_moves_the_sum_stays(module):
    dice = random.Random(7)
    cases = [
        [weights := [dice.choice([0, 1, 3, 10, 333, 999_999]) for _ in range(dice.randint(2, 9))],
         dice.randrange(len(weights)), dice.randint(0, sum(weights))]
        for _ in range(300)
    ]
    for (base, index, value), after in zip(cases, module("weights.js", "a[0].map(c => m.moved(...c))", cases)):
        assert sum(after) == sum(base) and after[index] == value, (base, index, value, after)
        assert all(isinstance(one, int) and one >= 0 for one in after), after
        # Nobody gains while the others lose.
        towards = sum(base) - base[index] <= sum(base) - value
        assert all((new >= old - 1 if towards else new <= old + 1)
                   for place, (old, new) in enumerate(zip(base, after)) if place != index), (base, index, value, after)


def test_weights_of_blue_and_green(module):
    assert module("weights.js", "m.allTo([80, 20], 1)") == [0, 100]
    assert module("weights.js", "m.scaled([2, 1], 100)") == [67, 33]
    assert module("weights.js", "m.shares([0, 0])") == [0, 0]
    assert module("weights.js", "m.changes(['a', 'b', 'c'], [1, 2, 3], [1, 3, 2])") == {"b": 3, "c": 2}


# --- layout

COLUMNS = [{"x": index * 300, "width": 200} for index in range(5)]


def graph(routes: int, backends: int, seed: int = 1):
    dice = random.Random(seed)
    nodes = [{"id": f"{layer}.{index}", "layer": layer, "height": dice.choice([40, 60, 90])}
             for layer, count in enumerate([1, 2, routes, backends, backends * 2]) for index in range(count)]
    edges = [("0.0", "1.0"), ("0.0", "1.1")]
    edges += [(f"1.{dice.randrange(2)}", f"2.{route}") for route in range(routes)]
    edges += [(f"2.{route}", f"3.{backend}") for route in range(routes)
              for backend in dice.sample(range(backends), min(2, backends))]
    edges += [(f"3.{index // 2}", f"4.{index}") for index in range(backends * 2)]
    return nodes, [{"id": f"{start}>{end}", "from": start, "to": end} for start, end in edges]


def test_crossings_are_counted(module):
    order = [[{"id": "a"}, {"id": "b"}], [{"id": "x"}, {"id": "y"}]]
    cross = [{"from": "a", "to": "y"}, {"from": "b", "to": "x"}]
    assert module("graph/layout.js", "m.crossings(...a)", order, cross) == 1
    assert module("graph/layout.js", "m.crossings(...a)", order, cross[:1]) == 0


def test_what_can_be_untangled_is(module):
    nodes = [{"id": name, "layer": layer, "height": 40} for layer, names in enumerate(["abc", "xyz"]) for name in names]
    edges = [{"id": start + end, "from": start, "to": end} for start, end in ("az", "by", "cx")]
    order = module("graph/layout.js", "m.ordered(a[0], a[1], 2, new Set([0]))", nodes, edges)
    assert [[node["id"] for node in layer] for layer in order] == [["a", "b", "c"], ["z", "y", "x"]]


@pytest.mark.parametrize("routes, backends", [(1, 1), (6, 3), (40, 8), (200, 12)])
def test_order_has_fewer_crossings_and_places_do_not_overlap(module, routes, backends):
    nodes, edges = graph(routes, backends)
    order = module("graph/layout.js", "m.ordered(a[0], a[1], 5)", nodes, edges)
    naive = [[node for node in nodes if node["layer"] == layer] for layer in range(5)]
    count = lambda one: module("graph/layout.js", "m.crossings(...a)", one, edges)
    assert count(order) <= count(naive)
    assert sorted(node["id"] for layer in order for node in layer) == sorted(node["id"] for node in nodes)
    kept = module("graph/layout.js", "m.ordered(a[0], a[1], 5, new Set([2]))", nodes, edges)
    assert kept[2] == naive[2], "a fixed layer keeps its order"

    for sight in ({"top": 0, "bottom": 800}, {"top": 700, "bottom": 1500}):
        result = module(
            "graph/place.js",
            "(r => ({ boxes: Object.fromEntries(r.boxes), curves: Object.fromEntries(r.curves), height: r.height, tall: r.tall }))"
            "(m.placed(a[0], a[1], { columns: a[2], gap: 10, height: 800, sight: a[3] }))",
            order, edges, COLUMNS, sight)
        for layer in order:
            boxes = [result["boxes"][node["id"]] for node in layer]
            for above, below in zip(boxes, boxes[1:]):
                assert above["y"] + above["height"] <= below["y"] + 0.5 + 1, (above, below)
        assert result["tall"] == (routes >= 40)
        assert len(result["curves"]) == len(edges) if not result["tall"] else 0 < len(result["curves"]) < len(edges)
        if result["tall"] and backends <= 8:
            # What does not scroll stays in sight.
            for node in order[3]:
                box = result["boxes"][node["id"]]
                assert sight["top"] <= box["y"] and box["y"] + box["height"] <= sight["bottom"]


def test_labels_that_can_avoid_each_other_do(module):
    curve = {"x1": 0, "y1": 50, "x2": 400, "y2": 50}
    labels = [{"id": str(index), "curve": curve, "width": 80, "height": 20, "tries": [0.5, 0.25, 0.75]} for index in range(3)]
    spots = module("graph/curves.js", "[...m.placeLabels(a[0]).values()].map(b => b.x)", labels)
    spots.sort()
    assert all(right - left >= 80 for left, right in zip(spots, spots[1:])), spots


def test_columns_fit_from_a_tablet_to_a_wall(module):
    for width, type_size in ((980, 14), (1400, 14), (2500, 21), (3800, 29)):
        plan = module("graph/columns.js", "m.columns(...a)", width, type_size, True)
        columns = plan["columns"]
        assert plan["width"] <= width + 1, (width, plan)
        assert all(left["x"] + left["width"] < right["x"] for left, right in zip(columns, columns[1:]))
        assert columns[-1]["x"] + columns[-1]["width"] <= plan["width"] + 1


# --- numbers


@pytest.mark.parametrize("call, text", [
    ("rate(0)", "0"), ("rate(0.01)", "<0.1"), ("rate(4.23)", "4.2"), ("rate(87.4)", "87"), ("rate(1234)", "1.2k"),
    ("rate(NaN)", "0"), ("count(999.6)", "1.0k"), ("count(34567)", "35k"), ("count(5.6e6)", "5.6M"), ("count(undefined)", "–"),
    ("percent(0)", "0 %"), ("percent(0.0002)", "<0.1 %"), ("percent(0.012)", "1.2 %"), ("percent(0.8)", "80 %"),
    ("percent(0.9997)", ">99.9 %"), ("percent(1)", "100 %"), ("percent(0.0999)", "10 %"),
    ("duration(0.0000004)", "1 µs"), ("duration(0.00034)", "340 µs"), ("duration(0.0042)", "4.2 ms"), ("duration(0.087)", "87 ms"),
    ("duration(1.23)", "1.2 s"), ("duration(59.6)", "60 s"), ("duration(180)", "3 min"), ("duration(undefined)", "–"),
    ("pair(0.0042, 0.011)", "4.2 / 11 ms"), ("pair(0.9, 1.2)", "900 ms / 1.2 s"),
    ("span(12000)", "3 h 20 min"), ("bytes(148000000)", "141 MiB"), ("bytes(12)", "12 B"),
    ("shellQuoted(\"it's\")", "'it'\\''s'"), ("shellQuoted('http://a:1/b')", "http://a:1/b"), ("shellQuoted('$(x)')", "'$(x)'"),
    ("safeLink('http://127.0.0.1:16686/trace/1')", "http://127.0.0.1:16686/trace/1"), ("safeLink('javascript:alert(1)')", None),
    ("safeLink('data:text/html,x')", None), ("safeLink('not a link')", None),
])
def test_numbers_read_well(module, call, text):
    assert module("format.js", f"m.{call}") == text


def test_addresses_of_pages(module):
    name = "a/b <img src=x onerror=alert(1)>%"
    place = module("router.js", "m.parse(m.routeLink(a[0]))", name)
    assert place == {"view": "graph", "panel": {"kind": "route", "names": [name]}, "query": {}}
    place = module("router.js", "m.parse(m.endpointLink('stable', '[::1]:8000'))")
    assert place["panel"] == {"kind": "endpoint", "names": ["stable", "[::1]:8000"]}
    assert module("router.js", "m.parse('#/requests?route=infer')") == {"view": "requests", "panel": None, "query": {"route": "infer"}}
    assert module("router.js", "m.parse('#/no%zz/such')")["view"] == "graph"


def test_curves_leave_gaps_where_nothing_is_known(module):
    drawn = module("sparkline.js", "m.paths([1, 2, null, 4], 4)")
    assert drawn["line"].count("M") == 2 and drawn["area"].count("Z") == 2
    assert "NaN" not in module("sparkline.js", "m.paths([0, 0], 0).line")


# --- the files


def test_every_file_is_in_the_binary_and_none_asks_elsewhere():
    listed = set(re.findall(r'#embed "web/([^"]+)"', (WEB.parent / "dashboard.c").read_text()))
    files = {str(path.relative_to(WEB)) for path in WEB.rglob("*") if path.is_file()}
    assert listed == files
    for name in files:
        text = (WEB / name).read_text()
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert forbidden not in text, f"{name} uses {forbidden}"
        addresses = set(re.findall(r"https?://[\w.:/]+", text)) - {"http://www.w3.org/2000/svg", "http://127.0.0.1:16686/trace/"}
        assert not addresses, f"{name} names {addresses}"
