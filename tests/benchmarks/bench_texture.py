"""How like their exemplars textures are, how much is copied, how good seams are, and how long it takes.

    python -m tests.benchmarks.bench_texture [--only brick_01] [--side 256] [--quality good] [--out FOLDER]

Judged by SqueezeNet features, which no contender optimises: the distance from the exemplar as a multiple of that
between two halves of the exemplar.  The peer is image quilting (Efros and Freeman 2001), which pastes pieces of it.
A crop of the exemplar of the same size says what the real thing scores.
What was found is kept in ``measured/textures.json`` here, so that a run can be stopped and goes on; pictures stay in
``--out`` to be looked at.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from apps.texture import SynthesisOptions, synthesize
from common.data.images import decode, write_picture
from tests.benchmarks.judge import SHARED, judge
from tests.benchmarks.quilting import quilted
from tests.benchmarks.results import conditions, kept, publish, table

TEXTURES = SHARED / "data" / "textures"
KINDS = (
    "bark", "brick", "cobbles", "cracked", "dirt", "fabric", "grass", "gravel", "lava", "leaves", "marble", "pebbles",
    "rock", "sand", "stonewall", "tiles", "water", "weave", "wood",
)  # fmt: skip
SEAM_PLACES = 4  # lines beside the seam that are left out of what is inside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--quality", default="good")
    parser.add_argument("--features", default="")
    parser.add_argument("--out", type=Path, default=Path("build/textures"))
    asked = parser.parse_args()
    files = sorted(file for kind in KINDS for file in TEXTURES.glob(f"{kind}_*.jpg"))
    files = [file for file in files if not asked.only or file.stem in asked.only]

    def ours(exemplar: Path, out: Path, tile: bool = False) -> None:
        options = SynthesisOptions(
            (str(exemplar),), (asked.side, asked.side), tile=tile, quality=asked.quality, features=asked.features,
            out=str(out),
        )  # fmt: skip
        list(synthesize(options))

    def peer(exemplar: Path, out: Path) -> None:
        pixels = decode(exemplar, max_side=1024).pixels.astype(np.float32) / 255
        made = quilted(pixels, asked.side, asked.side)
        write_picture(out, np.rint(made * 255).astype(np.uint8))

    def crop(exemplar: Path, out: Path) -> None:
        pixels = decode(exemplar).pixels
        top, left = (max(0, side - asked.side) // 2 for side in pixels.shape[:2])
        write_picture(out, pixels[top : top + asked.side, left : left + asked.side])

    asked.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, float]]] = {}
    seams: list[float] = []
    for file in files:
        for name, make in (("ours", ours), ("quilting", peer), ("a crop", crop)):
            measure = partial(_judged, file, asked.out / f"{file.stem}.{name}.png", make)
            found.setdefault(name, []).append(
                kept("textures", f"{asked.side} px, {file.stem}, {name}", measure)
            )
        tile = partial(_seam, file, asked.out / f"{file.stem}.tile.png", ours)
        seams.append(kept("textures", f"{asked.side} px, {file.stem}, seam", tile))
    publish("textures", _report(files, found, seams, asked.side))


def _judged(exemplar: Path, out: Path, make: Callable[[Path, Path], None]) -> dict[str, float]:
    """Make a texture and judge it."""
    started = time.monotonic()
    make(exemplar, out)
    seconds = time.monotonic() - started
    return judge().texture(out, exemplar) | judge().copy(out, exemplar) | {"seconds": round(seconds, 1)}


def _seam(exemplar: Path, out: Path, make: Callable[..., None]) -> float:
    """Make a texture that goes on at its opposite edge, and measure how well it does."""
    make(exemplar, out, tile=True)
    return seam_ratio(decode(out).pixels)


def seam_ratio(pixels: np.ndarray) -> float:
    """Return the mean step across the wrapped edges as a multiple of the mean step inside a picture."""
    picture = pixels.astype(float)
    across = [np.abs(np.roll(picture, -1, axis=axis) - picture).mean(axis=(1 - axis, 2)) for axis in (0, 1)]
    edge = np.mean([steps[-1] for steps in across])
    inside = np.mean([steps[SEAM_PLACES : -SEAM_PLACES - 1].mean() for steps in across])
    return float(edge / inside)


def _report(
    files: list[Path], found: dict[str, list[dict[str, float]]], seams: list[float], side: int
) -> str:
    rows = []
    for name, results in found.items():
        values = {
            key: [r[key] for r in results] for key in ("ratio_gram", "ratio_swd", "copy_share", "seconds")
        }
        rows.append(
            (
                name,
                *(
                    f"{np.median(values[key]):.2f} ({max(values[key]):.2f})"
                    for key in ("ratio_gram", "ratio_swd")
                ),
                f"{np.median(values['copy_share']):.1%} ({max(values['copy_share']):.1%})",
                f"{np.median(values['seconds']):.0f} s",
            )
        )
    head = (
        f"{len(files)} exemplars, {side}x{side}",
        "Gram, median (worst)",
        "sliced Wasserstein, median (worst)",
        "largest copied piece, median (worst)",
        "time",
    )
    return (
        "## Textures\n\n`tests/benchmarks/bench_texture.py`: distance from the exemplar in SqueezeNet features, as a "
        "multiple of that between the exemplar's halves.\n\n"
        + table(head, rows)
        + f"\n\nSeamless ones: the step across the wrapped edges is {np.median(seams):.2f} times the mean step inside "
        f"(worst {max(seams):.2f}).\n\n{conditions(('tensorflow', 'opencv-python'))}"
    )


if __name__ == "__main__":
    main()
