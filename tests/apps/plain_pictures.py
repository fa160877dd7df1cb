"""A content and two styles of plain colours, and a picture read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(folder: Path) -> None:
    """Write ``c.png``, dark on the left and bright on the right, and the styles ``red.png`` and ``blue.png``."""
    draw = np.random.default_rng(5)
    content = np.full((32, 48, 3), 60, np.uint8)
    content[:, 24:] = 190
    Image.fromarray(content).save(folder / "c.png")
    for name, colour in (("red", (220, 40, 30)), ("blue", (30, 50, 220))):
        speckled = draw.normal(0, 25, (40, 40, 1)) + np.array(colour)
        Image.fromarray(speckled.clip(0, 255).astype(np.uint8)).save(folder / f"{name}.png")


def shown(path: str | Path) -> np.ndarray:
    """Return the pixels of a picture ``(h, w, 3)`` in [0, 255]."""
    return np.asarray(Image.open(path).convert("RGB")).astype(float)
