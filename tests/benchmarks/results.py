"""How figures are taken and kept: alternated rounds, trainings that are done, tables, and the sections of README.md.

A section stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; a benchmark rewrites its own and
leaves the rest of the file as it is.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from common.devices import cpu_features
from common.files import write_text

__all__ = ["README", "alternate", "conditions", "keep", "kept", "measured", "publish", "spread", "table"]

README = Path(__file__).with_name("README.md")
MEASURED = Path(__file__).with_name("measured")
ENOUGH_ROUNDS = 5
_HEADING = "# Benchmarks\n\nEach section is written by the script that it names; peers ran in the same run.\n"


def alternate(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure A B C A B C ..., so that a slow minute of the machine falls on all alike.

    A contender that fails is asked no more, and its reason goes to stderr.

    Args:
        contenders: name to a function that takes one measurement.
        rounds: how often each is asked.

    Returns:
        The measurements by name; none for a contender that failed.
    """
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    failed: set[str] = set()
    for number in range(rounds):
        for name in [name for name in contenders if name not in failed]:
            try:
                figures[name].append(contenders[name]())
            except Exception as error:  # A peer may fail in any way; the others are still worth measuring.
                print(f"{name} failed: {error}", file=sys.stderr)
                failed.add(name)
                figures[name] = []
            else:
                print(f"round {number + 1}/{rounds}  {name}: {figures[name][-1]:,.4g}", file=sys.stderr)
    return figures


def measured(name: str) -> dict[str, Any]:
    """Return what earlier runs of a benchmark have kept in ``measured/NAME.json``, so that a run can be stopped."""
    file = MEASURED / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else {}


def keep(name: str, figures: Mapping[str, Any]) -> None:
    """Keep all figures of a benchmark, whole or not at all."""
    write_text(MEASURED / f"{name}.json", json.dumps(figures, indent=1))


def kept(benchmark: str, name: str, measure: Callable[[], Any]) -> Any:
    """Return a figure of a benchmark, measured now and kept if it is not there yet."""
    done = measured(benchmark)
    if name not in done:
        started = time.monotonic()
        found = measure()
        done = measured(benchmark) | {name: found}  # read again: runs may go side by side
        keep(benchmark, done)
        print(f"{name}: {found} ({time.monotonic() - started:.0f} s)", flush=True)
    return done[name]


def spread(figures: Sequence[float], digits: int = 0) -> str:
    """Return ``median (lowest to highest)``, or ``failed`` where nothing was measured."""
    if not figures:
        return "failed"
    middle, low, high = (f"{figure:,.{digits}f}" for figure in (median(figures), min(figures), max(figures)))
    return f"{middle} ({low} to {high})"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table with aligned columns."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def conditions(packages: Sequence[str], peers: Mapping[str, str] | None = None) -> str:
    """Return one line that says when, on what machine and with which versions.

    Args:
        packages: of this environment, by name.
        peers: versions measured elsewhere, by name.
    """
    versions = {name: metadata.version(name) for name in packages} | dict(peers or {})
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{date.today().isoformat()}; {_processor()}, {cores} cores, {' '.join(cpu_features())}; "
        f"load {os.getloadavg()[0]:.1f} at the end; Python {platform.python_version()}, {listed}."
    )


def publish(name: str, text: str, rounds: int | None = None) -> None:
    """Print a section and, if enough rounds stand behind it, write it into README.md.

    Args:
        name: of the section.
        text: its Markdown.
        rounds: measurements behind each median; None where the figures are no medians of timings.
    """
    print(text)
    if rounds is not None and rounds < ENOUGH_ROUNDS:
        print(f"not kept: {rounds} rounds, README.md takes {ENOUGH_ROUNDS} or more", file=sys.stderr)
        return
    page = README.read_text(encoding="utf-8") if README.exists() else _HEADING
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{text}\n{end}"
    page, found = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: section, page, flags=re.DOTALL)
    README.write_text(page if found else f"{page.rstrip()}\n\n{section}\n", encoding="utf-8")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()
