"""What a tracker learns from: objects in still pictures, with and without an outline, and sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from apps.track.cropping import context_side
from apps.track.sequences import Sequence as Frames
from common.boxes import centers
from common.console import Advance
from common.data.boxed import read_coco
from common.data.images import SUFFIXES, decode
from common.errors import InputError

__all__ = ["Material", "View", "gather", "view_of"]

REACH = 5.0  # a view shows this many contexts' sides to each side … of an object's box
LARGEST = 80.0  # pixels of half a context in a view: finer than the crops, which are cut from it
PICTURE_SIDE = 400


@dataclass(frozen=True)
class View:
    """An object with its wide surroundings.

    Args:
        pixels: ``(height, width, 3)`` uint8.
        box: of the object in them, ``(4,)``.
        mask: ``(height, width)`` uint8, 255 on the object; None where its outline is not known.
    """

    pixels: np.ndarray
    box: np.ndarray
    mask: np.ndarray | None = None

    @cached_property
    def rim(self) -> np.ndarray:
        """Points ``(n, 2)`` around the object: of its outline's convex hull, else of an ellipse in its box.

        An ellipse turns without growing corners.
        """
        outline = None if self.mask is None else cv2.findNonZero(self.mask)
        if outline is not None:
            return cv2.convexHull(outline)[:, 0].astype(np.float64) + 0.5
        angle = np.linspace(0, 2 * np.pi, 33)
        ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) / 2 + 0.5
        return self.box[:2] + ring * self.box[2:]


@dataclass
class Material:
    """All there is to learn from.

    Args:
        objects: in still pictures.
        sequences: of each sequence the frames that show its object, with their numbers.
        pictures: in which nothing is marked; backgrounds, and regions to be found again.
    """

    objects: list[View] = field(default_factory=list)
    sequences: list[list[tuple[int, View]]] = field(default_factory=list)
    pictures: list[np.ndarray] = field(default_factory=list)

    @cached_property
    def outlined(self) -> list[View]:
        """The objects whose outline is known."""
        return [view for view in self.objects if view.mask is not None]

    def split(self, share: float, seed: int) -> tuple[Material, Material]:
        """Return all but a random share of objects and pictures, and that share."""
        draw = np.random.default_rng(seed)
        kept, away = Material(sequences=self.sequences), Material()
        for name in ("objects", "pictures"):
            several = getattr(self, name)
            taken = set(draw.permutation(len(several))[: round(share * len(several))])
            for number, one in enumerate(several):
                getattr(away if number in taken else kept, name).append(one)
        return kept, away

    def __str__(self) -> str:
        return (
            f"{len(self.objects):,} objects in still pictures, {len(self.outlined):,} of them outlined; "
            f"{len(self.sequences)} sequences; {len(self.pictures):,} pictures"
        )


def gather(
    folders: Iterable[Path],
    sequences: Sequence[Frames],
    *,
    progress: Advance = lambda done, total, remark: None,
) -> Material:
    """Read pictures, with their outlines where a COCO file lies beside them, and sequences.

    Args:
        folders: of pictures; every ``*.json`` in one is an annotation file.
        sequences: to learn from.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: a folder without pictures, an annotation file that is none.
    """
    material = Material()
    marked, plain = [], []
    for folder in folders:
        here = {file: file for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES}
        if not here:
            raise InputError(f"{folder} holds no pictures")
        for listing in sorted(folder.rglob("*.json")):
            for entry in read_coco([listing], folder).pictures:
                if here.pop(entry.file, None):
                    marked.append(entry)
        plain += list(here)
    total = len(marked) + len(plain) + len(sequences)
    for number, entry in enumerate(marked, start=1):
        pixels, boxes = entry.read()
        for index, box in enumerate(boxes):
            if min(box[2:]) >= 8 and box[2] * box[3] <= 0.5 * pixels.shape[0] * pixels.shape[1]:
                material.objects.append(view_of(pixels, box, entry.mask(index, *pixels.shape[:2])))
        material.pictures.append(_small(pixels))
        progress(number, total, "")
    for number, file in enumerate(plain, start=len(marked) + 1):
        material.pictures.append(_small(decode(file).pixels))
        progress(number, total, "")
    for number, sequence in enumerate(sequences, start=len(marked) + len(plain) + 1):
        views = [
            (frame, view_of(pixels, sequence.boxes[frame]))
            for frame, pixels in enumerate(sequence.frames())
            if sequence.visible[frame]
        ]
        material.sequences.append(views)
        progress(number, total, sequence.name)
    return material


def view_of(pixels: np.ndarray, box: np.ndarray, mask: np.ndarray | None = None) -> View:
    """Cut an object with its surroundings out of a picture; a large one is made smaller.

    Args:
        pixels: ``(height, width, 3)`` uint8.
        box: of the object, ``(4,)``.
        mask: of the object, ``(height, width)`` uint8, or None.
    """
    side = float(context_side(box))
    reach = REACH * side / 2
    x, y = centers(box)
    height, width = pixels.shape[:2]
    left, right = (int(np.clip(round(v), 0, width)) for v in (x - reach, x + reach))
    top, bottom = (int(np.clip(round(v), 0, height)) for v in (y - reach, y + reach))
    scale = min(1.0, 2 * LARGEST / side)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    factors = np.array([size[0] / (right - left), size[1] / (bottom - top)] * 2)

    def resized(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(
            cv2.resize(array[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
        )

    return View(
        resized(pixels),
        (np.asarray(box, np.float64) - [left, top, 0, 0]) * factors,
        None if mask is None else resized(mask),
    )


def _small(pixels: np.ndarray) -> np.ndarray:
    scale = PICTURE_SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
