"""What a trained detector finds in a frame, and how any detector is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.track.association import AssociationOptions
from apps.track.camera_motion import Motion
from apps.track.detection import DETECTORS, Detections, Detector
from common.artifact import shipped
from common.detector import HUB, open_detector
from common.detector import Detector as Network

__all__ = ["LearnedDetector", "open_detection"]

FAINT = 0.25  # of the model's threshold: what is less sure is no detection even to the second stage


class LearnedDetector:
    """Finds the objects of the classes that a model knows, in each frame by itself.

    Each model has a score of its own from which an object counts (the best F1 on held-out pictures).  The
    association has the one that it was published with; scores are told so that the two agree.

    Args:
        network: the trained detector.
    """

    rehearses = False

    def __init__(self, network: Network) -> None:
        self.network = network

    def __call__(self, pixels: np.ndarray, motion: Motion, held: np.ndarray | None = None) -> Detections:
        """Return what is in a frame; neither the camera nor what is tracked makes a difference."""
        threshold, sure = self.network.threshold, AssociationOptions().high
        found = self.network(pixels, threshold=FAINT * threshold)
        confidences = np.interp(found.scores, (0, threshold, 1), (0, sure, 1)).astype(np.float32)
        names = tuple(self.network.classes[kind] for kind in found.classes)
        return Detections(found.boxes, confidences, names)


def open_detection(reference: str) -> Detector:
    """Return the detector of a name of ``DETECTORS``, of a shipped model, of a run folder, or of KerasHub.

    Raises:
        UsageError: no such detector; the line lists those that need no model.
        ArtifactError: a folder that holds no detector.
    """
    known = Path(reference).is_dir() or reference in shipped() or reference.startswith(HUB)
    if reference not in DETECTORS and known:
        return LearnedDetector(open_detector(reference))
    return DETECTORS.get(reference)()
