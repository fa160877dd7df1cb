"""From ink to glyphs: components, their pieces joined, lines in reading order, and each in MNIST's frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from apps.digits.segmentation import Ink, pen_width
from common.data.framing import BOX_SHARE, frame

__all__ = ["Piece", "TextLine", "cropped", "framed", "joined", "text_lines"]

# 5th and 95th percentile of the pen's width on MNIST's training pictures are 1.6 and 4.0 pixels, its median
# is 2.5 (measured with ``pen_width``); strokes are brought between these two and left alone inside.
THINNEST, THICKEST = 2.0, 4.0
LEAST = 5.0  # pixels of the photograph: lower digits cannot be told apart
MOST = 2000  # glyphs on a page
SPECK = 0.2  # of the typical height: dots, commas and dirt are smaller, no digit is


@dataclass(frozen=True)
class Piece:
    """A connected bit of ink, or several that belong together.

    Args:
        x, y: of the upper left corner in working pixels.
        mask: ``(height, width)`` bool, cropped to the ink.
    """

    x: int
    y: int
    mask: np.ndarray

    @property
    def height(self) -> int:
        """Height of the ink."""
        return self.mask.shape[0]

    @property
    def width(self) -> int:
        """Width of the ink."""
        return self.mask.shape[1]

    @property
    def right(self) -> int:
        """First column right of the ink."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row under the ink."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, (x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class TextLine:
    """Pieces from left to right, with the line's typical height in working pixels and its slope (rise/run)."""

    pieces: tuple[Piece, ...]
    height: float
    slope: float


def text_lines(ink: Ink) -> list[TextLine]:
    """Group the ink of a page into lines from top to bottom."""
    pieces = _components(ink)
    if not pieces:
        return []
    typical = _weighted_median([piece.height for piece in pieces], [piece.height for piece in pieces])
    small = [piece for piece in pieces if piece.height < 0.45 * typical]
    tall = [piece for piece in pieces if piece.height >= 0.45 * typical]
    slope = _slope(tall)
    rows = [list(row) for row in _rows(tall, slope)]
    for piece in small:
        _adopt(piece, rows, slope)
    rows.sort(key=lambda row: np.median([_level(piece, slope) for piece in row]))
    lines = []
    for row in rows:
        heights = [piece.height for piece in row]
        ordered = sorted(_assembled(row), key=lambda piece: piece.centre[0])
        lines.append(TextLine(tuple(ordered), _weighted_median(heights, heights), slope))
    return lines


def joined(pieces: Sequence[Piece]) -> Piece:
    """Return the union of ``pieces``."""
    if len(pieces) == 1:
        return pieces[0]
    x, y = min(piece.x for piece in pieces), min(piece.y for piece in pieces)
    right, bottom = max(piece.right for piece in pieces), max(piece.bottom for piece in pieces)
    mask = np.zeros((bottom - y, right - x), bool)
    for piece in pieces:
        mask[piece.y - y : piece.bottom - y, piece.x - x : piece.right - x] |= piece.mask
    return Piece(x, y, mask)


def framed(piece: Piece, slope: float = 0.0) -> np.ndarray:
    """Bring a piece into MNIST's frame with strokes as wide as MNIST's.

    The outline is moved along the distance to it, which thickens a hairline, and thins a marker, evenly
    before the picture is shrunk.

    Returns:
        ``(28, 28)`` float32 in [0, 1].
    """
    mask = _turned(piece.mask, slope) if abs(slope) > 0.03 else piece.mask
    shrink = BOX_SHARE * 28 / max(mask.shape)
    width = pen_width(mask) * shrink
    grow = (float(np.clip(width, THINNEST, THICKEST)) - width) / 2 / shrink
    margin = int(max(grow, 0)) + 2
    solid = np.pad(mask, margin).astype(np.uint8)
    outside = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 5)
    inside = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    return frame(np.clip(0.5 + grow + inside - outside, 0, 1) if grow else solid)


