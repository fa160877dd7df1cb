"""Outlined regions of BSDS500's pictures, as ``track train`` takes them: pictures and one COCO file.

    python -m tests.benchmarks.prepare_outlines GIT_DIR build/bsds500

What people outlined in the 500 pictures (Arbeláez et al., "Contour Detection and Hierarchical Image Segmentation",
TPAMI 2011) has no names.  Kept is what could be an object: in one piece, compact, away from the picture's edges.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy.io import loadmat

__all__ = ["main"]

SHARES = 0.003, 0.2  # of the picture's area: least and most
COMPACT = 0.7  # least share of its convex hull
ALIKE = 0.6  # IoU above which two people outlined the same


def main(git: Path, out: Path) -> None:
    """Write ``out/*.jpg`` and ``out/outlines.json``."""
    out.mkdir(parents=True, exist_ok=True)
    listed = _git(git, "ls-tree", "-r", "--name-only", "HEAD", "BSDS500/data/groundTruth").decode().split()
    pictures, outlines = [], []
    for number, path in enumerate(name for name in listed if name.endswith(".mat")):
        part, stem = Path(path).parent.name, Path(path).stem
        picture = _git(git, "show", f"HEAD:BSDS500/data/images/{part}/{stem}.jpg")
        (out / f"{stem}.jpg").write_bytes(picture)
        people = loadmat(io.BytesIO(_git(git, "show", f"HEAD:{path}")))["groundTruth"][0]
        maps = [person["Segmentation"][0, 0] for person in people]
        height, width = maps[0].shape
        pictures.append({"id": number, "file_name": f"{stem}.jpg", "width": width, "height": height})
        for outline in _outlines(maps):
            x, y, wide, high = cv2.boundingRect(outline)
            outlines.append(
                {
                    "id": len(outlines) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                    "bbox": [x, y, wide, high], "area": cv2.contourArea(outline),
                    "segmentation": [outline.ravel().tolist()],
                }
            )  # fmt: skip
    whole = {"images": pictures, "annotations": outlines, "categories": [{"id": 1, "name": "thing"}]}
    (out / "outlines.json").write_text(json.dumps(whole))
    print(f"{len(outlines)} outlines in {len(pictures)} pictures")


def _outlines(maps: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the contours ``(n, 1, 2)`` of compact regions, each once however many people outlined it."""
    taken: list[np.ndarray] = []
    for labels in maps:
        height, width = labels.shape
        for label in range(1, int(labels.max()) + 1):
            mask = (labels == label).astype(np.uint8)
            pieces, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            if not pieces:
                continue
            outline = max(pieces, key=cv2.contourArea)
            area, (x, y, wide, high) = cv2.contourArea(outline), cv2.boundingRect(outline)
            inner = x > 1 and y > 1 and x + wide < width - 1 and y + high < height - 1
            hull = cv2.contourArea(cv2.convexHull(outline))
            if not (inner and SHARES[0] <= area / mask.size <= SHARES[1] and area >= COMPACT * hull):
                continue
            region = mask.astype(bool)
            if all((region & other).sum() < ALIKE * (region | other).sum() for other in taken):
                taken.append(region)
                yield outline


def _git(git: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", git, *arguments], check=True, capture_output=True).stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, help="git directory of BIDS/BSDS500")
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    main(asked.source, asked.out)
