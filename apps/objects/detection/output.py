"""What ``detect`` and ``data check`` print: lines for people, JSON lines, rows of CSV."""

from __future__ import annotations

import csv
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.objects.detection.prediction import FileFound, found_to_json
from apps.objects.detection.video import VideoFound
from common.console import Console
from common.errors import InputError
from common.registry import Registry

if TYPE_CHECKING:
    from common.data.boxed import CheckReport
    from common.data.video import Frame
    from common.detector import Found

__all__ = ["FORMS", "Output", "output", "show_check"]

# By whether --json and --csv are given.
FORMS = {(False, False): "lines", (True, False): "json", (False, True): "csv"}
OUTPUTS = Registry[type["Output"]]("form of output")
_PROBLEMS = 20  # of a kind that are shown


class Output(ABC):
    """Where results go, one after the other.

    Args:
        console: for errors of forms that have no line for them.
    """

    def __init__(self, console: Console) -> None:
        self.console = console

    @abstractmethod
    def picture(self, result: FileFound, drawn: Path | None) -> None:
        """Take in a picture, and where it was drawn."""

    def frame(  # noqa: B027  (a form may have nothing to say of a single frame)
        self, source: str, classes: Sequence[str], frame: Frame, found: Found
    ) -> None:
        """Take in a frame of a video."""

    def video(self, result: VideoFound) -> None:  # noqa: B027
        """Take in a whole video."""

    def failure(self, source: str, error: InputError) -> None:
        """Take in a video that cannot be read."""
        hint = f" ({error.hint})" if error.hint else ""
        self.picture(
            FileFound(source, source, (), error=error.message.removeprefix(f"{source}: ") + hint), None
        )


def output(form: str, console: Console) -> Output:
    """Return what prints results in one of ``FORMS``."""
    return OUTPUTS.get(form)(console)


@OUTPUTS.named("lines")
class _Lines(Output):
    def picture(self, result: FileFound, drawn: Path | None) -> None:
        print(result.line() + (f" → {drawn}" if drawn else ""), flush=True)

    def video(self, result: VideoFound) -> None:
        print(result.line() + (f" → {result.video}" if result.video else ""), flush=True)


@OUTPUTS.named("json")
class _Json(Output):
    def picture(self, result: FileFound, drawn: Path | None) -> None:
        if result.error:
            self.console.note(f"error: {result.source}: {result.error}")
        _print_json(result.to_json() | ({"picture": str(drawn)} if drawn else {}))

    def frame(self, source: str, classes: Sequence[str], frame: Frame, found: Found) -> None:
        seconds = round(frame.seconds, 4)
        objects = found_to_json(found, classes)
        _print_json({"source": source, "frame": frame.number, "seconds": seconds, "objects": objects})

    def video(self, result: VideoFound) -> None:
        _print_json(result.to_json())


@OUTPUTS.named("csv")
class _Csv(Output):
    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(("source", "frame", "class", "score", "x", "y", "width", "height"))

    def picture(self, result: FileFound, drawn: Path | None) -> None:
        if result.error:
            self.console.note(f"error: {result.source}: {result.error}")
        elif result.found is not None:
            self._rows(result.source, "", result.classes, result.found)

    def frame(self, source: str, classes: Sequence[str], frame: Frame, found: Found) -> None:
        self._rows(source, frame.number, classes, found)

    def _rows(self, source: str, frame: int | str, classes: Sequence[str], found: Found) -> None:
        for one in found_to_json(found, classes):
            self._writer.writerow((source, frame, one["class"], one["score"], *one["box"]))
        sys.stdout.flush()


def show_check(report: CheckReport) -> None:
    """Print what is in a data set and what is wrong with it."""
    parts = list(report.pictures)
    rows = [
        ("pictures", *(f"{report.pictures[part]:,}" for part in parts)),
        ("without objects", *(f"{report.empty[part]:,}" for part in parts)),
        *((name, *(f"{report.boxes[part][name]:,}" for part in parts)) for name in report.boxes[parts[0]]),
        *(
            (f"{size} boxes", *(f"{report.sizes[part][size]:,}" for part in parts))
            for size in report.sizes[parts[0]]
        ),
    ]
    if any(report.difficult.values()):
        rows.append(("difficult boxes", *(f"{report.difficult[part]:,}" for part in parts)))
    Console.table(("", *parts), rows, f"{report.name} ({report.format})")
    for note in report.notes:
        print(note)
    if not report.problems:
        print("no problem found")
    for kind, count in report.counts.items():
        print(f"{kind}: {count:,}")
        same = [problem for problem in report.problems if problem.kind == kind]
        for problem in same[:_PROBLEMS]:
            print(f"  {problem.file}: {problem.detail}".rstrip(": "))
        if count > _PROBLEMS:
            print(f"  … and {count - _PROBLEMS:,} more; --json lists all")


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)
