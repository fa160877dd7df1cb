"""Blood cells cut out by their boxes, a folder a kind, as ``bench_objects few`` takes them.

    python -m tests.benchmarks.prepare_cells build/cells [--most 120]

Takes the training part of BCCD (Pascal VOC, beside the checkout).
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from common.data.boxed import open_boxed
from common.data.images import decode, write_picture

__all__ = ["main"]

BCCD = Path(__file__).parents[3] / "shared" / "data" / "detection" / "bccd"
LEAST = 16  # pixels of a cell's shorter side


def main(out: Path, most: int) -> None:
    """Write at most ``most`` cells of each kind into ``out/KIND``, drawn by seed 0."""
    data = open_boxed(BCCD)
    draw, counts = np.random.default_rng(0), Counter[str]()
    entries = data.parts["train"]
    for place in draw.permutation(len(entries)):
        entry = entries[place]
        pixels = decode(entry.file).pixels
        for number in draw.permutation(len(entry.labels)):
            kind = entry.labels[number]
            x, y, width, height = (round(value) for value in entry.boxes[number])
            if min(width, height) < LEAST or counts[kind] == most:
                continue
            counts[kind] += 1
            (out / kind).mkdir(parents=True, exist_ok=True)
            write_picture(out / kind / f"{counts[kind]}.png", pixels[y : y + height, x : x + width])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=120)
    asked = parser.parse_args()
    main(asked.out, asked.most)
