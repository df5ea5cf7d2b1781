"""The tables: one for each row on standard output, and all together for README.md; and the same as JSON."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import Problem
from measure import Sample
from peers import PEERS
from results import Result, Verdict

BEGIN, END = "<!-- results: written by make bench -->", "<!-- end -->"


@dataclass(frozen=True)
class Column:
    """A metric, its heading, and how many decimals are worth showing."""

    title: str
    decimals: int
    more_is_better: bool = False

    def show(self, value: float | None) -> str:
        return "" if value is None else f"{value:,.{self.decimals}f}"


COLUMNS = {
    "rate": Column("requests/s", 0, more_is_better=True),
    "p50": Column("p50 ms", 3),
    "p99": Column("p99 ms", 3),
    "mean": Column("mean ms", 3),
    "cheap50": Column("cheap p50 ms", 1),
    "cheap99": Column("cheap p99 ms", 1),
    "cheapmax": Column("cheap max ms", 1),
    "dear50": Column("dear p50 ms", 1),
    "dear99": Column("dear p99 ms", 1),
    "dearmax": Column("dear max ms", 1),
    "handshakes": Column("handshakes/s", 0, more_is_better=True),
    "throughput": Column("MiB/s", 0, more_is_better=True),
    "cpu": Column("CPU µs/request", 2),
    "handshake": Column("CPU µs/handshake", 1),
    "mebibyte": Column("CPU µs/MiB", 1),
    "busy": Column("busy %", 0),
    "instructions": Column("instructions/request", 0),
    "start": Column("start ms", 1),
    "binary": Column("binary MiB", 1),
    "stripped": Column("stripped MiB", 1),
    "before": Column("anonymous MiB without clients", 2),
    "connection": Column("KiB/connection", 2),
    "resident": Column("resident MiB", 1),
    "anonymous": Column("anonymous MiB", 2),
}
# How busy a proxy was is a fact about the measurement, not an achievement.
WITHOUT_RATIO = {"busy"}


def title(subject: str) -> str:
    return PEERS[subject].title if subject in PEERS else subject


def columns(result: Result) -> list[str]:
    """The metrics that anybody has a value for, in the order of COLUMNS."""
    return [key for key in COLUMNS if any(result.values(name, key) for name in result.samples)]


def ratio(result: Result, key: str) -> str:
    """Sluice's value to the best other one."""
    values = {name: result.median(name, key) for name in result.samples}
    own = values.pop("sluice", None)
    others = [value for value in values.values() if value is not None]
    if key in WITHOUT_RATIO or own is None or not others:
        return ""
    best = max(others) if COLUMNS[key].more_is_better else min(others)
    return f"{own / best:.2f}" if best else ""


def goal(verdict: Verdict) -> str:
    """A verdict in words."""
    most = verdict.goal.most
    name = COLUMNS[verdict.goal.metric].title
    if verdict.ratio is None or verdict.best is None:
        return f"{name}: nobody to compare with"
    text = f"{name}: {title(verdict.goal.subject)} / {title(verdict.best)} = {verdict.ratio:.2f}"
    if len(verdict.rounds) > 1:
        low, _, high = statistics.quantiles(verdict.rounds, n=4, method="inclusive")
        text += f" (half of the rounds {low:.2f} to {high:.2f})"
    return text if most is None else f"{text}, goal at most {most}: {verdict.word}"


def text(result: Result) -> str:
    """A row as it is printed when it is done."""
    lines = [f"{result.row.name}: {result.row.what}"]
    if result.failure:
        return "\n".join([*lines, f"  FAILED: {result.failure}"])
    keys = columns(result)
    table = [["", *(COLUMNS[key].title for key in keys), "spread"]]
    key_of_goal = result.row.goals[0].metric
    for name in result.samples:
        shown = [COLUMNS[key].show(result.median(name, key)) for key in keys]
        table.append([title(name), *shown, f"{result.spread(name, key_of_goal):.0%}"])
    ratios = [ratio(result, key) for key in keys]
    if any(ratios):
        table.append(["Sluice / best other", *ratios, ""])
    widths = [max(map(len, column)) for column in zip(*table)]
    for cells in table:
        rest = "  ".join(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))
        lines.append(f"  {cells[0].ljust(widths[0])}  {rest}".rstrip())
    return "\n".join(lines + [f"  {goal(verdict)}" for verdict in result.verdicts()])


