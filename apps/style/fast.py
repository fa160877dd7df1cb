"""A picture painted in one pass, in any style, in tiles where it is large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from common import artifact
from common.litert import Runner, litert_runner
from common.tiles import Tiling

__all__ = ["FILES", "AnyStyle", "OneStyle", "TILING", "Statistics", "statistics_of", "whitened_coloured"]

FILES = ("encoder.tflite", "moments.tflite", "decoder.tflite")
TILING = Tiling(cell=8, reach=64, tile=640)
# Pixels of the longer side of the copies whose statistics stand for the whole pictures.
STYLE, CONTENT = 512, 384
EPSILON = 1e-3  # as of ``common.layers.WhitenColour``


@dataclass(frozen=True)
class Statistics:
    """Mean ``(c,)`` and covariance ``(c, c)`` of the deepest maps, and the moments ``(n,)`` of all, where needed."""

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
        # Each for pictures of one size, so that a video does not make them anew for every frame.
        self.encode: Runner = litert_runner(encoder)
        self.glance: Runner = litert_runner(encoder)
        self.moments: Runner = litert_runner(moments)
        self.decode: Runner = litert_runner(decoder)

    def statistics(self, style: np.ndarray) -> Statistics:
        """Return the statistics of a style ``(h, w, 3)`` float32 in [0, 1], of a smaller copy if it is large."""
        small = _thumbnail(style, STYLE)
        return statistics_of(self.glance(small[None])[0], self.moments(small[None])[0])

    def looked_at(self, content: np.ndarray, strength: float = 1.0) -> Statistics:
        """Return what is needed of a content to paint it: the moments only if some of them are kept."""
        small = _thumbnail(content, CONTENT)
        moments = self.moments(small[None])[0] if strength < 1 else np.zeros(0)
        return statistics_of(self.glance(small[None])[0], moments)

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
            own: what ``looked_at`` says of it; asked if None.
            strength: share of the way from its own statistics to those of the style.
            progress: called with the share that is done.

        Reference:
            Chen et al., "Towards ultra-resolution neural style transfer via thumbnail instance normalization", AAAI
            2022, section 3.2 (statistics of the whole for every tile).
        """
        own = own or self.looked_at(content, strength)
        share = min(strength, 1.0)
        change = whitened_coloured(own.covariance, style.covariance)
        mixed = style.moments if share == 1 else (1 - share) * own.moments + share * style.moments
        moments = mixed[None].astype(np.float32)

        def paint(tile: np.ndarray) -> np.ndarray:
            features = self.encode(tile)
            moved = (features - own.mean) @ change + style.mean
            given = ((1 - share) * features + share * moved).astype(np.float32)
            return self.decode({"features": given, "style": moments})

        return TILING.run(content, paint, progress=progress)


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
        return share * TILING.run(content, self.run, progress=progress) + (1 - share) * content


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


def _thumbnail(picture: np.ndarray, longest: int) -> np.ndarray:
    """Return a copy whose sides are multiples of a cell, the longer one at most ``longest``."""
    height, width = picture.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = tuple(max(4, round(side * factor / TILING.cell)) * TILING.cell for side in (width, height))
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
