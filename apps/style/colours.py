"""Keeping the colours of a picture that is painted in the style of another."""

from __future__ import annotations

import numpy as np

__all__ = ["with_brightness_of"]

# ITU-R BT.601: brightness, and two differences of colour (YIQ).
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


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
