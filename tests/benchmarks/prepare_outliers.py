"""Write a folder of handwritten characters that are not digits, for ``digits train --outliers``.

    python tests/benchmarks/prepare_outliers.py GIT_DIR OUT

GIT_DIR is a git directory of brendenlake/omniglot.  Characters that a digit network takes for one and the
same digit in most hands (rings, strokes, 3-, 6-, 9-shapes) are left out: as pictures they are digits.
"""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from common.data.framing import frame


def characters(git_directory: str):
    """Yield (character name, ``(28, 28)`` float pictures of its hands)."""
    hands: dict[str, list[np.ndarray]] = {}
    for part in ("small1", "small2"):
        blob = subprocess.run(
            ["git", "-C", git_directory, "show", f"HEAD:python/images_background_{part}.zip"],
            capture_output=True,
            check=True,
        ).stdout
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            for name in archive.namelist():
                if name.endswith(".png") and "__MACOSX" not in name:
                    ink = 1 - np.asarray(Image.open(archive.open(name)).convert("L"), np.float32) / 255
                    ink = np.asarray(Image.fromarray(ink).resize((105, 105)))
                    import cv2

                    ink = cv2.GaussianBlur(cv2.dilate(ink, np.ones((5, 5))), (0, 0), 1.5)
                    hands.setdefault("-".join(name.split("/")[-3:-1]), []).append(frame(ink))
    yield from hands.items()


def main(git_directory: str, out: str, predict) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    kept = dropped = 0
    for name, pictures in characters(git_directory):
        probabilities = predict(np.stack(pictures)[..., None])
        votes = np.bincount(probabilities.argmax(axis=1)[probabilities.max(axis=1) > 0.8], minlength=10)
        if votes.max() >= 0.5 * len(pictures):
            dropped += 1
            continue
        kept += 1
        for number, picture in enumerate(pictures):
            Image.fromarray((picture * 255).astype(np.uint8)).save(folder / f"{name}-{number:02d}.png")
    print(f"{kept} characters kept, {dropped} left out, in {folder}")


