"""Pictures that are not digits, for teaching a network to say so.

A network trained on digits alone is sure of everything.  Shown other things with the answer "none in
particular" (the uniform distribution over the classes), it learns to be unsure of them: outlier exposure.

Reference:
    Hendrycks, Mazeika and Dietterich, "Deep Anomaly Detection with Outlier Exposure", ICLR 2019, eq. 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.data.framing import frame

__all__ = ["LETTERS", "synthesize", "uniform_targets"]

# Letters and signs that are no digit in anybody's hand.  O, l, S, Z, b, g, q and the like are left out: as
# pictures they are digits.
LETTERS = "AEFHKMNPQRWXaefhkmnpvwx&@#%?*=+"


def synthesize(
    count: int, digits: np.ndarray, *, seed: int = 0, fonts: Sequence[Path] = (), side: int = 28
) -> np.ndarray:
    """Make pictures of letters, scribbles, blobs, lines, noise, and of pairs and pieces of digits.

    Args:
        count: how many.
        digits: ``(n, side, side, 1)`` uint8, material for pairs and pieces.
        seed: of the drawing.
        fonts: TrueType files for the letters; matplotlib's own sans and serif where none is given.
        side: of the pictures.

    Returns:
        ``(count, side, side, 1)`` uint8, framed as digits are.
    """
    random = np.random.default_rng(seed)
    faces = [str(path) for path in fonts] or _embedded_fonts()
    makers: list[Callable[[], np.ndarray]] = [
        *[lambda: _letter(random, faces)] * 4,
        lambda: _scribble(random),
        lambda: _blob(random),
        lambda: _line(random),
        lambda: _noise(random),
        lambda: _pair(random, digits),
        lambda: _piece(random, digits),
    ]
    pictures = [frame(makers[index % len(makers)](), side) for index in range(count)]
    return (np.stack(pictures) * 255).astype(np.uint8)[..., None]


def uniform_targets(count: int, classes: int) -> np.ndarray:
    """Return ``(count, classes)`` rows of 1/K: no class in particular."""
    return np.full((count, classes), 1 / classes, np.float32)


def _embedded_fonts() -> list[str]:
    from matplotlib import font_manager

    folder = Path(font_manager.findfont("DejaVu Sans")).parent
    return [str(folder / name) for name in ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSans-Oblique.ttf")]


def _letter(random: np.random.Generator, faces: Sequence[str]) -> np.ndarray:
    font = ImageFont.truetype(str(random.choice(faces)), 64)
    canvas = Image.new("L", (128, 128))
    text = str(random.choice(list(LETTERS)))
    stroke = int(random.integers(0, 4))
    ImageDraw.Draw(canvas).text((32, 20), text, 255, font, stroke_width=stroke)
    ink = np.asarray(canvas.rotate(float(random.normal(0, 8)), Image.Resampling.BILINEAR), np.float32) / 255
    return cv2.GaussianBlur(ink, (0, 0), float(random.uniform(0.3, 1.2)))


def _scribble(random: np.random.Generator) -> np.ndarray:
    """A smooth random walk that crosses itself several times."""
    canvas = np.zeros((128, 128), np.float32)
    knots = random.uniform(14, 114, (int(random.integers(6, 14)), 2))
    t = np.linspace(0, len(knots) - 1, 200)
    smooth = np.stack([np.interp(t, np.arange(len(knots)), knots[:, axis]) for axis in (0, 1)], axis=1)
    smooth = cv2.GaussianBlur(smooth, (1, 15), 0).astype(np.int32)
    cv2.polylines(canvas, [smooth], bool(random.integers(2)), 1.0, int(random.integers(5, 16)), cv2.LINE_AA)
    return canvas


def _blob(random: np.random.Generator) -> np.ndarray:
    """A filled, uneven patch; a stamp, a smudge, a corner of a table."""
    noise = cv2.GaussianBlur(random.normal(size=(128, 128)), (0, 0), float(random.uniform(8, 20)))
    window = np.hypot(*np.meshgrid(np.linspace(-1, 1, 128), np.linspace(-1, 1, 128) * random.uniform(1, 2)))
    level = noise / noise.std() - 2.5 * window + 1.5
    return (level > level.max() * random.uniform(0.1, 0.6)).astype(np.float32)


def _line(random: np.random.Generator) -> np.ndarray:
    """Crosses, corners, grids and flat dashes, but no single upright stroke: that is a 1."""
    canvas = np.zeros((128, 128), np.float32)
    width = int(random.integers(5, 16))
    if random.random() < 0.3:
        cv2.line(canvas, (14, 64), (114, int(random.integers(50, 78))), 1.0, width, cv2.LINE_AA)
        return canvas
    for _ in range(int(random.integers(3, 7))):
        ends = random.integers(10, 118, 4)
        if random.random() < 0.5:
            ends[2 + int(random.integers(2))] = ends[0] if random.random() < 0.5 else ends[1]
        cv2.line(canvas, tuple(map(int, ends[:2])), tuple(map(int, ends[2:])), 1.0, width, cv2.LINE_AA)
    return canvas


def _noise(random: np.random.Generator) -> np.ndarray:
    noise = cv2.GaussianBlur(random.normal(size=(64, 64)), (0, 0), float(random.uniform(0.3, 4)))
    return np.clip(noise / noise.std() * 0.4 + random.uniform(-0.2, 0.5), 0, 1).astype(np.float32)


def _pair(random: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Two or three digits side by side in one frame: a join that was not split."""
    chosen = digits[random.integers(len(digits), size=int(random.integers(2, 4))), ..., 0] / 255
    pieces = [picture[:, np.flatnonzero(picture.max(axis=0) > 0.1)] for picture in chosen]
    return np.concatenate(pieces, axis=1).astype(np.float32)


def _piece(random: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Two digits over each other, or one crossed out."""
    first, second = digits[random.integers(len(digits), size=2), ..., 0].astype(np.float32) / 255
    if random.random() < 0.5:
        move = random.integers(5, 10, 2) * random.choice((-1, 1), 2)
        return np.maximum(first, np.roll(second, move, axis=(0, 1)))
    # Both diagonals: one flat bar would forbid the 7 that is crossed in half the world.
    crossed = first.copy()
    high, low = int(random.integers(2, 9)), int(random.integers(19, 26))
    cv2.line(crossed, (3, high), (24, low), 1.0, 2, cv2.LINE_AA)
    cv2.line(crossed, (3, low), (24, high), 1.0, 2, cv2.LINE_AA)
    return crossed
