"""What is like an object and near it: another dancer, another player of the team.

Its place is remembered, so that an object that is hidden is not taken for having jumped there.

Reference:
    Mayer et al., "Learning Target Candidate Association to Keep Track of What Not to Track", ICCV 2021.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Distractors", "peaks"]

MOST = 4  # that are sought in a map
AS_GOOD = 0.5  # share of the best score that a peak must have
FORGOTTEN = 10  # frames without being seen


class Distractors:
    """Places of what is like one object.

    Attributes:
        places: (x, y) in the frame ``(n, 2)``.
        unseen: frames since each was last seen ``(n,)``.
    """

    def __init__(self) -> None:
        self.places, self.unseen = np.zeros((0, 2)), np.zeros(0, int)

    def move(self, shift: np.ndarray) -> None:
        """Move with the camera, by an affine map ``(2, 3)``."""
        self.places = self.places @ shift[:, :2].T + shift[:, 2]

    def near(self, places: np.ndarray, reach: float) -> np.ndarray:
        """Return which of places ``(..., 2)`` are less than ``reach`` away from one: ``(...)``."""
        apart = np.asarray(places)[..., None, :] - self.places
        return (np.einsum("...d,...d", apart, apart) < reach**2).any(axis=-1)

    def follow(self, places: np.ndarray, reach: float) -> np.ndarray:
        """Follow them to what is like the object in a frame.

        Args:
            places: of that ``(m, 2)``, the best first.
            reach: how far one may have moved.

        Returns:
            The places that are none of them ``(k, 2)``.
        """
        self.unseen = self.unseen + 1
        left = list(places)
        for number, known in enumerate(self.places):
            apart = [float(np.linalg.norm(place - known)) for place in left]
            if apart and min(apart) < reach:
                self.places[number], self.unseen[number] = left.pop(int(np.argmin(apart))), 0
        return np.reshape(left, (-1, 2))

    def add(self, places: np.ndarray, reach: float) -> None:
        """Remember places ``(m, 2)`` that are not known yet, the best first."""
        for place in places:
            if not self.near(place, reach):
                self.places = np.concatenate([self.places, place[None]])
                self.unseen = np.append(self.unseen, 0)

    def forget(self) -> None:
        """Forget what has not been seen for long."""
        kept = self.unseen <= FORGOTTEN
        self.places, self.unseen = self.places[kept], self.unseen[kept]


def peaks(scores: np.ndarray, middles: np.ndarray, reach: float) -> np.ndarray:
    """Return the best places of a map, the best first, none within ``reach`` of a better one.

    Args:
        scores: ``(rows, columns)``, not negative.
        middles: of the box at each cell ``(rows, columns, 2)``.
        reach: in the units of the middles.

    Returns:
        Middles ``(n, 2)``, of scores of at least half the best; none where all scores are 0.
    """
    flat, left = middles.reshape(-1, 2), scores.ravel().copy()
    found: list[np.ndarray] = []
    least = AS_GOOD * left.max()
    while len(found) < MOST and left.max() >= max(least, 1e-6):
        best = flat[left.argmax()]
        found.append(best)
        apart = flat - best
        left[(apart * apart).sum(axis=1) < reach**2] = 0
    return np.reshape(found, (-1, 2))
