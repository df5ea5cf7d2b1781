"""The dashboard in a real Chromium, in front of live traffic: what it shows is so, and what it does happens."""

import http.client
import json
import re
import threading
import time

import pytest
from selenium.webdriver.common.keys import Keys

from support.browser import Browser
from support.gateway import Gateway, wait_until
from support.mock_upstream import MockUpstream
from support.rawhttp import answer

XSS = "<img src=x onerror=alert(1)>"
HOSTILE_PATH = "/v2/models/%3Cscript%3Ealert(2)%3C/script%3E/infer?<svg/onload=alert(3)>"
HOSTILE_HEADER = "\"><script>alert(4)</script>"

CONFIG = """
listeners: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${admin_port}" }
backends:
  stable: { endpoints: [{stable}] }
  canary: { endpoints: [{canary}] }
  shadow: { endpoints: [{shadow}] }
routes:
  - name: infer
    match: [{ path: { prefix: /v2 } }]
    backends:
      - { name: stable, weight: 80 }   # what everybody gets
      - { name: canary, weight: 20 }   # what is tried
    mirrors: [{ backend: shadow, percent: 100 }]
  - name: "<img src=x onerror=alert(1)>"
    match: [{ path: { prefix: /hostile } }]
    backends: [{ name: stable, as: "<b onclick=alert(5)>" }]
  - name: ping
    match: [{ path: { exact: /ping } }]
    respond: { status: 200, body: pong }
"""

PAGE = "/#/graph"
# A route and its entry are joined by a line break.
CANARY = '[data-label="entry:infer\\a canary"]'
RATE_PAUSE_SECONDS = 0.01


class Load:
    """Requests one after the other, some of them hostile and some that fail, until it is stopped."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        number = 0
        while not self.stopping.wait(RATE_PAUSE_SECONDS):
            connection = http.client.HTTPConnection(self.gateway.host, self.gateway.port, timeout=5)
            try:
                for _ in range(50):
                    number += 1
                    path = HOSTILE_PATH if number % 40 == 0 else "/v2/models/fail/infer" if number % 25 == 0 else "/v2/models/m/infer"
                    if number % 60 == 0:
                        path = "/hostile/" + XSS.replace(" ", "%20")
                    connection.request("POST", path, b"{}", {"x-request-id": HOSTILE_HEADER, "user-agent": XSS})
                    connection.getresponse().read()
                    if self.stopping.wait(RATE_PAUSE_SECONDS):
                        return
            except (OSError, http.client.HTTPException):
                # The gateway is stopped by a test; it comes back.
                continue
            finally:
                connection.close()

    def stop(self):
        self.stopping.set()
        self.thread.join()


def reply(request, _connection):
    wrong = "fail" in request.target or "script" in request.target
    return answer(b"{}", "500 Internal Server Error" if wrong else "200 OK")


class Site:
    def __init__(self, folder):
        self.upstreams = {name: MockUpstream(reply) for name in ("stable", "canary", "shadow")}
        self.gateway = Gateway(self.config(), folder / "gateway").start()
        self.load = Load(self.gateway)
        self.browser = Browser(folder / "profile")

    def config(self, text: str = CONFIG) -> str:
        for name, upstream in self.upstreams.items():
            text = text.replace("{%s}" % name, upstream.address)
        return text

    def file(self) -> str:
        return self.gateway.config_path.read_text()

    def share_of_canary(self, requests: int = 100) -> float:
        """Of the next requests, as the endpoints themselves count them."""
        counts = lambda: {name: len(self.upstreams[name].requests) for name in ("stable", "canary")}
        before = counts()
        wait_until(lambda: sum(counts().values()) - sum(before.values()) >= requests, 60, f"{requests} requests")
        after = counts()
        canary = after["canary"] - before["canary"]
        return canary / (canary + after["stable"] - before["stable"])

    def shown_share(self) -> float | None:
        """Of the canary, as the graph says."""
        found = re.search(r"(\d+(?:\.\d+)?) %", self.browser.text(CANARY))
        return float(found[1]) / 100 if found else None

    def open(self, place: str = PAGE) -> Browser:
        self.browser.open("about:blank")
        self.browser.open(self.gateway.admin_url + place)
        self.browser.wait_text(".stream", "live")
        return self.browser

    def stop(self):
        self.browser.driver.quit()
        self.load.stop()
        try:
            self.gateway.stop()
        finally:
            for upstream in self.upstreams.values():
                upstream.stop()


@pytest.fixture(scope="module")
def _site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("dashboard"))
    yield site
    site.stop()


@pytest.fixture
def site(_site):
    """Live traffic with a page beside it; the page must not have complained, nor asked anybody else, nor run anything."""
    _site.allowed_complaints = []
    yield _site
    browser = _site.browser
    browser.look_back()
    assert browser.script("return document.querySelectorAll('img[src=x], svg[onload], b[onclick]').length") == 0
    allowed = _site.allowed_complaints
    assert not [one for one in browser.complaints if not any(re.search(part, one) for part in allowed)]
    assert browser.asked <= {_site.gateway.admin_url}, browser.asked
    browser.complaints.clear()
    _site.gateway.check_alive()


def near(value: float | None, wanted: float, most: float = 0.12) -> bool:
    return value is not None and abs(value - wanted) <= most


def set_weights(site, **weights: int) -> None:
    """As somebody else does, behind the page's back."""
    status, _, text = site.gateway.admin(
        "/api/v1/routes/infer/weights", "PUT", json.dumps(weights).encode(), {"Content-Type": "application/json"})
    assert status == 200, text


