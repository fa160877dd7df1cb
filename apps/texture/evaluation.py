"""How like its exemplar a texture is, and how much of it is copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.texture.exemplars import read_exemplar
from common import devices

__all__ = ["Likeness", "copied_share", "evaluate"]

PATCH = 16  # pixels of a side of the windows that are looked for
STEP = 4  # pixels between two of them
AT_ONCE = 256  # windows compared together
NEAR = 1  # pixels by which the displacements of one copied piece may differ


@dataclass(frozen=True)
class Likeness:
    """What a texture has in common with its exemplar.

    Args:
        distances: by method, of the texture from the exemplar.
        own: by method, between the halves of the exemplar: as like as it is to itself.
        copied: share of the texture's area that its largest copied piece takes.
        notes: on the pictures.
    """

    distances: dict[str, float]
    own: dict[str, float]
    copied: float
    notes: tuple[str, ...]

    @property
    def ratios(self) -> dict[str, float]:
        """Distance as a multiple of that between the exemplar's halves: 1 is as like as it is to itself."""
        return {name: self.distances[name] / max(self.own[name], 1e-9) for name in self.distances}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return vars(self) | {"ratios": self.ratios}


def evaluate(picture: str, exemplar: str, *, features: str = "") -> Likeness:
    """Compare a texture with its exemplar.

    Args:
        picture, exemplar: paths.
        features: that compare; "" for those that ship.

    Raises:
        InputError: pictures that cannot be read or are too small.
        ArtifactError: no such features.
    """
    devices.select("auto")
    from common.features import usual_features
    from common.synthesis import style_distances

    compared = usual_features(features)
    (made, own_notes), (wanted, notes) = read_exemplar(picture), read_exemplar(exemplar)
    height, width = (side // 2 for side in wanted.shape[:2])
    halves = (
        style_distances(compared, wanted[:, :width], wanted[:, width:]),
        style_distances(compared, wanted[:height], wanted[height:]),
    )
    own = {name: float(np.mean([half[name] for half in halves])) for name in halves[0]}
    return Likeness(
        style_distances(compared, made, wanted), own, copied_share(made, wanted), (*own_notes, *notes)
    )


def copied_share(picture: np.ndarray, exemplar: np.ndarray) -> float:
    """Return the share of a picture that its largest piece takes which is copied from the exemplar.

    Every window of the picture is looked for in the exemplar; neighbours whose likest windows lie at one
    displacement are a piece.

    Args:
        picture, exemplar: ``(h, w, 3)`` float32, both sides at least ``PATCH``.
    """
    from scipy import ndimage

    ours, (rows, columns) = _windows(picture, STEP)
    theirs, (_, width) = _windows(exemplar, 1)
    norms, likest = (theirs**2).sum(axis=1), np.empty(len(ours), np.int64)
    for start in range(0, len(ours), AT_ONCE):
        block = ours[start : start + AT_ONCE]
        likest[start : start + AT_ONCE] = (norms - 2 * block @ theirs.T).argmin(axis=1)
    down = (likest // width).reshape(rows, columns) - STEP * np.arange(rows)[:, None]
    across = (likest % width).reshape(rows, columns) - STEP * np.arange(columns)
    largest = 0
    for y, x in np.unique(np.stack([down.ravel(), across.ravel()], axis=1), axis=0):
        piece = (np.abs(down - y) <= NEAR) & (np.abs(across - x) <= NEAR)
        if piece.sum() > largest:
            labels, _ = ndimage.label(piece)
            largest = max(largest, int(np.bincount(labels.ravel())[1:].max()))
    return largest / (rows * columns)


def _windows(picture: np.ndarray, step: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the windows of a picture, each a row, at half their resolution, and how many fit down and across."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))[::step, ::step]
    rows, columns = windows.shape[:2]
    half = PATCH // 2
    small = windows.reshape(rows, columns, 3, half, 2, half, 2).mean(axis=(4, 6))
    return small.reshape(rows * columns, -1).astype(np.float32), (rows, columns)
