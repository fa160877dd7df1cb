"""Finding objects in picture files."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.data.images import Picture, decode, find_pictures, write_picture
from common.detector import Detector, Found, open_detector
from common.errors import InputError
from common.files import unused

__all__ = ["DrawnPictures", "FileFound", "counted", "detect", "found_to_json", "open_detector"]

AHEAD = 4  # pictures that are decoded while others are looked at


@dataclass(frozen=True)
class FileFound:
    """What was found in one file.

    Args:
        source: the path.
        given: what was asked for: the path, or the folder or pattern it was found by.
        classes: names of the classes by number.
        found: the objects; None where the file could not be read.
        pixels: of the picture.
        notes: what was done while decoding.
        error: why the file could not be read, one line.
    """

    source: str
    given: str
    classes: tuple[str, ...]
    found: Found | None = None
    pixels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None

    def line(self) -> str:
        """Return what a person wants to read."""
        if self.found is None:
            return f"{self.source}: error: {self.error}"
        return f"{self.source}: {counted(self.found, self.classes)}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values; boxes are x, y, width, height in pixels of the picture."""
        if self.found is None or self.pixels is None:
            return {"source": self.source, "error": self.error}
        height, width = self.pixels.shape[:2]
        objects = found_to_json(self.found, self.classes)
        return {"source": self.source, "width": width, "height": height, "objects": objects}


def detect(
    paths: str | Path | Sequence[str | Path], detector: Detector, *, threshold: float | None = None
) -> Iterator[FileFound]:
    """Find the objects in pictures one by one; the next ones are decoded meanwhile.

    Args:
        paths: a file, folder, quoted pattern or several.
        detector: from ``common.detector.open_detector``.
        threshold: score from which an object counts; None for the model's own.

    Yields:
        One result a file; a file that cannot be read, or a path that does not exist, yields its error and the others
        go on.
    """
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[tuple[str, str, Future[Picture] | InputError]] = deque()
        for source, given, error in _sources([paths] if isinstance(paths, str | Path) else paths):
            waiting.append((source, given, error or pool.submit(decode, source)))
            if len(waiting) > AHEAD:
                yield _looked_at(*waiting.popleft(), detector, threshold)
        while waiting:
            yield _looked_at(*waiting.popleft(), detector, threshold)


def counted(found: Found, classes: Sequence[str]) -> str:
    """Return how many objects of each class there are: ``3 cat, 1 dog``, or ``nothing``."""
    counts = Counter(classes[kind] for kind in found.classes)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "nothing"


def found_to_json(found: Found, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return objects as plain values, the surest first."""
    return [
        {"class": classes[kind], "score": round(float(score), 4), "box": [round(float(v), 1) for v in box]}
        for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True)
    ]


class DrawnPictures:
    """Where pictures with boxes are written: beside each picture, or into a folder; nothing is ever replaced.

    What was found by a folder goes into a folder beside it, so that the next run does not find its own pictures.

    Args:
        out: the folder; None for beside each picture.
    """

    def __init__(self, out: Path | None = None) -> None:
        self.out = out
        self._folders: dict[str, Path] = {}

    def write(self, result: FileFound) -> Path:
        """Draw the objects of a picture and return the file written."""
        from apps.objects.detection.drawing import draw_found

        assert result.pixels is not None and result.found is not None, "nothing was read"
        drawn = draw_found(result.pixels, result.found, result.classes)
        return write_picture(unused(self._place(result)), drawn)

    def _place(self, result: FileFound) -> Path:
        source, given = Path(result.source), Path(result.given)
        suffix = source.suffix if source.suffix.lower() in (".png", ".jpg", ".jpeg") else ".jpg"
        if self.out:
            return self.out / f"{source.stem}.detected{suffix}"
        if not given.is_dir():
            return source.with_name(f"{source.stem}.detected{suffix}")
        if result.given not in self._folders:
            folder = given if given.name not in ("", "..") else given.resolve()
            self._folders[result.given] = unused(folder.with_name(f"{folder.name}-detected"))
        inside = source.relative_to(result.given)
        return self._folders[result.given] / inside.with_name(f"{source.stem}{suffix}")


def _sources(paths: Sequence[str | Path]) -> Iterator[tuple[str, str, InputError | None]]:
    """Yield each file, what it was found by, and what is wrong with that."""
    for path in paths:
        try:
            files = find_pictures([path])
        except InputError as error:
            yield str(path), str(path), error
            continue
        for file in files:
            yield str(file), str(path), None


def _looked_at(
    source: str,
    given: str,
    picture: Future[Picture] | InputError,
    detector: Detector,
    threshold: float | None,
) -> FileFound:
    try:
        if isinstance(picture, InputError):
            raise picture
        decoded = picture.result()
    except InputError as error:
        hint = f" ({error.hint})" if error.hint else ""
        message = error.message.removeprefix(f"{source}: ") + hint
        return FileFound(source, given, detector.classes, error=message)
    found = detector(decoded.pixels, threshold=threshold)
    return FileFound(source, given, detector.classes, found, decoded.pixels, decoded.notes)
