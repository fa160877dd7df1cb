"""Videos from files, folders of frames, cameras and network streams: the one place that reads them.

Frames come one at a time, upright, as 8-bit RGB of one size, and none is kept: the length of a video costs no
memory.  ``stream`` (PyAV) and ``sources`` have what differs between the kinds of source; ``writing`` is
the other direction.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image

from common.data.video.sources import Camera, Folder, Shown, Source
from common.data.video.stream import Stream
from common.errors import InputError, UsageError

__all__ = ["VIDEO_SUFFIXES", "Frame", "VideoReader", "open_video"]

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv"}
    | {".3gp", ".ogv", ".gif", ".y4m", ".h264", ".mjpeg"}
)

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_CAMERA = re.compile(r"(?:/dev/video)?(\d{1,2})")


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Args:
        number: 0-based, counted from the first frame of the reader.  A damaged picture in a folder keeps its
            number to itself; frames that a damaged file has lost are not counted.
        seconds: when it is shown, counted from the first frame of the whole video.
        pixels: uint8 RGB, ``(height, width, 3)``, upright.
    """

    number: int
    seconds: float
    pixels: np.ndarray


class VideoReader:
    """The frames of a video in the order they are shown; a context manager, made by ``open_video``.

    It is read once: a second loop goes on where the first one stopped.

    Attributes:
        name: the file, folder, camera or address (without its password), for messages.
        width, height: of every frame, in pixels.
        rate: frames per second, on average.
        frames: about how many there are from the start on, or None where nobody knows.
        live: a camera or a stream without an end.
        has_sound: the source has sound, too.
    """

    def __init__(self, source: Source, start: float) -> None:
        self._source = source
        self.name = source.name
        self.rate = source.rate
        self.live = source.live
        self.has_sound = source.has_sound
        pictures = source.read(start)
        first = next(pictures, None)  # settles the size
        if first is None and start > 0:
            raise InputError(f"{self.name}: no frame at or after {start:g} s", "start earlier")
        if first is None:
            raise InputError(f"{self.name}: no frame in it can be decoded", "save or copy it again")
        total = source.frames
        self.frames = None if total is None else max(1, total - round(start * self.rate))
        self.height, self.width = first[2].shape[:2]
        self._given = 0
        self._resized = False
        self._frames = self._alike(itertools.chain([first], pictures), first[0])

    @property
    def notes(self) -> tuple[str, ...]:
        """What the eye might miss, such as "frames of other sizes were scaled"."""
        return self._source.notes + (("frames of other sizes were scaled",) if self._resized else ())

    @property
    def damage(self) -> str:
        """What could not be read so far, such as "stopped at frame 61 of about 120: damaged", or "".

        Final when the loop has ended; the frames that could be read have been given.
        """
        if self._source.stopped:
            total = f" of about {self.frames}" if self.frames and self.frames > self._given else ""
            return f"stopped at frame {self._given}{total}: {self._source.stopped}"
        if self._source.bad:
            return f"{self._source.bad} or more frames were damaged: left out or patched up"
        return ""

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def close(self) -> None:
        """Let go of the file, camera or connection."""
        self._source.close()

    def _alike(self, pictures: Iterator[Shown], first: int) -> Iterator[Frame]:
        """Count from 0 and bring every frame to the first one's size."""
        for number, seconds, pixels in pictures:
            if pixels.shape[:2] != (self.height, self.width):
                self._resized = True
                image = Image.fromarray(pixels).resize((self.width, self.height), Image.Resampling.BILINEAR)
                pixels = np.array(image)
            self._given += 1
            yield Frame(number - first, seconds, pixels)


def open_video(
    source: str | Path | int, *, start_seconds: float = 0.0, folder_rate: float = 25.0
) -> VideoReader:
    """Open a video for reading; its first frame is decoded at once.

    Args:
        source: a file; a folder of pictures, taken in natural order; the number of a camera (0 or "0"); or an
            address (RTSP, HTTP and what else FFmpeg knows), as a str.
        start_seconds: the first frame is the first one that is shown at this time or later.
        folder_rate: frames per second of a folder of pictures.

    Raises:
        InputError: no such file, empty, not a video, without a frame that can be decoded, no such camera, an
            address that does not answer in time, or a start after the end.
        UsageError: a start within a live source, or a rate that is none.
    """
    opened = _find(source, folder_rate)
    try:
        if opened.live and start_seconds > 0:
            raise UsageError(f"{opened.name}: a live source has no start time", "leave the start out")
        return VideoReader(opened, start_seconds)
    except BaseException:
        opened.close()
        raise


def _find(source: str | Path | int, folder_rate: float) -> Source:
    """Open the source that a path, a number or an address names."""
    text, path = str(source), Path(str(source))
    camera = _CAMERA.fullmatch(text)
    if _ADDRESS.match(text):
        return Stream(text, remote=True)
    if path.is_dir():
        return Folder(path, folder_rate)
    if camera and not path.is_file():
        return Camera(int(camera[1]))
    return Stream(text, remote=False)
