"""Figures of single-object tracking, over the frames in which the object is visible."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from common.boxes import centers, iou

__all__ = ["OVERLAPS", "PIXELS", "Figures", "figures", "precision_curve", "success_curve"]

OVERLAPS = np.linspace(0, 1, 21)
PIXELS = np.arange(51)
_NORMALISED = np.linspace(0, 0.5, 51)


@dataclass(frozen=True)
class Figures:
    """How well an object was followed.

    Args:
        auc: area under the success curve, in [0, 1].
        precision: share of frames with the middle within 20 pixels of the true one.
        normalised_precision: area under the curve of distances in units of the box, up to 0.5.
        overlap: mean IoU.
        frames: counted.
    """

    auc: float
    precision: float
    normalised_precision: float
    overlap: float
    frames: int

    def to_json(self) -> dict[str, float]:
        """Return plain values."""
        return asdict(self)


def figures(found: np.ndarray, truth: np.ndarray) -> Figures:
    """Return the figures of boxes ``(frames, 4)``; NaN in ``found`` is "not found", in ``truth`` "not visible".

    References:
        Wu et al., TPAMI 2015, section 4.1; normalised precision: Müller et al., "TrackingNet", ECCV 2018, section 4.2.
    """
    visible = ~np.isnan(truth).any(axis=1)
    found, truth = found[visible], truth[visible]
    away = np.abs(centers(found) - centers(truth))
    near = np.linalg.norm(away / np.maximum(truth[:, 2:], 1e-9), axis=1)
    shares = [(near <= limit).mean() for limit in _NORMALISED]
    return Figures(
        auc=float(success_curve(found, truth).mean()),
        precision=float(precision_curve(found, truth)[20]),
        normalised_precision=float(np.mean(shares)),
        overlap=float(_overlaps(found, truth).mean()),
        frames=int(visible.sum()),
    )


def success_curve(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return for each of ``OVERLAPS`` the share of frames with a greater IoU."""
    return (_overlaps(found, truth)[:, None] > OVERLAPS).mean(axis=0)


def precision_curve(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return for each of ``PIXELS`` the share of frames whose middle is not further from the true one."""
    away = np.linalg.norm(centers(found) - centers(truth), axis=1)
    return (away[:, None] <= PIXELS).mean(axis=0)


def _overlaps(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    missing = np.isnan(found).any(axis=1)
    return np.where(missing, 0.0, iou(np.where(missing[:, None], 0.0, found), truth))
