"""Statistics of feature maps that a picture shall share with others: their distribution, or their Gram matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tensorflow as tf

from common.features import FeatureExtractor
from common.losses.perceptual import gram_matrix

__all__ = ["Matching", "Method", "Places", "Statistics"]

Method = Literal["wasserstein", "gram", "both"]
FLAT = 0.1  # of the mean square of features: the least variance that a picture is taken to have
KEPT = 65_536  # places of the examples that are kept, of each region and layer, at most
BORDER = 1  # cells of every map that the zeros beyond the picture reach in full: left out


@dataclass(frozen=True)
class Matching:
    """How statistics are compared.

    Args:
        method: ``wasserstein``, distributions along random directions; ``gram``, mean products of two features; or
            ``both``, the mean of the two.
        directions: at a time.
        places: of a map looked at in a step, at most, for distributions.
    """

    method: Method = "gram"
    directions: int = 64
    places: int = 4096

    @property
    def redraw(self) -> int:
        """Steps after which directions and places are drawn anew; 0 where none are."""
        return 0 if self.method == "gram" else 20


@dataclass(frozen=True)
class Places:
    """Where a region lies on a feature map without its border.

    Args:
        cells: numbers of the places ``(n,)``, row by row.
        share: 1 in the region and 0 elsewhere, ``(places, 1)``; None where it is the whole map.
    """

    cells: tf.Tensor
    share: tf.Tensor | None = None


@dataclass(frozen=True)
class _Wanted:
    """What a region of a layer shall have.

    Args:
        values: of the examples ``(places, channels)``.
        gram: their mean products ``(channels, channels)``.
    """

    values: tf.Tensor
    gram: tf.Tensor


class Statistics:
    """What a picture shall have in common with one or several others, region by region.

    All layers count alike: distributions are compared in units of their spread, Gram matrices as shares of their size.

    Args:
        features: that describe pictures.
        pictures: examples ``(h, w, 3)`` float32 in [0, 1] of any sizes; their places are thrown together.
        matching: how statistics are compared.
        labels: of each picture ``(h, w)`` int, a number of a region; None for one region.
        count: of regions.

    References:
        Gatys, Ecker and Bethge, NeurIPS 2015, equation 4.  Heitz et al., "A Sliced Wasserstein Loss for Neural Texture
        Synthesis", CVPR 2021, sections 3 and 4.2 (labels).
    """

    def __init__(
        self,
        features: FeatureExtractor,
        pictures: Sequence[np.ndarray],
        matching: Matching,
        labels: Sequence[np.ndarray] | None = None,
        count: int = 1,
    ) -> None:
        self.features, self.matching, self.count = features, matching, count
        found: dict[str, list[list[tf.Tensor]]] = {}
        for number, picture in enumerate(pictures):
            maps = features(tf.constant(picture[None]))
            for name, parts in self.masks(picture.shape, None if labels is None else labels[number]).items():
                values = _flat(maps[name])
                found.setdefault(name, []).append([tf.gather(values, part.cells) for part in parts])
        self.variance: dict[str, tf.Tensor] = {}
        self.wanted: dict[str, list[_Wanted]] = {}
        for name, several in found.items():
            regions = [tf.concat(parts, axis=0) for parts in zip(*several, strict=True)]
            self.variance[name] = _variance(tf.concat(regions, axis=0))
            self.wanted[name] = [_Wanted(_thinned(values, KEPT), _products(values)) for values in regions]

    def masks(self, shape: tuple[int, ...], labels: np.ndarray | None) -> dict[str, list[Places]]:
        """Return by layer where each region lies."""
        height, width = shape[:2]
        found = {}
        for name, (rows, columns) in self.features.sizes(height, width).items():
            inside = (rows - 2 * BORDER, columns - 2 * BORDER)
            if min(inside) < 2:
                continue
            if labels is None:
                found[name] = [Places(tf.range(inside[0] * inside[1]))]
                continue
            y = ((np.arange(rows) + 0.5) * height / rows).astype(int)[BORDER:-BORDER]
            x = ((np.arange(columns) + 0.5) * width / columns).astype(int)[BORDER:-BORDER]
            cells = np.asarray(labels)[y[:, None], x[None]].ravel()
            found[name] = [_places(cells == region) for region in range(self.count)]
        return found

    def loss(
        self,
        picture: tf.Tensor,
        seed: tf.Tensor,
        *,
        masks: dict[str, list[Places]],
        maps: dict[str, tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """Return how far a picture ``(1, h, w, 3)`` is from the examples, the mean over layers and regions.

        Args:
            picture: float32 in [0, 1].
            seed: two integers; other ones are other directions and places.
            masks: of its regions, as from ``masks``.
            maps: features of the picture, if they were computed before.
        """
        if maps is None:
            maps = self.features(picture)
        found = []
        for number, (name, parts) in enumerate(masks.items()):
            values = _flat(maps[name])
            for region, (part, wanted) in enumerate(zip(parts, self.wanted[name], strict=True)):
                if part.cells.shape[0] < 2:
                    found.append(tf.constant(0.0))  # a region too small to be seen has no say
                    continue
                own = tf.stack([seed[0] + 97 * number + region, seed[1]])
                found.append(self._distance(name, values, part, wanted, own))
        return tf.add_n(found) / max(1, len(found))

    def _distance(
        self, name: str, values: tf.Tensor, part: Places, wanted: _Wanted, seed: tf.Tensor
    ) -> tf.Tensor:
        found = []
        if self.matching.method != "gram":
            found.append(self._sliced(values, part.cells, wanted.values, seed) / self.variance[name])
        if self.matching.method != "wasserstein":
            gap = _products(values, part.share) - wanted.gram
            found.append(tf.reduce_sum(gap**2) / (tf.reduce_sum(wanted.gram**2) + 1e-8))
        return tf.add_n(found) / len(found)

    def _sliced(self, values: tf.Tensor, cells: tf.Tensor, wanted: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return the mean squared gap of sorted projections; both sets are thinned to the same number of places.

        Args:
            values: features ``(places, channels)``.
            cells: the places that count.
            wanted: the examples ``(places, channels)``.
            seed: of directions and places.
        """
        axes = tf.random.stateless_normal((wanted.shape[-1], self.matching.directions), seed)
        axes /= tf.norm(axes, axis=0)
        count = tf.minimum(tf.minimum(tf.size(cells), tf.shape(wanted)[0]), self.matching.places)
        first = tf.matmul(axes, tf.gather(values, _thinned(cells, count, seed)), True, True)
        second = tf.matmul(axes, _thinned(wanted, count, seed + 1), True, True)
        return tf.reduce_mean((tf.sort(first) - tf.sort(second)) ** 2)


