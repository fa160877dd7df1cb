"""A picture painted in one pass, in any style, in tiles where it is large."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from common import artifact
from common.litert import Runner, litert_runner
from common.tiles import Tiling

__all__ = ["FILES", "AnyStyle", "OneStyle", "TILING"]

FILES = ("moments.tflite", "painter.tflite")
TILING = Tiling(cell=8, reach=80, tile=640)
# Pixels of the longer side of the copies whose moments stand for the whole pictures.
STYLE, CONTENT = 512, 384


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
        moments, painter = (artifact.require(folder, file).read_bytes() for file in FILES)
        self._moments: Runner = litert_runner(moments)
        self._paint: Runner = litert_runner(painter)

    def style(self, style: np.ndarray) -> np.ndarray:
        """Return the moments ``(n,)`` of a style ``(h, w, 3)`` float32 in [0, 1], of a smaller copy if it is large."""
        return self._moments(_thumbnail(style, STYLE)[None])[0]

    def content(self, content: np.ndarray) -> np.ndarray:
        """Return the moments ``(n,)`` of a content ``(h, w, 3)`` float32 in [0, 1], of a smaller copy."""
        return self._moments(_thumbnail(content, CONTENT)[None])[0]

    def paint(
        self,
        content: np.ndarray,
        style: np.ndarray,
        *,
        own: np.ndarray | None = None,
        strength: float = 1.0,
        progress: Callable[[float], None] = lambda share: None,
    ) -> np.ndarray:
        """Return the picture painted ``(h, w, 3)`` float32 in [0, 1].

        Args:
            content: ``(h, w, 3)`` float32 in [0, 1], of any size.
            style: moments ``(n,)`` to give it.
            own: its own moments ``(n,)``; measured if None.
            strength: share of the way from its own moments to those of the style.
            progress: called with the share that is done.

        Reference:
            Chen et al., "Towards ultra-resolution neural style transfer via thumbnail instance normalization", AAAI
            2022, section 3.2 (moments of the whole for every tile).
        """
        own = self.content(content) if own is None else own
        share = min(strength, 1.0)
        given = (1 - share) * own + share * style
        moments = {name: array[None].astype(np.float32) for name, array in (("own", own), ("style", given))}
        return TILING.run(content, lambda tile: self._paint({"picture": tile, **moments}), progress=progress)


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


def _thumbnail(picture: np.ndarray, longest: int) -> np.ndarray:
    """Return a copy whose sides are multiples of a cell, the longer one at most ``longest``."""
    height, width = picture.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = tuple(max(4, round(side * factor / TILING.cell)) * TILING.cell for side in (width, height))
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
