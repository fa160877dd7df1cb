"""A small convolution learned while tracking: high on the object, low on what lies around it.

The filter is the exact minimum of a ridge regression over all places of all search maps seen, older ones counting
less: the sums that the normal equations need are kept, not the maps.

References:
    Bolme et al., "MOSSE", CVPR 2010 (a filter that is learned online); Danelljan et al., "ATOM", CVPR 2019, section 3.2
    (as a small convolution over deep features, without the wrap-around of Fourier filters).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

__all__ = ["DiscriminativeFilter"]


class DiscriminativeFilter:
    """A linear filter over windows of a feature map.

    Args:
        features: map ``(rows, columns, channels)`` of the crop in which the object was given.
        place: (x, y) of the object's middle there, in cells.
        size: (width, height) of the object in cells.
        kept: channels after the projection on the principal components of the first map.
        side: of the filter, in cells.
        decay: share of the past that is kept at an update.
        ridge: regularisation, relative to the mean energy of the features.
        first: weight of the first map, which does not fade.
    """

    def __init__(
        self,
        features: np.ndarray,
        place: np.ndarray,
        size: np.ndarray,
        *,
        kept: int = 16,
        side: int = 5,
        decay: float = 0.97,
        ridge: float = 0.02,
        first: float = 0.5,
    ) -> None:
        self.side, self.decay, self.ridge, self.first = side, decay, ridge, first
        flat = features.reshape(-1, features.shape[-1]).astype(np.float64)
        _, _, axes = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
        self.mean, self.axes = flat.mean(axis=0).astype(np.float32), axes[:kept].T.astype(np.float32)
        self._start = self._sums(features, place, size)
        self._recent = self._start
        self._solve()

    def response(self, features: np.ndarray) -> np.ndarray:
        """Return the filter's answer at each place of a map ``(rows, columns)``: about 1 on the object, else 0."""
        rows, columns = features.shape[:2]
        # What each place adds to the answer of each of its neighbours; summed up that is the convolution, without a
        # copy of every window.
        shares = self._projected(features) @ self.weights.reshape(-1, self.side**2)
        margin = self.side // 2
        padded = np.pad(shares, ((margin, margin), (margin, margin), (0, 0)))
        answer = np.full((rows, columns), self.bias, shares.dtype)
        for tap in range(self.side**2):
            down, across = divmod(tap, self.side)
            answer += padded[down : down + rows, across : across + columns, tap]
        return answer

    def update(self, features: np.ndarray, place: np.ndarray, size: np.ndarray) -> None:
        """Learn one more map, in which the object's middle is at ``place``."""
        self._recent = [
            self.decay * old + (1 - self.decay) * new
            for old, new in zip(self._recent, self._sums(features, place, size), strict=True)
        ]
        self._solve()

    def _projected(self, features: np.ndarray) -> np.ndarray:
        """Return a map ``(rows, columns, channels)`` on the principal components ``(rows, columns, kept)``."""
        return (features - self.mean) @ self.axes

    def _windows(self, features: np.ndarray) -> np.ndarray:
        """Return the window around each place ``(rows * columns, side * side * kept)``."""
        small = self._projected(features)
        margin = self.side // 2
        padded = np.pad(small, ((margin, margin), (margin, margin), (0, 0)))
        view = np.lib.stride_tricks.sliding_window_view(padded, (self.side, self.side), axis=(0, 1))
        return np.ascontiguousarray(view).reshape(small.shape[0] * small.shape[1], -1)

    def _sums(self, features: np.ndarray, place: np.ndarray, size: np.ndarray) -> list[np.ndarray]:
        """Return Σ w x xᵀ, Σ w x y, Σ w x, Σ w y over the places of a map, with Σ w = 1."""
        windows = self._windows(features)
        rows, columns = features.shape[:2]
        x, y = np.arange(columns) + 0.5 - place[0], np.arange(rows) + 0.5 - place[1]
        spread = np.maximum(0.25 * np.asarray(size), 0.5)
        wanted = np.exp(-0.5 * ((y[:, None] / spread[1]) ** 2 + (x[None] / spread[0]) ** 2)).ravel()
        # As much weight on the object as on all around it.
        weight = wanted / wanted.sum() + (1 - wanted) / (1 - wanted).sum()
        weight = (weight / weight.sum()).astype(np.float32)
        halves = windows * np.sqrt(weight)[:, None]  # the product of a matrix with itself takes half the time
        return [
            halves.T @ halves,
            windows.T @ (weight * wanted),
            windows.T @ weight,
            np.array(weight @ wanted),
        ]

    def _solve(self) -> None:
        square, product, total, mean = (
            self.first * start + (1 - self.first) * recent
            for start, recent in zip(self._start, self._recent, strict=True)
        )
        centred = square - np.outer(total, total)
        penalty = self.ridge * np.trace(centred) / len(centred)
        centred[np.diag_indices_from(centred)] += penalty
        factor = cho_factor(centred, overwrite_a=True, check_finite=False)
        self.weights = cho_solve(factor, product - total * mean, check_finite=False).astype(np.float32)
        self.bias = float(mean - total @ self.weights)
