"""Pooling: condensing feature maps."""

from __future__ import annotations

from typing import Literal

from keras import layers

__all__ = ["Pooling", "global_pool", "pool"]

Pooling = Literal["max", "average"]


def pool(x, kind: Pooling = "max", size: int = 2, *, padding: str = "valid"):
    """Halve (``size=2``) the height and width of each feature map.

    ``max`` asks "was the feature found anywhere in this region?"; ``average`` asks "how much of it?".

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        kind: ``"max"`` or ``"average"``.
        size: side of the pooled region, and the stride.
        padding: ``"valid"`` drops an odd last row, ``"same"`` keeps it.

    Returns:
        Feature maps ``(batch, height // size, width // size, channels)``.

    Raises:
        ValueError: ``kind`` is neither.

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.A.
    """
    if kind == "max":
        return layers.MaxPooling2D(size, padding=padding)(x)
    if kind == "average":
        return layers.AveragePooling2D(size, padding=padding)(x)
    raise ValueError(f"kind must be 'max' or 'average', received kind={kind!r}")


def global_pool(x, kind: Pooling = "average"):
    """Pool each feature map to one number: ``(batch, h, w, c)`` to ``(batch, c)``.

    Raises:
        ValueError: ``kind`` is neither ``"max"`` nor ``"average"``.

    Reference:
        Lin et al., "Network in Network", ICLR 2014, section 3.2.
    """
    if kind == "max":
        return layers.GlobalMaxPooling2D()(x)
    if kind == "average":
        return layers.GlobalAveragePooling2D()(x)
    raise ValueError(f"kind must be 'max' or 'average', received kind={kind!r}")
