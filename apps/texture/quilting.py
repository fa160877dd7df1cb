"""Pieces of textures put together: where a synthesis starts.

References:
    Efros and Freeman, "Image quilting for texture synthesis and transfer", SIGGRAPH 2001, sections 2.1 to 2.3: blocks
    are laid in raster order, each chosen at random among those whose error in the overlap is within a tenth of the
    best, and joined along the path of the least error.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

__all__ = ["patchwork", "quilted", "scattered"]

TOLERANCE = 0.1  # as of section 2.3
OVERLAP = 6  # as much of a block overlaps, one in so many
_AROUND = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across]
NARROW = 2  # pixels that overlap at least


def quilted(
    exemplars: Sequence[np.ndarray],
    shape: tuple[int, int],
    block: int,
    draw: np.random.Generator,
    *,
    copies: bool = True,
    torus: bool = False,
    kept: np.ndarray | None = None,
    free: np.ndarray | None = None,
) -> np.ndarray:
    """Return a texture ``(height, width, 3)`` float32 made of blocks of exemplars.

    Args:
        exemplars: ``(h, w, 3)`` float32 each; each block is of any of them.
        shape: (height, width) in pixels.
        block: pixels of a side of a block; less for exemplars that are smaller than two.
        draw: of exemplars and blocks.
        copies: a block may be the very one that lies beside its neighbour in the exemplar, and any number of times the
            same; as nothing fits better, large pieces are then copied.
        torus: it goes on at its opposite edges.
        kept, free: a picture of this shape, and where ``(height, width)`` it is to be made anew: what is made fits to
            what is kept, if that is straight strips along the edges; None for nothing kept.
    """
    block = min(block, *(side // 2 for exemplar in exemplars for side in exemplar.shape[:2]))
    if torus:
        block = min(block, *(max(2, side // 3) for side in shape))
    overlap = min(max(NARROW, block // OVERLAP), block - 1)
    (tops, high), (lefts, wide) = (_begins(side, block - overlap, overlap, torus) for side in shape)
    made = np.zeros((high, wide, 3), np.float32)
    stays = np.zeros((high, wide), bool)
    if kept is not None and free is not None:
        made[: shape[0], : shape[1]], stays[: shape[0], : shape[1]] = kept, ~free
    laid = stays.copy()
    chosen: dict[tuple[int, int], tuple[int, int, int]] = {}
    uses = [np.zeros((one.shape[0] - block + 1, one.shape[1] - block + 1)) for one in exemplars]
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            window = np.ix_((top + np.arange(block)) % high, (left + np.arange(block)) % wide)
            if stays[window].all():
                continue
            there, known = made[window], laid[window]
            number = int(draw.integers(len(exemplars)))
            exemplar = exemplars[number]
            beside = []
            for down, across in () if copies else _AROUND:
                place = row - down, column - across
                neighbour = chosen.get((place[0] % len(tops), place[1] % len(lefts)) if torus else place)
                if neighbour and neighbour[0] == number:
                    step = block - overlap
                    beside.append((neighbour[1] + down * step, neighbour[2] + across * step))
            y, x = _chosen(exemplar, there, known, draw, uses[number], beside)
            if not copies:
                chosen[row, column] = (number, y, x)
                uses[number][_near(y, x, block // 2)] += 1
            piece = exemplar[y : y + block, x : x + block]
            new = _within_seams(((piece - there) ** 2).sum(axis=-1), known)
            made[window] = np.where(new[..., None], piece, there)
            laid[window] = True
    return made[: shape[0], : shape[1]]


def _begins(side: int, step: int, overlap: int, torus: bool) -> tuple[list[int], int]:
    """Return where blocks begin along a side, and how long it becomes: on a circle they come closer instead."""
    if torus:
        count = -(-side // step)
        return [side * number // count for number in range(count)], side
    count = max(1, -(-(side - overlap) // step))
    return [step * number for number in range(count)], count * step + overlap


def patchwork(
    exemplars: Sequence[np.ndarray],
    regions: np.ndarray | None,
    shape: tuple[int, int],
    block: int,
    draw: np.random.Generator,
    *,
    torus: bool = False,
    kept: np.ndarray | None = None,
    free: np.ndarray | None = None,
) -> np.ndarray:
    """Return a texture, each region quilted of its exemplar.

    It is so much nearer to a texture than noise that what is large in it, such as bricks, is there from the start;
    statistics alone put that together in places only.

    Args:
        exemplars, shape, block, draw, torus, kept, free: as of ``quilted``.
        regions: number of the exemplar at each pixel ``(height, width)``; None for any exemplar in any block.
    """
    quilt = partial(
        quilted, shape=shape, block=block, draw=draw, copies=False, torus=torus, kept=kept, free=free
    )
    if regions is None:
        return quilt(exemplars)
    picture = np.zeros((*shape, 3), np.float32)
    for number, exemplar in enumerate(exemplars):
        inside = regions == number
        picture[inside] = quilt([exemplar])[inside]
    return picture


def scattered(
    exemplars: Sequence[np.ndarray], shape: tuple[int, int], draw: np.random.Generator
) -> np.ndarray:
    """Return noise ``(height, width, 3)`` in the colours of exemplars."""
    colours = np.concatenate([exemplar.reshape(-1, 3) for exemplar in exemplars])
    return colours[draw.integers(0, len(colours), shape)]


def _chosen(
    exemplar: np.ndarray,
    there: np.ndarray,
    known: np.ndarray,
    draw: np.random.Generator,
    uses: np.ndarray,
    beside: Sequence[tuple[int, int]],
) -> tuple[int, int]:
    """Return (top, left) of a block whose overlap fits what is there nearly as well as the best one's.

    Args:
        exemplar: ``(h, w, 3)``.
        there: what is laid already.
        known: where that is.
        draw: of one of those that fit.
        uses: how often a block of about each place was taken: one that was must fit so much better.
        beside: places near which none is taken, unless there are no others.
    """
    places = tuple(side - known.shape[0] + 1 for side in exemplar.shape[:2])
    if not known.any():
        return int(draw.integers(places[0])), int(draw.integers(places[1]))
    mask = np.repeat(known[..., None].astype(np.float32), 3, axis=2)
    error = cv2.matchTemplate(exemplar, there, cv2.TM_SQDIFF, mask=mask)
    error = np.maximum(error, 0)
    others = error * (1 + uses)
    for y, x in beside:
        others[_near(y, x, len(known) // 2)] = np.inf
    error = others if np.isfinite(others).any() else error
    fits = np.argwhere(error <= error.min() * (1 + TOLERANCE) + 1e-6)
    return tuple(int(value) for value in fits[draw.integers(len(fits))])  # type: ignore[return-value]


def _near(y: int, x: int, reach: int) -> tuple[slice, slice]:
    """Return the places less than ``reach`` from one, and itself."""
    top, left = max(0, y - reach + 1), max(0, x - reach + 1)
    return slice(top, max(0, y + max(1, reach))), slice(left, max(0, x + max(1, reach)))


def _within_seams(error: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return where a new block is seen ``(block, block)``: within the paths of the least error through what is known.

    Args:
        error: squared difference of the block from what is there.
        known: where that is: strips along some of its sides.
    """
    new, middle = np.ones(known.shape, bool), len(known) // 2
    for turns in range(4):
        seen, gap, free = (np.rot90(one, turns) for one in (known, error, new))
        width = int(np.argmin(seen[middle])) if not seen[middle].all() else 0
        if width:
            free[:, :width] &= _right_of_seam(gap[:, :width])  # a view: turned back it is ``new``
    return new


def _right_of_seam(error: np.ndarray) -> np.ndarray:
    """Return where the new block is seen ``(length, overlap)``: right of the path of the least error."""
    cost = error.copy()
    for row in range(1, len(cost)):
        above = np.pad(cost[row - 1], 1, constant_values=np.inf)
        cost[row] += np.minimum(np.minimum(above[:-2], above[1:-1]), above[2:])
    place = int(cost[-1].argmin())
    seam = [place]
    for row in range(len(cost) - 2, -1, -1):
        low = max(0, place - 1)
        place = low + int(cost[row, low : place + 2].argmin())
        seam.append(place)
    return np.arange(error.shape[1]) >= np.array(seam[::-1])[:, None]
