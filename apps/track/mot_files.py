"""Tracks and detections as MOTChallenge writes them: one line an object, ``frame,id,left,top,width,height,…``.

In the file frames and pixels count from 1, in `Tracks` from 0, as everywhere in this project.  Seen in the wild and
read without a murmur: columns beyond the sixth missing, spaces or semicolons for commas, a byte order mark, whole
numbers written as ``3.0``, lines in any order, ground truth with -1 for confidence, detectors whose scores are no
probabilities.

Reference:
    Leal-Taixé et al., "MOTChallenge 2015: Towards a Benchmark for Multi-Target Tracking", 2015, section 3.3;
    Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", 2016, section 3.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import InputError

__all__ = ["Tracks", "interpolated", "read_detections", "read_ground_truth", "read_tracks", "write_tracks"]

_COLUMNS = ("frame", "id", "left", "top", "width", "height", "confidence")
_LEAST = 6  # columns without which a line says nothing
_DEFAULTS = (0, -1, 0, 0, 0, 0, 1)
_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_FIELDS = ("frame", "id", "boxes", "confidence")


@dataclass(frozen=True)
class Tracks:
    """Boxes in the frames of a video, each with the object that it belongs to; sorted by frame, then by id.

    Args:
        frame: number of the frame ``(n,)`` int64, from 0.
        id: of the object ``(n,)`` int64; -1 in detections, which belong to none yet.
        boxes: ``(n, 4)`` float64, see `common.boxes`.
        confidence: ``(n,)`` float64.
    """

    frame: np.ndarray
    id: np.ndarray
    boxes: np.ndarray
    confidence: np.ndarray

    @staticmethod
    def of(
        frame: Iterable[int],
        id: Iterable[int],
        boxes: Iterable[Iterable[float]],
        confidence: Iterable[float] | None = None,
    ) -> Tracks:
        """Return the table of these rows, given in any order; confidence is 1 where nothing is said of it."""
        frames = np.asarray(list(frame), np.int64)
        ids = np.asarray(list(id), np.int64)
        places = np.asarray(list(boxes), np.float64).reshape(-1, 4)
        sure = np.ones(len(frames)) if confidence is None else np.asarray(list(confidence), np.float64)
        order = np.lexsort([ids, frames])
        return Tracks(frames[order], ids[order], places[order], sure[order])

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: np.ndarray | slice) -> Tracks:
        """Return the rows of a mask, of numbers or of a slice."""
        return Tracks(self.frame[rows], self.id[rows], self.boxes[rows], self.confidence[rows])

    def in_frame(self, number: int) -> Tracks:
        """Return the rows of one frame."""
        first, last = np.searchsorted(self.frame, [number, number + 1])
        return self.take(slice(first, last))


def read_tracks(path: str | Path) -> Tracks:
    """Read a tracker's output.

    Raises:
        InputError: no such file; a line that is no row, has no id, or names an object twice in its frame.
    """
    values, lines = _parsed(path)
    for value, line in zip(values, lines, strict=True):
        if value[1] < 0:
            raise InputError(f"{path}, line {line}: no id", "detections are read with read_detections")
    _refuse_doubles(values, lines, path)
    return _table(values)


def read_ground_truth(path: str | Path) -> Tracks:
    """Read annotations; rows whose flag, in the confidence column, is 0 are not to be scored and are left out.

    MOT16 and later mark so whatever is no pedestrian.  A flag of -1, as in PETS 2009, is no such mark.

    Raises:
        InputError: as `read_tracks`.
    """
    tracks = read_tracks(path)
    return tracks.take(tracks.confidence != 0)


def read_detections(path: str | Path) -> Tracks:
    """Read a detector's output; ids are ignored and confidences brought to [0, 1].

    Scores above 1 are no probabilities.  Such a detector's scores s, all of them, become s / (s + lowest decile), which
    keeps their order: whoever wrote the file has cut it where he thought fit, so that the weakest tenth is what is
    doubtful, below 0.5.  What is below 0 becomes 0.

    Raises:
        InputError: no such file, a line that is no row.
    """
    found = _table(_parsed(path)[0])
    scores = np.maximum(found.confidence, 0)
    if scores.max(initial=0) > 1:
        scores = scores / (scores + np.quantile(scores[scores > 0], 0.1))
    return Tracks.of(found.frame, np.full(len(found), -1), found.boxes, scores)


def write_tracks(path: str | Path, tracks: Tracks) -> None:
    """Write the ten columns of MOTChallenge 2015; the world coordinates, which nobody knows, are -1."""
    rows = zip(tracks.frame + 1, tracks.id, tracks.boxes, tracks.confidence, strict=True)
    lines = [
        f"{frame},{number},{x + 1:.2f},{y + 1:.2f},{width:.2f},{height:.2f},{sure:.4f},-1,-1,-1\n"
        for frame, number, (x, y, width, height), sure in rows
    ]
    Path(path).write_text("".join(lines), encoding="utf-8")


def interpolated(tracks: Tracks, max_gap: int) -> Tracks:
    """Fill the gaps in each object's track of at most ``max_gap`` frames, box and confidence on a straight line.

    Works on the finished table: a tracker that runs along cannot know where the object will come back.

    Reference:
        Zhang et al., "ByteTrack", ECCV 2022, section 4.1 and appendix (tracklet interpolation).
    """
    parts = [tracks]
    for number in np.unique(tracks.id):
        one = tracks.take(tracks.id == number)
        gaps = np.diff(one.frame) - 1
        for row in np.flatnonzero((gaps > 0) & (gaps <= max_gap)):
            frames = np.arange(one.frame[row] + 1, one.frame[row + 1])
            share = ((frames - one.frame[row]) / (gaps[row] + 1))[:, None]
            boxes = (1 - share) * one.boxes[row] + share * one.boxes[row + 1]
            sure = (1 - share[:, 0]) * one.confidence[row] + share[:, 0] * one.confidence[row + 1]
            parts.append(Tracks(frames, np.full(len(frames), number), boxes, sure))
    return Tracks.of(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


def _parsed(path: str | Path) -> tuple[np.ndarray, list[int]]:
    """Return the values ``(n, 7)`` and the number of each one's line, from 1."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file") from error
    rows, lines = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip().rstrip(",;")
        if line and not line.startswith("#"):
            rows.append(_row(line, f"{path}, line {number}"))
            lines.append(number)
    return np.array(rows, np.float64).reshape(-1, len(_COLUMNS)), lines


