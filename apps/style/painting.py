"""A picture painted by optimisation: it keeps what the content's features say, and takes the style's statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
import tensorflow as tf

from apps.style.options import QUALITIES, StyleOptions
from common.data.colours import Colours, moved
from common.features import FeatureExtractor
from common.losses.perceptual import total_variation
from common.synthesis import (
    BEGINNING,
    Matching,
    Outcome,
    Place,
    Stage,
    Statistics,
    coarse_to_fine,
    colour_directions,
    resized,
    scales_of,
)

__all__ = ["MARGIN", "Painter", "content_layer"]

COARSEST = 256  # pixels of the shorter side at the first scale: coarser ones cost content and bring no style
MARGIN = 16  # pixels painted beyond the edges and cut off: what lies at an edge is seen from one side only
CONTENT = 0.02  # weight of the content beside the style at strength 1
COLOURED = 0.25  # strength from which a picture gets all the colours of the style
SMOOTH = 0.008  # weight of the total variation
STEADY = 200.0  # weight of what is kept of the last picture of a video


class Painter:
    """Paints pictures in one mixture of styles.

    Args:
        styles: ``(h, w, 3)`` float32 in [0, 1], at the size at which they are matched.
        options: how to paint.
        features: that compare pictures.
    """

    def __init__(
        self, styles: Sequence[np.ndarray], options: StyleOptions, features: FeatureExtractor
    ) -> None:
        self.styles, self.options, self.features = styles, options, features
        self.colours = [Colours.of(style) for style in styles]
        self.content_layer = content_layer(features.layers)
        self.matching = Matching(options.match)  # type: ignore[arg-type]
        self._statistics: dict[tuple[float, bool], list[tuple[float, Statistics]]] = {}

    def paint(
        self,
        content: np.ndarray,
        *,
        regions: np.ndarray | None = None,
        init: np.ndarray | None = None,
        steady: np.ndarray | None = None,
        begin: Place = BEGINNING,
        progress: Callable[[float, float], None] = lambda share, loss: None,
        watch: Callable[[np.ndarray], None] = lambda picture: None,
    ) -> Outcome:
        """Return a picture of the size of the content.

        Args:
            content: ``(h, w, 3)`` float32 in [0, 1].
            regions: number of the style at each pixel ``(h, w)``, -1 for none; None for all styles everywhere.
            init: picture to begin from; None for what the options say.
            steady: how much of ``init`` is to be kept at each pixel, ``(h, w)`` in [0, 1]: of a video, where the last
                picture still holds.
            begin: where to begin, for going on after a stop.
            progress: called with (share of the work done, loss).
            watch: called with the picture ``(h, w, 3)`` after each step.

        References:
            Gatys, Ecker and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016, equations
            1 to 7; Heitz et al., CVPR 2021 (distributions).  Ruder, Dosovitskiy and Brox, "Artistic style transfer for
            videos", GCPR 2016, equation 4 (``steady``).
        """
        wide = _widened(self._primed(content, regions))
        wide_regions = None if regions is None else _widened(regions.astype(np.int16))
        wide_init = self._init(wide) if init is None else _widened(init)
        held = None if steady is None else _widened(steady.astype(np.float32))
        shape = (wide.shape[0], wide.shape[1])
        scales = scales_of(
            min(content.shape[:2]), coarsest=COARSEST, ratio=0.5**0.5, steps=QUALITIES[self.options.quality]
        )
        if begin == BEGINNING and held is not None:
            # The last picture of a video is a good one: only the finest scale is gone over again.
            begin = Place(len(scales.factors) - 1, scales.steps[-1] // 2)

        colours = colour_directions([wide, wide_init, *self.styles])

        def stage(factor: float, size: tuple[int, int], picture: np.ndarray | None) -> Stage:
            assert picture is not None
            small = cv2.resize(wide, size[::-1], interpolation=cv2.INTER_AREA)
            loss = self._loss(factor, small, wide_regions)
            if held is not None:
                keep = tf.constant(cv2.resize(held, size[::-1])[None, ..., None])
                loss = partial(_steadied, loss=loss, keep=keep, before=tf.constant(picture[None]))
            return Stage(picture, loss, colours=colours)

        outcome = coarse_to_fine(
            scales,
            shape,
            stage,
            begin=begin,
            start=wide_init,
            redraw=self.matching.redraw,
            seed=self.options.seed,
            progress=progress,
            watch=lambda picture: watch(_cut(np.asarray(picture)[0], shape)),
        )
        return Outcome(_cut(outcome.picture, shape), outcome.loss, outcome.stopped)

    def _primed(self, content: np.ndarray, regions: np.ndarray | None) -> np.ndarray:
        """Return the content in the colours of the styles.

        They have nothing to do with what it shows: left to the steps, they would hold its features back; and where the
        style's statistics ask for its colours and the content for a part of its own, pictures are farther from both.
        """
        own, share = Colours.of(content), min(1.0, self.options.strength / COLOURED)
        if regions is None:
            return moved(content, *own.change(Colours.mixed(self.colours, self.options.shares), share))
        primed = content
        for number, colours in enumerate(self.colours):
            inside = (regions == number)[..., None]
            primed = np.where(inside, moved(content, *own.change(colours, share)), primed)
        return primed

    def _init(self, content: np.ndarray) -> np.ndarray:
        if self.options.init == "content":
            return content
        height, width = content.shape[:2]
        if self.options.init == "style":
            return cv2.resize(self.styles[0], (width, height), interpolation=cv2.INTER_AREA)
        draw = np.random.default_rng(self.options.seed)
        return draw.normal(0.5, 0.2, content.shape).clip(0, 1).astype(np.float32)

    def _loss(
        self, factor: float, content: np.ndarray, regions: np.ndarray | None
    ) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """Return the loss of a picture at one scale."""
        statistics = self._statistics_at(factor, regions is not None)
        if regions is not None:
            size = content.shape[1::-1]
            regions = cv2.resize(regions, size, interpolation=cv2.INTER_NEAREST).astype(int)
        masks = [one.masks(content.shape, regions) for _, one in statistics]
        wanted = self.features(tf.constant(content[None]))[self.content_layer]
        spread = tf.math.reduce_variance(wanted, axis=(1, 2), keepdims=True)
        spread = tf.reduce_mean(spread) + 1e-6
        weight = CONTENT / self.options.strength

        def loss(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            maps = self.features(picture)
            total = weight * tf.reduce_mean((maps[self.content_layer] - wanted) ** 2) / spread
            for (share, one), mask in zip(statistics, masks, strict=True):
                total += share * one.loss(picture, seed, masks=mask, maps=maps)
            return total + SMOOTH * total_variation(picture, picture)[0]

        return loss

    def _statistics_at(self, factor: float, by_region: bool) -> list[tuple[float, Statistics]]:
        """Return what is to be matched at one scale, and its share; computed once for all pictures of a video."""
        key = (factor, by_region)
        if key not in self._statistics:
            small = [resized(style, factor) for style in self.styles]
            if by_region:
                labels = [np.full(style.shape[:2], number) for number, style in enumerate(small)]
                one = Statistics(self.features, small, self.matching, labels, len(small))
                self._statistics[key] = [(1.0, one)]
            else:
                self._statistics[key] = [
                    (share, Statistics(self.features, [style], self.matching))
                    for share, style in zip(self.options.shares, small, strict=True)
                    if share
                ]
        return self._statistics[key]


def content_layer(layers: Sequence[str]) -> str:
    """Return the layer whose features say what a picture shows: the first of the last stage but one.

    conv4_1 of VGG, of five stages, as in the papers.
    """
    stages = sorted({layer.split("_")[0] for layer in layers})
    stage = stages[max(0, len(stages) - 2)]
    return next(layer for layer in layers if layer.startswith(f"{stage}_"))


def _steadied(
    picture: tf.Tensor,
    seed: tf.Tensor,
    *,
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    keep: tf.Tensor,
    before: tf.Tensor,
) -> tf.Tensor:
    return loss(picture, seed) + STEADY * tf.reduce_mean(keep * (picture - before) ** 2)


def _widened(values: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(values, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_REFLECT)


def _cut(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a picture without its margins; of a smaller copy of a picture of ``shape`` they are smaller."""
    y, x = (
        max(1, round(MARGIN * side / whole)) for side, whole in zip(picture.shape[:2], shape, strict=True)
    )
    return picture[y:-y, x:-x]
