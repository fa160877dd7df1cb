"""From material to a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from apps.track import models
from apps.track.cropping import boxes_of
from apps.track.material import Material
from apps.track.pairs import PairStream, make_pair
from common.boxes import iou
from common.console import Advance
from common.layers import backbone_weights
from common.training import Recipe, TrainingState, fit

__all__ = ["Learned", "default_recipe", "learn"]

CHECKS = 256  # held-out pairs
# Of a backbone that recognises: edges and corners are what they are, and their gradients, on the largest maps, are
# a third of the arithmetic (Li et al., "SiamRPN++", CVPR 2019, section 4.1, keeps the first stages as well).
KEPT_STAGES = ("stage1", "stage2")


@dataclass(frozen=True)
class Learned:
    """A trained network and how it came about.

    Args:
        network: trained.
        recipe: by which.
        history: a row an epoch.
        searches: search crops that it was checked on ``(n, 192, 192, 3)`` float32 in [0, 1].
    """

    network: keras.Model
    recipe: Recipe
    history: list[dict[str, float]]
    searches: np.ndarray


def default_recipe(epochs: int, batch: int = 32) -> Recipe:
    """Return the recipe."""
    return Recipe(
        loss="box_map", optimizer="adamw", rate=1e-3, weight_decay=0.02, warmup=0.05, epochs=epochs, batch=batch,
        average=0.998,
    )  # fmt: skip


def learn(
    name: str,
    material: Material,
    held: Material,
    recipe: Recipe,
    run: Path,
    *,
    steps_per_epoch: int = 500,
    start: keras.Model | None = None,
    backbone: keras.Model | None = None,
    arguments: dict[str, Any] | None = None,
    resume: bool = False,
    progress: Advance = lambda done, total, remark: None,
) -> Learned:
    """Train a network.

    Args:
        name: of ``apps.track.models.NETWORKS``.
        material: to make pairs of.
        held: to check on; nothing of it is in ``material``.
        recipe: how; its seed is that of the pairs.
        run: an existing folder for checkpoints and history.
        steps_per_epoch: batches between two checks.
        start: a network whose weights to start from.
        backbone: a network whose backbone to start from; its first stages stay as they are.
        arguments: of the network's function.
        resume: go on from the run's checkpoint.
        progress: called with (steps done, steps, remark).
    """
    keras.utils.set_random_seed(recipe.seed)
    network = models.NETWORKS.get(name)(**(arguments or {}))
    if start is not None:
        network.set_weights(start.get_weights())
    if backbone is not None:
        backbone_weights(network.get_layer("backbone"), backbone)
        for layer in network.get_layer("backbone").layers:
            layer.trainable = not layer.name.startswith(KEPT_STAGES)
    draw = np.random.default_rng(recipe.seed + 1)
    pairs = [make_pair(held, draw) for _ in range(CHECKS)]
    crops = [
        np.stack([getattr(pair, side) for pair in pairs]) / np.float32(255) for side in ("template", "search")
    ]

    def validate(model: keras.Model) -> dict[str, float]:
        maps = np.concatenate(
            [
                np.asarray(model([part[i : i + 32] for part in crops], training=False))
                for i in range(0, CHECKS, 32)
            ]
        )
        return _figures(maps, [pair.box for pair in pairs])

    def tell(state: TrainingState) -> None:
        best = ""
        if state.history:
            row = state.history[-1]
            best = f", held-out IoU {row['overlap']:.3f}, told apart {row['told apart']:.3f}"
        progress(state.step, state.steps, f"loss {state.loss:.3f}{best}")

    stream = PairStream(material, recipe.batch, steps_per_epoch, recipe.seed)
    state = fit(network, stream, recipe, run, validate=validate, progress=tell, resume=resume)
    return Learned(network, recipe, state.history, crops[1])


def _figures(maps: np.ndarray, truths: list[np.ndarray | None]) -> dict[str, float]:
    """Return the mean IoU at the best place, and how well its score tells present from absent (area under ROC)."""
    from sklearn.metrics import roc_auc_score

    scores: list[float] = []
    overlaps: list[float] = []
    for found, truth in zip(maps, truths, strict=True):
        place = np.unravel_index(found[..., 0].argmax(), found.shape[:2])
        scores.append(float(found[..., 0].max()))
        overlaps.append(np.nan if truth is None else float(iou(boxes_of(found[..., 1:])[place], truth)))
    there = ~np.isnan(overlaps)
    return {"overlap": float(np.nanmean(overlaps)), "told apart": float(roc_auc_score(there, scores))}
