"""Boxes, names and trails drawn on frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

from apps.track.observations import Observation
from common.boxes import centers

__all__ = ["Painter", "colour_of"]

TRAIL = 30  # frames
MOST_LOST = 4  # names of lost objects in the corner
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GOLDEN = 0.618034  # hues this far apart on the circle stay apart, however many there are


def colour_of(number: int) -> tuple[int, int, int]:
    """Return the RGB colour of an object, far from those of its neighbours in number."""
    hue = int(180 * ((0.58 + number * _GOLDEN) % 1))
    pixel = cv2.cvtColor(np.array([[[hue, 190, 255]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


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
        scale = max(0.6, min(canvas.shape[:2]) / 800)
        thick = max(1, round(2.2 * scale))
        lost = []
        for seen in observations:
            if seen.state == "lost":
                lost.append(seen)
                continue
            colour = colour_of(seen.id)
            trail = self._trails.setdefault(seen.id, deque(maxlen=TRAIL))
            trail.append(centers(seen.box))
            _draw_trail(canvas, trail, colour, thick)
            _draw_box(canvas, seen.box, colour, thick, dashed=seen.state == "uncertain")
            _draw_text(canvas, f"{_name(seen)}  {seen.confidence:.0%}", seen.box[:2], colour, scale)
        for line, seen in enumerate(lost[:MOST_LOST]):
            place = np.array([4, (line + 1) * 28 * scale])
            _draw_text(canvas, f"{_name(seen)} lost", place, colour_of(seen.id), scale)
        alive = {seen.id for seen in observations}
        self._trails = {number: trail for number, trail in self._trails.items() if number in alive}
        return canvas


def _name(seen: Observation) -> str:
    return f"{seen.label} {seen.id}" if seen.label not in ("", "moving") else str(seen.id)


def _draw_trail(canvas: np.ndarray, trail: Sequence[np.ndarray], colour: Sequence[int], thick: int) -> None:
    points = [tuple(int(v) for v in np.round(point)) for point in trail]
    for age, (start, end) in enumerate(zip(points[-2::-1], points[:0:-1], strict=True)):
        share = 1 - age / TRAIL
        cv2.line(
            canvas, start, end, [int(v * share) for v in colour], max(1, round(thick * share)), cv2.LINE_AA
        )


def _draw_box(
    canvas: np.ndarray, box: np.ndarray, colour: Sequence[int], thick: int, *, dashed: bool
) -> None:
    left, top, width, height = box
    corners = np.round([[left, top], [left + width, top], [left + width, top + height], [left, top + height]])
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        parts = max(1, int(np.linalg.norm(end - start) // (8 * thick))) if dashed else 1
        for part in range(0, parts, 2):
            a, b = start + (end - start) * part / parts, start + (end - start) * (part + 1) / parts
            cv2.line(canvas, [int(v) for v in a], [int(v) for v in b], colour, thick, cv2.LINE_AA)


def _draw_text(canvas: np.ndarray, text: str, place: np.ndarray, colour: Sequence[int], scale: float) -> None:
    """Write dark letters on a field of the object's colour, above ``place`` where there is room."""
    (width, height), below = cv2.getTextSize(text, _FONT, 0.6 * scale, 1)
    x = int(np.clip(place[0], 0, max(0, canvas.shape[1] - width - 6)))
    y = int(place[1]) if place[1] - height - below - 4 >= 0 else int(place[1]) + height + below + 4
    cv2.rectangle(canvas, (x, y - height - below - 4), (x + width + 6, y), colour, cv2.FILLED)
    cv2.putText(canvas, text, (x + 3, y - below - 1), _FONT, 0.6 * scale, (20, 20, 20), 1, cv2.LINE_AA)
