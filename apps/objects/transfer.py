"""Starting from what another network has learned, in two phases.

First only the head is trained, on features that are computed once; it is a convex problem and takes seconds.  Then
everything goes on together, the first layers at a tenth of the rate of the last: they hold what all pictures share.
Batch normalisation stays what it was meanwhile: a head that was trained on the features of one set of statistics is
lost on those of another, and a handful of pictures a step tells little about either.  At the end the weights are set to
the point between those of the two phases that answers held-out pictures best.

References:
    Yosinski et al., "How transferable are features in deep neural networks?", NIPS 2014.
    Howard and Ruder, "Universal Language Model Fine-tuning", ACL 2018, section 3.2 (discriminative rates).
    Kumar et al., "Fine-Tuning can Distort Pretrained Features", ICLR 2022 (head first, then all).
    Wortsman et al., "Robust Fine-Tuning of Zero-Shot Models", CVPR 2022, section 3 (the point between).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.objects.models import HEAD
from common.activations import log_softmax
from common.data.datasets import Split
from common.errors import UserError
from common.layers import copied_weights
from common.metrics import fit_temperature
from common.predictor import load_network

if TYPE_CHECKING:
    import keras

__all__ = [
    "features_of",
    "fit_head",
    "freeze_normalization",
    "rates_by_depth",
    "settle_between",
    "start_from",
]

LOWEST = 0.1  # rate of the first layer as a share of the last one's
_STRENGTHS = (0.01, 0.1, 1.0)  # inverse regularisation of the head, chosen on validation
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the second phase, chosen on validation
_CHUNK = 512


def start_from(network: keras.Model, reference: str) -> int:
    """Give a network the backbone of a model, and return the number of weights copied.

    Raises:
        ArtifactError: no such model.
        UserError: its backbone has another shape.
    """
    try:
        return copied_weights(network, load_network(reference), lambda name: name != HEAD)
    except ValueError as error:
        raise UserError(f"{reference} does not fit: {error}", "give the same network and side") from error


def features_of(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return what the head is given ``(n, F)`` for pictures ``(n, side, side, 3)`` uint8."""
    import keras

    backbone = keras.Model(network.inputs, network.get_layer(HEAD).input)
    parts = [
        backbone.predict_on_batch(images[start : start + _CHUNK].astype(np.float32) / 255)
        for start in range(0, len(images), _CHUNK)
    ]
    return np.concatenate(parts).astype(np.float32)


def fit_head(network: keras.Model, train: Split, validation: Split, *, balanced: bool = False) -> float:
    """Train the head alone; the strength of its regularisation is chosen on validation.

    Args:
        network: whose last layer is called ``scores``; it alone is changed.
        train: to learn from.
        validation: to choose on.
        balanced: rare classes count more.

    Returns:
        The loss on validation: cross-entropy, summed over independent labels.
    """
    features, held = features_of(network, train.images), features_of(network, validation.images)
    head = network.get_layer(HEAD)
    mean = features.mean(axis=0) if head.use_bias else np.zeros(features.shape[1], np.float32)
    scale = features.std(axis=0) + 1e-3 * (features.std() + 1e-6)
    features, held = (features - mean) / scale, (held - mean) / scale
    solve, judge = (_one_of_k, _loss) if train.targets.ndim == 1 else (_yes_or_no, _yes_no_loss)
    classes = head.units
    heads = [
        solve(features, train.targets, classes, strength, head.use_bias, balanced) for strength in _STRENGTHS
    ]
    losses = [judge(held @ kernel + bias, validation.targets) for kernel, bias in heads]
    kernel, bias = heads[int(np.argmin(losses))]
    kernel = kernel / scale[:, None]
    head.set_weights([kernel, bias - mean @ kernel] if head.use_bias else [kernel])
    return float(min(losses))


def freeze_normalization(network: keras.Model) -> None:
    """Let batch normalisation use the statistics that it has, and keep them, in training too."""
    import keras

    from common.layers import FusedBatchNormalization

    for layer in network.layers:
        if isinstance(layer, (FusedBatchNormalization, keras.layers.BatchNormalization)):
            layer.trainable = False


def settle_between(network: keras.Model, start: Sequence[np.ndarray], validation: Split) -> float:
    """Set the weights to the point between two that answers validation best, and return how far it is from the start.

    Args:
        network: holds the weights of the end, and then those of that point.
        start: weights of the start, as of ``get_weights``.
        validation: to choose on, by the cross-entropy of calibrated answers.

    Returns:
        0 for the weights of the start, 1 for those of the end, or a quarter between.
    """
    end = network.get_weights()
    pixels = validation.images.astype(np.float32) / 255
    judge = _loss if validation.targets.ndim == 1 else _yes_no_loss

    def move_to(share: float) -> None:
        network.set_weights([(1 - share) * a + share * b for a, b in zip(start, end, strict=True)])

    def loss(share: float) -> float:
        move_to(share)
        scores = network.predict(pixels, batch_size=256, verbose=0)
        return judge(scores / fit_temperature(scores, validation.targets), validation.targets)

    best = min(_SHARES, key=loss)
    move_to(best)
    return best


def rates_by_depth(network: keras.Model) -> dict[str, float]:
    """Return multiples of the rate by pattern, from a tenth for the first layer with weights to 1 for the last."""
    names = [layer.name for layer in network.layers if layer.trainable_weights]
    steps = max(len(names) - 1, 1)
    return {f"{name}/*": round(LOWEST ** (1 - place / steps), 4) for place, name in enumerate(names)}


def _one_of_k(
    features: np.ndarray, targets: np.ndarray, classes: int, strength: float, use_bias: bool, balanced: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel ``(F, K)`` and bias ``(K,)`` of multinomial logistic regression."""
    kernel = np.zeros((features.shape[1], classes), np.float32)
    bias = np.zeros(classes, np.float32)
    model = _regression(strength, use_bias, balanced).fit(features, targets)
    known, weights, offsets = model.classes_, model.coef_.T, model.intercept_
    if len(known) == 2:  # scikit-learn keeps the difference of the two
        weights, offsets = np.hstack([-weights, weights]) / 2, np.array([-offsets[0], offsets[0]]) / 2
    kernel[:, known], bias[known] = weights, offsets
    return kernel, bias


def _yes_or_no(
    features: np.ndarray, targets: np.ndarray, classes: int, strength: float, use_bias: bool, balanced: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of one logistic regression a label."""
    kernel = np.zeros((features.shape[1], classes), np.float32)
    bias = np.zeros(classes, np.float32)
    for label, answers in enumerate(targets.T > 0.5):
        if answers.all() or not answers.any():
            bias[label] = 4.0 if answers.all() else -4.0
            continue
        model = _regression(strength, use_bias, balanced).fit(features, answers)
        kernel[:, label], bias[label] = model.coef_[0], model.intercept_[0]
    return kernel, bias


def _regression(strength: float, use_bias: bool, balanced: bool) -> Any:
    from sklearn.linear_model import LogisticRegression

    warnings.filterwarnings("ignore", message="lbfgs failed to converge")  # near enough: all is trained on
    return LogisticRegression(
        C=strength, fit_intercept=use_bias, class_weight="balanced" if balanced else None, max_iter=200
    )


def _loss(scores: np.ndarray, targets: np.ndarray) -> float:
    return -float(log_softmax(scores)[np.arange(len(targets)), targets].mean())


def _yes_no_loss(scores: np.ndarray, targets: np.ndarray) -> float:
    return float(np.logaddexp(0, np.where(targets > 0.5, -scores, scores)).sum(axis=1).mean())
