"""How fast given objects are followed on this machine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from apps.track.following import Follower
from apps.track.prediction import SiameseNetwork, open_network
from apps.track.running import reduced, source_of
from common.console import Advance
from common.data.video import open_video
from common.devices import one_blas_thread

__all__ = ["Speed", "measure_speed", "places", "rate", "wandering"]

FRAMES = 60
LEAST_UPDATES = 10  # of a shorter video, which is gone through again
COUNTS = (1, 2, 5, 10)
SHARE = 0.12  # of the height of a frame that an object has


@dataclass(frozen=True)
class Speed:
    """Frames a second for each number of objects.

    Args:
        source: what was tracked.
        size: (width, height) of the frames.
        rates: by number of objects; of the updates alone, frames being at hand.
    """

    source: str
    size: tuple[int, int]
    rates: dict[int, float]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        rates = [{"objects": count, "frames_per_second": found} for count, found in self.rates.items()]
        return {"source": self.source, "width": self.size[0], "height": self.size[1], "rates": rates}


def measure_speed(
    video: str = "",
    *,
    model: str | Path,
    progress: Advance = lambda done, total, remark: None,
) -> Speed:
    """Follow 1, 2, 5 and 10 pieces of a video at once.

    Args:
        video: as of ``cnnapps track``; "" for a texture of 640×480 pixels that wanders.
        model: a shipped name or a run folder.
        progress: called with (measurements done, measurements, remark).

    Raises:
        InputError: no such video, or not one.
        ArtifactError: no such model.
    """
    network = open_network(model)
    if video:
        with open_video(source_of(video)) as reader:
            frames = [reduced(frame.pixels) for frame in itertools.islice(reader, FRAMES)]
    else:
        frames = wandering(FRAMES)
    height, width = frames[0].shape[:2]
    boxes = places((width, height), np.full(2, max(SHARE * height, 8.0)))
    rates = {}
    for done, count in enumerate(COUNTS):
        progress(done, len(COUNTS), f"{count} at once")
        rates[count] = rate(network, frames, boxes[:count])
    progress(len(COUNTS), len(COUNTS), "")
    return Speed(video or "a wandering texture", (width, height), rates)


def rate(network: SiameseNetwork, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> float:
    """Return the frames a second for objects given in the first frame."""
    updates = max(len(frames) - 1, LEAST_UPDATES)
    with one_blas_thread():
        follower = Follower(network, frames[0], boxes)
        follower.update(frames[0])
        started = time.perf_counter()
        for pixels in itertools.islice(itertools.cycle(frames[1:] or frames), updates):
            follower.update(pixels)
        return updates / (time.perf_counter() - started)


def places(frame: tuple[int, int], size: np.ndarray) -> list[np.ndarray]:
    """Return ten boxes of one size ``(width, height)``, spread over a frame of (width, height) pixels."""
    columns, rows = (
        np.linspace(0, side - own, count) for side, own, count in zip(frame, size, (5, 2), strict=True)
    )
    return [np.array([x, y, *size]) for y in rows for x in columns]


def wandering(count: int, size: tuple[int, int] = (480, 640)) -> list[np.ndarray]:
    """Return frames ``(height, width, 3)`` uint8 of a texture that moves two pixels a frame, forth and back."""
    height, width = size
    noise = np.random.default_rng(0).normal(0, 1, (height, width + count, 3))
    scales = (2, 6, 18)
    field = sum(scale * cv2.GaussianBlur(noise, None, scale) for scale in scales)
    field = np.clip(127 + 60 * field / field.std(), 0, 255).astype(np.uint8)
    steps = [2 * min(number, count - 1 - number) for number in range(count)]
    return [np.ascontiguousarray(field[:, step : step + width]) for step in steps]
