"""The rows of the table: what is measured, of whom, and how good Sluice has to be."""

from dataclasses import dataclass

from balance import Balanced
from bench import Subject
from h2load import Streams
from handshakes import Handshakes
from load import Load
from measure import ClosedLoop, Idle, Loaded, OpenLoop, Start
from peers import OTHERS as OTHER_ROUTES
from peers import PEERS
from protocols import BALANCE, GRPC, H1, H2, HTTPS, QUEUES, Protocol
from queues import BY_QUEUE, BY_REQUEST, Queues
from streams import Multiplexed, OneStream
from watched import PAGES, UNWATCHED, WATCHED, SideBySide

OTHERS = ("nginx", "haproxy", "envoy")


def everyone(protocol: Protocol = H1, haproxy: tuple[tuple[str, str], ...] = ()) -> tuple[Subject, ...]:
    """The four, with settings for HAProxy: the only one that large bodies want set otherwise than small ones."""
    return tuple(
        Subject(peer.name, peer.name, haproxy if peer.name == "haproxy" else (), protocol=protocol)
        for peer in PEERS.values())


EVERYONE = everyone()
# peers/haproxy.cfg says what was tried.
LARGE = (("BUFSIZE", "65536"),)
FOR_LARGE = everyone(haproxy=LARGE)

# Room for every request that may be under way, so that no copy is spared.
MIRRORED = (("MIRRORS", "    mirrors:\n      - { backend: shadow, percent: 100, maxInFlight: 1024 }"),)


def with_routes(count: int) -> Subject:
    """That many routes, of which the last is used: nine of the job's own, and others in front of it.

    A third of those has a path of its own, a third a prefix, which begins like the one that is used, and a third a host.
    """
    kinds = (
        "match: [{ path: { exact: /v2/models/exact-@/infer } }]",
        "match: [{ path: { prefix: /v2/models/classify-@ } }]",
        "hosts: [model-@.example.com], match: [{ path: { prefix: /v2/models/classify } }]",
    )
    routes = [
        f"  - {{ name: other-{number}, {kinds[number % 3].replace('@', str(number))}, backends: [{{ name: stable }}] }}"
        for number in range(count - 10)]
    return Subject(f"{count:,} routes", "sluice", (("ROUTES", "\n".join(routes)), (OTHER_ROUTES, "9")))


FEW_AND_MANY = (with_routes(10), with_routes(10_000))


@dataclass(frozen=True)
class Goal:
    """`metric` of `subject` shall be at most `most` times that of the best of `against`.

    Without `most` it is reported only.
    """

    metric: str
    most: float | None
    subject: str = "sluice"
    against: tuple[str, ...] = OTHERS


@dataclass
class Row:
    name: str
    what: str
    measurement: ClosedLoop | OpenLoop | Idle | Start | Loaded | Multiplexed | OneStream | Handshakes | SideBySide | Queues
    goals: tuple[Goal, ...]
    subjects: tuple[Subject, ...] = EVERYONE


def cpu(most: float) -> tuple[Goal, ...]:
    return (Goal("cpu", most),)


def with_loops(name: str, count: int) -> Subject:
    return Subject(name, "sluice", (("LOOPS", f"loops: {count}"),), loops=count)


# Nearly all of it is the TLS library's: those that use the same one are the measure, and Envoy's is shown beside.
HANDSHAKE = (Goal("handshake", 1.0, against=("nginx", "haproxy")), Goal("handshake", None, against=("envoy",)))

SMALL = ClosedLoop(Load(connections=32))

# Those that count requests as Sluice does are the measure; nginx is shown beside.
BALANCED = (Goal("p99", 1.0, against=("haproxy", "envoy")), Goal("p99", None, against=("nginx",)))

# The same gateway without the numbers is shown beside.
BY_QUEUES = tuple(Goal(metric, 1.0, against=("haproxy", "envoy")) for metric in ("p99", "cheap99", "dear99")) + (
    Goal("p99", None, against=("leastRequest",)),)


def watched(name: str, size: str, load: Load) -> Row:
    return Row(
        name, f"POST of {size}, 32 connections, with everything off, and with {PAGES} dashboards, traces of 1 %, an access "
        "log and a scrape a second",
        SideBySide(load), (Goal("cpu", 1.05, WATCHED.name, (UNWATCHED.name,)),), (UNWATCHED, WATCHED))


