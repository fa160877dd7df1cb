"""Sequences with the true box of each frame: a folder ``NAME/img/0001.jpg …`` and ``NAME/groundtruth_rect.txt``.

Reference:
    Wu, Lim and Yang, "Object Tracking Benchmark", TPAMI 2015 (OTB).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data.images import SUFFIXES, decode
from common.errors import InputError

__all__ = ["TRUTH", "Sequence", "find_sequences", "read_sequence"]

TRUTH = "groundtruth_rect.txt"


@dataclass(frozen=True)
class Sequence:
    """Frames and the true boxes of one object.

    Args:
        name: of the folder.
        files: one picture a frame.
        boxes: x, y, width, height ``(frames, 4)``, zero-based; NaN where the object is not visible.
    """

    name: str
    files: tuple[Path, ...]
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.files)

    @property
    def visible(self) -> np.ndarray:
        """Which frames show the object ``(frames,)`` bool."""
        return ~np.isnan(self.boxes).any(axis=1)

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the frames in order, ``(height, width, 3)`` uint8 RGB."""
        for number in range(len(self)):
            yield self.frame(number)

    def frame(self, number: int) -> np.ndarray:
        """Return one frame, ``(height, width, 3)`` uint8 RGB."""
        return decode(self.files[number]).pixels


def find_sequences(folder: Path) -> list[Sequence]:
    """Return the sequences in a folder, or the one that the folder is, by name.

    Raises:
        InputError: there is none, or one is damaged.
    """
    if (folder / TRUTH).is_file():
        return [read_sequence(folder)]
    found = sorted(path.parent for path in folder.glob(f"*/{TRUTH}"))
    if not found:
        raise InputError(
            f"{folder} holds no sequence", f"a sequence is a folder with img/0001.jpg … and {TRUTH}"
        )
    return [read_sequence(path) for path in found]


def read_sequence(folder: Path) -> Sequence:
    """Read one sequence; boxes in the file count pixels from 1.

    Raises:
        InputError: no frames, a line that is no box, or another number of lines than of frames.
    """
    pictures = folder / "img" if (folder / "img").is_dir() else folder
    files = sorted((p for p in pictures.iterdir() if p.suffix.lower() in SUFFIXES), key=_number)
    if not files:
        raise InputError(f"{pictures} holds no frames", "a sequence has its frames in img/0001.jpg …")
    path = folder / TRUTH
    boxes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            boxes.append(_box(line, path, number))
    if len(boxes) != len(files):
        raise InputError(f"{path} has {len(boxes)} boxes for {len(files)} frames", "one line a frame")
    return Sequence(folder.name, tuple(files), np.array(boxes) - [1.0, 1.0, 0.0, 0.0])


def _box(line: str, path: Path, number: int) -> list[float]:
    try:
        values = [float(word) for word in re.split(r"[,\s]+", line.strip())]
    except ValueError:
        values = []
    if len(values) != 4:
        raise InputError(f"{path}, line {number}: {line.strip()[:40]!r} is no box", "x,y,width,height")
    return values


def _number(path: Path) -> tuple[int, str]:
    digits = re.findall(r"\d+", path.stem)
    return (int(digits[-1]) if digits else 0), path.name
