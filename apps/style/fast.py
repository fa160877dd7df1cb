"""A picture painted in one pass, in any style, in tiles where it is large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np

from common import artifact
from common.data.colours import Colours, moved
from common.litert import Runner, litert_runner
from common.tiles import Tiling

__all__ = ["FILES", "TILING", "AnyStyle", "OneStyle", "StyleCode", "View"]

FILES = ("moments.tflite", "painter.tflite")
TILING = Tiling(cell=8, reach=80, tile=640)
# Pixels of the longer side of the copies whose moments stand for the whole pictures.
STYLE, CONTENT = 512, 384


@dataclass(frozen=True)
class StyleCode:
    """What one pass knows of a style: the moments ``(n,)`` of its feature maps, and its colours."""

    moments: np.ndarray
    colours: Colours

    @classmethod
    def mixed(cls, several: Sequence[StyleCode], shares: Sequence[float]) -> StyleCode:
        """Return the weighted mean of styles."""
        moments = np.average([one.moments for one in several], axis=0, weights=shares)
        return cls(moments, Colours.mixed([one.colours for one in several], shares))


@dataclass(frozen=True)
class View:
    """What is known of the whole of a content that gets a style.

    Args:
        matrix, shift: that give it the style's colours ``(3, 3)``, ``(3,)``.
        own: its moments after that ``(n,)``.
        given: the moments that it is to get ``(n,)``.
    """

    matrix: np.ndarray
    shift: np.ndarray
    own: np.ndarray
    given: np.ndarray

    def after(self, earlier: View, kept: float) -> View:
        """Return this view, a share of an earlier one kept."""
        return View(
            *(kept * old + (1 - kept) * new for old, new in zip(astuple(earlier), astuple(self), strict=True))
        )


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

    def style(self, style: np.ndarray) -> StyleCode:
        """Return what is painted by, of a style ``(h, w, 3)`` float32 in [0, 1]; of a smaller copy if it is large."""
        small = _thumbnail(style, STYLE)
        return StyleCode(self._moments(small[None])[0], Colours.of(small))

    def view(self, content: np.ndarray, style: StyleCode, strength: float = 1.0) -> View:
        """Return what must be known of the whole of a content ``(h, w, 3)`` before a part of it is painted.

        Args:
            content: float32 in [0, 1].
            style: that it is painted in.
            strength: share of the way from its own colours and moments to those of the style, at most 1.
        """
        small = _thumbnail(content, CONTENT)
        matrix, shift = Colours.of(small).change(style.colours, strength)
        own = self._moments(moved(small, matrix, shift)[None])[0]
        return View(matrix, shift, own, (1 - strength) * own + strength * style.moments)

    def paint(
        self,
        content: np.ndarray,
        view: View,
        *,
        longest: int = 0,
        progress: Callable[[float], None] = lambda share: None,
    ) -> np.ndarray:
        """Return the picture painted ``(h, w, 3)`` float32 in [0, 1].

        Args:
            content: ``(h, w, 3)`` float32 in [0, 1], of any size.
            view: of its whole.
            longest: pixels of the longer side of the copy on which strokes are made, which are then enlarged: faster,
                and broader; 0 for the picture itself.
            progress: called with the share that is done.

        Reference:
            Chen et al., "Towards ultra-resolution neural style transfer via thumbnail instance normalization", AAAI
            2022, section 3.2 (moments of the whole for every tile).
        """
        moments = {"own": view.own, "style": view.given}
        moments = {name: array[None].astype(np.float32) for name, array in moments.items()}
        primed = moved(content, view.matrix, view.shift)
        large = 0 < longest < max(content.shape[:2])
        small = _thumbnail(primed, longest) if large else primed
        painted = TILING.run(small, lambda tile: self._paint({"picture": tile, **moments}), progress=progress)
        if not large:
            return painted
        strokes = cv2.resize(painted - small, content.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.clip(primed + strokes, 0, 1)


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
        """Return the picture painted ``(h, w, 3)`` float32 in [0, 1].

        Below strength 1, the most, the content shows through.
        """
        return strength * TILING.run(content, self.run, progress=progress) + (1 - strength) * content


def _thumbnail(picture: np.ndarray, longest: int) -> np.ndarray:
    """Return a copy whose sides are multiples of a cell, the longer one at most ``longest``."""
    height, width = picture.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = tuple(max(4, round(side * factor / TILING.cell)) * TILING.cell for side in (width, height))
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
