"""`sluice status` and `sluice weights` with a gateway that serves: what they show is what happens."""

import os
import re
import subprocess

from support.gateway import Gateway, binary, wait_until
from support.load import H1, Clients
from support.terminal import Terminal

CONFIG = """
backends:
  stable: {{ endpoints: [{stable}] }}
  canary: {{ endpoints: [{canary}] }}
routes:
  - name: team/infer   # the one that matters
    backends:
      - {{ name: stable, weight: 80 }}   # mostly
      - {{ name: canary, weight: 20 }}
"""


def run(gateway, *arguments: str):
    return subprocess.run(
        [binary(), *arguments, "--admin", gateway.admin_url],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"HOME": "/nonexistent"},
    )


def weights(gateway) -> list:
    return [entry["weight"] for entry in gateway.status()["routes"][0]["backends"]]


def test_a_change_shows_in_file_and_split_and_on_the_screen(upstreams, tmp_path):
    config = CONFIG.format(stable=upstreams().address, canary=upstreams().address)
    command = [binary(), "status", "--watch", "--admin"]
    with Gateway(config, tmp_path) as gateway, Clients(lambda: H1(gateway.port), 4, ("get",), 0.01):
        before = gateway.config_path.read_text()
        with Terminal([*command, gateway.admin_url], width=140, height=40) as terminal:

            def share(name: str) -> float:
                found = re.search(rf"^  {name} +\d+ +[\d.]+ % +([\d.]+) %", terminal.frame(), re.MULTILINE)
                return float(found[1]) if found else -1

            wait_until(lambda: abs(share("stable") - 80) < 12, 30, "the split is seen")
            done = run(gateway, "weights", "team/infer", "stable=0", "canary=50")
            assert done.returncode == 0, done.stderr
            assert f"written to {gateway.config_path}:8:" in done.stdout
            assert gateway.config_path.read_text() == before.replace("weight: 80", "weight: 0").replace(
                "weight: 20", "weight: 50"
            )
            wait_until(lambda: share("canary") == 100 and share("stable") == 0, 30, "the new split is seen")
            terminal.type("q")
            assert terminal.wait_exit() == 0
        once = run(gateway, "status").stdout
        assert re.search(r"^team/infer +\S+/s +0 %", once, re.MULTILINE), once


def test_undo_swap_and_unknown_names(upstreams, tmp_path):
    config = CONFIG.format(stable=upstreams().address, canary=upstreams().address)
    with Gateway(config, tmp_path) as gateway:
        before = gateway.config_path.read_text()
        assert run(gateway, "weights", "team/infer", "--undo").returncode == 1
        assert run(gateway, "weights", "team/infer", "--swap").returncode == 0
        assert weights(gateway) == [20, 80]
        assert "--undo restores stable 80, canary 20" in run(gateway, "weights", "team/infer").stdout
        assert run(gateway, "weights", "team/infer", "--undo").returncode == 0
        assert weights(gateway) == [80, 20] and gateway.config_path.read_text() == before
        done = run(gateway, "weights", "team/infer", "nobody=1")
        assert done.returncode == 1 and "'nobody'" in done.stderr
        done = run(gateway, "weights", "team/infr")
        assert done.returncode == 1 and "'team/infer'" in done.stderr
        assert "team/infer" in run(gateway, "weights").stdout


def test_watch_outlives_a_restart(upstreams, tmp_path):
    config = CONFIG.format(stable=upstreams().address, canary=upstreams().address)
    gateway = Gateway(config, tmp_path)
    with gateway:
        first = gateway.pid
        terminal = Terminal([binary(), "status", "--watch", "--admin", gateway.admin_url], width=140, height=40)
        terminal.wait_for("team/infer", f"pid {first}")
    with terminal:
        terminal.wait_for("connection lost")
        with gateway:
            terminal.wait_for("connected again: the gateway was restarted", f"pid {gateway.pid}", seconds=40)
            terminal.type("q")
            assert terminal.wait_exit() == 0
