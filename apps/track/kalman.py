"""Constant-velocity Kalman filters over boxes, all tracks of a frame at once.

The state of a box is its middle, width and height, and the velocity of each.  Transition, observation and noise mix
none of the four, so that the covariance is four blocks of 2x2 and stays so: three numbers a coordinate instead of a
matrix of 8x8, and every step is a handful of operations on arrays ``(tracks, 4)``.

Noise is relative to the object's own size: a near, large object moves more pixels a frame than a far one.

Reference:
    Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960;
    Wojke, Bewley, Paulus, "Simple Online and Realtime Tracking with a Deep Association Metric" (DeepSORT), ICIP 2017,
    section 2.1; Aharon, Orfaig, Bobrovsky, "BoT-SORT: Robust Associations Multi-Pedestrian Tracking", 2022,
    section 3.1 (width and height as states, noise by width and height) and 3.2 (camera motion).
"""

from __future__ import annotations

import numpy as np

from common import boxes as box_tools

__all__ = ["BoxFilter"]

POSITION_NOISE, VELOCITY_NOISE = 1 / 20, 1 / 160  # standard deviations a frame, of the object's size
FIRST_POSITION, FIRST_VELOCITY = 2.0, 10.0  # how much less is known of a box seen once


class BoxFilter:
    """Filters of N boxes, in a fixed order; empty at first.

    Attributes:
        place: estimated middle x, y, width, height ``(N, 4)`` in pixels.
        speed: their velocities ``(N, 4)`` in pixels a frame.
        place_variance, covariance, speed_variance: ``(N, 4)``, the 2x2 covariance of each coordinate.
    """

    _FIELDS = ("place", "speed", "place_variance", "covariance", "speed_variance")

    def __init__(self) -> None:
        self.place = np.zeros((0, 4))
        self.speed = np.zeros((0, 4))
        self.place_variance = np.zeros((0, 4))
        self.covariance = np.zeros((0, 4))
        self.speed_variance = np.zeros((0, 4))

    def __len__(self) -> int:
        return len(self.place)

    @property
    def boxes(self) -> np.ndarray:
        """The estimates as boxes ``(N, 4)``."""
        return _as_boxes(self.place)

    def append(self, boxes: np.ndarray) -> None:
        """Begin a filter for each box ``(M, 4)`` at rest, with a velocity that may be anything."""
        place = _as_places(boxes)
        scale = _sizes(place)
        begun = {
            "place": place,
            "speed": np.zeros_like(place),
            "place_variance": (FIRST_POSITION * POSITION_NOISE * scale) ** 2,
            "covariance": np.zeros_like(place),
            "speed_variance": (FIRST_VELOCITY * VELOCITY_NOISE * scale) ** 2,
        }
        for name, values in begun.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these filters alone: a mask ``(N,)`` or numbers in a new order."""
        for name in self._FIELDS:
            setattr(self, name, getattr(self, name)[rows])

    def predict(self, dt: float = 1.0, unseen: np.ndarray | None = None) -> None:
        """Move every estimate on by ``dt`` frames; noise adds up in proportion to time.

        Args:
            dt: time since the last step in units of frames, 1 at a constant rate.
            unseen: mask ``(N,)`` of objects out of sight, whose size is held: its velocity was estimated from the
                last glimpses, and a box that grows or shrinks on for a second fits nothing (ByteTrack does likewise).
        """
        if unseen is not None:
            self.speed[unseen, 2:] = 0
        variance = dt * _sizes(self.place) ** 2
        self.place = self.place + dt * self.speed
        self.place[:, 2:] = np.maximum(self.place[:, 2:], 1)
        self.place_variance = (
            self.place_variance
            + dt * (2 * self.covariance + dt * self.speed_variance)
            + POSITION_NOISE**2 * variance
        )
        self.covariance = self.covariance + dt * self.speed_variance
        self.speed_variance = self.speed_variance + VELOCITY_NOISE**2 * variance

    def update(self, rows: np.ndarray, boxes: np.ndarray, noise: np.ndarray | float = 1.0) -> None:
        """Correct the estimates of some tracks by what was seen.

        Args:
            rows: their numbers ``(M,)``, each once.
            boxes: seen ``(M, 4)``.
            noise: factor of the measurement's standard deviation, one for all or of each ``(M,)``.
        """
        place, covariance = self.place[rows], self.covariance[rows]
        variance = self.place_variance[rows]
        measured = (POSITION_NOISE * _sizes(place) * np.reshape(noise, (-1, 1))) ** 2
        total = variance + measured
        surprise = _as_places(boxes) - place
        gain, speed_gain = variance / total, covariance / total
        self.place[rows] = place + gain * surprise
        self.place[rows, 2:] = np.maximum(self.place[rows, 2:], 1)
        self.speed[rows] += speed_gain * surprise
        self.place_variance[rows] = variance - gain * variance
        self.covariance[rows] = covariance - gain * covariance
        self.speed_variance[rows] -= speed_gain * covariance

    def distances(self, boxes: np.ndarray) -> np.ndarray:
        """Return the squared Mahalanobis distance ``(N, M)`` of every estimate to every box ``(M, 4)``.

        Under the model it is distributed as chi-squared with 4 degrees of freedom (DeepSORT, equation 1).
        """
        surprise = _as_places(boxes)[None] - self.place[:, None]
        total = self.place_variance + (POSITION_NOISE * _sizes(self.place)) ** 2
        return (surprise**2 / total[:, None]).sum(axis=-1)

    def warp(self, affine: np.ndarray) -> None:
        """Follow a camera that moved: middles by the whole map, velocities by its linear part, sizes by its scale.

        BoT-SORT (equations 5 to 8) turns width and height like a point, which makes no sense for an upright box;
        the scale is the square root of the map's determinant.  What a rotation would put between x and y is
        dropped: it is of second order in the few degrees that a camera turns from one frame to the next.

        Args:
            affine: ``(2, 3)``, from pixels of the last frame to those of this one.
        """
        linear, shift = affine[:, :2], affine[:, 2]
        scale = np.sqrt(abs(np.linalg.det(linear)))
        self.place = np.concatenate([self.place[:, :2] @ linear.T + shift, self.place[:, 2:] * scale], axis=1)
        self.speed = np.concatenate([self.speed[:, :2] @ linear.T, self.speed[:, 2:] * scale], axis=1)
        squared = np.zeros((4, 4))
        squared[:2, :2], squared[2:, 2:] = linear**2, np.eye(2) * scale**2
        for name in ("place_variance", "covariance", "speed_variance"):
            setattr(self, name, getattr(self, name) @ squared.T)


def _as_places(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([box_tools.centers(boxes), boxes[..., 2:]], axis=-1)


def _as_boxes(place: np.ndarray) -> np.ndarray:
    return np.concatenate([place[..., :2] - place[..., 2:] / 2, place[..., 2:]], axis=-1)


def _sizes(place: np.ndarray) -> np.ndarray:
    """Return what each coordinate's noise is measured by ``(N, 4)``: the width for x, the height for y."""
    return place[:, [2, 3, 2, 3]]
