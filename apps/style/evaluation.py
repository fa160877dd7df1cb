"""How much of a style a picture has taken on, and how much of the content it has kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from apps.style.pictures import brought_to, read_picture
from common import devices

__all__ = ["Evaluation", "evaluate"]

COMPARED = 512  # pixels of the longer side at which pictures are compared


@dataclass(frozen=True)
class Evaluation:
    """What a picture has in common with style and content.

    Args:
        style: distance of its features' statistics from those of the style, by method.
        before: the same of the content, where it was given.
        content: distance of what it shows from the content; None where none was given.
        notes: on the pictures.
    """

    style: dict[str, float]
    before: dict[str, float]
    content: float | None
    notes: tuple[str, ...]

    @property
    def gained(self) -> dict[str, float]:
        """Share of the content's distance from the style that is gone, by method."""
        return {name: 1 - self.style[name] / max(value, 1e-9) for name, value in self.before.items()}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return vars(self) | {"gained": self.gained}


def evaluate(picture: str, style: str, *, content: str = "", features: str = "") -> Evaluation:
    """Compare a painted picture with its style, and with its content.

    Args:
        picture, style, content: paths; "" for no content.
        features: that compare; "" for those that ship.

    Raises:
        InputError: pictures that cannot be read or are too small.
        UserError: no features ship.
    """
    devices.select("auto")
    from apps.style.painting import content_layer
    from common.features import usual_features
    from common.synthesis import content_distance, style_distances

    extractor = usual_features(features)
    (painted, notes), (wanted, more) = read_picture(picture), read_picture(style)
    painted, wanted = brought_to(painted, COMPARED), brought_to(wanted, COMPARED)
    found = style_distances(extractor, painted, wanted)
    if not content:
        return Evaluation(found, {}, None, (*notes, *more))
    shown, also = read_picture(content)
    shown = np.clip(cv2.resize(shown, painted.shape[1::-1], interpolation=cv2.INTER_AREA), 0, 1)
    return Evaluation(
        found,
        style_distances(extractor, shown, wanted),
        content_distance(extractor, content_layer(extractor.layers), painted, shown),
        (*notes, *more, *also),
    )
