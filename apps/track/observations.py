"""What is seen of an object in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["Observation", "State"]

State = Literal["tracked", "uncertain", "lost"]


@dataclass(frozen=True)
class Observation:
    """One object in one frame.

    Args:
        id: from 1, never given to another object.
        box: x, y, width, height ``(4,)`` in pixels of the frame; NaN where the object is lost.
        confidence: in [0, 1].
        state: ``tracked``, ``uncertain`` (the box may be wrong) or ``lost``.
        label: its class, or "".
    """

    id: int
    box: np.ndarray
    confidence: float
    state: State
    label: str = ""

    def scaled(self, factor: float) -> Observation:
        """Return it in a frame ``factor`` times as large."""
        return Observation(self.id, self.box * factor, self.confidence, self.state, self.label)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; the box of a lost object is null."""
        box = None if self.state == "lost" else [round(float(v), 2) for v in self.box]
        named = {"label": self.label} if self.label else {}
        return {
            "id": self.id,
            "box": box,
            "confidence": round(float(self.confidence), 4),
            "state": self.state,
            **named,
        }
