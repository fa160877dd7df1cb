"""A picture painted in one pass, in any style, in tiles where it is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from common import artifact
from common.litert import Runner, litert_runner

__all__ = ["FILES", "AnyStyle", "OneStyle", "Statistics", "in_tiles", "statistics_of", "whitened_coloured"]

FILES = ("encoder.tflite", "moments.tflite", "decoder.tflite")
CELL = 8  # pixels of a side that one place of the deepest maps stands for
TILE = 640  # pixels of a side that are painted at once
REACH = 64  # pixels around a place that have a say in it: tiles overlap by them, and are cut off there
THUMBNAIL = 512  # pixels of the longer side of the copy whose statistics stand for the whole picture
EPSILON = 1e-3  # as of ``common.layers.WhitenColour``


@dataclass(frozen=True)
class Statistics:
    """Mean ``(c,)`` and covariance ``(c, c)`` of the deepest maps, and the moments ``(n,)`` of all."""

    mean: np.ndarray
    covariance: np.ndarray
    moments: np.ndarray

    @classmethod
    def mixed(cls, several: Sequence[Statistics], shares: Sequence[float]) -> Statistics:
        """Return the weighted mean of statistics."""

        def mean(name: str) -> np.ndarray:
            return sum(share * getattr(one, name) for share, one in zip(shares, several, strict=True))

        return cls(mean("mean"), mean("covariance"), mean("moments"))


class AnyStyle:
    """Paints pictures in styles that it need not have seen before.

    Args:
        model: a shipped name or a folder with a trained ``decoder``.

    Raises:
        ArtifactError: no such model, or a file of it is missing.
    """

    def __init__(self, model: str) -> None:
        folder = artifact.resolve(model)
        self.card = artifact.read_card(folder)
        encoder, moments, decoder = (artifact.require(folder, file).read_bytes() for file in FILES)
        self.encode: Runner = litert_runner(encoder)
        self.moments: Runner = litert_runner(moments)
        self.decode: Runner = litert_runner(decoder)

    def statistics(self, picture: np.ndarray) -> Statistics:
        """Return the statistics of a picture ``(h, w, 3)`` float32 in [0, 1], of a smaller copy if it is large."""
        small = _thumbnail(picture)
        return statistics_of(self.encode(small[None])[0], self.moments(small[None])[0])

    def paint(
        self,
        content: np.ndarray,
        style: Statistics,
        *,
        own: Statistics | None = None,
        strength: float = 1.0,
        progress: Callable[[float], None] = lambda share: None,
    ) -> np.ndarray:
        """Return the picture painted ``(h, w, 3)`` float32 in [0, 1].

        Args:
            content: ``(h, w, 3)`` float32 in [0, 1], of any size.
            style: statistics to give it.
            own: statistics that it has; computed if None.
            strength: share of the way from its own statistics to those of the style.
            progress: called with the share that is done.

        Reference:
            Chen et al., "Towards ultra-resolution neural style transfer via thumbnail instance normalization", AAAI
            2022, section 3.2 (statistics of the whole for every tile).
        """
        own = own or self.statistics(content)
        share = min(strength, 1.0)
        change = whitened_coloured(own.covariance, style.covariance)
        moments = ((1 - share) * own.moments + share * style.moments)[None].astype(np.float32)

        def paint(tile: np.ndarray) -> np.ndarray:
            features = self.encode(tile)
            moved = (features - own.mean) @ change + style.mean
            mixed = ((1 - share) * features + share * moved).astype(np.float32)
            return self.decode({"features": mixed, "style": moments})

        return in_tiles(content, paint, progress)


class OneStyle:
    """Paints pictures in the one style that it was trained on.

    Args:
        model: a folder with a trained ``painter``.

    Raises:
        ArtifactError: no such model, or its file is missing.
    """

    def __init__(self, model: str) -> None:
        folder = artifact.resolve(model)
        self.card = artifact.read_card(folder)
        self.run: Runner = litert_runner(artifact.require(folder, "model.tflite").read_bytes())

    def paint(
        self,
        content: np.ndarray,
        *,
        strength: float = 1.0,
        progress: Callable[[float], None] = lambda share: None,
    ) -> np.ndarray:
        """Return the picture painted ``(h, w, 3)`` float32 in [0, 1]; below strength 1 the content shows through."""
        share = min(strength, 1.0)
        return share * in_tiles(content, self.run, progress) + (1 - share) * content


def in_tiles(
    content: np.ndarray,
    paint: Callable[[np.ndarray], np.ndarray],
    progress: Callable[[float], None] = lambda share: None,
) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` painted tile by tile, without a seam.

    Args:
        content: float32 in [0, 1], of any size.
        paint: from a tile ``(1, rows, columns, 3)``, sides multiples of ``CELL``, to the same, where what is further
            than ``REACH`` has no say in a place.
        progress: called with the share that is done.
    """
    height, width = content.shape[:2]
    result = np.empty_like(content)
    windows = list(_windows(height, width))
    wide = cv2.copyMakeBorder(content, REACH, REACH + CELL, REACH, REACH + CELL, cv2.BORDER_REFLECT_101)
    for number, (top, bottom, left, right) in enumerate(windows, start=1):
        rows, columns = (-(-(end - begin) // CELL) * CELL for begin, end in ((top, bottom), (left, right)))
        tile = wide[top : top + rows + 2 * REACH, left : left + columns + 2 * REACH]
        painted = paint(np.ascontiguousarray(tile[None]))[0]
        result[top:bottom, left:right] = painted[REACH : REACH + bottom - top, REACH : REACH + right - left]
        progress(number / len(windows))
    return result


def statistics_of(maps: np.ndarray, moments: np.ndarray) -> Statistics:
    """Return the statistics of maps ``(h, w, c)`` with their moments."""
    flat = maps.reshape(-1, maps.shape[-1]).astype(np.float64)
    mean = flat.mean(axis=0)
    centred = flat - mean
    return Statistics(mean, centred.T @ centred / len(flat), moments.astype(np.float64))


def whitened_coloured(own: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Return the matrix ``(c, c)`` that gives features of one covariance another; as ``common.layers.WhitenColour``."""
    return _root(own, inverse=True) @ _root(style)


def _root(covariance: np.ndarray, *, inverse: bool = False) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    roots = np.sqrt(np.maximum(values, 0) + EPSILON * values.mean() + 1e-7)
    return (vectors / roots if inverse else vectors * roots) @ vectors.T


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    """Return a copy whose sides are multiples of a cell, the longer one at most ``THUMBNAIL``."""
    height, width = picture.shape[:2]
    factor = min(1.0, THUMBNAIL / max(height, width))
    size = tuple(max(4, round(side * factor / CELL)) * CELL for side in (width, height))
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _windows(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (top, bottom, left, right) of tiles that cover a picture, each beginning at a multiple of a cell."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            yield top, min(top + TILE, height), left, min(left + TILE, width)
