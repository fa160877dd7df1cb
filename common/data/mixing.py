"""Parts of pictures erased, or taken from other pictures of the batch.

References:
    DeVries and Taylor, arXiv 1708.04552 (cutout).  Zhang et al., ICLR 2018 (mixup).  Yun et al., ICCV
    2019 (CutMix).
"""

from __future__ import annotations

import tensorflow as tf

from common.data.seeds import Seed, fold_seed

__all__ = ["cutmix", "cutout", "mixup"]


def cutout(images: tf.Tensor, size: float, seed: Seed) -> tf.Tensor:
    """Erase a square of ``size`` sides at a random place of each image (it may hang over the edge)."""
    inside = _random_boxes(tf.shape(images)[0], images.shape[1], images.shape[2], size, size, seed)
    return tf.where(inside, tf.zeros_like(images), images)


def mixup(
    images: tf.Tensor, targets: tf.Tensor, alpha: float, seed: Seed, chance: float = 1.0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend each image and one-hot target with the next of the batch: ``x = λ x + (1 - λ) x'``."""
    share = _kept_share(tf.shape(images)[0], alpha, seed, chance)
    blend = lambda a, weight: weight * a + (1 - weight) * tf.roll(a, 1, axis=0)  # noqa: E731
    return blend(images, share[:, None, None, None]), blend(targets, share[:, None])


def cutmix(
    images: tf.Tensor, targets: tf.Tensor, alpha: float, seed: Seed, chance: float = 1.0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Paste a rectangle of the next image; the target is mixed by the areas that are left."""
    batch = tf.shape(images)[0]
    side = tf.sqrt(1 - _kept_share(batch, alpha, seed, chance))[:, None, None, None]
    inside = _random_boxes(batch, images.shape[1], images.shape[2], side, side, fold_seed(seed, 1))
    kept = 1 - tf.reduce_mean(tf.cast(inside, tf.float32), axis=(1, 2))
    pasted = tf.where(inside, tf.roll(images, 1, axis=0), images)
    return pasted, kept * targets + (1 - kept) * tf.roll(targets, 1, axis=0)


def _random_boxes(
    batch: int | tf.Tensor,
    height: int,
    width: int,
    size_y: float | tf.Tensor,
    size_x: float | tf.Tensor,
    seed: Seed,
) -> tf.Tensor:
    """Return ``(batch, height, width, 1)``: true inside one box an image, centred anywhere."""
    centre = tf.random.stateless_uniform((2, batch, 1, 1, 1), seed)
    y = ((tf.range(height, dtype=tf.float32) + 0.5) / height)[None, :, None, None]
    x = ((tf.range(width, dtype=tf.float32) + 0.5) / width)[None, None, :, None]
    return (tf.abs(y - centre[0]) < size_y / 2) & (tf.abs(x - centre[1]) < size_x / 2)


def _kept_share(batch: int | tf.Tensor, alpha: float, seed: Seed, chance: float) -> tf.Tensor:
    """Draw from the beta distribution which share of each picture is its own; 1 where it is not mixed."""
    gammas = tf.random.stateless_gamma((2, batch), seed, alpha)
    share = gammas[0] / (gammas[0] + gammas[1])
    if chance == 1:
        return share
    return tf.where(tf.random.stateless_uniform((batch,), fold_seed(seed, 16)) < chance, share, 1.0)
