"""Render ``digits_page.jpg``: a photographed page of handwritten numbers, every stroke of it drawn here.

    python data/samples/render_digits.py

The digits are strokes through a few points each, moved at random as a hand would; the page gets rules, a
shadow, a slight turn, blur and JPEG.  Nothing is copied from any data set.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.interpolate import make_interp_spline

LINES = ("31415 92653", "2718 2818", "16180 339", "0246813579")

# Pen strokes in a unit box, x to the right, y down.
STROKES = {
    "0": [[(0.55, 0.02), (0.15, 0.25), (0.12, 0.7), (0.45, 0.98), (0.85, 0.7), (0.85, 0.25), (0.5, 0.03)]],
    "1": [[(0.3, 0.25), (0.42, 0.15), (0.55, 0.02)], [(0.55, 0.02), (0.52, 0.5), (0.48, 1.0)]],
    "2": [[(0.15, 0.25), (0.4, 0.02), (0.78, 0.2), (0.62, 0.55), (0.12, 0.97), (0.5, 0.93), (0.9, 0.95)]],
    "3": [[(0.18, 0.12), (0.5, 0.0), (0.8, 0.2), (0.45, 0.46), (0.84, 0.72), (0.5, 1.0), (0.12, 0.86)]],
    "4": [[(0.5, 0.02), (0.3, 0.35), (0.1, 0.62), (0.45, 0.63), (0.9, 0.6)], [(0.7, 0.3), (0.67, 0.6), (0.63, 1.0)]],
    "5": [[(0.8, 0.03), (0.5, 0.04), (0.27, 0.06)], [(0.27, 0.06), (0.22, 0.42), (0.55, 0.38), (0.85, 0.65), (0.55, 0.98), (0.13, 0.9)]],
    "6": [[(0.7, 0.02), (0.35, 0.3), (0.15, 0.7), (0.45, 0.99), (0.8, 0.78), (0.55, 0.52), (0.2, 0.72)]],
    "7": [[(0.12, 0.08), (0.5, 0.06), (0.85, 0.05)], [(0.85, 0.05), (0.6, 0.45), (0.42, 1.0)]],
    "8": [[(0.75, 0.15), (0.45, 0.0), (0.25, 0.22), (0.6, 0.5), (0.8, 0.8), (0.45, 1.0), (0.18, 0.8), (0.5, 0.48), (0.78, 0.18)]],
    "9": [[(0.78, 0.22), (0.5, 0.02), (0.2, 0.25), (0.42, 0.5), (0.76, 0.3), (0.74, 0.6), (0.62, 1.0)]],
}  # fmt: skip


def write_digit(
    page: np.ndarray, digit: str, x: float, y: float, size: float, random: np.random.Generator
) -> None:
    """Draw one digit of ``size`` pixels height into ``page``, 1 for full ink."""
    slant, width = random.normal(0.12, 0.06), size * random.uniform(0.5, 0.62)
    for stroke in STROKES[digit]:
        points = np.array(stroke) + random.normal(0, 0.018, (len(stroke), 2))
        spline = make_interp_spline(np.arange(len(points)), points, k=min(3, len(points) - 1))
        path = spline(np.linspace(0, len(points) - 1, 80))
        across = x + width * path[:, 0] + slant * size * (0.5 - path[:, 1])
        down = y + size * path[:, 1]
        pixels = np.stack([across, down], axis=1)
        thickness = max(2, round(size * random.uniform(0.065, 0.085)))
        cv2.polylines(page, [np.round(pixels * 8).astype(np.int32)], False, 1.0, thickness, cv2.LINE_AA, 3)


def main() -> None:
    random = np.random.default_rng(20)
    height, width = 1000, 1400
    ink = np.zeros((height, width), np.float32)
    for row, text in enumerate(LINES):
        x, y = 140 + random.uniform(-20, 30), 110 + 215 * row
        for sign in text:
            size = random.uniform(110, 135)
            if sign != " ":
                write_digit(ink, sign, x, y + 128 - size + random.normal(0, 5), size, random)
            x += size * random.uniform(0.8, 0.95)
    page = np.ones((height, width, 3), np.float32) * np.float32([0.93, 0.95, 0.95])
    for row in range(5):
        level = 40 + 215 * row
        cv2.line(page, (0, level), (width, level), (0.82, 0.74, 0.66), 2, cv2.LINE_AA)
    page = page * (1 - ink[..., None]) + np.float32([0.42, 0.2, 0.14]) * ink[..., None]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.6, 1.0)
    page = cv2.warpAffine(page, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    light = 1.0 - 0.4 * across * down - 0.22 / (1 + np.exp(-(across - 0.75 + 0.25 * down) * 25))
    page = cv2.GaussianBlur(page * light[..., None].astype(np.float32), (0, 0), 1.2)
    page += random.normal(0, 0.015, page.shape).astype(np.float32)
    target = Path(__file__).with_name("digits_page.jpg")
    cv2.imwrite(str(target), np.clip(page * 255, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(target)


if __name__ == "__main__":
    main()
