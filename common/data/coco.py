"""Pictures with outlined objects, in the JSON format of COCO.

Reference:
    Lin et al., "Microsoft COCO", ECCV 2014; https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import InputError

__all__ = ["Outlined", "read_coco"]


@dataclass(frozen=True)
class Outlined:
    """A picture and its objects.

    Args:
        file: of the picture.
        boxes: x, y, width, height ``(n, 4)`` float32 in pixels.
        labels: class of each object.
        outlines: of each object its polygons, each ``(points, 2)``; none for an object given as a run-length mask.
    """

    file: Path
    boxes: np.ndarray
    labels: tuple[str, ...]
    outlines: tuple[tuple[np.ndarray, ...], ...]

    def mask(self, number: int, height: int, width: int) -> np.ndarray | None:
        """Return the pixels of an object ``(height, width)`` uint8, 255 inside; None without an outline."""
        import cv2

        if not self.outlines[number]:
            return None
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.round(points).astype(np.int32) for points in self.outlines[number]], 255)
        return mask


def read_coco(path: Path, pictures: Path) -> list[Outlined]:
    """Read an annotation file; crowds are left out, pictures that are not there too.

    Args:
        path: ``instances….json``.
        pictures: folder in which the pictures lie, at any depth.

    Raises:
        InputError: not a COCO file, or it has none of the pictures.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {entry["id"]: entry["name"] for entry in content["categories"]}
        files = {entry["id"]: Path(entry["file_name"]).name for entry in content["images"]}
        objects: dict[int, list[dict]] = {}
        for entry in content["annotations"]:
            if not entry.get("iscrowd"):
                objects.setdefault(entry["image_id"], []).append(entry)
        there = {file.name: file for file in sorted(pictures.rglob("*")) if file.is_file()}
        found = [
            Outlined(
                there[files[number]],
                np.array([entry["bbox"] for entry in entries], np.float32),
                tuple(names[entry["category_id"]] for entry in entries),
                tuple(_polygons(entry.get("segmentation")) for entry in entries),
            )
            for number, entries in objects.items()
            if files[number] in there
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no COCO file ({error!r})", "it holds images, annotations, categories"
        ) from error
    if not found:
        raise InputError(f"{path}: none of its {len(files)} pictures is in {pictures}")
    return found


def _polygons(segmentation: object) -> tuple[np.ndarray, ...]:
    if not isinstance(segmentation, list):
        return ()
    return tuple(np.array(points, np.float32).reshape(-1, 2) for points in segmentation if len(points) >= 6)
