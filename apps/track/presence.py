"""Whether an object is to be seen, told by how much it is like itself.

Some objects are like their template all the time and others never quite, so that its confidence is compared with what
is usual for it.  That alone would call an object lost whose view changes for good; but it is like what it was a moment
ago, and what has taken the place of one that is gone is not.  Both together are the evidence.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Presence"]

USUAL_RATE = 0.05  # of a new confidence in the usual one
STEP_RATE = 0.1  # of a new step in the usual one
LAG = 5  # frames between a view and the one it is compared with: what hides an object takes a few
GALLERY = 4  # older views that are kept
GALLERY_EVERY = 10  # frames between two of them
CLEAR = 0.7  # share of the usual confidence from which a view is worth keeping
FARTHEST = 1.0  # step in sizes of the object that any may make
TIMES_USUAL = 6.0  # steps longer than usual that it may make


@dataclass
class Presence:
    """What is remembered of one object's looks and ways.

    Args:
        usual, looks: mean confidence, and of how many.
        step: mean distance from where it was expected, in its sizes.
        doubts: frames in a row with too little evidence.
        views: feature maps of it in the last frames, the oldest first.
        gallery: of some frames before.
    """

    usual: float = 0.0
    looks: int = 0
    step: float = 0.1
    doubts: int = 0
    views: deque[np.ndarray] = field(default_factory=lambda: deque(maxlen=LAG + 1))
    gallery: deque[np.ndarray] = field(default_factory=lambda: deque(maxlen=GALLERY))

    @property
    def before(self) -> np.ndarray:
        """Its view of ``LAG`` frames ago, as a batch of one."""
        return self.views[0][None]

    @property
    def known(self) -> np.ndarray:
        """All views that it may come back in, as a batch."""
        return np.stack([self.views[0], *self.gallery])

    def share(self, confidence: float) -> float:
        """Return a confidence as a share of the usual one, 1 at most."""
        return min(confidence / max(self.usual, 1e-6), 1.0)

    def evidence(self, confidence: float, match: float) -> float:
        """Return how much speaks for the object, in [0, 1].

        Args:
            confidence: of the place.
            match: of earlier views with the place, in [0, 1].
        """
        return (self.share(confidence) + match) / 2

    def leaps(self, step: float) -> bool:
        """Return whether a step, in sizes of the object, is far longer than any that this one makes."""
        return step > max(FARTHEST, TIMES_USUAL * self.step)

    def seen(self, confidence: float, view: np.ndarray, step: float | None = None) -> None:
        """Remember a frame in which it was: the usual is a mean in which old ones fade.

        Args:
            confidence: of its place.
            view: the features there.
            step: from where it was expected, in its sizes; None where nothing was.
        """
        self.looks += 1
        self.usual += max(USUAL_RATE, 1 / self.looks) * (confidence - self.usual)
        if step is not None:
            self.step += STEP_RATE * (step - self.step)
        self.doubts = 0
        self.views.append(view)
        if self.looks % GALLERY_EVERY == 0 and self.share(confidence) > CLEAR:
            self.gallery.append(view)
