"""The tour: sends the requests, prints what came of them, and keeps a list of what was not as promised."""

import time

import numpy as np

import observe
import traffic

ROUTE = "infer"
SPLIT_REQUESTS = 500
# One tensor of 8 MiB.
BIG_TENSOR = 2 * 1024 * 1024
TOKENS, TOKEN_MILLISECONDS = 6, 100
BURST, BURST_MILLISECONDS = 40, 25
# Copies finish behind the answers, later on a busy machine.
MIRROR_SECONDS = 20


class Tour:
    """Walks through the features in the order a reader would ask for them."""

    def __init__(self, address, admin, tritons):
        self.address, self.metrics_url, self.tritons = address, f"http://{admin}/metrics", tritons
        self.problems = []
        self.shadow_before = sum(observe.inferences(tritons["shadow"].http).values())

    def run(self):
        self.password()
        self.requests()
        self.split()
        # Before the burst, so that the shadow has caught up and drops nothing of it.
        self.mirror()
        self.queue()
        return self.problems

    def check(self, holds, problem):
        if not holds:
            self.problems.append(problem)
            print(f"  !! {problem}", flush=True)

    def password(self):
        heading("password")
        for who, headers, expected in (
            ("nobody", {}, 401),
            ("demo with a wrong password", traffic.authorization(password="wrong"), 401),
            ("demo", traffic.authorization(), 200),
        ):
            status, answered = traffic.post_status(self.address, headers)
            challenge = answered.get("WWW-Authenticate")
            print(f"  {who:<28} {status}" + (f"  WWW-Authenticate: {challenge}" if challenge else ""))
            self.check(status == expected, f"{who} was answered {status} instead of {expected}")

    def requests(self):
        heading("requests, by tritonclient")
        through = traffic.client(self.address)
        try:
            for kind, verdict in (
                ("JSON", traffic.classify(through)),
                ("binary", traffic.classify(through, binary=True)),
                ("gRPC", traffic.classify_grpc(self.address)),
            ):
                print(f"  classify, {kind:<7} {traffic.PICTURE} -> {verdict.label}, "
                      f"score {verdict.score:.3f}, served by {verdict.served_by}")
            values = np.arange(BIG_TENSOR, dtype=np.float32)
            begin = time.monotonic()
            same = np.array_equal(traffic.echo(through, values), values)
            print(f"  echo, binary      {values.nbytes >> 20} MiB there and back in {time.monotonic() - begin:.2f} s, "
                  f"{'identical' if same else 'DIFFERENT'}")
            self.check(same, "the echoed tensor differs from the one sent")
        finally:
            through.close()
        events = traffic.stream(self.address, "tokens arrive as they are made", TOKENS, TOKEN_MILLISECONDS)
        print("  generate_stream   " + "  ".join(f"{token} +{seconds * 1000:.0f} ms" for seconds, token in events))
        spread = events[-1][0] - events[0][0] if events else 0
        incremental = len(events) == TOKENS and spread > (TOKENS - 1) * TOKEN_MILLISECONDS / 1000 / 2
        self.check(incremental, f"{len(events)} of {TOKENS} tokens came, spread over {spread:.2f} s")

    def split(self):
        heading(f"split of {SPLIT_REQUESTS} requests")
        weights = observe.weights(observe.fetch(self.metrics_url), ROUTE)
        through = traffic.client(self.address)
        try:
            counts = traffic.split(through, SPLIT_REQUESTS)
        finally:
            through.close()
        whole = sum(weights.values()) or 1
        for backend, weight in weights.items():
            share, wanted = 100 * counts[backend] / SPLIT_REQUESTS, 100 * weight / whole
            print(f"  {backend}  {counts[backend]:>4}  {share:5.1f} %  (weight {weight:.0f}) {'#' * round(share / 2)}")
            self.check(abs(share - wanted) <= 1, f"{backend} got {share:.1f} % instead of {wanted:.1f} %")
        self.check(sum(weights.values()) > 0, "/metrics names no weights")

    def queue(self):
        heading(f"queue latency: {BURST} requests at once to a model that takes {BURST_MILLISECONDS} ms each")
        seconds = traffic.burst(self.address, BURST, BURST_MILLISECONDS)
        print(f"  all answered after {seconds:.2f} s; from /metrics:")
        lines = observe.queue_lines(observe.fetch(self.metrics_url), ROUTE)
        for line in lines:
            print(f"  {line}")
        self.check(lines, "/metrics holds no sluice_queue_duration_seconds")

    def mirror(self):
        heading("mirror")
        deadline = time.monotonic() + MIRROR_SECONDS
        while True:
            text = observe.fetch(self.metrics_url)
            outcomes = {
                has["outcome"]: int(value)
                for name, has, value, _ in observe.samples(text)
                if name == "sluice_mirror_requests_total" and has.get("backend") == "shadow"
            }
            served = int(sum(
                value for name, has, value, _ in observe.samples(text)
                if name == "sluice_requests_total" and has.get("route") == ROUTE and has.get("backend")
            ))
            received = sum(observe.inferences(self.tritons["shadow"].http).values()) - self.shadow_before
            if sum(outcomes.values()) >= served or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        print(f"  {served} requests were served and {received} copies counted by the shadow Triton itself")
        print("  " + "  ".join(f"{outcome} {count}" for outcome, count in outcomes.items() if count))
        lost = served - received
        explained = outcomes.get("dropped", 0) + outcomes.get("canceled", 0) + outcomes.get("timeout", 0)
        self.check(0 <= lost <= explained, f"{lost} copies are missing and {explained} accounted for")


def heading(text):
    print(f"\n{text}", flush=True)