@pytest.fixture
def at_80_20(site):
    set_weights(site, stable=80, canary=20)
    return site


def test_graph_shows_the_split_of_live_traffic(at_80_20):
    site, page = at_80_20, at_80_20.open()
    wait_until(lambda: near(site.shown_share(), 0.2), 60, "the graph says that the canary gets a fifth")
    assert near(site.share_of_canary(), 0.2), "and so it does"
    page.wait(lambda: page.all(".edge.mirror:not(.still)"), "copies run along a dashed edge")
    page.wait_text('[data-label^="mirror:infer"]', "copy 100 %")
    page.wait_text('[data-node="listener:' + site.gateway.status()["listeners"][0]["name"] + '"]', "/s")
    page.wait(lambda: any("err" in text for text in page.texts(".label")), "errors show on an edge")
    assert page.all('[data-edge="answer:ping"]'), "a route that responds ends in the gateway"
    drawn = lambda: page.script(
        "const c = document.querySelector('canvas.dots'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)")
    page.wait(drawn, "dots run along the edges")


def test_table_says_what_the_graph_shows(at_80_20):
    page = at_80_20.open()
    page.click(".as-table summary")
    rows = lambda: [row for row in page.texts(".as-table tbody tr") if row.startswith("route inferbackend canary")]
    page.wait(lambda: rows() and "20 %" in rows()[0], "the table has the canary's row with the wanted share")


def test_slider_changes_file_and_split(at_80_20):
    site, page = at_80_20, at_80_20.open("/#/route/infer")
    number = page.one('input[aria-label="Weight of canary as a number"]')
    page.wait(lambda: number.get_attribute("value") == "20", "the present weight is loaded")
    slider = page.one('input[type=range][aria-label="Weight of canary"]')
    slider.send_keys(*[Keys.ARROW_RIGHT] * 30)
    page.wait(lambda: number.get_attribute("value") == "50", "thirty steps to the right")
    other = page.one('input[type=range][aria-label="Weight of stable"]')
    assert other.get_attribute("value") == "50", "the other gives what this one takes"
    assert "canary 50 %" in page.one(".shares.preview .share-bar").get_attribute("aria-label")
    assert "weight: 20 }   # what is tried" in site.file(), "nothing is changed before it is applied"

    page.click(".split .actions button", "Apply")
    wait_until(lambda: "weight: 50 }   # what is tried" in site.file(), 30, "the file has the weight, and its comment")
    wait_until(lambda: near(site.share_of_canary(), 0.5), 60, "the split follows")
    wait_until(lambda: near(site.shown_share(), 0.5), 60, "and the graph")
    assert site.gateway.status()["routes"][0]["backends"][1]["weight"] == 50

    page.click(".split .actions button", "Undo")
    wait_until(lambda: "weight: 20 }   # what is tried" in site.file(), 30, "one step back")
    page.wait(lambda: number.get_attribute("value") == "20", "the page as well")

    page.open(site.gateway.admin_url + "/#/changes")
    page.wait(lambda: any("undid the weights of infer" in text for text in page.texts(".changes li")), "the changes tell of it")


