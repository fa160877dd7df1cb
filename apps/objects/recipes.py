"""How each network is trained by default."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from common.data.augment import Augmentation, Colour
from common.data.distortion import Geometry
from common.data.tables import Kind
from common.second_look import SecondLook, View
from common.training import Recipe

__all__ = ["AUGMENTATION", "FEW", "UNEVEN", "balance_of", "balanced", "looks_for", "recipe_for"]

FEW = 20_000  # training pictures below which a start from other weights is made in two phases
SMALL = 32  # pixels of a side up to which a shift by one says enough to be worth three times the work
UNEVEN = 3.0  # times as many pictures of the largest class as of the smallest: classes are weighted

_MILD = Augmentation(
    Geometry(crop=0.35), flip="random", colour=Colour(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02)
)
_MIXED = replace(_MILD, mixup=0.2, cutmix=1.0, mix_chance=0.5)
# Of RandAugment's kind: each part acts on some of the pictures, and then with force.
_STRONG = replace(
    _MIXED,
    geometry=Geometry(rotate=30, scale=0.3, shear=0.3, shift=0.2, crop=0.35, chance=0.3),
    colour=Colour(brightness=0.6, contrast=0.6, saturation=0.6, hue=0.08, chance=0.4),
)
AUGMENTATION = {"none": Augmentation(), "mild": _MILD, "strong": _STRONG}

# The recipe of the paper, section 4, for a mean over the batch instead of a sum and for decoupled decay.  It lasts 24
# epochs instead of 10, long enough to learn the pictures by heart: so squares of a quarter of the side are erased.
_ERASED = 0.25
_LONG = 16  # epochs from which they are
_AIRBENCH = Recipe(
    loss_parameters={"label_smoothing": 0.2},
    optimizer="nimble_sgd",
    rate=1.5,
    weight_decay=0.01,
    schedule="linear",
    warmup=0.23,
    start=0.2,
    floor=0.07,
    multiples={"*/beta": 64.0},
    epochs=24,
    batch=1024,
    average=0.95,
    lookahead=5,
    augmentation=Augmentation(flip="alternating", translate=2),
)


def recipe_for(
    network: str,
    examples: int,
    kind: Kind,
    *,
    augmentation: str = "",
    fine_tuned: bool = False,
    epochs: int = 0,
    batch: int = 0,
) -> Recipe:
    """Return the recipe of a network for so many training pictures.

    Args:
        network: a name of ``apps.objects.models.NETWORKS``, or ``keras:NAME``.
        examples: training pictures.
        kind: of the targets.
        augmentation: ``none``, ``mild`` or ``strong``; "" for mild, with mixed pictures where there are many.
        fine_tuned: whether the backbone has learned from other pictures.
        epochs, batch: passes over the pictures, and pictures a step, where they are asked for; 0 for the recipe's.
    """
    chosen = AUGMENTATION[augmentation] if augmentation else _MILD if examples < FEW else _MIXED
    smoothing = {"label_smoothing": 0.1} if kind == "one of K" else {}
    if network == "airbench":
        epochs = epochs or int(np.clip(round(100_000 / examples), _AIRBENCH.epochs, 60))
        if not augmentation:
            chosen = replace(_AIRBENCH.augmentation, cutout=_ERASED if epochs >= _LONG else 0.0)
        recipe = replace(_AIRBENCH, augmentation=chosen, epochs=epochs)
        if kind != "one of K":
            recipe = replace(recipe, loss="sigmoid_cross_entropy", loss_parameters={})
        # Small sets get more and smaller steps; the rate goes with the size of the batch.
        size = batch or int(np.clip(examples // 16, 32, recipe.batch))
        return replace(recipe, batch=size, rate=recipe.rate * size / recipe.batch)
    size = batch or (32 if examples < 2_000 else 64 if examples < 10_000 else 128)
    size = min(size, max(8, examples // 4))
    seen, least, most = (60_000, 6, 40) if fine_tuned else (200_000, 12, 100)
    return Recipe(
        loss="softmax_cross_entropy" if kind == "one of K" else "sigmoid_cross_entropy",
        loss_parameters=smoothing,
        rate=(5e-4 if fine_tuned else 2e-3) * (size / 128) ** 0.5,
        epochs=epochs or int(np.clip(round(seen / examples), least, most)),
        batch=size,
        augmentation=chosen,
    )


def balance_of(asked: str, counts: np.ndarray) -> tuple[str, str]:
    """Return how uneven classes are met, and a line that says why where nobody asked.

    Args:
        asked: ``none``, ``weights``, ``focal``, or "" to choose.
        counts: training pictures of each class ``(K,)``.
    """
    largest, smallest = int(counts.max()), int(max(counts.min(), 1))
    if asked:
        return asked, ""
    if largest <= UNEVEN * smallest:
        return "none", ""
    return (
        "weights",
        f"classes have {smallest:,} to {largest:,} pictures: rare ones count more (--balance none)",
    )


def balanced(recipe: Recipe, balance: str, counts: np.ndarray, kind: Kind) -> Recipe:
    """Return the recipe with a loss that meets uneven classes.

    Weights are those of King and Zeng, "Logistic Regression in Rare Events Data", 2001, section 4.2: each class
    counts as much as any other.  Where a picture may have several labels, the yes of a rare one counts more by the root
    of how much rarer it is than the commonest.

    Args:
        recipe: without weights.
        balance: ``none``, ``weights`` or ``focal``.
        counts: training pictures of each class ``(K,)``.
        kind: of the targets.
    """
    if balance == "none":
        return recipe
    if balance == "focal":
        loss = "focal" if kind == "one of K" else "sigmoid_focal"
        return replace(recipe, loss=loss, loss_parameters={})
    present = np.maximum(counts, 1)
    rarity = counts.sum() / (len(counts) * present), np.sqrt(present.max() / present)
    weights = rarity[0] if kind == "one of K" else rarity[1]
    parameters = recipe.loss_parameters | {"class_weights": tuple(round(float(w), 6) for w in weights)}
    return replace(recipe, loss_parameters=parameters)


def looks_for(side: int) -> tuple[SecondLook, ...]:
    """Return the ways in which every picture may be looked at again: from both sides, and so a pixel off as well.

    Args:
        side: of the pictures in pixels; a pixel tells something in small ones only.

    Reference:
        Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498, section 3 (test-time augmentation).
    """
    every = 1.1  # no answer is so sure
    mirrored = View(mirror=True)
    aside = [
        View(shift=(step, step), mirror=mirror, reflect=True)
        for mirror in (False, True)
        for step in (1.0, -1.0)
    ]
    looks = (SecondLook(every, (mirrored,)), SecondLook(every, (mirrored, *aside)))
    return looks if side <= SMALL else looks[:1]
