"""Losses between feature maps ``(batch, height, width, channels)``: what a picture is made of, not where.

Target and output may differ in height and width.
"""

from __future__ import annotations

import keras
from keras import ops

__all__ = [
    "gram",
    "gram_matrix",
    "normalized_content",
    "relative_gram",
    "sliced_wasserstein",
    "total_variation",
]


def gram_matrix(features, share=None):
    """Return how features go together, averaged over places: ``(batch, channels, channels)``.

    Args:
        features: feature maps.
        share: what each place counts ``(batch, height * width, 1)``; None for all alike.

    Reference:
        Gatys, Ecker and Bethge, "Texture Synthesis Using Convolutional Neural Networks", NeurIPS 2015, equation 3, here
        divided by the number of places, so that pictures of different sizes compare.
    """
    flat = _by_place(features)
    counted, count = flat, ops.cast(ops.shape(flat)[1], flat.dtype)
    if share is not None:
        counted, count = flat * share, ops.maximum(ops.sum(share, axis=(1, 2), keepdims=True), 1.0)
    return ops.matmul(ops.transpose(flat, (0, 2, 1)), counted) / count


def gram(target, features):
    """Squared distance of Gram matrices, ``Σ (G - A)² / 4 C²`` (Gatys et al. 2015, equation 4)."""
    channels = features.shape[-1]
    return ops.sum((gram_matrix(features) - gram_matrix(target)) ** 2, axis=(1, 2)) / (4.0 * channels**2)


def relative_gram(target, features):
    """Squared distance of Gram matrices as a share of the target's square, ``Σ (G - A)² / Σ A²``.

    Layers of any size and scale count alike.
    """
    wanted = gram_matrix(target)
    gap = ops.sum((gram_matrix(features) - wanted) ** 2, axis=(1, 2))
    return gap / (ops.sum(wanted**2, axis=(1, 2)) + 1e-8)


def normalized_content(target, features):
    """Mean squared gap of maps of one size, each map brought to mean 0 and variance 1: what is where, not how strong.

    Reference:
        Liu et al., "AdaAttN: revisit attention mechanism in arbitrary neural style transfer", ICCV 2021, section 3.3.
    """

    def normalized(maps):
        mean, variance = ops.moments(maps, axes=(1, 2), keepdims=True)
        return (maps - mean) / ops.sqrt(variance + 1e-3)

    return ops.mean((normalized(features) - normalized(target)) ** 2, axis=(1, 2, 3))


def sliced_wasserstein(target, features, *, directions: int = 32, seed: int = 0):
    """Squared distance of the distributions of features, mean over random directions in feature space.

    Along a direction both sets of values are sorted; the larger set is read at the ranks of the smaller.

    Args:
        target, features: feature maps.
        directions: how many.
        seed: of the directions; another each step sees all of the distribution in time.

    Reference:
        Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis", CVPR 2021, equation 4.
    """
    channels = features.shape[-1]
    axes = keras.random.normal((channels, directions), seed=seed)
    axes = axes / ops.norm(axes, axis=0, keepdims=True)
    ours, theirs = (ops.sort(ops.matmul(_by_place(maps), axes), axis=1) for maps in (features, target))
    count = min(ours.shape[1], theirs.shape[1])
    return ops.mean((_ranks(ours, count) - _ranks(theirs, count)) ** 2, axis=(1, 2))


def total_variation(target, picture):
    """Mean difference between neighbours, ``|∂x| + |∂y|``; the target does not matter.

    Reference:
        Rudin, Osher and Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D 1992.
    """
    down = ops.abs(picture[:, 1:] - picture[:, :-1])
    across = ops.abs(picture[:, :, 1:] - picture[:, :, :-1])
    return ops.mean(down, axis=(1, 2, 3)) + ops.mean(across, axis=(1, 2, 3))


def _by_place(features):
    return ops.reshape(features, (ops.shape(features)[0], -1, features.shape[-1]))


def _ranks(values, count: int):
    """Return ``count`` of the sorted values ``(batch, n, directions)``, evenly spread over the ranks."""
    if values.shape[1] == count:
        return values
    places = (ops.arange(count, dtype="float32") + 0.5) * (values.shape[1] / count)
    return ops.take(values, ops.cast(places, "int32"), axis=1)
