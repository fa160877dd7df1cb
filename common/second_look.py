"""Test-time augmentation of the unsure: what is hard to read is looked at again, a little displaced.

A network with pooling answers slightly differently when its input is shifted, turned or scaled by little,
though the thing to recognise is the same.  Averaged over such views the answer errs less.  Most inputs need no second
look, so only those are given one whose first answer was unsure.

Reference:
    Krizhevsky, Sutskever and Hinton, NeurIPS 2012, section 4.1 (averaging over shifted patches).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from common.activations import log_softmax, softmax

__all__ = ["SecondLook", "View", "best_look"]


@dataclass(frozen=True)
class View:
    """A small displacement about the middle of the picture.

    Args:
        shift: (right, down) in pixels.
        rotate: counter-clockwise, in degrees.
        scale: factor of size.
        mirror: left and right exchanged, before anything else.
        reflect: what comes in at the border is the picture in a mirror that stands there; else black.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    rotate: float = 0.0
    scale: float = 1.0
    mirror: bool = False
    reflect: bool = False

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return the view of images ``(n, h, w, c)``."""
        if self.mirror:
            images = np.ascontiguousarray(images[:, :, ::-1])
        if (self.shift, self.rotate, self.scale) == ((0, 0), 0, 1):
            return images
        height, width = images.shape[1:3]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), self.rotate, self.scale)
        matrix[:, 2] += self.shift
        border = cv2.BORDER_REFLECT_101 if self.reflect else cv2.BORDER_CONSTANT
        seen = [cv2.warpAffine(image, matrix, (width, height), borderMode=border) for image in images]
        return np.stack(seen).reshape(images.shape)


@dataclass(frozen=True)
class SecondLook:
    """Which answers are unsure, and how to look again.

    Args:
        below: probability of the best class under which an answer counts as unsure.
        views: to average with the first look.
    """

    below: float
    views: tuple[View, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SecondLook:
        """Return what ``dataclasses.asdict`` made plain."""
        views = tuple(View(**(view | {"shift": tuple(view["shift"])})) for view in values["views"])
        return cls(values["below"], views)

    def improve(
        self, logits: np.ndarray, images: np.ndarray, run: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return the logits with those of unsure answers replaced by means over the views.

        What is averaged are logarithms of probabilities, so that every view has the same say however large
        its scores.

        Args:
            logits: of the first look ``(n, K)``.
            images: that were looked at ``(n, h, w, c)``.
            run: from images to logits.
        """
        unsure = np.flatnonzero(softmax(logits).max(axis=1) < self.below)
        if not len(unsure):
            return logits
        looks = [logits[unsure], *(run(view.of(images[unsure])) for view in self.views)]
        improved = logits.copy()
        improved[unsure] = np.mean([log_softmax(look) for look in looks], axis=0)
        return improved


def best_look(
    looks: Sequence[SecondLook],
    images: np.ndarray,
    targets: np.ndarray,
    run: Callable[[np.ndarray], np.ndarray],
) -> SecondLook | None:
    """Return the way to look again with the lowest cross-entropy on held-out pictures; None if the first look has it.

    Args:
        looks: to choose from.
        images: held-out pictures ``(n, h, w, c)``.
        targets: their class numbers ``(n,)``.
        run: from images to logits.
    """
    first = run(images)

    def cross_entropy(look: SecondLook | None) -> float:
        logits = look.improve(first, images, run) if look else first
        return -float(log_softmax(logits)[np.arange(len(targets)), targets].mean())

    return min((None, *looks), key=cross_entropy)