def test_swap_of_blue_and_green(at_80_20):
    site, page = at_80_20, at_80_20.open("/#/route/infer")
    page.click(".swaps button", "All to canary")
    wait_until(lambda: near(site.share_of_canary(40), 1, 0.001), 60, "everything goes to the canary")
    page.click(".swaps button", "All to stable")
    wait_until(lambda: near(site.share_of_canary(40), 0, 0.001), 60, "and back")


def test_change_by_somebody_else_is_a_conflict(at_80_20):
    site, page = at_80_20, at_80_20.open("/#/route/infer")
    site.allowed_complaints = ["status of (409|412)"]
    number = page.one('input[aria-label="Weight of canary as a number"]')
    page.wait(lambda: number.get_attribute("value") == "20", "the present weight is loaded")
    number.send_keys(Keys.CONTROL, "a")
    number.send_keys("33", Keys.ENTER)
    page.wait(lambda: "33" in page.text(".slider:nth-child(2) .difference"), "the wanted weight shows beside the present one")
    set_weights(site, stable=60, canary=40)
    page.wait(lambda: page.all(".conflict:not([hidden])"), "the page says that somebody was faster")
    assert "weight: 40" in site.file()
    page.click(".conflict button", "Load the present weights")
    page.wait(lambda: number.get_attribute("value") == "40", "the present weights are loaded")


def test_rejected_reload_shows(at_80_20):
    site, page = at_80_20, at_80_20.open()
    site.allowed_complaints = []
    good = site.file()
    site.gateway.config_path.write_text(good + f'\n"{XSS}": 1\n')
    try:
        page.wait_text(".banner", "The last reload was rejected")
        page.wait(lambda: XSS in page.text(".banner"), "with what is wrong")
        page.wait_text(".top", "reload rejected")
        page.wait(lambda: page.text("#announce"), "and a screen reader hears of it")
    finally:
        site.gateway.config_path.write_text(good)
    page.wait(lambda: not page.all(".banner"), "the banner goes with the next good reload")


def test_what_clients_sent_stays_text(at_80_20):
    site, page = at_80_20, at_80_20.open("/#/requests")
    page.wait(lambda: any("<svg/onload=alert(3)>" in text for text in page.texts(".requests .path")), "a hostile path is listed as text")
    page.click('[role=tab]', "Slowest")
    page.wait(lambda: page.all(".requests tbody tr"), "slow requests are listed")
    page.open(site.gateway.admin_url + PAGE)
    page.wait(lambda: any(XSS in text for text in page.texts(".node.route .name")), "a hostile route name is text")
    page.click(".node.route", XSS)
    page.wait_text(".panel h2", XSS)
    page.wait_text(".slider .entry", "<b onclick=alert(5)>")
    page.click(".panel-head button")


def test_requests_lead_to_their_traces(at_80_20):
    page = at_80_20.open("/#/requests")
    page.wait(lambda: page.all(".requests tbody tr"), "errors are listed")
    page.click(".trace-link summary")
    field = page.one(".trace-link input")
    field.clear()
    field.send_keys("javascript:alert('{traceId}')", Keys.ENTER)
    page.wait_text(".trace-link [role=status]", "http or https")
    page.script("localStorage.clear()")


