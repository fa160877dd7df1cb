"""Drawn pictures with boxed shapes, and their annotations in the COCO format."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

CLASSES = ("disc", "Größe 猫")  # a class may have any name


def draw_shapes(seed: int, size=(96, 72)) -> tuple[np.ndarray, list[tuple[int, list[int]]]]:
    """A picture ``(height, width, 3)`` with one to three red discs and blue squares, and (class, box) of each."""
    draw = np.random.default_rng(seed)
    width, height = size
    pixels = draw.integers(90, 140, (height, width, 3)).astype(np.uint8)
    taken, objects = np.zeros((height, width), bool), []
    for _ in range(draw.integers(1, 4)):
        side = int(draw.integers(16, 30))
        x, y = int(draw.integers(0, width - side)), int(draw.integers(0, height - side))
        if taken[y : y + side, x : x + side].any():
            continue
        taken[y : y + side, x : x + side] = True
        kind = int(draw.integers(2))
        if kind == 0:
            cv2.ellipse(
                pixels, ((x + side / 2 - 0.5, y + side / 2 - 0.5), (side, side), 0), (220, 30, 30), -1
            )
        else:
            pixels[y : y + side, x : x + side] = (30, 30, 220)
        objects.append((kind, [x, y, side, side]))
    return pixels, objects


def write_shapes(folder: Path, parts: dict[str, int], first: int = 0) -> Path:
    """Write a COCO data set with ids that are not contiguous; return its folder."""
    for part, count in parts.items():
        (folder / part).mkdir(parents=True)
        images, annotations = [], []
        for number in range(first, first + count):
            pixels, objects = draw_shapes(number)
            name = f"bild {number} ü.png"
            Image.fromarray(pixels).save(folder / part / name)
            height, width = pixels.shape[:2]
            images.append({"id": 1000 + 7 * number, "file_name": name, "width": width, "height": height})
            for kind, box in objects:
                annotations.append(
                    {
                        "id": 3 * len(annotations) + 5, "image_id": 1000 + 7 * number, "bbox": box,
                        "category_id": (17, 90)[kind], "area": box[2] * box[3], "iscrowd": 0,
                    }
                )  # fmt: skip
        first += count
        content = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 90, "name": CLASSES[1]}, {"id": 17, "name": CLASSES[0]}],
        }
        (folder / f"instances_{part}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
