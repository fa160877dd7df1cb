"""Reading files: decoded, found, framed, classified, said."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.digits.page import Page, read_page
from common.data.images import decode, find_pictures, write_picture
from common.errors import InputError, UserError
from common.predictor import Predictor, load

__all__ = ["FileReading", "predict", "read", "write_annotations", "write_steps"]


@dataclass(frozen=True)
class FileReading:
    """What was read in one file.

    Args:
        source: the path, or ``-``.
        classes: names of the classes.
        page: the reading; None where the file could not be read.
        pixels: of the picture.
        notes: what was done while decoding.
        error: why the file could not be read, one line.
    """

    source: str
    classes: tuple[str, ...]
    page: Page | None = None
    pixels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None

    @property
    def text(self) -> str:
        """The digits, a text line for each line of the page; ``?`` for what is no digit."""
        return self.page.text if self.page else ""

    def lines(self) -> list[str]:
        """Return what a person wants to read: one line a line of the page."""
        if not self.page or not self.page.lines:
            return [f"{self.source}: no digits found"]
        rows = [list(line) for line in self.page.lines]
        if len(rows) == 1 and len(rows[0]) == 1:
            only = rows[0][0]
            sign = "not a digit" if only.status == "not a digit" else only.name
            doubt = " unsure" if only.status == "unsure" else ""
            return [f"{self.source}: {sign} ({only.probability:.1%}{doubt})"]
        written = []
        for row, text in zip(rows, self.text.split("\n"), strict=True):
            least = min(row, key=lambda reading: reading.probability)
            remarks = [f"least sure of {least.name}: {least.probability:.0%}"]
            for status in ("unsure", "not a digit"):
                count = sum(reading.status == status for reading in row)
                remarks += [f"{count} {status}"] if count else []
            written.append(f"{self.source}: {text} ({', '.join(remarks)})")
        return written

    def to_json(self) -> dict[str, Any]:
        """Return plain values; boxes are x, y, width, height in pixels of the picture."""
        if self.page is None:
            return {"source": self.source, "error": self.error}
        return {
            "source": self.source,
            "text": self.text,
            "lines": [
                [
                    {
                        "digit": reading.name,
                        "probability": round(reading.probability, 6),
                        "status": reading.status,
                        "box": [int(value) for value in reading.box],
                    }
                    for reading in line
                ]
                for line in self.page.lines
            ],
        }


def predict(paths: Sequence[str | Path], *, model: str | Path = "digits/cnn") -> Iterator[FileReading]:
    """Read pictures one by one.

    Args:
        paths: files, folders, quoted globs; ``-`` is a picture on standard input.
        model: a shipped name or a run folder.

    Yields:
        One reading a file; a file that cannot be read yields its error and the others go on.

    Raises:
        InputError: a path that does not exist.
        ArtifactError: no such model.
    """
    predictor = load(model)
    sources: list[str | Path] = []
    for path in paths:
        sources += ["-"] if str(path) == "-" else find_pictures([path])
    for source in sources:
        try:
            picture = decode(sys.stdin.buffer.read() if source == "-" else source)
            page = read(picture.pixels, predictor)
            yield FileReading(str(source), predictor.card.classes, page, picture.pixels, picture.notes)
        except InputError as error:
            hint = f" ({error.hint})" if error.hint else ""
            yield FileReading(str(source), predictor.card.classes, error=error.message + hint)


def read(pixels: np.ndarray, predictor: Predictor) -> Page:
    """Read one picture ``(height, width)`` or ``(height, width, 3)`` uint8 with a loaded model."""
    calibration = predictor.card.calibration
    return read_page(
        pixels,
        predictor.logits,
        classes=predictor.card.classes,
        unsure_below=calibration["unsure_below"],
        reject_below=calibration["reject_below"],
        temperature=calibration["temperature"],
    )


def write_annotations(reading: FileReading, target: Path, *, several: bool) -> Path:
    """Draw boxes and digits and return the file written.

    Args:
        reading: of one picture.
        target: a file, or with ``several`` a folder that gets one picture a file.

    Raises:
        UserError: the suffix is none that can be written.
    """
    from apps.digits.drawing import annotate

    assert reading.pixels is not None and reading.page is not None, "nothing was read"
    path = target / f"{_stem(reading)}.png" if several or target.is_dir() else target
    return write_picture(path, annotate(reading.pixels, reading.page))


def write_steps(reading: FileReading, folder: Path) -> Path:
    """Write the pictures between photograph and digits into ``folder``, numbered; return the folder."""
    from apps.digits.drawing import steps

    assert reading.pixels is not None, "nothing was read"
    if folder.is_file():
        raise UserError(f"{folder} is a file", "--show-steps wants a folder")
    for number, (name, pixels) in enumerate(steps(reading.pixels).items(), start=1):
        write_picture(folder / f"{_stem(reading)}-{number}-{name.replace(' ', '-')}.png", pixels)
    return folder


def _stem(reading: FileReading) -> str:
    return "stdin" if reading.source == "-" else Path(reading.source).stem
