"""Talking to people: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["Advance", "Console"]

Advance = Callable[[int, int, str], None]


class Console:
    """One command's voice.

    Args:
        json: print the result as one JSON document instead of a table.
        quiet: no progress and no notes; errors and the result remain.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet

    def note(self, text: str) -> None:
        """Say something by the way, on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def result(self, value: dict[str, Any] | list[Any], text: str | Callable[[], None]) -> None:
        """Print the result: ``value`` as JSON, or ``text`` (or what it prints) for people."""
        if self.json:
            print(json.dumps(value, ensure_ascii=False, indent=1))
        elif callable(text):
            text()
        else:
            print(text)

    def next(self, command: str) -> None:
        """Say which command a person may want to type next."""
        if not self.json:
            self.note(f"next: {command}")

    @staticmethod
    def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
        """Print a table on stdout."""
        from rich import box
        from rich.console import Console as Rich
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
        for row in rows:
            # Formulas hold brackets, which are no markup.
            table.add_row(*(Text(str(cell), overflow="fold") for cell in row))
        # A pipe has no width: do not fold what a script or a file will read.
        Rich(width=None if sys.stdout.isatty() else 200).print(table)

    @contextlib.contextmanager
    def progress(self, what: str) -> Iterator[Advance]:
        """Show progress; yields ``advance(done, total, remark)``, total 0 where nobody knows it.

        A bar with rate and time left on a terminal; elsewhere one plain line about every 30 seconds.
        """
        if self.quiet:
            yield _silence
        elif sys.stderr.isatty():
            yield from self._bar(what)
        else:
            yield self._lines(what)

    def _bar(self, what: str) -> Iterator[Advance]:
        from rich import progress
        from rich.console import Console as Rich

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[remark]}"),
        )
        with progress.Progress(*columns, console=Rich(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None, remark="")

            def advance(done: int, total: int, remark: str = "") -> None:
                bar.update(task, completed=done, total=total or None, remark=remark)

            yield advance

    def _lines(self, what: str) -> Advance:
        said = time.monotonic()
        begun = (-1, 0, said)  # total, done and time where this part of the work began
        last = 0

        def advance(done: int, total: int, remark: str = "") -> None:
            nonlocal said, begun, last
            now = time.monotonic()
            # Another part of the work begins, or a run that goes on where it was stopped.
            if total != begun[0] or done < last:
                begun = (total, done, now)
            last = done
            if now - said >= 30 or 0 < total <= done:
                place = f"{done}/{total}" if total else f"{done} done"
                if total and done > begun[1]:
                    left = (now - begun[2]) / (done - begun[1]) * (total - done)
                    place += f", {left:.0f} s left"
                self.note(f"{what}: {place} {remark}".rstrip())
                said = now

        return advance


def _silence(done: int, total: int, remark: str = "") -> None:
    """Show nothing."""
