"""A trained tracker's network, ready to be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common import artifact
from common.errors import ArtifactError
from common.litert import Runner, litert_runner

__all__ = ["FEATURES", "HEAD", "SiameseNetwork", "open_network"]

FEATURES = "features.tflite"
HEAD = "head.tflite"


class SiameseNetwork:
    """The two parts of the network, for any number of crops at once.

    Args:
        card: what the model says of itself.
        backbone: from crops ``(n, side, side, 3)`` in [0, 1] to feature maps.
        head: from ``template`` and ``search`` feature maps to maps of scores and boxes.
    """

    def __init__(self, card: artifact.Card, backbone: Runner, head: Runner) -> None:
        self.card = card
        self._backbone = backbone
        self._head = head

    def features(self, crops: np.ndarray) -> np.ndarray:
        """Return the feature maps ``(n, side / 8, side / 8, channels)`` of crops ``(n, side, side, 3)`` uint8."""
        return self._backbone(crops.astype(np.float32) / 255)

    def compare(self, templates: np.ndarray, searches: np.ndarray) -> np.ndarray:
        """Return the maps ``(n, 24, 24, 5)``: score in [0, 1]; distances to left, top, right, bottom in cells.

        Args:
            templates: feature maps of template crops ``(n, 12, 12, channels)``.
            searches: of search crops ``(n, 24, 24, channels)``.
        """
        found = self._head({"template": templates, "search": searches})
        found[..., 0] = 1 / (1 + np.exp(-found[..., 0]))
        return found


def open_network(reference: str | Path) -> SiameseNetwork:
    """Load a tracker's network.

    Args:
        reference: a shipped name or a run folder.

    Raises:
        ArtifactError: no such model, one of another app, or a file of it is missing or damaged.
    """
    folder = artifact.resolve(reference)
    card = artifact.read_card(folder)
    if card.app != "track":
        raise ArtifactError(f"{reference} is a model of {card.app}, not of track")
    runners = []
    for name in (FEATURES, HEAD):
        path = artifact.require(folder, name)
        try:
            runners.append(litert_runner(path.read_bytes()))
        except (ValueError, RuntimeError) as error:
            raise ArtifactError(f"{path} is damaged", "copy the folder again") from error
    return SiameseNetwork(card, *runners)
