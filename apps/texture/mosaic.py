"""A mosaic of a texture's exemplars."""

from __future__ import annotations

import numpy as np

__all__ = ["mosaic"]


def mosaic(
    exemplars: list[np.ndarray],
    regions: np.ndarray | None,
    shape: tuple[int, int],
    piece: int,
    draw: np.random.Generator,
) -> np.ndarray:
    """Return a picture of square pieces of textures drawn at random: where a synthesis starts.

    It is so much nearer to a texture than noise that what is large in it, such as bricks, is there from the start;
    statistics alone put that together in places only.

    Args:
        exemplars: ``(h, w, 3)`` float32 each.
        regions: number of the exemplar at each pixel, -1 for black; None for any exemplar in any piece.
        shape: (height, width) of the picture.
        piece: side of a piece in pixels, at most; 1 for noise in the colours of the exemplars.
        draw: of everything.
    """
    piece = min(piece, *(min(exemplar.shape[:2]) for exemplar in exemplars))
    (rows, y), (columns, x) = (_pieces(side, piece) for side in shape)
    cells = rows.max() + 1, columns.max() + 1
    whose = draw.integers(0, len(exemplars), cells)[rows[:, None], columns] if regions is None else regions
    picture = np.zeros((*shape, 3), np.float32)
    for number, exemplar in enumerate(exemplars):
        top, left = (
            draw.integers(0, side - piece + 1, cells)[rows[:, None], columns] for side in exemplar.shape[:2]
        )
        inside = whose == number
        picture[inside] = exemplar[top + y[:, None], left + x][inside]
    return picture


def _pieces(side: int, piece: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the piece in which each place of a side lies, and where in it.

    The side is a circle, and its ends lie within a piece: a picture that is to go on at its opposite edge does so from
    the start.
    """
    count = -(-side // piece)
    places = (np.arange(side) + side // (2 * count)) % side
    number = places * count // side
    return number, places - -(-number * side // count)