def _turned(mask: np.ndarray, slope: float) -> np.ndarray:
    """Turn a glyph upright that stands on a rising or falling line."""
    height, width = mask.shape
    centre = ((width - 1) / 2, (height - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, float(np.degrees(np.arctan(slope))), 1.0)
    margin = int(abs(slope) * max(mask.shape)) + 1
    turn[:, 2] += margin
    size = (width + 2 * margin, height + 2 * margin)
    return cropped(cv2.warpAffine(mask.astype(np.float32), turn, size) > 0.5, 0, 0).mask


def cropped(mask: np.ndarray, x: int, y: int) -> Piece:
    """Cut a mask, whose corner lies at (x, y), down to its ink."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Piece(x + int(columns[0]), y + int(rows[0]), inner)


def _components(ink: Ink) -> list[Piece]:
    """Return connected components without specks and without what no pen made (a hand, the table's edge)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.mask.astype(np.uint8), connectivity=8)
    pieces = []
    for label in range(1, count):
        x, y, width, height, _ = stats[label]
        pieces.append(Piece(int(x), int(y), labels[y : y + height, x : x + width] == label))
    extents = [max(piece.mask.shape) for piece in pieces]
    if not pieces:
        return []
    typical = _weighted_median(extents, [extent**2 for extent in extents])
    kept = [
        piece
        for piece, extent in zip(pieces, extents, strict=True)
        if extent >= max(SPECK * typical, LEAST * ink.scale)
    ]
    # Beyond this many it is grain or print, not writing; the largest are what a person would read.
    kept = sorted(kept, key=lambda piece: -max(piece.mask.shape))[:MOST]
    weights = [piece.mask.sum() for piece in kept]
    darkness = _weighted_median([_darkness(piece, ink) for piece in kept], weights) if kept else 0.0
    strokes = [piece for piece in kept if not _is_foreign(piece, ink, darkness)]
    return strokes or kept


def _is_foreign(piece: Piece, ink: Ink, darkness: float) -> bool:
    """Tell what another hand than the writer's left: broad things that run off the picture, faint hairlines."""
    height, width = ink.mask.shape
    at_border = piece.x == 0 or piece.y == 0 or piece.right == width or piece.bottom == height
    own = pen_width(piece.mask)
    if own < 0.45 * ink.pen:
        return _darkness(piece, ink) < 0.8 * darkness
    return at_border and own > 2.5 * ink.pen


def _darkness(piece: Piece, ink: Ink) -> float:
    return float(ink.flat[piece.y : piece.bottom, piece.x : piece.right][piece.mask].mean())


def _weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    order = np.argsort(values)
    total = np.cumsum(np.asarray(weights, float)[order])
    return float(np.asarray(values)[order[np.searchsorted(total, total[-1] / 2)]])


def _level(piece: Piece, slope: float) -> float:
    """Return the height of a piece's middle on the page, along the slope of the lines."""
    x, y = piece.centre
    return y - slope * x


def _right_neighbours(pieces: Sequence[Piece], slope: float, reach: float) -> list[tuple[int, int]]:
    """Pair each piece with the nearest to its right that overlaps it vertically by half of the lower one."""
    if not pieces:
        return []
    x, y = np.array([piece.centre for piece in pieces]).T
    half = np.array([piece.height for piece in pieces]) / 2
    pairs = []
    for index in range(len(pieces)):
        step = x - x[index]
        middle = y - slope * step
        overlap = np.minimum(y[index] + half[index], middle + half) - np.maximum(
            y[index] - half[index], middle - half
        )
        fits = (
            (overlap > 0.8 * np.minimum(half, half[index])) & (step >= 0) & (step < reach * 2 * half[index])
        )
        fits[index] = False
        if fits.any():
            pairs.append((index, int(np.where(fits, step, np.inf).argmin())))
    return pairs


def _slope(pieces: Sequence[Piece]) -> float:
    """Return the typical rise over run between the feet of neighbours; 0 for fewer than three pairs."""
    rises = []
    for index, other in _right_neighbours(pieces, 0.0, reach=4):
        run = pieces[other].centre[0] - pieces[index].centre[0]
        middles = pieces[other].centre[1] - pieces[index].centre[1]
        if run > 0.4 * pieces[index].height:
            rises.append(middles / run)
    return float(np.median(rises)) if len(rises) >= 3 else 0.0


def _rows(pieces: Sequence[Piece], slope: float) -> list[list[Piece]]:
    row_of = list(range(len(pieces)))
    for index, other in _right_neighbours(pieces, slope, reach=np.inf):
        old, new = row_of[other], row_of[index]
        row_of = [new if row == old else row for row in row_of]
    return [[piece for piece, own in zip(pieces, row_of, strict=True) if own == row] for row in set(row_of)]


def _adopt(piece: Piece, rows: list[list[Piece]], slope: float) -> None:
    """Give a small piece, such as the bar of a 5, to the row it stands in; a lone one starts its own."""
    best, distance = None, np.inf
    for row in rows:
        for member in row:
            across = max(member.x - piece.right, piece.x - member.right, 0)
            down = max(member.y - piece.bottom, piece.y - member.bottom, 0)
            if max(across, 2 * down) < min(distance, member.height):
                best, distance = row, max(across, 2 * down)
    if best is None:
        rows.append([piece])
    else:
        best.append(piece)


def _assembled(row: Sequence[Piece]) -> list[Piece]:
    """Join pieces that lie over each other: the loose bar of a 5, a 0 or a 1 with a break.

    Digits of a line stand beside each other; what stands above its neighbour is a part of it.
    """
    pieces = sorted(row, key=lambda piece: piece.x)
    tallest = max(piece.height for piece in pieces)
    changed = True
    while changed:
        changed = False
        for first, second in ((a, b) for i, a in enumerate(pieces) for b in pieces[i + 1 :]):
            across = min(first.right, second.right) - max(first.x, second.x)
            down = min(first.bottom, second.bottom) - max(first.y, second.y)
            total = max(first.bottom, second.bottom) - min(first.y, second.y)
            stacked = down < 0.2 * min(first.height, second.height) and across > -0.1 * tallest
            over = across > 0.5 * min(first.width, second.width)
            if (over or stacked) and total < 1.3 * tallest:
                pieces = [piece for piece in pieces if piece is not first and piece is not second]
                pieces.append(joined((first, second)))
                changed = True
                break
    return pieces
