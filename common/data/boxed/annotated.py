"""Pictures with boxed objects, whatever format they came in, and what was wrong with them.

Boxes are those of ``common.boxes``: x, y, width, height, zero-based pixels.  They lie in the upright picture, as
``common.data.images.decode`` returns it, at its full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.boxes import clipped, from_corners
from common.data.boxed.locating import Header
from common.data.images import MAX_SIDE, decode

__all__ = ["KINDS", "Annotated", "AnnotatedSet", "Marked", "Problem", "tidied"]

KINDS = {
    "missing part": "the part is left out",
    "missing picture": "the annotation is left out",
    "unreadable picture": "the picture is left out",
    "unreadable annotation": "what it says is left out",
    "no annotation": "YOLO: taken as a picture without objects; VOC and COCO: left out",
    "in no part": "the picture is left out",
    "bad row": "the object is left out",
    "unknown class": "the object is left out",
    "empty box": "the object is left out",
    "box outside": "nothing of it is in the picture: the object is left out",
    "box clipped": "the box is cut at the picture's edge",
    "wrong size": "the annotation was made for another size of the picture",
    "same box twice": "kept: two boxes of a class that overlap by more than 0.8",
    "same picture twice": "kept: pictures of the same content in one part",
    "same picture in two parts": "kept: what is tested on was trained on",
    "one source in two parts": "kept: Roboflow made both pictures of one file, by their names",
    "alike in two parts": "kept: pictures that look the same to a perceptual hash",
    "class without boxes": "kept: the class keeps its number",
}
_SLACK = 0.5  # pixels over the edge that are rounding, not a mistake
_SAME_SHAPE = 0.01  # of the ratio of the sides


@dataclass(frozen=True)
class Problem:
    """Something in a data set that is not as it should be.

    Args:
        kind: one of ``KINDS``, which says what is done about it.
        file: to mend: an annotation file or a picture.
        detail: the row and what is wrong with it.
    """

    kind: str
    file: Path
    detail: str

    def __str__(self) -> str:
        return f"{self.file}: {self.kind}: {self.detail}" if self.detail else f"{self.file}: {self.kind}"

    def to_json(self) -> dict[str, str]:
        """Return plain values."""
        return {"kind": self.kind, "file": str(self.file), "detail": self.detail}


@dataclass(frozen=True)
class Annotated:
    """A picture and its objects.

    Args:
        file: of the picture.
        boxes: x, y, width, height ``(n, 4)`` float32, zero-based pixels of the upright picture.
        labels: class of each object.
        outlines: of each object its polygons, each ``(points, 2)`` float32 in pixels; none where it is not known.
        size: width and height of the upright picture.
        difficult: ``(n,)`` bool: objects that a detector need not find (VOC's ``difficult``, COCO's ``ignore``).
    """

    file: Path
    boxes: np.ndarray
    labels: tuple[str, ...]
    outlines: tuple[tuple[np.ndarray, ...], ...]
    size: tuple[int, int]
    difficult: np.ndarray

    def mask(self, index: int, height: int, width: int) -> np.ndarray | None:
        """Return the pixels of an object ``(height, width)`` uint8, 255 inside; None without an outline.

        Args:
            index: of the object.
            height: of the mask; that of the picture, or of the picture made smaller.
            width: of the mask.
        """
        import cv2

        if not self.outlines[index]:
            return None
        mask = np.zeros((height, width), np.uint8)
        scale = np.array([width, height]) / self.size
        for points in self.outlines[index]:
            cv2.fillPoly(mask, [np.round(points * scale).astype(np.int32)], 255)
        return mask

    def read(self, *, max_side: int = MAX_SIDE) -> tuple[np.ndarray, np.ndarray]:
        """Decode the picture.

        Args:
            max_side: a longer side is made smaller by a whole factor, the boxes with it.

        Returns:
            Pixels ``(height, width, 3)`` uint8, and the boxes in them ``(n, 4)`` float32.

        Raises:
            InputError: no picture, or a damaged one.
        """
        pixels = decode(self.file, max_side=max_side).pixels
        scale = np.array([pixels.shape[1], pixels.shape[0]] * 2) / (self.size * 2)
        return pixels, (self.boxes * scale).astype(np.float32)


@dataclass(frozen=True)
class AnnotatedSet:
    """A data set.

    Args:
        name: of its folder.
        format: ``voc``, ``coco`` or ``yolo``.
        classes: in the order of their numbers.
        parts: ``train``, ``val`` and ``test``, those that there are; ``all`` where the set is not split.
        notes: what was guessed, and what was left out on purpose.
        problems: found while reading.
    """

    name: str
    format: str
    classes: tuple[str, ...]
    parts: dict[str, list[Annotated]]
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = field(default=(), repr=False)

    @property
    def pictures(self) -> list[Annotated]:
        """The pictures of all parts."""
        return [entry for part in self.parts.values() for entry in part]

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {len(part):,}" for name, part in self.parts.items())
        boxes = sum(len(entry.boxes) for entry in self.pictures)
        return (
            f"{self.name} ({self.format}): pictures: {parts}; {boxes:,} boxes of {len(self.classes)} classes"
        )


class Marked(NamedTuple):
    """An object as a file tells it, before anything is checked.

    Args:
        box: x, y, width, height in pixels of the size that the file declares.
        label: its class.
        where: its place in the file, for messages: ``"row 3"``.
        outline: polygons, each ``(points, 2)``.
        difficult: as in ``Annotated``.
    """

    box: Sequence[float] | np.ndarray
    label: str
    where: str
    outline: tuple[np.ndarray, ...] = ()
    difficult: bool = False


def tidied(
    file: Path,
    header: Header,
    marked: Sequence[Marked],
    problems: list[Problem],
    *,
    source: Path,
    declared: tuple[int, int] | None = None,
) -> Annotated:
    """Bring objects into their picture: boxes turned with it, cut at its edges, left out where nothing remains.

    Args:
        file: the picture.
        header: its size.
        marked: its objects.
        problems: what is found is added here.
        source: the annotation file.
        declared: width and height of the picture according to the annotation.
    """
    boxes = np.array([one.box for one in marked], np.float64).reshape(-1, 4)
    outlines = [one.outline for one in marked]
    if declared and declared != header.size:
        boxes, outlines, remark = _refitted(boxes, outlines, declared, header)
        said = f"says {declared[0]}x{declared[1]}, {file.name} has {header.size[0]}x{header.size[1]}"
        problems.append(Problem("wrong size", source, f"{said}: {remark}"))
    with np.errstate(invalid="ignore"):
        full = np.isfinite(boxes.sum(axis=1)) & (boxes[:, 2:].min(axis=1) > 0)
        inside = clipped(np.where(full[:, None], boxes, 0), *header.size)
        there = full & (inside[:, 2:].min(axis=1) > 0)
        cut = there & (np.abs(inside[:, 2:] - boxes[:, 2:]).max(axis=1) > _SLACK)
    for index in np.flatnonzero(~there | cut).tolist():
        kind = "box clipped" if cut[index] else "box outside" if full[index] else "empty box"
        numbers = ", ".join(f"{value:.6g}" for value in boxes[index])
        told = f"{marked[index].where}: {marked[index].label} x, y, width, height = {numbers}"
        problems.append(
            Problem(kind, source, f"{told} in {header.size[0]}x{header.size[1]}" if full[index] else told)
        )
    kept = np.flatnonzero(there).tolist()
    return Annotated(
        file,
        inside[kept].astype(np.float32),
        tuple(marked[index].label for index in kept),
        tuple(outlines[index] for index in kept),
        header.size,
        np.array([marked[index].difficult for index in kept], bool),
    )


def _refitted(
    boxes: np.ndarray, outlines: list[tuple[np.ndarray, ...]], declared: tuple[int, int], header: Header
) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]], str]:
    """Return boxes and outlines in the picture as it is, and a remark on what was done.

    A camera held upright stores its picture lying and says so in the EXIF block; tools that do not look there
    mark the lying one.  A picture that was made smaller after it was marked keeps its shape.
    """
    if declared == header.stored:
        edges = np.concatenate(
            [header.upright(boxes[:, :2]), header.upright(boxes[:, :2] + boxes[:, 2:])], axis=1
        )
        edges = np.concatenate(
            [np.minimum(edges[:, :2], edges[:, 2:]), np.maximum(edges[:, :2], edges[:, 2:])], 1
        )
        turned = [tuple(header.upright(points) for points in outline) for outline in outlines]
        return from_corners(edges), turned, "marked lying; the boxes are turned upright with it"
    scale = np.array(header.size) / declared
    if abs(scale[0] / scale[1] - 1) < _SAME_SHAPE:
        scaled = [tuple((points * scale).astype(np.float32) for points in outline) for outline in outlines]
        return boxes * [*scale, *scale], scaled, "of the same shape; the boxes are scaled with it"
    return boxes, outlines, "the boxes are taken as pixels of the picture as it is"
