"""Small pictures that a test draws: stripes one way or the other, rings, and spots, in any colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

KINDS = ("across", "ring", "spots", "up")


def drawn(kind: str, side: int, draw: np.random.Generator) -> np.ndarray:
    """Return one picture ``(side, side, 3)`` uint8."""
    y, x = np.mgrid[0:side, 0:side] / side
    period, phase = draw.uniform(0.2, 0.3), draw.uniform(0, 1)
    centre = draw.uniform(0.35, 0.65, 2)
    waves = {
        "across": np.sin(2 * np.pi * (y / period + phase)),
        "up": np.sin(2 * np.pi * (x / period + phase)),
        "ring": np.sin(2 * np.pi * (np.hypot(y - centre[0], x - centre[1]) / period)),
        "spots": 2 * (np.sin(2 * np.pi * (x / period + phase)) * np.sin(2 * np.pi * (y / period))) ** 2 - 1,
    }[kind]
    low, high = draw.uniform(0, 0.4, 3), draw.uniform(0.6, 1, 3)
    shade = (waves[..., None] + 1) / 2 * (high - low) + low + draw.normal(0, 0.03, (side, side, 3))
    return (255 * shade.clip(0, 1)).astype(np.uint8)


def folder_of(root: Path, counts: dict[str, int], *, side: int = 32, seed: int = 0) -> Path:
    """Write ``root/KIND/NUMBER.png`` and return the root."""
    draw = np.random.default_rng(seed)
    for kind, count in counts.items():
        (root / kind).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(drawn(kind, side, draw)).save(root / kind / f"{number}.png")
    return root
