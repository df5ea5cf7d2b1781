"""Reads `GET /api/v1/events` as a browser does, field by field."""

import json

from support.rawhttp import Client, build

# One event a second on an idle machine.
PATIENCE = 30
# What the entries of each list of `traffic` go by.
KEYS = {
    "listeners": ("name",), "routes": ("name",), "entries": ("route", "as"), "mirrors": ("route", "backend"),
    "backends": ("name",), "endpoints": ("backend", "address"),
}


class Event:
    def __init__(self, fields: dict):
        self.id, self.name, self.retry = int(fields["id"]), fields["event"], fields.get("retry")
        self.data = json.loads(fields["data"])


class Events:
    """A stream of events; `client` is the connection."""

    def __init__(self, port: int, *fields: str, version: str = "1.1", client: Client | None = None):
        self.client = client or Client("127.0.0.1", port, timeout=PATIENCE)
        request = build("GET", "/api/v1/events", "localhost", "Accept: text/event-stream", *fields)
        self.client.send(request.replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
        self.start = self.client.reader.line("status line").decode()
        self.status = int(self.start.split()[1])
        self.head = {}
        while line := self.client.reader.line("header"):
            name, _, value = line.decode().partition(": ")
            assert self.head.setdefault(name.lower(), value) is value, f"{name} twice"

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *_) -> None:
        self.client.close()

    def next(self) -> Event:
        fields = {}
        while line := self._line():
            name, _, value = line.partition(": ")
            assert name in ("id", "event", "retry", "data") and name not in fields, line
            fields[name] = value
        return Event(fields)

    def _line(self) -> str:
        reader = self.client.reader
        while (end := reader.buffer.find(b"\n")) < 0:
            assert reader.fill(), "the stream has ended"
        line = bytes(reader.buffer[:end])
        del reader.buffer[: end + 1]
        return line.decode()

    def until(self, condition, count: int = 60) -> Event:
        """The first event for which that is true."""
        for _ in range(count):
            if condition(event := self.next()):
                return event
        raise AssertionError(f"not within {count} events")

    def ends(self, seconds: float = PATIENCE) -> None:
        """It ends, and in the middle of nothing."""
        rest = self.client.rest(seconds)
        assert rest == b"" or rest.endswith(b"\n\n"), rest[-100:]


class Picture:
    """What a page knows: everything of the first event, and what the others have changed."""

    def __init__(self, event: Event):
        assert event.name == "state"
        self.sequence, self.status = event.id, event.data["status"]
        self.traffic = {name: {} for name in KEYS}
        self._merge(event.data["traffic"])

    def add(self, event: Event) -> None:
        assert event.name == "delta" and event.id == self.sequence + 1 == event.data["sequence"]
        self.sequence, self.status = event.id, event.data.get("status", self.status)
        self._merge(event.data.get("traffic", {}))

    def _merge(self, traffic: dict) -> None:
        for name, items in traffic.items():
            for item in items:
                self.traffic[name][tuple(item[key] for key in KEYS[name])] = item
