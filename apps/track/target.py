"""One followed object, and where it may be in a search crop."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from apps.track.cropping import STRIDE, TEMPLATE_SIDE, Window
from apps.track.discriminative_filter import DiscriminativeFilter
from apps.track.distractors import Distractors
from apps.track.observations import Observation, State
from apps.track.presence import Presence
from apps.track.searching import Search
from common.boxes import centers, clipped, iou

__all__ = ["Finding", "Target", "in_cells", "mostly_inside"]

MOST_BIAS = 1.5  # that a side of the network's box is corrected by


@dataclass
class Target:
    """What is remembered of an object.

    Args:
        id: from 1.
        template: its features in the first frame ``(12, 12, channels)``.
        box: x, y, width, height, last known.
        filter: that tells it from its surroundings, or None.
        shift, stretch: by which the network's boxes are corrected: of the middle in sizes of the box, and of the size.
        velocity: mean movement in pixels a frame, without the camera's.
        presence: how it usually is.
        distractors: what is like it.
        search: for it, while it is lost; else None.
    """

    id: int
    template: np.ndarray
    box: np.ndarray
    filter: DiscriminativeFilter | None
    shift: np.ndarray = field(default_factory=lambda: np.zeros(2))
    stretch: np.ndarray = field(default_factory=lambda: np.ones(2))
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    presence: Presence = field(default_factory=Presence)
    distractors: Distractors = field(default_factory=Distractors)
    search: Search | None = None

    @property
    def size(self) -> float:
        """Side of a square of its area, in pixels."""
        return float(np.sqrt(np.prod(self.box[2:])))

    @property
    def reach(self) -> float:
        """How far from its middle a place is still its own."""
        return self.size / 2

    def expected(self, momentum: float) -> np.ndarray:
        """Return its box in the next frame, if a share of its movement goes on."""
        return np.concatenate([self.box[:2] + momentum * self.velocity, self.box[2:]])

    def move(self, shift: np.ndarray) -> None:
        """Move with the camera, by an affine map ``(2, 3)``."""
        middle = shift[:, :2] @ centers(self.box) + shift[:, 2]
        self.box[:2] = middle - self.box[2:] / 2
        self.distractors.move(shift)

    def learn_bias(self, found: np.ndarray, share: float) -> None:
        """Remember a share of what the box that the network gives in the first frame misses the true one by.

        What it takes for a part of the object there (the hand that holds it), or leaves out, it will later too.
        """
        if iou(found, self.box) > 0.3:
            self.stretch = np.clip(self.box[2:] / found[2:], 1 / MOST_BIAS, MOST_BIAS) ** share
            self.shift = share * (centers(self.box) - centers(found)) / found[2:]

    def corrected(self, box: np.ndarray) -> np.ndarray:
        """Return a box of the network without what it is known to miss by."""
        size = box[2:] * self.stretch
        return np.concatenate([centers(box) + self.shift * box[2:] - size / 2, size])

    def go_after(self, finding: Finding, size_rate: float, shape: tuple[int, ...]) -> None:
        """Take over the place of a finding, and of its size a share."""
        height, width = shape[:2]
        rate = size_rate * finding.score
        old = centers(self.box)
        size = np.clip((1 - rate) * self.box[2:] + rate * finding.box[2:], 2, [2 * width, 2 * height])
        middle = np.clip(centers(finding.box), 0, [width, height])
        self.box = np.concatenate([middle - size / 2, size])
        self.velocity = 0.5 * self.velocity + 0.5 * (middle - old)

    def observed(self, state: State, confidence: float) -> Observation:
        """Return what is seen of it; without a box where it is lost."""
        box = np.full(4, np.nan) if state == "lost" else self.box.copy()
        return Observation(self.id, box, confidence, state)


@dataclass(frozen=True)
class Finding:
    """The best place of a search crop.

    Args:
        box: there, in the frame.
        confidence: that the object is there, in [0, 1].
        score: of the network.
        window: of the crop.
        features: of the crop.
        alike: middles ``(n, 2)`` of the places in the crop that are nearly as good, the best first.
    """

    box: np.ndarray
    confidence: float
    score: float
    window: Window
    features: np.ndarray
    alike: np.ndarray

    def view(self) -> np.ndarray:
        """Return the part of the features that a template of this place would have, about."""
        size, side = self.features.shape[0], TEMPLATE_SIDE // STRIDE
        middle = np.round(in_cells(self.window, self.box)[0]).astype(int)
        left, top = np.clip(middle - side // 2, 0, size - side)
        return self.features[top : top + side, left : left + side].copy()


def mostly_inside(box: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether a tenth of a box at least lies in the frame."""
    height, width = shape[:2]
    return bool(np.prod(clipped(box, width, height)[2:]) >= 0.1 * np.prod(box[2:]))


def in_cells(window: Window, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return middle and size of a box of the frame in cells of a window's feature map."""
    inside = window.inside(box) / STRIDE
    return centers(inside), inside[2:]