ROWS = {
    row.name: row
    for row in (
        Row("small", "POST of 128 B, 32 connections", SMALL, cpu(0.9)),
        Row("medium", "POST of 4 KiB, 32 connections", ClosedLoop(Load(32, body=4 << 10)), cpu(0.9)),
        Row("one", "POST of 128 B, 1 connection", ClosedLoop(Load(1)), cpu(1.0)),
        Row("many", "POST of 128 B, 512 connections", ClosedLoop(Load(512)), cpu(1.0)),
        Row("large", "POST of 600 KiB, 8 connections", ClosedLoop(Load(8, body=600 << 10)), cpu(1.0), FOR_LARGE),
        Row("huge", "POST of 8 MiB, 4 connections", ClosedLoop(Load(4, body=8 << 20)), cpu(1.0), FOR_LARGE),
        Row("answers", "answers of 1 MiB, 8 connections", ClosedLoop(Load(8, answer=1 << 20)), cpu(1.0), FOR_LARGE),
        Row("connect", "a new connection for each POST of 128 B, 32 at once", ClosedLoop(Load(32, closes=True)),
            cpu(1.0)),
        Row("half", "POST of 128 B, 32 connections, at a fixed rate: half of the slowest proxy's most",
            OpenLoop(Load(32)), (Goal("p99", 1.0),)),
        # The same measurement as `small`, made once.
        Row("saturation", "POST of 128 B, 32 connections", SMALL, (Goal("p99", 1.0),)),
        Row("idle", "10,000 idle connections", Idle(10_000),
            (Goal("anonymous", 1.0, against=("nginx",)), Goal("connection", 1.0, against=("nginx",)))),
        Row("mirror", "POST of 128 B, 32 connections, with and without a mirror of all requests",
            ClosedLoop(Load(32)), (Goal("cpu", 2.2, "mirror", ("plain",)),),
            (Subject("plain", "sluice"), Subject("mirror", "sluice", MIRRORED))),
        Row("loops", "POST of 128 B, 32 connections for each event loop",
            ClosedLoop(Load(32), shared_cores=True),
            (Goal("cpu", 1.05, "2 loops", ("1 loop",)), Goal("cpu", 1.05, "4 loops", ("1 loop",))),
            (with_loops("1 loop", 1), with_loops("2 loops", 2), with_loops("4 loops", 4))),
        Row("h2", "HTTP/2 in, HTTP/1.1 out, POST of 128 B, 8 connections with 16 streams",
            Multiplexed(Streams(H2, 8, 16)), cpu(1.0), everyone(H2)),
        Row("conns1k", "HTTP/2 in, HTTP/1.1 out, POST of 128 B, 1,000 connections with one stream",
            Multiplexed(Streams(H2, 1000, 1)), cpu(1.0), everyone(H2)),
        Row("grpc", "gRPC, ModelInfer of 64 B, 8 connections with 16 streams", Multiplexed(Streams(GRPC, 8, 16)),
            cpu(1.0), everyone(GRPC)),
        Row("stream4m", "gRPC, one stream of 64 messages of 4 MiB", OneStream(Streams(GRPC, 1, 1), 64, 4 << 20),
            (Goal("mebibyte", 1.0),), everyone(GRPC, LARGE)),
        Row("tls128", "HTTPS, POST of 128 B, 32 connections", ClosedLoop(Load(32)), cpu(1.0), everyone(HTTPS)),
        Row("tls600k", "HTTPS, POST of 600 KiB, 8 connections", ClosedLoop(Load(8, body=600 << 10)), cpu(1.0),
            everyone(HTTPS, LARGE)),
        Row("tlsfull", "full TLS 1.3 handshakes, 32 at once", Handshakes(32, resumed=False), HANDSHAKE,
            everyone(HTTPS)),
        Row("tlsresumed", "resumed TLS 1.3 handshakes, 32 at once", Handshakes(32, resumed=True), HANDSHAKE,
            everyone(HTTPS)),
        Row("balance", "three endpoints that take 2, 2 and 20 ms, POST of 128 B, 32 connections",
            Balanced(Load(32)), BALANCED, everyone(BALANCE)),
        Row("balance8", "three endpoints that take 2, 2 and 20 ms, POST of 128 B, 8 connections", Balanced(Load(8)),
            BALANCED, everyone(BALANCE)),
        Row("leastqueue", "three Tritons of unequal speed, a model of 10 ms and one of 100 ms, at a fixed rate", Queues(),
            BY_QUEUES, (BY_QUEUE, BY_REQUEST, Subject("haproxy", "haproxy", protocol=QUEUES),
                        Subject("envoy", "envoy", protocol=QUEUES))),
        Row("routes", "POST of 128 B, 32 connections, with 10 routes and with 10,000", ClosedLoop(Load(32)),
            (Goal("cpu", 1.2, FEW_AND_MANY[1].name, (FEW_AND_MANY[0].name,)),), FEW_AND_MANY),
        Row("loaded", "from exec to the first answer, with 10 routes and with 10,000", Loaded(),
            (Goal("start", None, FEW_AND_MANY[1].name, (FEW_AND_MANY[0].name,)),
             Goal("anonymous", None, FEW_AND_MANY[1].name, (FEW_AND_MANY[0].name,))), FEW_AND_MANY),
        watched("watched", "128 B", Load(32)),
        watched("watched4k", "4 KiB", Load(32, body=4 << 10)),
        watched("watched64k", "64 KiB", Load(32, body=64 << 10)),
        Row("start", "from exec to the first answer, and the size of the program", Start(),
            (Goal("start", None), Goal("binary", None), Goal("stripped", None))),
    )
}
