"""From pictures with objects to a trained detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from apps.objects.detection.average_precision import Seen, average_precision, right_ones
from apps.objects.detection.data import DetectorStream, Pictures
from apps.objects.detection.evaluation import detect_all
from apps.objects.detection.network import DETECTORS, taught
from apps.objects.detection.recipes import DetectorRecipe
from common import devices
from common.artifact import Card
from common.console import Advance
from common.data.boxed import Annotated
from common.detector import Detector
from common.layers import backbone_weights, early_layers
from common.training import TrainingState, fit

__all__ = ["Learned", "best_f1", "best_threshold", "calibration", "learn"]

CHECKS = 20  # times that a run is looked at
CHECKED = 100  # held-out pictures then
BATCH = 16  # of these at once
OVERLAP = 0.6  # IoU above which two boxes of a class are one object (Feng et al., TOOD, section 4.1)
THRESHOLD = 0.3  # where no picture is held out to choose a better one


@dataclass(frozen=True)
class Learned:
    """A trained network and how it came about."""

    network: keras.Model
    recipe: DetectorRecipe
    history: list[dict[str, float]]


def learn(
    name: str,
    pictures: Pictures,
    held: list[Annotated],
    card: Card,
    recipe: DetectorRecipe,
    run: Path,
    *,
    start: keras.Model | None = None,
    resume: bool = False,
    progress: Advance = lambda done, total, remark: None,
) -> Learned:
    """Train a network.

    Args:
        name: of ``apps.objects.detection.network.DETECTORS``.
        pictures: to learn from.
        held: to watch it on.
        card: of the model to be; names classes, side and the network's arguments.
        recipe: how; its seed is that of the batches.
        run: an existing folder for checkpoints and history.
        start: a network whose backbone to start from; its early layers stay as they are.
        resume: go on from the run's checkpoint.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: a backbone of another shape.
    """
    training, side = recipe.training, card.input_shape[0] or 0
    keras.utils.set_random_seed(training.seed)
    with devices.precision_policy(training.precision):
        network = DETECTORS.get(name)(len(card.classes), **card.arguments)
    if start is not None:
        backbone_weights(network, start)
        _set_trainable(early_layers(network), False)
    checked = held[:: max(1, -(-len(held) // CHECKED))]

    def validate(_: keras.Model) -> dict[str, float]:
        seen, _, _ = detect_all(_asked(network, card), checked, batch=BATCH)
        reached = average_precision(seen, card.classes, samples=False)
        return {"held-out mAP": reached.mean_ap.value, "held-out AP50": reached.ap50.value}

    def tell(state: TrainingState) -> None:
        row = state.history[-1] if state.history else {}
        reached = f", held-out mAP {row['held-out mAP']:.3f}" if "held-out mAP" in row else ""
        progress(state.step, state.steps, f"loss {state.loss:.3f}{reached}")

    steps = max(1, recipe.passes * len(pictures) // training.batch)
    checks = min(CHECKS, steps)
    recipe = replace(recipe, training=replace(training, epochs=checks))
    stream = DetectorStream(
        pictures, training.batch, side, steps // checks, checks, recipe.augmentation, training.seed
    )
    state = fit(
        taught(network),
        stream,
        recipe.training,
        run,
        validate=validate if checked else None,
        progress=tell,
        resume=resume,
    )
    _set_trainable(early_layers(network), True)  # for whoever goes on from it
    return Learned(network, recipe, state.history)


def _set_trainable(several: Sequence[keras.layers.Layer], trainable: bool) -> None:
    for layer in several:
        layer.trainable = trainable


def best_threshold(network: keras.Model, held: list[Annotated], card: Card) -> float:
    """Return the score from which an object counts: that of the best F1 over all classes on held-out pictures.

    Args:
        network: trained.
        held: pictures that it has not learned from.
        card: of the model to be.
    """
    seen, _, _ = detect_all(_asked(network, card), held, batch=BATCH)
    return best_f1(seen, card.classes)


def best_f1(seen: Sequence[Seen], classes: Sequence[str]) -> float:
    """Return the score from which objects count so that F1, over all classes together, is largest.

    Args:
        seen: pictures and what was found in them.
        classes: names of the classes by number.
    """
    scores: list[np.ndarray] = []
    hits: list[np.ndarray] = []
    there = 0
    for one in seen:
        right, spared, _ = right_ones(one.entry, one.found, classes)
        scores.append(one.found.scores[~spared])
        hits.append(right[~spared])
        there += sum(
            label in classes and not hard
            for label, hard in zip(one.entry.labels, one.entry.difficult, strict=True)
        )
    score, hit = np.concatenate([*scores, []]), np.concatenate([*hits, []])
    if not hit.any():
        return THRESHOLD
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(hit[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + there)
    return float(np.clip(score[order][int(f1.argmax())], 0.05, 0.9))


def calibration(threshold: float = THRESHOLD) -> dict[str, Any]:
    """Return what a card says of a detector's thresholds."""
    return {"threshold": round(threshold, 3), "overlap": OVERLAP}


def _asked(model: keras.Model, card: Card) -> Detector:
    """Return the detector that a network is for the moment."""
    return Detector(card, model.predict_on_batch)
