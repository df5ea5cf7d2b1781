"""Ten thousand routes: what a reload and a hostile request cost then. In processor time, which a busy machine hardly
changes.
"""

import pytest

from support.gateway import Gateway, settle
from support.rawhttp import Client, build

COUNT = 10_000
# Of the processor, for `REQUESTS` of them; they took 10 to 16 s where each route made a list of its own, and take 2 s at
# the most.
REQUESTS = 20
LIMIT = 5


def config(conditions: str, loops: int = 1, body: str = "") -> str:
    """`COUNT` routes; `#` in the conditions stands for a number."""
    line = f"match: [{{ {conditions} }}], respond: {{ status: 200, body: 'x{body}' }} }}\n"
    routes = (f"  - {{ name: 'a-namespace/a-service-{number}/0', {line.replace('#', str(number))}" for number in range(COUNT))
    return f"loops: {loops}\nroutes:\n" + "".join(routes)


def test_a_reload_costs_what_a_start_does(tmp_path):
    """On each loop the routes before are found by their names, and not by going through them."""
    with Gateway(config("path: { prefix: '/s/#' }", loops=8), tmp_path) as gateway:
        start = settle(gateway.cpu_seconds)
        # Renamed into its place: of a file that is being written a part would be loaded too.
        gateway.replace_config(config("path: { prefix: '/s/#' }", loops=8, body="2"))
        assert gateway.reload()[0] == 200
        reload = settle(gateway.cpu_seconds) - start
        # Twice as much where the machine is busy; it was four times.
        assert reload < 2.5 * start, (reload, start)


@pytest.mark.parametrize("conditions, hostile", [
    ("headers: { x-tenant: 't#' }", build("GET", "/", "test", *["x-tenant: " + "t" * 480] * 120)),
    ("headers: { x-tenant: { regex: 't#.*' } }", build("GET", "/", "test", *["x-tenant: " + "t" * 480] * 120)),
    ("query: { q: 't#' }", build("GET", "/?" + "&".join(["%71q=b"] * 1150), "test")),
], ids=["fields", "fields by pattern", "parameters"])
def test_no_request_costs_a_second(tmp_path, conditions, hostile):
    """What all routes ask for, as often as fits into a request."""
    with Gateway(config(conditions), tmp_path) as gateway, Client(gateway.host, gateway.port, timeout=60) as client:
        before = settle(gateway.cpu_seconds)
        for _ in range(REQUESTS):
            assert client.exchange(hostile).status == 404
        assert gateway.cpu_seconds() - before < LIMIT
