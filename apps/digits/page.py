"""Reading a photograph: digits found, framed as MNIST frames them, read by a network, set out in lines.

The network is only a callable from pictures to logits.  Digits that touch, and digits in pieces, are settled
by its answers: a line is over-segmented into bits and the cheapest path through the bits, each step one
digit, is the reading.

Reference:
    LeCun et al. 1998, section VI: heuristic over-segmentation and the shortest path through the graph of
    candidate cuts, with the recogniser's penalties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import cv2
import numpy as np

from apps.digits.glyphs import Piece, TextLine, framed, joined, text_lines
from apps.digits.segmentation import find_ink
from apps.digits.touching import between, seams
from common.activations import softmax
from common.data.framing import frame

__all__ = ["Box", "Classify", "Glyph", "Page", "Reading", "Status", "find_digits", "read_page"]

TINY = 16  # longest side of a picture that can only be a cut-out digit

Box = tuple[int, int, int, int]
Status = Literal["ok", "unsure", "not a digit"]
Classify = Callable[[np.ndarray], np.ndarray]
Probabilities = Callable[[Sequence[np.ndarray]], np.ndarray]
DIGITS = tuple("0123456789")

# A piece is looked at for touching digits unless it is this clear and no wider, or slim (shares of its height).
CLEAR, NARROW, SLIM = 0.95, 0.7, 0.45
# Weights of a reading, see _parted.
CHANCE, SHORT, INK, WANDER, LINK, WHOLE, BROAD = 3.5, 19.0, 0.9, 0.95, 2.0, 0.0, 1.2


@dataclass(frozen=True)
class Glyph:
    """One thing written on the page.

    Args:
        box: (x, y, width, height) in pixels of the photograph.
        line: number of its line, from 0 at the top.
        picture: ``(28, 28)`` float32 in [0, 1], framed as MNIST's.
    """

    box: Box
    line: int
    picture: np.ndarray


@dataclass(frozen=True)
class Reading:
    """What the network says of one glyph.

    Args:
        label: number of the most probable class.
        name: of that class.
        probability: its softmax probability.
        status: "ok", "unsure" (look at it) or "not a digit".
        glyph: what was read.
        space_before: whether a wide gap sets it apart from the glyph to its left.
    """

    label: int
    name: str
    probability: float
    status: Status
    glyph: Glyph
    space_before: bool = False

    @property
    def box(self) -> Box:
        """Where it stands on the photograph."""
        return self.glyph.box


@dataclass(frozen=True)
class Page:
    """A page that was read: lines from top to bottom, readings from left to right."""

    lines: tuple[tuple[Reading, ...], ...]

    @property
    def text(self) -> str:
        """The digits, one text line a line, a space at wide gaps; what is no digit is "?"."""
        return "\n".join("".join(_character(reading) for reading in line) for line in self.lines)


def find_digits(pixels: np.ndarray) -> list[Glyph]:
    """Find what is written on a photograph, in reading order.

    Digits that touch stay one glyph here; ``read_page`` parts them.

    Args:
        pixels: ``(height, width)`` grey or ``(height, width, 3)`` RGB, uint8.
    """
    if is_framed(pixels):
        return [_whole(pixels)]
    ink = find_ink(pixels)
    return [
        _glyph(piece, number, line.slope, ink.scale, pixels.shape)
        for number, line in enumerate(text_lines(ink))
        for piece in line.pieces
    ]


def read_page(
    pixels: np.ndarray,
    classify: Classify,
    *,
    classes: Sequence[str] = DIGITS,
    unsure_below: float = 0.8,
    reject_below: float = 0.5,
    temperature: float = 1.0,
) -> Page:
    """Find and read the digits on a photograph.

    Args:
        pixels: ``(height, width)`` grey or ``(height, width, 3)`` RGB, uint8.
        classify: maps ``(n, 28, 28, 1)`` float32 in [0, 1] to logits ``(n, classes)``.
        classes: their names.
        unsure_below: probability under which a reading is marked "unsure".
        reject_below: probability under which it is "not a digit".
        temperature: logits are divided by it first (Guo et al. 2017).
    """

    def probabilities(pictures: Sequence[np.ndarray]) -> np.ndarray:
        logits = np.asarray(classify(np.stack(pictures)[..., None]), np.float64) / temperature
        return softmax(logits)

    def reading(glyph: Glyph, row: np.ndarray, space: bool = False) -> Reading:
        best = float(row.max())
        status: Status = "not a digit" if best < reject_below else "unsure" if best < unsure_below else "ok"
        label = int(row.argmax())
        return Reading(label, classes[label], best, status, glyph, space)

    if is_framed(pixels):
        glyph = _whole(pixels)
        return Page(((reading(glyph, probabilities([glyph.picture])[0]),),))
    ink = find_ink(pixels)
    lines = []
    for number, line in enumerate(text_lines(ink)):
        pieces, rows = _best_path(line, ink.pen, probabilities)
        glyphs = [_glyph(piece, number, line.slope, ink.scale, pixels.shape) for piece in pieces]
        spaces = _spaces(pieces)
        lines.append(tuple(map(reading, glyphs, rows, spaces)))
    return Page(tuple(lines))


def is_framed(pixels: np.ndarray) -> bool:
    """Tell whether a picture is a cut-out digit already rather than a photograph of one.

    That is a picture in MNIST's frame (28×28, light on dark, nothing at its edge), or one of at most 16 pixels,
    as scikit-learn's 8×8 digits are, which leaves no room for paper to tell ink from.
    """
    if max(pixels.shape[:2]) <= TINY:
        return True
    if pixels.shape[:2] != (28, 28):
        return False
    grey = pixels if pixels.ndim == 2 else pixels.max(axis=-1)
    return bool(grey.max() > 100 and np.quantile(_edge(grey), 0.9) < 0.1 * grey.max())


def _edge(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _whole(pixels: np.ndarray) -> Glyph:
    grey = pixels if pixels.ndim == 2 else pixels.max(axis=-1)
    ink = grey.astype(np.float32) / 255
    if np.median(_edge(ink)) > 0.5:
        ink = 1 - ink
    rows, columns = np.nonzero(ink > 0.1)
    box: Box = (0, 0, 0, 0)
    if rows.size:
        left, top = int(columns.min()), int(rows.min())
        box = (left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)
    if max(ink.shape) <= TINY:
        # In grey, as it is: eight pixels hold no outline to sharpen.
        ink = cv2.resize(np.pad(ink, 1), None, fx=10, fy=10, interpolation=cv2.INTER_LINEAR)
        ink = np.clip(ink / max(float(ink.max()), 1e-6), 0, 1)
        return Glyph(box, 0, frame(ink))
    return Glyph(box, 0, ink)


def _glyph(piece: Piece, line: int, slope: float, scale: float, shape: tuple[int, ...]) -> Glyph:
    left, top = int(piece.x / scale), int(piece.y / scale)
    right = min(int(np.ceil(piece.right / scale)), shape[1])
    bottom = min(int(np.ceil(piece.bottom / scale)), shape[0])
    return Glyph((left, top, right - left, bottom - top), line, framed(piece, slope))


def _best_path(line: TextLine, pen: float, probabilities: Probabilities) -> tuple[list[Piece], np.ndarray]:
    """Choose among ways to join and to cut the pieces of a line; return the digits and their probabilities.

    A path's score is the product of its digits' probabilities; only pieces that are no sure digit as they
    stand are cut, so that a clear line costs one look at each piece.
    """
    whole = probabilities([framed(piece, line.slope) for piece in line.pieces])
    bits: list[Piece] = []
    for piece, row in zip(line.pieces, whole, strict=True):
        bits += _parted(piece, row, line, pen, probabilities)
    spans = [
        (start, stop)
        for start in range(len(bits))
        for stop in range(start + 1, min(start + 6, len(bits)) + 1)
        if stop == start + 1 or _may_be_one(bits[start:stop], line.height)
    ]
    candidates = {span: joined(bits[slice(*span)]) for span in spans}
    rows = probabilities([framed(piece, line.slope) for piece in candidates.values()])
    chances = dict(zip(spans, rows, strict=True))
    scores = {span: _score(chances[span], candidates[span], line.height) for span in spans}
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
    for stop in range(1, len(bits) + 1):
        best.append(
            max(
                (best[start][0] + scores[start, stop], [*best[start][1], (start, stop)])
                for start in range(stop)
                if (start, stop) in scores
            )
        )
    path = best[-1][1]
    return [candidates[span] for span in path], np.stack([chances[span] for span in path])


def _parted(
    piece: Piece, row: np.ndarray, line: TextLine, pen: float, probabilities: Probabilities
) -> list[Piece]:
    """Cut a piece into the digits that touch in it, or leave it whole where that is the likelier reading.

    Whole and parted readings are scored alike, by weights fitted on pairs and single digits of MNIST's training
    pictures: the network's log-probabilities, what the seams cross and how they wander, and the shapes.  A flat
    stroke that only links two digits may be left out.
    """
    aspect = piece.width / piece.height
    clear = row.max() > CLEAR and aspect < NARROW
    if clear or piece.height < 0.5 * line.height or aspect < SLIM:
        return [piece]
    cuts = [None, *seams(piece, pen), None]
    last = len(cuts) - 1
    parts: dict[tuple[int, int], Piece] = {}
    links: set[tuple[int, int]] = set()
    for start, stop in combinations(range(last + 1), 2):
        part = between(piece, cuts[start], cuts[stop]) if (start, stop) != (0, last) else None
        if part and max(part.mask.shape) > 0.4 * line.height and part.width < 1.9 * part.height:
            parts[start, stop] = part
        elif part and start > 0 and stop < last and part.height < min(0.3 * piece.height, 2 * pen):
            links.add((start, stop))
    if not parts:
        return [piece]
    rows = probabilities([framed(part, line.slope) for part in parts.values()])
    worth = {
        span: CHANCE * float(np.log(own.max())) - SHORT * max(0.0, 0.9 - part.height / piece.height) ** 2
        for (span, part), own in zip(parts.items(), rows, strict=True)
    }
    worth |= dict.fromkeys(links, -LINK)
    best: dict[int, tuple[float, list[Piece]]] = {0: (0.0, [])}
    for stop in range(1, last + 1):
        cut = cuts[stop]
        toll = (
            INK * cut.ink + WANDER * float(np.abs(np.diff(cut.columns)).sum()) / piece.height if cut else 0.0
        )
        ways = [
            (
                best[start][0] + worth[start, stop] - toll,
                best[start][1] + [parts[span] for span in [(start, stop)] if span in parts],
            )
            for start in range(stop)
            if start in best and (start, stop) in worth
        ]
        if ways:
            best[stop] = max(ways, key=lambda way: way[0])
    score, digits = best.get(last, (-np.inf, []))
    whole = CHANCE * float(np.log(row.max())) + WHOLE - BROAD * aspect
    return digits if score > whole else [piece]


def _score(chances: np.ndarray, piece: Piece, height: float) -> float:
    """Return the log-probability of the best class; what is far smaller than its line is rather a part."""
    small = max(piece.height, piece.width) < 0.5 * height
    return float(np.log(chances.max() * (0.05 if small else 1.0)))


def _may_be_one(bits: Sequence[Piece], height: float) -> bool:
    """Tell whether neighbouring bits can be parts of one digit: close together and no larger than one."""
    left, right = min(bit.x for bit in bits), max(bit.right for bit in bits)
    top, bottom = min(bit.y for bit in bits), max(bit.bottom for bit in bits)
    gap = max(after.x - before.right for before, after in zip(bits, bits[1:], strict=False))
    return gap < 0.15 * height and right - left < 2.5 * height and bottom - top < 1.5 * height


def _spaces(pieces: Sequence[Piece]) -> list[bool]:
    """Mark pieces after a gap that is wide for the line and for the size of its digits."""
    gaps = np.array([max(b.x - a.right, 0) for a, b in zip(pieces, pieces[1:], strict=False)])
    if not gaps.size:
        return [False] * len(pieces)
    height = float(np.median([piece.height for piece in pieces]))
    wide = max(0.6 * height, 2.0 * float(np.median(gaps)))
    return [False, *(bool(gap > wide) for gap in gaps)]


def _character(reading: Reading) -> str:
    sign = "?" if reading.status == "not a digit" else reading.name
    return f" {sign}" if reading.space_before else sign
