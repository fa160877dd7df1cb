"""Reading files: decoded, found, framed, classified, said."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.digits.page import Page, read_page
from common.data.images import check_writable, decode, find_pictures, write_picture
from common.errors import InputError, UserError
from common.predictor import Predictor, load

__all__ = ["FileReading", "Sketches", "may_be_several", "predict", "read"]


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


def predict(
    paths: str | Path | Sequence[str | Path], *, model: str | Path = "digits/cnn"
) -> Iterator[FileReading]:
    """Read pictures one by one.

    Args:
        paths: a file, folder, quoted glob or several; ``-`` is a picture on standard input.
        model: a shipped name or a run folder.

    Yields:
        One reading a file; a file that cannot be read, or a path that does not exist, yields its error and the
        others go on.

    Raises:
        ArtifactError: no such model.
    """
    predictor = load(model)
    for path in [paths] if isinstance(paths, str | Path) else paths:
        try:
            sources = ["-"] if str(path) == "-" else find_pictures([path])
        except InputError as error:
            yield _failed(str(path), predictor, error)
            continue
        for source in sources:
            yield _read_file(source, predictor)


def _read_file(source: str | Path, predictor: Predictor) -> FileReading:
    try:
        picture = decode(sys.stdin.buffer.read() if source == "-" else source)
        page = read(picture.pixels, predictor)
    except InputError as error:
        return _failed(str(source), predictor, error)
    return FileReading(str(source), predictor.card.classes, page, picture.pixels, picture.notes)


def _failed(source: str, predictor: Predictor, error: InputError) -> FileReading:
    hint = f" ({error.hint})" if error.hint else ""
    message = error.message.removeprefix(f"{source}: ")
    return FileReading(source, predictor.card.classes, error=message + hint)


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


class Sketches:
    """Where the pictures of readings are written: no two under one name.

    Args:
        target: a file for the one reading there will be, or a folder that gets one picture a reading.
        several: whether there may be more than one reading.

    Raises:
        UserError: a file where a folder is needed, or a suffix that cannot be written.
    """

    def __init__(self, target: Path, *, several: bool) -> None:
        self.target = target
        self.folder = several or target.is_dir() or not target.suffix
        self._used: set[str] = set()
        if self.folder and (target.is_file() or target.suffix in (".png", ".jpg", ".jpeg")):
            raise UserError(f"{target} is one file, there are several pictures", "name a folder")
        if not self.folder:
            check_writable(target)

    def annotate(self, reading: FileReading) -> Path:
        """Draw boxes and digits and return the file written."""
        from apps.digits.drawing import annotate

        assert reading.pixels is not None and reading.page is not None, "nothing was read"
        path = self.target / f"{self._stem(reading)}.png" if self.folder else self.target
        return write_picture(path, annotate(reading.pixels, reading.page))

    def steps(self, reading: FileReading) -> Path:
        """Write the pictures between photograph and digits, numbered, and return the folder."""
        from apps.digits.drawing import steps

        assert reading.pixels is not None, "nothing was read"
        stem = self._stem(reading)
        for number, (name, pixels) in enumerate(steps(reading.pixels).items(), start=1):
            write_picture(self.target / f"{stem}-{number}-{name.replace(' ', '-')}.png", pixels)
        return self.target

    def _stem(self, reading: FileReading) -> str:
        """Return the file's name, with its folder's or a number where that was taken."""
        path = Path("stdin" if reading.source == "-" else reading.source)
        names = [path.stem, f"{path.parent.name}-{path.stem}"]
        names += [f"{path.parent.name}-{path.stem}-{number}" for number in range(2, len(self._used) + 3)]
        stem = next(name for name in names if name not in self._used)
        self._used.add(stem)
        return stem


def may_be_several(paths: Sequence[str]) -> bool:
    """Return whether paths may name more than one picture: more than one path, a folder or a pattern."""
    return len(paths) > 1 or any(Path(path).is_dir() or glob.has_magic(path) for path in paths)
