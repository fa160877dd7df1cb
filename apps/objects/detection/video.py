"""Finding objects in videos, folders of frames, cameras and streams."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from apps.objects.detection.drawing import draw_found
from apps.objects.detection.options import DetectOptions
from common.console import Advance
from common.data.video import VIDEO_SUFFIXES, Frame, VideoReader, VideoWriter, open_video
from common.detector import Detector, Found
from common.files import unused

__all__ = ["VideoFound", "detect_video", "is_video"]

_CAMERA = re.compile(r"\d{1,2}")


@dataclass
class VideoFound:
    """What was found in a video.

    Args:
        name: of the source.
        classes: names of the classes by number.
        video: the file written; None for none.
        frames: looked at.
        boxes: of each class, over all frames.
        seconds: of looking, drawing and writing.
        damage: what of the source could not be read, or "".
        interrupted: whether it was stopped by hand.
        notes: what the eye might miss.
    """

    name: str
    classes: tuple[str, ...]
    video: Path | None = None
    frames: int = 0
    boxes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    damage: str = ""
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / max(self.seconds, 1e-9)

    def line(self) -> str:
        """Return what a person wants to read."""
        means = ", ".join(
            f"{count / max(self.frames, 1):.1f} {name}" for name, count in self.boxes.most_common()
        )
        return (
            f"{self.name}: {self.frames} frames, {self.rate:.0f} frames/s, a frame has {means or 'nothing'}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "source": self.name,
            "video": str(self.video) if self.video else None,
            "frames": self.frames,
            "frames_per_second": self.rate,
            "boxes": dict(self.boxes),
            "damage": self.damage or None,
            "notes": list(self.notes),
        }


def is_video(path: str) -> bool:
    """Tell whether a path names a video, the number of a camera or an address, rather than pictures."""
    if "://" in path:
        return True
    if _CAMERA.fullmatch(path) and not Path(path).exists():
        return True
    # An animated GIF is asked for as a picture more often.
    return Path(path).suffix.lower() in VIDEO_SUFFIXES - {".gif"} and not Path(path).is_dir()


def detect_video(
    source: str,
    detector: Detector,
    options: DetectOptions | None = None,
    *,
    on_found: Callable[[Frame, Found], None] = lambda frame, found: None,
    on_frame: Callable[[np.ndarray], bool] | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> VideoFound:
    """Find the objects in every frame and write a video with their boxes.

    Args:
        source: a file, the number of a camera, or an address.
        detector: from ``common.detector.open_detector``.
        options: the threshold, what is written where, and when to stop.
        on_found: given each frame and its objects.
        on_frame: shown each drawn frame; returns False to stop.
        progress: called with (frames done, frames or 0 where nobody knows, remark).

    Raises:
        InputError: the source cannot be read.
        UserError: the video cannot be written.
    """
    options = options or DetectOptions()
    started = time.perf_counter()
    with open_video(source) as reader, ExitStack() as stack:
        result = VideoFound(source if reader.live else reader.name, detector.classes)
        writer: VideoWriter | None = None
        if options.write:
            result.video = unused(_beside(source, options.out))
            writer = stack.enter_context(_writer(source, reader, result.video))
        total = min(reader.frames or 0, options.max_frames or reader.frames or 0)
        try:
            for frame in reader:
                found = detector(frame.pixels, threshold=options.threshold)
                result.frames += 1
                result.boxes.update(detector.classes[kind] for kind in found.classes)
                on_found(frame, found)
                if writer or on_frame:
                    drawn = draw_found(frame.pixels, found, detector.classes)
                    if writer:
                        writer.write(drawn, frame.seconds)
                    if on_frame and not on_frame(drawn):
                        break
                rate = result.frames / (time.perf_counter() - started)
                progress(result.frames, max(total, result.frames) if total else 0, f"{rate:.0f} frames/s")
                if result.frames == options.max_frames:
                    break
        except KeyboardInterrupt:
            result.interrupted = True
            if not result.frames:
                raise
        result.damage = reader.damage
        result.notes = reader.notes + (writer.notes if writer else ())
    result.seconds = time.perf_counter() - started
    return result


def _beside(source: str, out: str) -> Path:
    """Return the name of the video written."""
    if "://" in source or _CAMERA.fullmatch(source):
        path = Path(f"camera-{source}.mp4" if source.isdigit() else "stream.mp4")
    else:
        path = Path(source)
    name = f"{path.stem}.detected.mp4"
    return Path(out) / name if out else path.with_name(name)


def _writer(source: str, reader: VideoReader, path: Path) -> VideoWriter:
    sound = Path(source) if reader.has_sound and Path(source).is_file() else None
    return VideoWriter(path, reader.width, reader.height, reader.rate, sound_from=sound)
