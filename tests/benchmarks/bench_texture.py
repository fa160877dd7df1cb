"""How like their exemplars textures are, how much is copied, how good seams are, and how long it takes.

    python -m tests.benchmarks.bench_texture [--only brick_01 …] [--networks] [--out FOLDER]

Judged by SqueezeNet features, which no contender optimises: the distance from the exemplar as a multiple of that
between two halves of the exemplar.  Textures are as large as their exemplars: in a smaller picture the judge's last
maps have so few places that crops of the exemplar itself do not keep within the target.  The peer is image quilting
(Efros and Freeman 2001), which pastes pieces of the exemplar: ours starts so too, but with pieces that do not
lie side by side in the exemplar.
``--networks`` trains networks of a few of them instead, which make theirs at once.
What was found is kept in ``measured/textures.json`` here, so that a run can be stopped and goes on; pictures stay in
``--out`` to be looked at.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from apps.texture import SynthesisOptions, TrainOptions, synthesize, train
from apps.texture.quilting import quilted
from common.data.images import decode, write_picture
from tests.benchmarks.judge import SHARED, judge
from tests.benchmarks.results import conditions, kept, publish, table

TEXTURES = SHARED / "data" / "textures"
KINDS = (
    "bark", "brick", "cobbles", "cracked", "dirt", "fabric", "grass", "gravel", "lava", "leaves", "marble", "pebbles",
    "rock", "sand", "stonewall", "tiles", "water", "weave", "wood",
)  # fmt: skip
BLOCK = 48  # pixels of the peer's blocks
SEAMLESS = 256, 256
LEARNED = ("brick_01", "grass_01", "pebbles_01")  # by networks
LARGE = 1024
SEAM_PLACES = 4  # lines beside the seam that are left out of what is inside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("build/textures"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.networks:
        publish("texture-networks", _networks(asked.out))
        return
    files = [file for kind in KINDS for file in sorted(TEXTURES.glob(f"{kind}_*.jpg"))]
    files = [file for file in files if not asked.only or file.stem in asked.only]

    def ours(exemplar: Path, out: Path, size: tuple[int, int] | None = None, tile: bool = False) -> None:
        list(synthesize(SynthesisOptions((str(exemplar),), size, tile=tile, out=str(out))))

    def peer(exemplar: Path, out: Path) -> None:
        pixels = decode(exemplar, max_side=1024).pixels.astype(np.float32) / 255
        made = quilted([pixels], pixels.shape[:2], BLOCK, np.random.default_rng(0))
        write_picture(out, np.rint(made * 255).astype(np.uint8))

    found: dict[str, list[dict[str, float]]] = {}
    seams: list[dict[str, float]] = []
    for file in files:
        for name, make in (("ours", ours), ("quilting", peer)):
            measure = partial(_judged, file, asked.out / f"{file.stem}.{name}.png", make)
            found.setdefault(name, []).append(kept("textures", f"{file.stem}, {name}", measure))
        tile = partial(_seam, file, asked.out / f"{file.stem}.tile.png", ours)
        seams.append(kept("textures", f"{file.stem}, seamless", tile))
    publish("textures", _report(files, found, seams))


def _judged(exemplar: Path, out: Path, make: Callable[[Path, Path], None]) -> dict[str, float]:
    """Make a texture and judge it."""
    started = time.monotonic()
    make(exemplar, out)
    seconds = time.monotonic() - started
    return judge().texture(out, exemplar) | judge().copy(out, exemplar) | {"seconds": round(seconds, 1)}


def _seam(exemplar: Path, out: Path, make: Callable[..., None]) -> dict[str, float]:
    """Make a texture that goes on at its opposite edge, and measure how well it does."""
    started = time.monotonic()
    make(exemplar, out, SEAMLESS, tile=True)
    return {"seconds": round(time.monotonic() - started, 1), **seam_of(decode(out).pixels)}


def seam_of(pixels: np.ndarray) -> dict[str, float]:
    """Return the mean step across the wrapped edges as a multiple of the mean and of the largest step inside.

    Where the edges happen to run along a joint of bricks the step is that of a joint, larger than the mean.
    """
    picture = pixels.astype(float)
    across = [np.abs(np.roll(picture, -1, axis=axis) - picture).mean(axis=(1 - axis, 2)) for axis in (0, 1)]
    inside = [steps[SEAM_PLACES : -SEAM_PLACES - 1] for steps in across]
    edges = [steps[-1] for steps in across]
    return {
        "to mean": float(np.mean(edges) / np.mean([steps.mean() for steps in inside])),
        "to largest": max(edge / steps.max() for edge, steps in zip(edges, inside, strict=True)),
    }


def _networks(folder: Path) -> str:
    """Return the section on networks of one texture each."""
    rows = []
    for name in LEARNED:
        found = kept("textures", f"{name}, network", partial(_network, TEXTURES / f"{name}.jpg", folder))
        rows.append(
            (
                name,
                f"{found['minutes']:.1f} min",
                f"{found['large']:.2f} s",
                f"{found['ratio_gram']:.2f}",
                f"{found['ratio_swd']:.2f}",
                f"{found['copy_share']:.1%}",
            )
        )
    head = ("exemplar", "training", f"{LARGE}x{LARGE}", "Gram", "sliced Wasserstein", "largest copied piece")
    return (
        "## Textures, networks\n\n`tests/benchmarks/bench_texture.py --networks`: distances as above, of a texture as "
        "large as its exemplar; time of a large one with the start of the engine.\n\n"
        + table(head, rows)
        + f"\n\n{conditions(('tensorflow', 'ai-edge-litert'))}"
    )


def _network(exemplar: Path, folder: Path) -> dict[str, float]:
    """Train a network of a texture, and judge what it makes."""
    with tempfile.TemporaryDirectory() as runs:
        started = time.monotonic()
        run = train(TrainOptions(str(exemplar)), out=Path(runs) / exemplar.stem).run
        minutes = (time.monotonic() - started) / 60
        out = folder / f"{exemplar.stem}.network.png"
        height, width = decode(exemplar).pixels.shape[:2]
        list(synthesize(SynthesisOptions((str(run),), (width, height), out=str(out))))
        started = time.monotonic()
        large = folder / f"{exemplar.stem}.network-large.png"
        list(synthesize(SynthesisOptions((str(run),), (LARGE, LARGE), out=str(large))))
        seconds = time.monotonic() - started
    found = judge().texture(out, exemplar) | judge().copy(out, exemplar)
    return found | {"minutes": round(minutes, 2), "large": round(seconds, 2)}


def _report(
    files: list[Path], found: dict[str, list[dict[str, float]]], seamless: list[dict[str, float]]
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
                f"{np.median(values['seconds']):.0f} s ({max(values['seconds']):.0f})",
            )
        )
    head = (
        f"{len(files)} exemplars",
        "Gram, median (worst)",
        "sliced Wasserstein, median (worst)",
        "largest copied piece, median (worst)",
        "time, median (longest)",
    )
    to_mean, to_largest, seconds = (
        [one[key] for one in seamless] for key in ("to mean", "to largest", "seconds")
    )
    return (
        "## Textures\n\n`tests/benchmarks/bench_texture.py`: distance from the exemplar in SqueezeNet features, as a "
        "multiple of that between the exemplar's halves.\n\n"
        + table(head, rows)
        + f"\n\nSeamless ones of {SEAMLESS[0]}x{SEAMLESS[1]} take {np.median(seconds):.0f} s (longest "
        f"{max(seconds):.0f}): the step across the wrapped edges is {np.median(to_mean):.2f} times the mean step "
        f"inside (most {max(to_mean):.2f}), and {max(to_largest):.2f} times the largest inside at most.\n\n"
        f"{conditions(('tensorflow', 'opencv-python'))}"
    )


if __name__ == "__main__":
    main()
