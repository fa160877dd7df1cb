"""Statistics of feature maps that a picture shall share with others: their distribution, or their Gram matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tensorflow as tf

from common.features import FeatureExtractor
from common.losses.perceptual import relative_gram

__all__ = ["Matching", "Method", "Statistics"]

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
        directions: new ones each step.
        places: of a map looked at in a step, at most.
        patch: side of the windows of raw pixels that are matched too, 0 for none: what no feature sees, they do.
        patch_weight: of the pixels' windows beside one layer.
    """

    method: Method = "wasserstein"
    directions: int = 32
    places: int = 4096
    patch: int = 7
    patch_weight: float = 1.0


class Statistics:
    """What a picture shall have in common with one or several others, region by region.

    Args:
        features: that describe pictures; None for windows of pixels alone.
        pictures: examples ``(h, w, 3)`` float32 in [0, 1] of any sizes; their places are thrown together.
        matching: how statistics are compared.
        labels: of each picture ``(h, w)`` int, a number of a region; None for one region.
        count: of regions.

    References:
        Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis", CVPR 2021, sections 3 and 4.2 (labels).
        Gatys, Ecker and Bethge, NeurIPS 2015, equation 4.  Elnekave and Weiss, "Generating natural images with direct
        patch distributions matching", ECCV 2022 (windows of pixels).
    """

    def __init__(
        self,
        features: FeatureExtractor | None,
        pictures: Sequence[np.ndarray],
        matching: Matching,
        labels: Sequence[np.ndarray] | None = None,
        count: int = 1,
    ) -> None:
        self.features, self.matching, self.count = features, matching, count
        found: dict[str, list[list[tf.Tensor]]] = {}
        for number, picture in enumerate(pictures):
            masks = self.masks(picture.shape, None if labels is None else labels[number])
            for name, flat in self._examples(tf.constant(picture[None]), masks).items():
                found.setdefault(name, []).append([tf.gather(flat, cells) for cells in masks[name]])
        # By layer and region: (places, channels), of all pictures.
        self.wanted = {
            name: [_thinned(tf.concat(parts, axis=0), KEPT) for parts in zip(*several, strict=True)]
            for name, several in found.items()
        }
        # Layers count alike: what a layer's distance is measured in is how far its features spread.
        self.spread = {name: _spread(tf.concat(parts, axis=0)) for name, parts in self.wanted.items()}

    def masks(self, shape: tuple[int, ...], labels: np.ndarray | None) -> dict[str, list[tf.Tensor]]:
        """Return by layer the places ``(n,)`` of each region, as numbers of cells of the map without its border."""
        height, width = shape[:2]
        sizes = self.features.sizes(height, width) if self.features else {}
        if self.matching.patch:
            sizes["pixels"] = (height, width)
        found = {}
        for name, (rows, columns) in sizes.items():
            inside = (rows - 2 * BORDER, columns - 2 * BORDER)
            if min(inside) < 2:
                continue
            if labels is None:
                found[name] = [tf.range(inside[0] * inside[1])]
                continue
            y = ((np.arange(rows) + 0.5) * height / rows).astype(int)[BORDER:-BORDER]
            x = ((np.arange(columns) + 0.5) * width / columns).astype(int)[BORDER:-BORDER]
            cells = np.asarray(labels)[y[:, None], x[None]].ravel()
            found[name] = [
                tf.constant(np.flatnonzero(cells == region), tf.int32) for region in range(self.count)
            ]
        return found

    def loss(
        self,
        picture: tf.Tensor,
        seed: tf.Tensor,
        *,
        masks: dict[str, list[tf.Tensor]],
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
            maps = self.features(picture) if self.features else {}
        total, weights = tf.constant(0.0), 0.0
        for number, (name, parts) in enumerate(masks.items()):
            weight = self.matching.patch_weight if name == "pixels" else 1.0
            source = picture if name == "pixels" else maps[name]
            for region, (cells, wanted) in enumerate(zip(parts, self.wanted[name], strict=True)):
                own = tf.stack([seed[0] + 97 * number + region, seed[1]])
                distance = self._distance(name, source, cells, wanted, own)
                # A region too small to be seen has no say.
                share = tf.cast(tf.shape(cells)[0] > 1, tf.float32)
                total += weight * share * distance
                weights += weight
        return total / weights

    def _distance(
        self, name: str, source: tf.Tensor, cells: tf.Tensor, wanted: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        method = "wasserstein" if name == "pixels" else self.matching.method
        found = []
        if method != "gram":
            found.append(self._sliced(source, cells, wanted, seed) / self.spread[name])
        if method != "wasserstein":
            ours = tf.gather(_flat(source), cells)
            found.append(relative_gram(wanted[None, :, None], ours[None, :, None])[0])
        return tf.add_n(found) / len(found)

    def _examples(self, picture: tf.Tensor, masks: dict[str, list[tf.Tensor]]) -> dict[str, tf.Tensor]:
        """Return by layer what stands at each place of an example ``(places, channels)``."""
        maps = self.features(picture) if self.features else {}
        if "pixels" in masks:
            side = self.matching.patch
            size, step = (1, side, side, 1), (1, 1, 1, 1)
            maps = maps | {"pixels": tf.image.extract_patches(picture, size, step, step, "SAME")}
        return {name: _flat(maps[name]) for name in masks}

    def _sliced(self, source: tf.Tensor, cells: tf.Tensor, wanted: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return the mean squared gap of sorted projections; both sets are thinned to the same number of places.

        Args:
            source: maps, or the picture, whose windows are projected by a convolution.
            cells: the places that count.
            wanted: the examples ``(places, channels)``.
            seed: of directions and places.
        """
        axes = tf.random.stateless_normal((wanted.shape[-1], self.matching.directions), seed)
        axes /= tf.norm(axes, axis=0)
        count = tf.minimum(tf.minimum(tf.size(cells), tf.shape(wanted)[0]), self.matching.places)
        chosen = _thinned(cells, count, seed)
        if source.shape[-1] == wanted.shape[-1]:
            first = tf.matmul(axes, tf.gather(_flat(source), chosen), True, True)
        else:
            side = self.matching.patch
            kernel = tf.reshape(axes, (side, side, source.shape[-1], -1))
            first = tf.transpose(tf.gather(_flat(tf.nn.conv2d(source, kernel, 1, "SAME")), chosen))
        second = tf.matmul(axes, _thinned(wanted, count, seed + 1), True, True)
        return tf.reduce_mean((tf.sort(first) - tf.sort(second)) ** 2) * wanted.shape[-1]


def _flat(maps: tf.Tensor) -> tf.Tensor:
    """Return maps ``(1, h, w, channels)`` without their border as ``(places, channels)``."""
    cut = maps[0, BORDER:-BORDER, BORDER:-BORDER]
    return tf.reshape(cut, (-1, cut.shape[-1]))


def _spread(values: tf.Tensor) -> tf.Tensor:
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
