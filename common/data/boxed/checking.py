"""Looking a data set of boxed pictures over before anybody trains on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.boxes import iou_matrix
from common.console import Advance
from common.data.boxed.annotated import KINDS, Annotated, AnnotatedSet, Problem
from common.data.boxed.duplicates import find_alike, find_copies, find_one_source, perceptual_hash
from common.data.boxed.opening import open_boxed
from common.data.images import decode
from common.errors import InputError

__all__ = ["CheckReport", "check"]

_SMALL, _MEDIUM = 32**2, 96**2  # pixels of area, https://cocodataset.org/#detection-eval
_TWICE = 0.8
_LOOKED_AT = 256  # pixels of a side: JPEG decodes to that size for half the time


@dataclass(frozen=True)
class CheckReport:
    """What is in a data set, and what is wrong with it.

    Args:
        name: of the set.
        format: ``voc``, ``coco`` or ``yolo``.
        pictures: of each part.
        empty: pictures without objects of each part.
        boxes: of each part, boxes of each class.
        difficult: boxes marked as difficult, of each part.
        sizes: small, medium and large boxes of each part: below 32² and 96² pixels of area, as COCO counts them.
        sides: quantiles of the square root of a box's area over all parts: in pixels, and as a share of the same
            of its picture; empty without boxes.
        notes: of the reader.
        problems: by kind, in the order of ``KINDS``.
        deep: every picture was decoded, and compared with those of other parts by eye.
    """

    name: str
    format: str
    pictures: dict[str, int]
    empty: dict[str, int]
    boxes: dict[str, dict[str, int]]
    difficult: dict[str, int]
    sizes: dict[str, dict[str, int]]
    sides: dict[str, dict[str, float]]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]
    deep: bool

    @property
    def counts(self) -> dict[str, int]:
        """Problems of each kind that occurs."""
        return dict(Counter(problem.kind for problem in self.problems))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "format": self.format,
            "pictures": self.pictures,
            "empty": self.empty,
            "boxes": self.boxes,
            "difficult": self.difficult,
            "sizes": self.sizes,
            "sides": self.sides,
            "notes": list(self.notes),
            "counts": self.counts,
            "problems": [problem.to_json() for problem in self.problems],
            "deep": self.deep,
        }


def check(
    source: str | Path | AnnotatedSet,
    *,
    deep: bool = False,
    form: str | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> CheckReport:
    """Count what is in a data set and list what is wrong with it.

    Args:
        source: the set, or its path as for ``open_boxed``.
        deep: decode every picture, which finds damaged ones, and compare pictures of different parts by a
            perceptual hash.
        form: of the set, as for ``open_boxed``.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: no such data set.
        UsageError: an unknown format.
    """
    data = source if isinstance(source, AnnotatedSet) else open_boxed(source, form=form, progress=progress)
    problems = [*data.problems, *_same_boxes(data.pictures), *_unused_classes(data)]
    parts = {name: [entry.file for entry in part] for name, part in data.parts.items()}
    copies = find_copies(parts)
    problems += copies + find_one_source(parts)
    if deep:
        hashes, damaged = _decoded(list(dict.fromkeys(entry.file for entry in data.pictures)), progress)
        problems += damaged
        said = {problem.file for problem in copies}
        problems += find_alike(
            {
                name: {file: hashes[file] for file in files if file in hashes and file not in said}
                for name, files in parts.items()
            }
        )
    order = list(KINDS)
    return CheckReport(
        data.name,
        data.format,
        {name: len(part) for name, part in data.parts.items()},
        {name: sum(not len(entry.boxes) for entry in part) for name, part in data.parts.items()},
        {name: _by_class(part, data.classes) for name, part in data.parts.items()},
        {name: sum(int(entry.difficult.sum()) for entry in part) for name, part in data.parts.items()},
        {name: _by_size(part) for name, part in data.parts.items()},
        _sides(data.pictures),
        data.notes,
        tuple(sorted(problems, key=lambda problem: order.index(problem.kind))),
        deep,
    )


def _by_class(part: Sequence[Annotated], classes: Sequence[str]) -> dict[str, int]:
    counts = Counter(label for entry in part for label in entry.labels)
    return {name: counts[name] for name in classes}


def _by_size(part: Sequence[Annotated]) -> dict[str, int]:
    areas = np.concatenate([entry.boxes[:, 2:].astype(float).prod(axis=1) for entry in part] or [np.zeros(0)])
    small, large = int((areas < _SMALL).sum()), int((areas >= _MEDIUM).sum())
    return {"small": small, "medium": len(areas) - small - large, "large": large}


def _sides(pictures: Sequence[Annotated]) -> dict[str, dict[str, float]]:
    sides = [np.sqrt(entry.boxes[:, 2:].astype(float).prod(axis=1)) for entry in pictures]
    pixels = np.concatenate(sides or [np.zeros(0)])
    if not len(pixels):
        return {}
    wholes = np.repeat([np.sqrt(np.prod(entry.size)) for entry in pictures], [len(one) for one in sides])
    shares = (0, 0.05, 0.5, 0.95, 1)
    return {
        what: {f"{share:.0%}": round(float(np.quantile(values, share)), 4) for share in shares}
        for what, values in (("pixels", pixels), ("share", pixels / wholes))
    }


def _same_boxes(pictures: Sequence[Annotated]) -> list[Problem]:
    found = []
    for entry in pictures:
        labels = np.unique(entry.labels, return_inverse=True)[1] if entry.labels else np.zeros(0, int)
        overlaps = np.triu(iou_matrix(entry.boxes, entry.boxes), k=1) * (labels[:, None] == labels)
        for first, second in zip(*np.nonzero(overlaps > _TWICE), strict=True):
            place = ", ".join(f"{value:.6g}" for value in entry.boxes[first])
            detail = f"{entry.labels[first]} at {place}: overlap {overlaps[first, second]:.2f}"
            found.append(Problem("same box twice", entry.file, detail))
    return found


def _unused_classes(data: AnnotatedSet) -> list[Problem]:
    used = {label for entry in data.pictures for label in entry.labels}
    return [
        Problem("class without boxes", Path(data.name), name) for name in data.classes if name not in used
    ]


def _decoded(files: Sequence[Path], progress: Advance) -> tuple[dict[Path, int], list[Problem]]:
    """Decode every picture; return the hashes of those that have something on them, and the damaged ones."""

    hashes: dict[Path, int] = {}
    problems = []
    for number, file in enumerate(files, start=1):
        try:
            bits = perceptual_hash(decode(file, grey=True, max_side=_LOOKED_AT).pixels)
        except InputError as error:
            problems.append(Problem("unreadable picture", file, error.message.removeprefix(f"{file}: ")))
        else:
            if bits is not None:
                hashes[file] = bits
        progress(number, len(files), "")
    return hashes, problems
