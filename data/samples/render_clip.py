"""Render ``moving_objects.mp4``: three objects move over a lawn, two of them cross, the camera pans.

    python data/samples/render_clip.py

Lawn and objects are scikit-image's own pictures, which are free to use.  ``truth`` gives the box of each object in each
frame, by which tests measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from common.data.video import VideoWriter

WIDTH, HEIGHT, FRAMES, RATE = 320, 240, 120, 25.0


@dataclass(frozen=True)
class Mover:
    """An object: its picture with an outline, and where its middle is at frame t, in the frame."""

    pixels: np.ndarray
    start: tuple[float, float]
    speed: tuple[float, float]
    swing: float = 0.0

    def middle(self, t: int) -> np.ndarray:
        """Return the place of its middle at frame ``t``."""
        x, y = np.array(self.start) + np.array(self.speed) * t
        return np.array([x, y + self.swing * np.sin(t / 9)])

    @property
    def ellipse(self) -> np.ndarray:
        """Return its mask, 255 inside."""
        height, width = self.pixels.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        cv2.ellipse(mask, (width // 2, height // 2), (width // 2, height // 2), 0, 0, 360, 255, -1)
        return mask


def movers() -> list[Mover]:
    """Return a cup, a cat's face and an astronaut's."""

    def cut(picture: np.ndarray, box: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
        x, y, w, h = box
        return cv2.resize(picture[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)

    return [
        Mover(cut(data.coffee(), (150, 60, 270, 270), (56, 56)), (30, 90), (2.1, 0.0), 14),
        Mover(cut(data.chelsea(), (110, 30, 220, 200), (50, 46)), (292, 120), (-2.0, 0.1)),
        Mover(cut(data.astronaut(), (170, 60, 110, 130), (38, 46)), (70, 275), (0.9, -2.2)),
    ]


def frame(t: int, objects: list[Mover], lawn: np.ndarray) -> np.ndarray:
    """Return frame ``t``, ``(240, 320, 3)`` uint8 RGB; later objects lie over earlier ones."""
    x, y = 40 + t, 30 + t // 3
    canvas = lawn[y : y + HEIGHT, x : x + WIDTH].astype(np.float32)
    for one in objects:
        shift = one.middle(t) - np.array(one.pixels.shape[1::-1]) / 2
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        share = cv2.warpAffine(one.ellipse, matrix, (WIDTH, HEIGHT))[..., None] / np.float32(255)
        canvas += share * (cv2.warpAffine(one.pixels, matrix, (WIDTH, HEIGHT)) - canvas)
    return canvas.round().astype(np.uint8)


def truth(t: int, objects: list[Mover]) -> np.ndarray:
    """Return the boxes ``(3, 4)`` in frame ``t``: x, y, width, height, also outside the frame."""
    sizes = [np.array(one.pixels.shape[1::-1], float) for one in objects]
    return np.array([[*(one.middle(t) - size / 2), *size] for one, size in zip(objects, sizes, strict=True)])


def lawn() -> np.ndarray:
    """Return the ground, ``(512, 512, 3)`` uint8."""
    grey = data.grass().astype(np.float32)[..., None]
    return np.clip(grey * np.array([0.75, 1.0, 0.55], np.float32), 0, 255).astype(np.uint8)


def main() -> None:
    objects, ground = movers(), lawn()
    with VideoWriter(Path(__file__).with_name("moving_objects.mp4"), WIDTH, HEIGHT, RATE) as writer:
        for t in range(FRAMES):
            writer.write(frame(t, objects, ground))


if __name__ == "__main__":
    main()
