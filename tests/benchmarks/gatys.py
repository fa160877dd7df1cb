"""The peer for style transfer: one picture size, Gram matrices, L-BFGS.

References:
    Gatys, Ecker and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016: from noise or the
    content, content at one layer, style at five.  ProGamerGov, "neural-style-pt": the same with a weight for the total
    variation and from the content, the settings that most people use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy.optimize import fmin_l_bfgs_b

from common.features import FeatureExtractor
from common.losses.perceptual import gram_matrix

__all__ = ["GATYS", "NEURAL_STYLE", "Settings", "transferred"]


@dataclass(frozen=True)
class Settings:
    """How a peer compares pictures.

    Args:
        content, style, smooth: weights; the style's are of Gram matrices as shares of the style's own.
        noise: begin from noise instead of the content.
    """

    content: float
    style: float
    smooth: float
    noise: bool = False


GATYS = Settings(1.0, 1.0, 0.0, noise=True)
NEURAL_STYLE = Settings(1.0, 20.0, 2e-7)  # its 5, 100 and 1e-3, in units of our losses


def transferred(
    content: np.ndarray,
    style: np.ndarray,
    features: FeatureExtractor,
    content_layer: str,
    settings: Settings,
    *,
    evaluations: int = 500,
    seed: int = 0,
) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` float32 in [0, 1] after so many evaluations of the loss."""
    layers = [name for name in features.layers if name.endswith("_1")]
    maps = features(tf.constant(style[None]))
    grams = {name: gram_matrix(maps[name]) for name in layers}
    wanted = features(tf.constant(content[None]))[content_layer]
    size = tf.reduce_mean(wanted**2)

    @tf.function
    def loss(picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            found = features(picture)
            value = settings.content * tf.reduce_mean((found[content_layer] - wanted) ** 2) / size
            for name in layers:
                gap = tf.reduce_sum((gram_matrix(found[name]) - grams[name]) ** 2)
                value += settings.style / len(layers) * gap / tf.reduce_sum(grams[name] ** 2)
            value += settings.smooth * tf.reduce_sum(tf.image.total_variation(picture))
        return value, tape.gradient(value, picture)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = loss(tf.constant(flat.reshape(1, *content.shape), tf.float32))
        return float(value), slope.numpy().ravel().astype(np.float64)

    draw = np.random.default_rng(seed)
    start = draw.uniform(0, 1, content.shape) if settings.noise else content
    best, *_ = fmin_l_bfgs_b(
        objective, start.ravel().astype(np.float64), maxfun=evaluations, maxiter=evaluations,
        bounds=[(0, 1)] * content.size, m=20, factr=0, pgtol=0,
    )  # fmt: skip
    return best.reshape(content.shape).astype(np.float32)
