"""What the gateway and the servers say about themselves: /metrics, and Triton's own statistics."""

import json
import re

from servers import direct

SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def fetch(url):
    with direct.open(url, timeout=10) as answer:
        return answer.read().decode()


def samples(text):
    """(name, labels, value, line) of each sample of a Prometheus text exposition."""
    for line in text.splitlines():
        if found := SAMPLE.match(line):
            yield found[1], dict(LABEL.findall(found[2] or "")), float(found[3]), line


def total(text, name, **labels):
    """The sum of the samples of this name that carry these labels."""
    return sum(
        value for sample, has, value, _ in samples(text) if sample == name and labels.items() <= has.items()
    )


def weights(text, route):
    """The configured weights of a route by backend."""
    return {
        has["backend"]: value
        for name, has, value, _ in samples(text)
        if name == "sluice_route_weight" and has.get("route") == route
    }


def queue_lines(text, route):
    """The lines of the queue latency histogram that say something: each step of a bucket, then sum and count."""
    lines, previous = [], {}
    for name, has, value, line in samples(text):
        if not name.startswith("sluice_queue_duration_seconds") or has.get("route") != route or not has.get("backend"):
            continue
        if name.endswith("_bucket"):
            if value > previous.get(has["backend"], 0) and has["le"] != "+Inf":
                lines.append(line)
            previous[has["backend"]] = value
        else:
            lines.append(line)
    return lines


def inferences(port):
    """Successful and failed inference requests per model, as the Triton on this HTTP port counts them."""
    statistics = json.loads(fetch(f"http://127.0.0.1:{port}/v2/models/stats"))["model_stats"]
    return {
        each["name"]: each["inference_stats"]["success"]["count"] + each["inference_stats"]["fail"]["count"]
        for each in statistics
    }