def _places(inside: np.ndarray) -> Places:
    return Places(
        tf.constant(np.flatnonzero(inside), tf.int32), tf.constant(inside[:, None].astype(np.float32))
    )


def _flat(maps: tf.Tensor) -> tf.Tensor:
    """Return maps ``(1, h, w, channels)`` without their border as ``(places, channels)``."""
    cut = maps[0, BORDER:-BORDER, BORDER:-BORDER]
    return tf.reshape(cut, (-1, cut.shape[-1]))


def _products(values: tf.Tensor, share: tf.Tensor | None = None) -> tf.Tensor:
    """Return mean products of features ``(places, channels)``, over the places of a region or all."""
    return gram_matrix(values[None, :, None], None if share is None else share[None])[0]


def _variance(values: tf.Tensor) -> tf.Tensor:
    """Return the variance of features ``(places, channels)``, at least a share of their size: of one colour it is 0."""
    variance = tf.reduce_mean(tf.math.reduce_variance(values, axis=0))
    return tf.maximum(variance, FLAT * tf.reduce_mean(values**2)) + 1e-8


def _thinned(values: tf.Tensor, count: tf.Tensor | int, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Return ``count`` rows, all if there are fewer, evenly spread from a random start; without a seed from 0."""
    rows = tf.shape(values)[0]
    count = tf.minimum(rows, count)
    places = tf.cast(
        tf.cast(tf.range(count), tf.float32) * tf.cast(rows, tf.float32) / tf.cast(count, tf.float32),
        tf.int32,
    )
    if seed is not None:
        places = (places + tf.random.stateless_uniform((), seed, 0, tf.maximum(rows, 1), tf.int32)) % rows
    return tf.gather(values, places)
