"""Boxes, names and trails drawn on frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

from apps.track.observations import Observation
from common.boxes import centers
from common.drawing import colour_of, draw_box, draw_text, pen

__all__ = ["Painter"]

TRAIL = 30  # frames
MOST_LOST = 4  # names of lost objects in the corner


class Painter:
    """Draws what is seen in one frame after the other; remembers where objects were."""

    def __init__(self) -> None:
        self._trails: dict[int, deque[np.ndarray]] = {}

    def draw(self, pixels: np.ndarray, observations: Sequence[Observation]) -> np.ndarray:
        """Return a copy of a frame with the objects on it.

        A sure box is drawn full, an uncertain one dashed; of lost objects the names stand in the corner.

        Args:
            pixels: ``(height, width, 3)`` uint8 RGB.
            observations: in it.
        """
        canvas = np.ascontiguousarray(pixels).copy()
        scale, thick = pen(canvas)
        lost = []
        for seen in observations:
            if seen.state == "lost":
                lost.append(seen)
                continue
            colour = colour_of(seen.id)
            trail = self._trails.setdefault(seen.id, deque(maxlen=TRAIL))
            trail.append(centers(seen.box))
            _draw_trail(canvas, trail, colour, thick)
            draw_box(canvas, seen.box, colour, thick, dashed=seen.state == "uncertain")
            draw_text(canvas, f"{_name(seen)}  {seen.confidence:.0%}", seen.box[:2], colour, scale)
        for line, seen in enumerate(lost[:MOST_LOST]):
            place = np.array([4, (line + 1) * 28 * scale])
            draw_text(canvas, f"{_name(seen)} lost", place, colour_of(seen.id), scale)
        alive = {seen.id for seen in observations}
        self._trails = {number: trail for number, trail in self._trails.items() if number in alive}
        return canvas


def _name(seen: Observation) -> str:
    return f"{seen.label} {seen.id}" if seen.label else str(seen.id)


def _draw_trail(canvas: np.ndarray, trail: Sequence[np.ndarray], colour: Sequence[int], thick: int) -> None:
    points = [tuple(int(v) for v in np.round(point)) for point in trail]
    for age, (start, end) in enumerate(zip(points[-2::-1], points[:0:-1], strict=True)):
        share = 1 - age / TRAIL
        cv2.line(
            canvas, start, end, [int(v * share) for v in colour], max(1, round(thick * share)), cv2.LINE_AA
        )