def markdown(results: Sequence[Result], about: dict[str, Any]) -> str:
    """The part of README.md between the markers."""
    machine, versions = about["machine"], about["versions"]
    kind = "virtual machine" if machine["virtual"] else "machine"
    revision = f", revision {about['revision']}" if about["revision"] else ""
    lines = [
        f"{about['date']}, {machine['cpu']}, {kind} with {machine['cores']} cores, {machine['system']}, "
        f"Linux {machine['kernel']}. " + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f"{revision}. Medians of {about['rounds']} rounds of {about['seconds']} s.",
        "",
        "| row | what | Sluice | " + " | ".join(title(name) for name in others(results)) + " | ratio | goal | |",
        "|---|---|" + "---:|" * (len(others(results)) + 3) + "---|",
    ]
    for result in results:
        lines += [summary(result, verdict, others(results)) for verdict in result.verdicts()]
    lines += ["", "<details><summary>All numbers</summary>"]
    for result in results:
        keys = columns(result)
        lines += ["", f"**{result.row.name}**: {result.row.what}", ""]
        lines += ["| | " + " | ".join(COLUMNS[key].title for key in keys) + " |", "|---|" + "---:|" * len(keys)]
        for name in result.samples:
            shown = (COLUMNS[key].show(result.median(name, key)) for key in keys)
            lines.append(f"| {title(name)} | " + " | ".join(shown) + " |")
    return "\n".join([*lines, "", "</details>"])


def others(results: Sequence[Result]) -> list[str]:
    return [name for name in PEERS if name != "sluice" and any(name in result.samples for result in results)]


def summary(result: Result, verdict: Verdict, names: list[str]) -> str:
    column = COLUMNS[verdict.goal.metric]
    subject = "" if verdict.goal.subject in PEERS else f"; {verdict.goal.subject} to {' '.join(verdict.goal.against)}"
    cells = [
        result.row.name, f"{result.row.what}{subject}: {column.title}", column.show(verdict.value),
        *(column.show(result.median(name, verdict.goal.metric)) for name in names),
        "" if verdict.ratio is None else f"{verdict.ratio:.2f}",
        "" if verdict.goal.most is None else f"≤ {verdict.goal.most}", verdict.word,
    ]
    return "| " + " | ".join(cells) + " |"


def write_readme(path: Path, results: Sequence[Result], about: dict[str, Any]) -> None:
    """Replaces what stands between the markers."""
    old = path.read_text()
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Problem(f"{path} has no place for the results: it needs the lines {BEGIN} and {END}.")
    path.write_text(f"{before}{BEGIN}\n\n{markdown(results, about)}\n\n{END}{after}")


def rounded(sample: Sample) -> Sample:
    """More digits than this are noise."""
    return {key: None if value is None else round(value, 4) for key, value in sample.items()}


def write_json(path: Path, results: Sequence[Result], about: dict[str, Any]) -> None:
    rows = {
        result.row.name: {
            "what": result.row.what,
            "failure": result.failure,
            "medians": {
                name: rounded({key: result.median(name, key) for key in columns(result)}) for name in result.samples
            },
            "samples": {name: [rounded(sample) for sample in samples] for name, samples in result.samples.items()},
            "goals": [
                {
                    "metric": verdict.goal.metric, "subject": verdict.goal.subject, "against": verdict.best,
                    "ratio": verdict.ratio, "most": verdict.goal.most, "met": verdict.met,
                }
                for verdict in result.verdicts()
            ],
        }
        for result in results
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(about | {"rows": rows}, indent=2, ensure_ascii=False) + "\n")
