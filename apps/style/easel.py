"""What all pictures of a run share: the styles, and the network or the features that paint in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from apps.style.fast import AnyStyle, OneStyle, StyleCode, View
from apps.style.options import StyleOptions
from apps.style.pictures import brought_to, read_picture
from common import artifact, devices
from common.data.colours import recoloured
from common.errors import UsageError, UserError

if TYPE_CHECKING:
    from apps.style.painting import Painter
    from common.features import FeatureExtractor
    from common.synthesis import Place

__all__ = ["SHIPPED", "Easel", "Painted", "Sitting", "easel_for"]

SHIPPED = "style/fast"
USUAL = 512  # pixels of the longer side that is optimised where none are asked for
LARGEST = 4000  # pixels of the longer side that is painted in one pass where none are asked for
COPIES = 12  # of all feature maps, that are held while a picture is optimised
SLOW = 0.8  # share of the statistics of the frames before that a frame of a video keeps
STAYS = 0.9  # share of the last frame of a video that stays where it holds, painted in one pass
HURRIED = 400  # pixels of the longer side at which the strokes of a video are made
FREE = 0.7  # share of the free memory that may be used


@dataclass(frozen=True)
class Painted:
    """What painting gave.

    Args:
        picture: ``(h, w, 3)`` float32 in [0, 1].
        loss: left at the end; None for one pass.
        stopped: where, if it was stopped by hand.
    """

    picture: np.ndarray
    loss: float | None = None
    stopped: Place | None = None


@dataclass(frozen=True)
class Sitting:
    """Where the painting of a picture goes on, and who is told.

    Args:
        begin, begun: where to go on, and the picture so far.
        steady: how much of that is to be kept at each pixel ``(h, w)`` in [0, 1], of a video.
        hurried: whether strokes of any style are made on a smaller copy, in one pass.
        progress: called with (share of the work done, remark).
        watch: called with the picture after each step.
    """

    begin: Place | None = None
    begun: np.ndarray | None = None
    steady: np.ndarray | None = None
    hurried: bool = False
    progress: Callable[[float, str], None] = lambda share, remark: None
    watch: Callable[[np.ndarray], None] = lambda picture: None


FIRST = Sitting()


class Easel(Protocol):
    """Paints contents in the styles that it was set up with."""

    styles: list[np.ndarray]
    notes: tuple[str, ...]

    def size_for(self, asked: int, content: np.ndarray) -> tuple[int, tuple[str, ...]]:
        """Return the longer side that is painted, and a note if it is less than was asked for."""

    def paint(
        self,
        content: np.ndarray,
        regions: np.ndarray | None,
        sitting: Sitting = FIRST,
    ) -> Painted:
        """Paint a content ``(h, w, 3)`` float32, in regions ``(h, w)`` of the styles or everywhere in all of them.

        Args:
            sitting: where it goes on, and who is told.
        """


def easel_for(options: StyleOptions, *, many: bool = False) -> Easel:
    """Return what paints as the options ask.

    Args:
        options: what was asked for.
        many: whether pictures are painted one after another: then ``auto`` is one pass each, where that can do it.

    Raises:
        UsageError: something is asked for that one pass cannot do.
        UserError: no trained network ships.
        InputError, ArtifactError: styles or models that cannot be read.
    """
    slow = [
        name
        for name, asked in (
            ("--features", options.features),
            ("--match", options.match != "gram"),
            ("--init", options.init != "content"),
            ("--strength above 1", options.strength > 1),
        )
        if asked
    ]
    model = options.model or (SHIPPED if SHIPPED in artifact.shipped() else "")
    if options.method == "optimize" and options.model:
        raise UsageError("a model paints in one pass", "leave out --method optimize or --model")
    if options.method == "fast" and not model:
        raise UserError("no network that paints in one pass ships yet", "--model RUN, or --method optimize")
    if slow and options.model:
        raise UsageError(f"{slow[0]} needs steps, not one pass", "leave out --model")
    if slow and options.method == "fast":
        raise UsageError(f"{slow[0]} needs steps, not one pass", "--method optimize")
    if (
        options.method == "fast"
        or options.model
        or (options.method == "auto" and many and model and not slow)
    ):
        return _OnePass(model, options)
    return _Steps(options)


def _read_styles(options: StyleOptions) -> tuple[list[np.ndarray], tuple[str, ...]]:
    read = [read_picture(path) for path in options.styles]
    return [pixels for pixels, _ in read], tuple(note for _, notes in read for note in notes)


class _OnePass:
    """By a trained network."""

    def __init__(self, model: str, options: StyleOptions) -> None:
        self.options = options
        self.styles, self.notes = _read_styles(options)
        card = artifact.read_card(artifact.resolve(model))
        if card.app != "style":
            raise UsageError(f"{model} is a model of {card.app!r}, not of a style", "cnnapps style models")
        self.one = OneStyle(model) if card.network == "painter" else None
        self.any = AnyStyle(model) if card.network != "painter" else None
        if self.one and self.styles:
            raise UsageError(f"{model} knows one style", "name no picture of a style")
        if self.any and not self.styles:
            raise UsageError("no picture of a style", "name one after the content")
        self._known: dict[tuple[int, int], StyleCode] = {}
        self._views: dict[int, View] = {}  # of the frame before, by style

    def size_for(self, asked: int, content: np.ndarray) -> tuple[int, tuple[str, ...]]:
        return asked or min(LARGEST, max(content.shape[:2])), ()

    def paint(
        self,
        content: np.ndarray,
        regions: np.ndarray | None,
        sitting: Sitting = FIRST,
    ) -> Painted:
        painted = self._painted(content, regions, sitting)
        if sitting.begun is not None and sitting.steady is not None:
            share = (STAYS * sitting.steady)[..., None]
            painted = share * sitting.begun + (1 - share) * painted
        return Painted(painted)

    def _painted(
        self,
        content: np.ndarray,
        regions: np.ndarray | None,
        sitting: Sitting,
    ) -> np.ndarray:
        strength = self.options.strength
        if self.one:
            return self.one.paint(content, strength=strength, progress=partial(_part, sitting.progress, 0, 1))
        assert self.any is not None
        each = [self._style(number, content) for number in range(len(self.styles))]
        if regions is None:
            each = [StyleCode.mixed(each, self.options.shares)]
        result = content
        for number, style in enumerate(each):
            view = self.any.view(content, style, strength)
            if sitting.begun is not None and number in self._views:
                # Statistics that jump from frame to frame make a video flicker.
                view = view.after(self._views[number], SLOW)
            self._views[number] = view
            picture = self.any.paint(
                content,
                view,
                longest=HURRIED if sitting.hurried else 0,
                progress=partial(_part, sitting.progress, number, len(each)),
            )
            if regions is None:
                return picture
            result = np.where((regions == number)[..., None], picture, result)
        return result

    def _style(self, number: int, content: np.ndarray) -> StyleCode:
        """Return a style at the size, and in the colours, that go with a content."""
        assert self.any is not None
        recolour = self.options.preserve_color == "histogram"
        longer = round(max(content.shape[:2]) * self.options.style_scale)
        key = (number, longer)
        if recolour or key not in self._known:
            style = brought_to(self.styles[number], longer)
            self._known[key] = self.any.style(recoloured(style, content) if recolour else style)
        return self._known[key]


def _part(progress: Callable[[float, str], None], number: int, count: int, share: float) -> None:
    progress((number + share) / count, "")


class _Steps:
    """By optimisation."""

    def __init__(self, options: StyleOptions) -> None:
        if not options.styles:
            raise UsageError("no picture of a style", "name one after the content")
        self.options = options
        self.styles, self.notes = _read_styles(options)
        devices.select("auto")
        from common.features import usual_features

        self.features: FeatureExtractor = usual_features(options.features)
        self._size = 0
        self._painter: Painter | None = None

    def size_for(self, asked: int, content: np.ndarray) -> tuple[int, tuple[str, ...]]:
        from apps.style.painting import MARGIN

        size = asked or min(USUAL, max(content.shape[:2]))
        height, width = (
            round(side * size / max(content.shape[:2])) + 2 * MARGIN for side in content.shape[:2]
        )
        need = 4.0 * COPIES * self.features.numbers(height, width)
        free = FREE * devices.free_memory()
        if need <= free:
            return size, ()
        fits = int(size * (free / need) ** 0.5)
        return fits, (f"{fits} instead of {size} pixels: more would need {need / 1e9:.1f} GB of memory",)

    def paint(
        self,
        content: np.ndarray,
        regions: np.ndarray | None,
        sitting: Sitting = FIRST,
    ) -> Painted:
        from common.synthesis import BEGINNING

        begun = sitting.begun
        if begun is not None:
            begun = cv2.resize(begun, content.shape[1::-1], interpolation=cv2.INTER_AREA)
        outcome = self._painter_for(content).paint(
            content,
            regions=regions,
            init=begun,
            steady=sitting.steady,
            begin=sitting.begin or BEGINNING,
            progress=lambda share, loss: sitting.progress(share, f"loss {loss:.3f}"),
            watch=sitting.watch,
        )
        return Painted(outcome.picture, outcome.loss, outcome.stopped)

    def _painter_for(self, content: np.ndarray) -> Painter:
        """Return a painter with the styles at the size, and in the colours, that go with a content."""
        from apps.style.painting import Painter

        longer = max(content.shape[:2])
        recolour = self.options.preserve_color == "histogram"
        if self._painter is None or self._size != longer or recolour:
            styles = [brought_to(style, round(longer * self.options.style_scale)) for style in self.styles]
            if recolour:
                styles = [recoloured(style, content) for style in styles]
            self._painter, self._size = Painter(styles, self.options, self.features), longer
        return self._painter
