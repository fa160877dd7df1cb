"""What the tracked objects are: a classifier's answers about each, averaged over the frames that show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.track.cropping import Window, cut
from apps.track.observations import Observation
from common.boxes import centers
from common.errors import ArtifactError
from common.predictor import Predictor, load

__all__ = ["Namer", "open_namer"]

EVERY = 5  # frames between two looks at an object
AROUND = 1.2  # sides of the window that is looked at, in longer sides of the box
LEAST = 16  # pixels of the shorter side of a box worth looking at
SURE = 0.5  # mean probability from which a name is given


class Namer:
    """Gives objects the name of the class that a classifier sees in them.

    One crop can deceive; over a track the log-probabilities are averaged, as if the looks were independent
    witnesses of equal weight (Hinton, "Products of experts", ICANN 1999).

    Args:
        predictor: a classifier of square pictures, one class a picture.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._sums: dict[int, np.ndarray] = {}
        self._looks: dict[int, int] = {}
        self._frame = -1

    def __call__(self, pixels: np.ndarray, observations: list[Observation]) -> list[Observation]:
        """Return what is seen in the next frame, with names.

        Args:
            pixels: of the frame, ``(height, width, 3)`` uint8 RGB.
            observations: of it; a name that the detector gave stays where the classifier is not sure.
        """
        self._frame += 1
        due = [one for one in observations if one.state == "tracked" and self._is_due(one)]
        if due:
            side = int(self._predictor.card.input_shape[0] or 0)
            crops = np.stack([cut(pixels, _window(one.box, side)) for one in due])
            logs = np.log(np.maximum(self._predictor.probabilities(crops), 1e-6))
            for one, row in zip(due, logs, strict=True):
                self._sums[one.id] = self._sums.get(one.id, 0) + row
                self._looks[one.id] = self._looks.get(one.id, 0) + 1
        return [replace(one, label=self.name(one.id) or one.label) for one in observations]

    def name(self, number: int) -> str:
        """Return the name of an object; "" where it is not sure, or was not looked at."""
        if number not in self._sums:
            return ""
        mean = np.exp(self._sums[number] / self._looks[number])
        best = int(mean.argmax())
        return self._predictor.card.classes[best] if mean[best] / mean.sum() >= SURE else ""

    def _is_due(self, one: Observation) -> bool:
        return min(one.box[2:]) >= LEAST and (
            one.id not in self._looks or (self._frame + one.id) % EVERY == 0
        )


def open_namer(reference: str | Path) -> Namer:
    """Return what names objects by a model of ``objects``.

    Raises:
        ArtifactError: no such model, or one that does not tell classes of colour pictures apart.
    """
    predictor = load(reference)
    card = predictor.card
    if card.activation != "softmax" or len(card.input_shape) != 3 or card.input_shape[2] != 3:
        raise ArtifactError(
            f"{reference} ({card.app}, {card.network}) does not tell apart what pictures show",
            "a model of cnnapps objects train, with one class a picture",
        )
    return Namer(predictor)


def _window(box: np.ndarray, side: int) -> Window:
    """Return the square around a box that is looked at in ``side`` pixels."""
    x, y = centers(box)
    return Window(float(x), float(y), AROUND * float(max(box[2:])), side)
