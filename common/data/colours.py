"""The colours of pictures as clouds of points, and what moves one cloud onto another; brightness apart from colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Colours", "moved", "principal_colours", "recoloured", "with_brightness_of"]

FLAT = 1e-3  # variance that every colour counts as having: what is nearly flat is not blown up to noise
# ITU-R BT.601: brightness, and two differences of colour (YIQ).
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


@dataclass(frozen=True)
class Colours:
    """Mean ``(3,)`` and covariance ``(3, 3)`` of the colours of a picture."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray) -> Colours:
        """Return the colours of a picture ``(h, w, 3)``, floats in [0, 1]."""
        flat = picture.reshape(-1, 3).astype(np.float64)
        return cls(flat.mean(axis=0), np.cov(flat.T, bias=True) + FLAT * np.eye(3))

    @classmethod
    def mixed(cls, several: Sequence[Colours], shares: Sequence[float]) -> Colours:
        """Return the weighted mean of colours."""
        return cls(
            np.average([one.mean for one in several], axis=0, weights=shares),
            np.average([one.covariance for one in several], axis=0, weights=shares),
        )

    def change(self, like: Colours, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Return the matrix ``(3, 3)`` and the shift ``(3,)`` that give colours those of another picture.

        It is the linear change that moves them least.

        Args:
            like: of the other picture.
            share: of the way there, at most 1.

        Reference:
            Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer",
            CVMP 2007, equation 9.
        """
        root, inverse = _root(self.covariance), _root(self.covariance, inverse=True)
        matrix = inverse @ _root(root @ like.covariance @ root) @ inverse
        shift = like.mean - self.mean @ matrix
        return (1 - share) * np.eye(3) + share * matrix, share * shift


def principal_colours(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return the principal components of the colours of pictures ``(h, w, 3)``: rows ``(3, 3)``, a deviation long."""
    every = np.concatenate([picture.reshape(-1, 3) for picture in pictures]).astype(np.float64)
    variances, axes = np.linalg.eigh(np.cov(every, rowvar=False))
    return (axes * np.sqrt(np.maximum(variances, 0))).T


def recoloured(picture: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` float32 in [0, 1] with the colours of another: their mean and covariance."""
    return moved(picture, *Colours.of(picture).change(Colours.of(like)))


def moved(picture: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` float32 in [0, 1] with its colours changed as ``Colours.change`` says."""
    return np.clip(picture @ matrix.astype(np.float32) + shift.astype(np.float32), 0, 1)


def with_brightness_of(picture: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """Return the colours of one picture with the brightness of another.

    Args:
        picture, painted: ``(h, w, 3)`` float32 in [0, 1].

    Reference:
        Gatys et al., "Preserving color in neural artistic style transfer", arXiv 1606.05897, section 3.2.
    """
    mixed = picture @ _TO_YIQ.T
    mixed[..., 0] = painted @ _TO_YIQ[0]
    return np.clip(mixed @ np.linalg.inv(_TO_YIQ).T, 0, 1).astype(np.float32)


def _root(covariance: np.ndarray, *, inverse: bool = False) -> np.ndarray:
    """Return the symmetric square root of a covariance, or its inverse."""
    values, vectors = np.linalg.eigh(covariance)
    roots = np.sqrt(np.maximum(values, 1e-12))
    return (vectors / roots if inverse else vectors * roots) @ vectors.T
