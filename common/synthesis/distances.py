"""How far two pictures are from each other, by what they are made of and by what they show."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from common.features import FeatureExtractor
from common.losses.perceptual import normalized_content
from common.synthesis.statistics import Matching, Statistics

__all__ = ["content_distance", "style_distances"]

DIRECTIONS = 256  # along which distributions are compared


def style_distances(
    features: FeatureExtractor, picture: np.ndarray, reference: np.ndarray
) -> dict[str, float]:
    """Return how far the statistics of a picture are from those of a reference, by method; 0 for the same.

    Args:
        features: that describe pictures.
        picture, reference: ``(h, w, 3)`` float32 in [0, 1], of any sizes.
    """
    found = {}
    for method in ("wasserstein", "gram"):
        matching = Matching(method, directions=DIRECTIONS, places=16_384)  # type: ignore[arg-type]
        statistics = Statistics(features, [reference], matching)
        distance = statistics.loss(
            tf.constant(picture[None]), tf.constant([0, 0]), masks=statistics.masks(picture.shape, None)
        )
        found[method] = float(distance)
    return found


def content_distance(
    features: FeatureExtractor, layer: str, picture: np.ndarray, content: np.ndarray
) -> float:
    """Return how far what a picture shows is from a content of the same size, by one layer; 0 for the same."""
    maps = [features(tf.constant(one[None]))[layer] for one in (content, picture)]
    return float(normalized_content(*maps)[0])