def _row(line: str, place: str) -> list[float]:
    cells = _SEPARATOR.split(line)
    if len(cells) < _LEAST:
        raise InputError(
            f"{place}: {len(cells)} column{'s' * (len(cells) != 1)}, at least {_LEAST} expected",
            f"a row is {','.join(_COLUMNS)}",
        )
    values = []
    for name, cell, default in zip(_COLUMNS, cells + [""] * len(_COLUMNS), _DEFAULTS, strict=False):
        try:
            values.append(float(cell) if cell else float(default))
        except ValueError:
            raise InputError(f"{place}: {name} is {cell!r}, no number", "") from None
    if not np.isfinite(values).all():
        raise InputError(f"{place}: a value is not finite")
    frame, number, _, _, width, height, _ = values
    if frame < 1 or frame != int(frame):
        raise InputError(f"{place}: frame is {frame:g}", "frames are whole numbers from 1")
    if number != int(number):
        raise InputError(f"{place}: id is {number:g}", "ids are whole numbers")
    if width <= 0 or height <= 0:
        raise InputError(
            f"{place}: a box of {width:g} by {height:g} pixels", "columns are left,top,width,height"
        )
    return values


def _refuse_doubles(values: np.ndarray, lines: list[int], path: str | Path) -> None:
    """Raise ``InputError`` where one object has two boxes in one frame."""
    seen: dict[tuple[int, int], int] = {}
    for (frame, number), line in zip(values[:, :2].astype(int).tolist(), lines, strict=True):
        if (frame, number) in seen:
            raise InputError(
                f"{path}, line {line}: object {number} is in frame {frame} twice, first in line "
                f"{seen[frame, number]}"
            )
        seen[frame, number] = line


def _table(values: np.ndarray) -> Tracks:
    return Tracks.of(values[:, 0] - 1, values[:, 1], values[:, 2:6] - [1, 1, 0, 0], values[:, 6])
