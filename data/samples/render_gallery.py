"""Render ``textures.jpg`` and ``styles.jpg``: what the README shows of textures and styles.

    python data/samples/render_gallery.py

All pictures are scikit-image's own, which are free to use.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from apps.style import StyleOptions
from apps.style import run as paint
from apps.style.running import Outputs
from apps.texture import SynthesisOptions, synthesize
from common.data.images import decode, write_picture

HERE = Path(__file__).parent
SIDE = 256  # pixels of a texture
HIGH = 300  # pixels of the height of a row of styles
GAP = 6
TEXTURES = ("brick", "grass", "gravel")
PAINTED = (
    ("coffee", "immunohistochemistry"),
    ("chelsea", "hubble_deep_field"),
    ("rocket", "retina"),
)  # content, style


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_picture(HERE / "textures.jpg", textures(Path(folder)))
        write_picture(HERE / "styles.jpg", styles(Path(folder)))


def picture(name: str, folder: Path) -> Path:
    """Write one of scikit-image's pictures into a folder, in colour; return its path."""
    pixels = getattr(data, name)()
    if pixels.ndim == 2:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    return write_picture(folder / f"{name}.png", pixels)


def textures(folder: Path) -> np.ndarray:
    """Return above pieces of exemplars, below what was made of them; at the right a seamless one, and four of it."""
    columns = []
    for name in TEXTURES:
        exemplar = picture(name, folder)
        made = texture(exemplar, folder / f"{name}.made.png")
        columns.append(stacked([decode(exemplar).pixels[:SIDE, :SIDE], made], axis=0))
    made = texture(exemplar, folder / "tile.png", tile=True)
    four = cv2.resize(np.tile(made, (2, 2, 1)), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return stacked([*columns, stacked([made, four], axis=0)], axis=1)


def texture(exemplar: Path, out: Path, *, tile: bool = False) -> np.ndarray:
    (made,) = synthesize(SynthesisOptions((str(exemplar),), (SIDE, SIDE), tile=tile, out=str(out)))
    return decode(made.path).pixels


def styles(folder: Path) -> np.ndarray:
    """Return in each row a content, a style, and the content painted in it, by steps and in one pass."""
    rows = []
    for content, style in PAINTED:
        files = picture(content, folder), picture(style, folder)
        pictures = [*files]
        for method in ("optimize", "fast"):
            options = StyleOptions(str(files[0]), (str(files[1]),), method=method)
            (styled,) = paint(options, Outputs(str(folder / f"{content}.{method}.png")))
            pictures.append(styled.path)
        rows.append(stacked([filled(path, round(HIGH * 1.4), HIGH) for path in pictures], axis=1))
    return stacked(rows, axis=0)


def filled(path: Path, width: int, height: int) -> np.ndarray:
    """Return the middle of a picture, as much of it as has the shape that is asked for."""
    pixels = decode(path).pixels
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    wide, high = (max(1, round(side * scale)) for side in (pixels.shape[1], pixels.shape[0]))
    pixels = cv2.resize(pixels, (wide, high), interpolation=cv2.INTER_AREA)
    top, left = (high - height) // 2, (wide - width) // 2
    return pixels[top : top + height, left : left + width]


def stacked(pictures: list[np.ndarray], axis: int) -> np.ndarray:
    """Return pictures in a row or a column, with a white gap between them."""
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, 255, np.uint8)
    return np.concatenate([part for one in pictures for part in (gap, one)][1:], axis=axis)


if __name__ == "__main__":
    main()
