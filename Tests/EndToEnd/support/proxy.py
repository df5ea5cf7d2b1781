"""A gateway and the endpoint behind it, as most tests use them."""

import itertools

from support.gateway import Gateway
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, get


class Proxy:
    """A gateway, the endpoint behind it, and short cuts."""

    def __init__(self, gateway: Gateway, upstream: MockUpstream):
        self.gateway = gateway
        self.upstream = upstream
        self._marks = itertools.count()

    def connect(self, **options) -> Client:
        return Client(self.gateway.host, self.gateway.port, **options)

    def send(self, data: bytes, method: str = "GET"):
        """One exchange on a connection of its own."""
        with self.connect() as client:
            return client.exchange(data, method)

    def requests_after_marker(self) -> list:
        """What the endpoint has been asked; nothing more is under way, since a request sent now has arrived."""
        path = f"/marker/{next(self._marks)}"
        assert self.send(get(path)).status == 200
        seen = self.upstream.wait_requests(1)
        assert seen[-1].target == path, [request.target for request in seen]
        return [request for request in seen if not request.target.startswith("/marker/")]