def test_drain_and_undrain(at_80_20):
    site, page = at_80_20, at_80_20
    address = site.upstreams["shadow"].address
    page = site.open(f"/#/endpoint/shadow/{address.replace(':', '%3A')}")
    page.click(".panel .actions button", "Drain")
    page.wait_text(".panel .question", "Drain")
    page.click(".panel .actions .danger", "Drain")
    page.wait_text(".health", "draining")
    page.click(".panel .actions button", "Undrain")
    page.click(".panel .actions .danger", "Undrain")
    page.wait_text(".health", "up")


def test_by_keyboard_alone(at_80_20):
    page = at_80_20.open()
    page.wait(lambda: page.all(".node.route"), "the graph is there")
    page.press("TAB")
    assert page.focused() == "Skip to the content"
    page.press("/")
    assert page.focused() == "Filter routes"
    page.press(*"ping")
    page.wait(lambda: len(page.all(".node.route")) == 1, "only one route is left")
    page.press("ESCAPE")
    page.wait(lambda: len(page.all(".node.route")) == 3, "all are back")
    for _ in range(10):
        page.press("TAB")
        if page.script("return Boolean(document.activeElement.closest('.boxes'))"):
            break
    assert page.script("return Boolean(document.activeElement.closest('.boxes'))"), page.focused()
    for _ in range(4):
        page.press("ARROW_RIGHT")
        if page.focused().startswith("Route"):
            break
    while "Route infer" not in page.focused():
        before = page.focused()
        page.press("ARROW_UP")
        assert page.focused() != before, "the arrows reach every route"
    page.press("ENTER")
    page.wait_text(".panel h2", "infer")
    page.press("ESCAPE")
    page.wait(lambda: not page.one("#panel").is_displayed(), "Escape closes the panel")
    assert page.focused().startswith("Route infer"), "and the keyboard is where it was"


def test_pause_keeps_the_page_as_it_is(at_80_20):
    page = at_80_20.open()
    page.click('[aria-label="Pause"]')
    page.wait_text(".stream", "paused")
    before = page.text(".tile b")
    time.sleep(1.5)
    assert page.text(".tile b") == before
    page.click('[aria-label="Go on"]')
    page.wait_text(".stream", "live")


def test_other_pages(at_80_20):
    site, page = at_80_20, at_80_20.open("/#/config")
    page.wait_text(".facts-list", str(site.gateway.config_path))
    page.open(site.gateway.admin_url + "/#/models")
    page.wait(lambda: page.all(".models, .nothing, .note"), "the models, or why there are none")
    for link, heading in (("Requests", "Requests"), ("Changes", "Changes"), ("Configuration", "Configuration"), ("Graph", "Live graph")):
        page.click(".pages a", link)
        page.wait_text("h1", heading)


def test_page_comes_back_after_a_restart(at_80_20):
    site, page = at_80_20, at_80_20.open()
    site.allowed_complaints = ["net::ERR_"]
    site.gateway.stop()
    page.wait_text(".stream", "no connection")
    site.gateway.start()
    page.wait_text(".stream", "live", 60)
    wait_until(lambda: near(site.shown_share(), 0.2), 60, "the graph lives again")


def test_read_only(at_80_20):
    site, page = at_80_20, at_80_20
    site.gateway.replace_config(site.file().replace('admin: { address: "', 'admin: { readOnly: true, address: "'))
    try:
        page = site.open("/#/route/infer")
        page.wait_text(".top", "read only")
        page.wait_text(".split .note", "read only")
        page.wait(lambda: page.all(".slider input"), "the weights show")
        assert not page.all(".slider input:enabled") and not page.all(".steer button:enabled")
        page.open(site.gateway.admin_url + f"/#/endpoint/canary/{site.upstreams['canary'].address.replace(':', '%3A')}")
        page.wait_text(".health-part .actions", "read only")
        assert not page.all(".health-part .actions button:enabled")
    finally:
        site.gateway.replace_config(site.file().replace("readOnly: true, ", ""))
        wait_until(lambda: not site.gateway.status()["readOnly"], 30, "the gateway can be steered again")
