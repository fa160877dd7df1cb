"""Finding and following everything in a video: a detector, the camera's motion, and one identity an object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from apps.track.association import AssociationOptions, MultiObjectTracker, Track
from apps.track.camera_motion import CameraMotion
from apps.track.cropping import TEMPLATE_SIDE, cut, window_around
from apps.track.detection import Detector
from apps.track.observations import Observation
from apps.track.prediction import SiameseNetwork

__all__ = ["AllObjects", "embeddings_of"]

MOVED = 0.5  # sizes of itself that an object must have travelled to vouch for itself when it rests
CORE = slice(3, 9)  # cells of a template's map that show the object, not its surroundings


class AllObjects:
    """Tracks all that a detector finds.

    Args:
        detector: finds objects in a frame.
        network: whose features tell objects apart; None to go by their places alone.
        options: of the association.
    """

    def __init__(
        self,
        detector: Detector,
        network: SiameseNetwork | None = None,
        options: AssociationOptions | None = None,
    ) -> None:
        self.detector, self.network = detector, network
        self._camera = CameraMotion()
        self._tracker = MultiObjectTracker(options)
        self._live = self._held = np.zeros((0, 4))
        self.earlier: list[tuple[int, Observation]] = []

    def rehearse(self, frames: Sequence[np.ndarray]) -> None:
        """Show the detector the first frames to and fro, so that it knows the background when the video begins.

        What stands in the first frame has uncovered what is behind it when the frames have been seen once.

        Args:
            frames: ``(height, width, 3)`` uint8 RGB each; for one alone nothing is done.
        """
        for pixels in [*frames[:-1], *reversed(frames[1:])] if len(frames) > 1 else ():
            self.detector(pixels, self._camera.update(pixels))

    def update(self, pixels: np.ndarray, number: int) -> list[Observation]:
        """Return the objects of the next frame.

        What is sure of an object only now, but was seen before, is left in ``earlier`` as (frame, observation).

        Args:
            pixels: ``(height, width, 3)`` uint8 RGB.
            number: of the frame.
        """
        motion = self._camera.update(pixels, self._live)
        found = self.detector(pixels, motion, held=self._held)
        looks = None
        if self.network is not None and len(found.boxes):
            looks = embeddings_of(self.network, pixels, found.boxes)
        tracks = self._tracker.update(found, motion, frame=number, embeddings=looks)
        seen = [track for track in tracks if track.state != "lost"]
        self._live = np.array([track.box for track in seen]).reshape(-1, 4)
        moved = [track.box for track in seen if track.travelled > MOVED]
        self._held = np.array(moved).reshape(-1, 4)
        self.earlier = [
            (int(frame), Observation(track.id, box, confidence, "tracked", track.label))
            for track in tracks
            for frame, box, confidence in track.earlier
        ]
        return [_observed(track) for track in tracks]


def embeddings_of(network: SiameseNetwork, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return what objects look like: mean features over each ``(n, channels)``, of length 1."""
    crops = np.stack([cut(pixels, window_around(box, TEMPLATE_SIDE)) for box in boxes])
    means = network.features(crops)[:, CORE, CORE].mean(axis=(1, 2))
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)


def _observed(track: Track) -> Observation:
    box = np.full(4, np.nan) if track.state == "lost" else track.box
    return Observation(track.id, box, track.confidence, track.state, track.label)
