"""How detectors are trained.

    cnnapps objects train-detector DATA

shows a small data set about 30,000 pictures, made anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.objects.detection.network import BINS
from common.training import Recipe

__all__ = ["BoxAugmentation", "DetectorRecipe", "default_recipe"]

PICTURES = 30_000  # that a run is to see, at least
FEW = 1_000  # pictures below which steps are smaller
EPOCHS = (12, 300)  # passes over the data: fewest and most


@dataclass(frozen=True)
class BoxAugmentation:
    """What is done to the training pictures and their boxes.

    Args:
        mosaic: share of the pictures that are made of four.
        mixup: share of the pictures that are blended with another.
        scale: smallest and largest factor of size.
        translate: largest shift as a share of the side.
        flip: share that is mirrored.
        turns: whether pictures are turned by quarters.
        hue, saturation, value: largest changes of colour, as of ``common.data.augment_boxes.hsv_jitter``.
        plain: share of the run, at its end, without mosaic and mixup, so that the last pictures seen are like those to
            come (Ge et al., YOLOX, section 2.1).
    """

    mosaic: float = 0.5
    mixup: float = 0.1
    scale: tuple[float, float] = (0.6, 1.5)
    translate: float = 0.1
    flip: float = 0.5
    turns: bool = False
    hue: float = 0.015
    saturation: float = 0.6
    value: float = 0.4
    plain: float = 0.15


@dataclass(frozen=True)
class DetectorRecipe:
    """A recipe of ``common.training`` and what detection adds to it.

    Args:
        training: the loss, its optimiser and rate; its epochs are the checks of the run.
        passes: over the data.
        augmentation: of the pictures.
    """

    training: Recipe
    passes: int
    augmentation: BoxAugmentation = field(default_factory=BoxAugmentation)


def default_recipe(
    pictures: int, side: int, *, passes: int | None = None, turns: bool = False
) -> DetectorRecipe:
    """Return the recipe for a data set of so many training pictures.

    Args:
        pictures: to learn from.
        side: of the square that they are fitted into.
        passes: over the data; None for as many as show 30,000 pictures, 12 to 300.
        turns: whether pictures have no up and are learned turned by quarters too.
    """
    fewest, most = EPOCHS
    # Where there are few pictures they are learned in more and smaller steps.
    batch = min(8 if pictures < FEW else 16, max(1, pictures))
    training = Recipe(
        loss="task_aligned",
        loss_parameters={"side": side, "bins": BINS},
        optimizer="adamw",
        rate=1.5e-3 * (batch / 16) ** 0.5,
        weight_decay=0.03,
        warmup=0.05,
        batch=batch,
        average=0.998,
    )
    return DetectorRecipe(
        training,
        passes or min(most, max(fewest, round(PICTURES / max(pictures, 1)))),
        BoxAugmentation(turns=turns),
    )
