"""Where the frames of a video come from: what all sources have in common, a folder of pictures, a camera.

Files and addresses are in ``stream``; what others use is ``common.data.video``.
"""

from __future__ import annotations

import itertools
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np

from common.data.images import decode, find_pictures
from common.errors import InputError, UsageError

__all__ = ["ROUNDING", "Camera", "Folder", "Shown", "Source"]

Shown: TypeAlias = tuple[int, float, np.ndarray]  # a frame's number, its time in seconds, its RGB pixels

ROUNDING = 1e-6  # seconds


class Source(ABC):
    """A kind of source.

    Attributes:
        name, rate, frames, live, has_sound, notes: as in ``VideoReader``; frames of the whole source.
        bad: damaged frames so far.
        stopped: why reading ended before the end, or "".
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rate = 25.0
        self.frames: int | None = None
        self.live = False
        self.has_sound = False
        self.notes: tuple[str, ...] = ()
        self.bad = 0
        self.stopped = ""

    @abstractmethod
    def read(self, start: float) -> Iterator[Shown]:
        """Yield the frames that are shown at ``start`` seconds or later."""

    def close(self) -> None:  # noqa: B027  (a folder has nothing to let go of)
        """Let go of what is open."""


class Folder(Source):
    """A folder of pictures."""

    def __init__(self, folder: Path, rate: float) -> None:
        super().__init__(str(folder))
        if not 0 < rate < math.inf:
            raise UsageError(f"{rate:g} frames per second is no rate", "give a number above 0, such as 25")
        self._files = find_pictures([folder])
        self.rate = rate
        self.frames = len(self._files)

    def read(self, start: float) -> Iterator[Shown]:
        """Decode picture after picture; the time of a damaged one stays empty."""
        for number, file in enumerate(self._files):
            if number / self.rate < start - ROUNDING:
                continue
            try:
                picture = decode(file)
            except InputError:
                self.bad += 1
                continue
            self.notes += tuple(note for note in picture.notes if note not in self.notes)
            yield number, number / self.rate, picture.pixels


class Camera(Source):
    """A camera of this machine, by OpenCV: FFmpeg's way to one differs between systems."""

    def __init__(self, number: int) -> None:
        super().__init__(f"camera {number}")
        import cv2

        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._camera = cv2.VideoCapture(number)
        if not self._camera.isOpened():
            raise InputError(f"{self.name}: not there, or another program has it", "the first camera is 0")
        self.live = True
        self.rate = self._camera.get(cv2.CAP_PROP_FPS) or 30.0

    def close(self) -> None:
        """Let others use the camera."""
        self._camera.release()

    def read(self, start: float) -> Iterator[Shown]:
        """Take pictures for as long as the camera gives them; the time is that of the clock on the wall."""
        begun: float | None = None
        for number in itertools.count():
            came, pixels = self._camera.read()
            if not came:
                self.stopped = "the camera gives no more pictures"
                return
            now = time.monotonic()
            begun = now if begun is None else begun
            yield number, now - begun, np.ascontiguousarray(pixels[:, :, ::-1])
