"""Videos into files: H.264 for the most part, written so that nobody ever meets half of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from PIL import Image

from common.data.video.sound import Sound
from common.errors import UsageError, UserError
from common.files import replacing

__all__ = ["VideoWriter"]


@dataclass(frozen=True)
class _Format:
    """How a suffix is written.

    Args:
        encoders: FFmpeg's names, the best first.
        clock: ticks of the container's clock per second.
        shortest: the least number of ticks that a frame can last.
        even: width and height must be even.
        sound: the codecs that can be copied into it.
    """

    encoders: tuple[str, ...]
    clock: int
    pixels: str = "yuv420p"
    shortest: int = 1
    even: bool = False
    sound: set[str] = field(default_factory=set)
    file_options: dict[str, str] = field(default_factory=dict)


# A whole number of ticks at 24, 25, 30, 50, 60 and 29.97 frames per second; MPEG-4 allows no more than 65,535.
_CLOCK = 60_000
_H264 = ("libx264", "libopenh264", "mpeg4")
_WEB = {"movflags": "+faststart"}  # the index first: a browser plays before it has the whole file
_SOUND = {"aac", "mp3", "ac3", "eac3", "alac"}
_MP4 = _Format(_H264, _CLOCK, even=True, sound=_SOUND | {"mp2", "opus", "flac"}, file_options=_WEB)
_MOV = _Format(_H264, _CLOCK, even=True, sound=_SOUND | {"pcm_s16le", "pcm_s16be"}, file_options=_WEB)
_MKV = _Format(_H264, 1000, even=True, sound=_MP4.sound | {"pcm_s16le", "vorbis"})
_WEBM = _Format(("libvpx-vp9", "libvpx"), 1000, sound={"opus", "vorbis"})
_GIF = _Format(("gif",), 100, "pal8", shortest=2)  # browsers slow down what is faster
_FORMATS = {".mp4": _MP4, ".mov": _MOV, ".mkv": _MKV, ".webm": _WEBM, ".gif": _GIF}
_ENCODER_OPTIONS = {
    # veryfast is 2.5 times as fast as "medium" and no larger.  Without B-frames (bf), which are stored out of order,
    # a file gets 15 to 30 % larger, but its header has the true length where frames last unequally long.
    "libx264": {"crf": "20", "preset": "veryfast", "bf": "0"},
    "mpeg4": {"qmin": "2", "qmax": "4"},
    "libvpx-vp9": {"crf": "30", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
    "libvpx": {"crf": "10", "deadline": "realtime", "cpu-used": "4", "auto-alt-ref": "0"},
}
# Named in the file, so that every player and reader turns the colours back the same way.
_MATRIX_BT601, _TRANSFER_BT709, _PRIMARIES_BT709, _LIMITED_RANGE = 6, 1, 1, 1


class VideoWriter:
    """Write frames into a video file; a context manager.

    The file appears under its name when the block ends well; when the block raises, nothing is left of it.  To
    keep what there is after an interruption, catch the interruption inside the block.

    Args:
        path: ``.mp4``, ``.mov`` and ``.mkv`` hold H.264, ``.webm`` holds VP9, ``.gif`` is an animation.
        width, height: of the frames, in pixels.  Where H.264 needs an even number, the last column or row is
            written twice.
        rate: frames per second, where ``write`` is given no times.
        sound_from: a video file whose sound is copied as it is, for as long as the frames last.
        start_seconds: where in ``sound_from`` the first frame belongs, where ``write`` is given no times.

    Attributes:
        notes: what is not as asked for, such as a sound that the format cannot hold.
        written: how many frames.

    Raises:
        UsageError: a suffix that cannot be written, or a rate that is none.
        UserError: the file cannot be written, no frame was written, or fewer are in the file than were written.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: float,
        *,
        sound_from: Path | None = None,
        start_seconds: float = 0.0,
    ) -> None:
        if path.suffix.lower() not in _FORMATS:
            raise UsageError(
                f"{path}: {path.suffix or 'a name without a suffix'} cannot be written",
                "use " + ", ".join(_FORMATS),
            )
        if path.is_dir():
            raise UsageError(f"{path}: a folder has this name", "give the file another name")
        if not 0.001 <= rate <= 1000:
            raise UsageError(f"{rate:g} frames per second cannot be written", "give a number such as 25")
        self.path = path
        self.width, self.height, self.rate = width, height, rate
        self.notes: tuple[str, ...] = ()
        self.written = 0
        self._format = _FORMATS[path.suffix.lower()]
        self._sound_from = sound_from
        self._start = start_seconds
        self._first: float | None = None  # the time of the first frame
        self._tick = -self._format.shortest
        if self._format is _GIF and rate > _GIF.clock / _GIF.shortest:
            self._note("GIF shows at most 50 frames per second: this one plays slower")

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack, self._complaining():
            self._temporary = stack.enter_context(replacing(self.path))
            sound = self._open_sound()
            if sound:
                stack.enter_context(sound.container)
            self._open(sound)
            stack.callback(self._let_go)
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._complaining():
            self._stack.__exit__(kind, error, trace)

    def write(self, pixels: np.ndarray, seconds: float | None = None) -> None:
        """Add a frame.

        Args:
            pixels: uint8 RGB, ``(height, width, 3)``.
            seconds: when it is shown, on the clock of ``sound_from``; the first frame becomes the beginning.
                Without it frames follow at ``rate``.  Give all of them a time, or none.

        Raises:
            UserError: the file cannot be written (disk full).
        """
        if pixels.shape != (self.height, self.width, 3) or pixels.dtype != np.uint8:
            expected = f"expected uint8 of shape {(self.height, self.width, 3)}"
            raise ValueError(f"{expected}, received {pixels.dtype} of shape {pixels.shape}")
        if self._first is None:
            self._first = 0.0 if seconds is None else seconds
            if self._sound:
                self._sound.begin(self._start if seconds is None else seconds)
        seconds = self.written / self.rate if seconds is None else seconds
        tick = round((seconds - self._first) * self._format.clock)
        self._tick = max(tick, self._tick + self._format.shortest)  # times that stand still are no video
        frame = self._frame(pixels)
        frame.pts = self._tick
        frame.duration = self._lasting
        frame.time_base = Fraction(1, self._format.clock)
        with self._complaining():
            self._container.mux(self._video.encode(frame))
            self._copy_sound(self._tick)
        self.written += 1

    def _open(self, sound: Sound | None) -> None:
        """Open the file and write its header."""
        self._container = av.open(f"file:{self._temporary}", "w", options=self._format.file_options)
        encoder = next(filter(_available, self._format.encoders))
        if encoder != self._format.encoders[0]:
            self._note(f"written by {encoder}: this FFmpeg has no {self._format.encoders[0]}")
        rate = Fraction(self.rate).limit_denominator(1001)
        video = self._container.add_stream(encoder, rate=rate, options=_ENCODER_OPTIONS.get(encoder, {}))
        assert isinstance(video, av.VideoStream)
        self._grown = self._format.even and (self.width % 2 or self.height % 2)
        video.width = self.width + self.width % 2 * self._format.even
        video.height = self.height + self.height % 2 * self._format.even
        video.pix_fmt = self._format.pixels
        context = video.codec_context
        context.bit_rate = 0  # the quality is given, not the size
        context.time_base = video.time_base = Fraction(1, self._format.clock)
        if self._format.pixels == "yuv420p":
            context.colorspace, context.color_range = _MATRIX_BT601, _LIMITED_RANGE
            context.color_trc, context.color_primaries = _TRANSFER_BT709, _PRIMARIES_BT709
        self._video = video
        self._lasting = max(round(self._format.clock / self.rate), self._format.shortest)
        if sound and sound.codec not in self._format.sound:
            self._note(f"without sound: {self.path.suffix} cannot hold {sound.codec}")
            sound = None
        self._sound = sound
        self._copy = self._container.add_stream_from_template(sound.stream) if sound else None
        self._container.start_encoding()

    def _open_sound(self) -> Sound | None:
        if not self._sound_from or self._sound_from.is_dir():
            return None
        try:
            return Sound.of(self._sound_from)
        except (av.FFmpegError, OSError):
            self._note(f"without sound: {self._sound_from} cannot be read")
            return None

    def _frame(self, pixels: np.ndarray) -> av.VideoFrame:
        if self._format.pixels == "pal8":
            return _with_palette(pixels)
        edges = ((0, self._video.height - self.height), (0, self._video.width - self.width), (0, 0))
        frame = av.VideoFrame.from_ndarray(np.pad(pixels, edges, "edge") if self._grown else pixels, "rgb24")
        return frame.reformat(format=self._format.pixels, dst_colorspace="ITU601", threads=1)

    def _copy_sound(self, tick: int) -> None:
        """Copy the sound up to a time, so that sound and picture lie side by side in the file."""
        if not self._sound:
            return
        for packet in self._sound.until(tick / self._format.clock):
            packet.stream = self._copy
            self._container.mux(packet)

    def _finish(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file and look whether it has what was written."""
        if kind is not None:
            return
        if not self.written:
            raise UserError(f"{self.path}: not written, for there was no frame", "give a longer video")
        with self._complaining():
            self._container.mux(self._video.encode(None))
            self._copy_sound(self._tick + self._lasting)
            self._container.close()
            kept = _count_frames(self._temporary)
        if kept != self.written:
            problem = f"{self.path}: only {kept} of {self.written} frames came to be in the file"
            raise UserError(problem, "check the room on the disk")

    def _let_go(self) -> None:
        with suppress(av.FFmpegError, OSError):
            self._container.close()

    def _note(self, note: str) -> None:
        self.notes += (note,)

    @contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            problem = f"{self.path}: cannot be written ({error.strerror or type(error).__name__})"
            raise UserError(problem, "check the folder's rights and the room on the disk") from error


def _available(encoder: str) -> bool:
    try:
        av.codec.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _count_frames(path: Path) -> int:
    with av.open(f"file:{path}", "r") as container:
        return sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))


def _with_palette(pixels: np.ndarray) -> av.VideoFrame:
    """Return the frame in its own 256 best colours."""
    image = Image.fromarray(pixels).quantize(256)
    colours = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    palette = np.full((256, 4), 255, np.uint8)  # alpha, red, green, blue
    palette[: len(colours), 1:] = colours
    both: Any = (np.asarray(image), palette)  # which PyAV's annotations do not know of
    return av.VideoFrame.from_ndarray(both, format="pal8")
