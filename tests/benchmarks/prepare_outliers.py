"""Write a folder of handwritten characters that are not digits, for ``digits train --outliers``.

    cnnapps digits train --data mnist --epochs 1 --outliers none --out build/judge
    python tests/benchmarks/prepare_outliers.py GIT_DIR OUT --judge build/judge [FONT ...]

GIT_DIR is a git directory of brendenlake/omniglot.  Characters that a network of digits alone takes for one
and the same digit in three of ten hands (rings, strokes, 3-, 6-, 9-shapes) are left out: as pictures they
are digits.  The fonts are copied beside the pictures; ``digits train`` draws letters with them.  The shipped
network used 28 files of Debian's fonts-comic-neue, -dkg-handwriting, -breip, -bwht, -dancingscript,
-ecolier-court, -femkeklaver, -humor-sans, -isabella, -kristi, -rufscript and -klee.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from common.data.framing import frame
from common.predictor import Predictor, load


def characters(git_directory: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name of a character, its hands ``(n, 28, 28)`` in [0, 1], strokes as thick as MNIST's)."""
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
                    ink = cv2.GaussianBlur(cv2.dilate(ink, np.ones((5, 5))), (0, 0), 1.5)
                    hands.setdefault("-".join(name.split("/")[-3:-1]), []).append(frame(ink))
    for name, pictures in hands.items():
        yield name, np.stack(pictures)


def looks_like_a_digit(pictures: np.ndarray, judge: Predictor) -> bool:
    """Return whether three of ten hands are taken for the same digit with some confidence."""
    probabilities = judge.probabilities(pictures[..., None])
    sure = probabilities.max(axis=1) > 0.8
    votes = np.bincount(probabilities.argmax(axis=1)[sure], minlength=10)
    return votes.max() >= 0.3 * len(pictures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("git_directory")
    parser.add_argument("out", type=Path)
    parser.add_argument("--judge", required=True)
    parser.add_argument("fonts", nargs="*", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True)
    judge = load(arguments.judge)
    for number, font in enumerate(arguments.fonts):
        shutil.copy(font, arguments.out / f"font-{number:02d}-{font.name}")
    kept = 0
    for name, pictures in characters(arguments.git_directory):
        if looks_like_a_digit(pictures, judge):
            continue
        kept += 1
        for number, picture in enumerate(pictures):
            Image.fromarray((picture * 255).astype(np.uint8)).save(arguments.out / f"{name}-{number:02d}.png")
    print(f"{kept} characters kept in {arguments.out}")


if __name__ == "__main__":
    main()
