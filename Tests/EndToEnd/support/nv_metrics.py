"""What a real Triton says of its models on its own page, and load for them."""

import json
import threading
import urllib.error
import urllib.request

from support.gateway import Metrics

SLOW = {"inputs": [{"name": "MILLISECONDS", "shape": [1], "datatype": "INT32", "data": [0]}]}


def page(port: int) -> Metrics:
    """The metrics of the Triton whose metrics port that is."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return Metrics.parse(answer.read().decode())


def infer(url: str, milliseconds: int = 0, model: str = "slow", to: str = "") -> int:
    """The status of one request to the model that takes as long as it is told to."""
    body = json.dumps({"inputs": [dict(SLOW["inputs"][0], data=[milliseconds])]}).encode()
    request = urllib.request.Request(f"{url}/v2/models/{model}/infer", data=body)
    request.add_header("Content-Type", "application/json")
    request.add_header("x-to", to)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def at_once(url: str, count: int, milliseconds: int, to: str = "") -> threading.Thread:
    """So many requests at the same time; the thread ends with the last of them."""

    def run() -> None:
        threads = [threading.Thread(target=infer, args=(url, milliseconds, "slow", to)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    running = threading.Thread(target=run)
    running.start()
    return running
