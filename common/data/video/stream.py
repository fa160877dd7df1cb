"""Video files and addresses, decoded by PyAV (FFmpeg).

What FFmpeg leaves open is settled here: rotation, transparency, time stamps that are missing or wrong, damage, a
file that is cut short.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from common.data.video.sources import ROUNDING, Shown, Source
from common.errors import InputError

__all__ = ["NETWORK_SECONDS", "Stream", "upright"]

NETWORK_SECONDS = 5.0  # how long an address may stay silent

_READABLE = "MP4, MOV, MKV, WebM, AVI, MPEG and GIF can be read"
_NETWORK = "check the address and the network"
_NOT_VIDEO = {"tty"}  # FFmpeg draws any .txt as a terminal's screen


class Stream(Source):
    """A file or an address."""

    def __init__(self, address: str, *, remote: bool) -> None:
        super().__init__(re.sub(r"//[^/@]*@", "//", address) if remote else address)  # without the password
        if not remote:
            _check(Path(address))
        self._container = _connect(self.name, address, remote)
        video = self._container.streams.best("video")
        if not isinstance(video, av.VideoStream) or self._container.format.name in _NOT_VIDEO:
            raise InputError(f"{self.name}: no video in it", _READABLE)
        if video.disposition & Disposition.attached_pic:
            raise InputError(f"{self.name}: no video in it but sound with a cover picture", _READABLE)
        if video.codec_context is None:
            raise InputError(f"{self.name}: no decoder for this kind of video", _READABLE)
        video.codec_context.thread_type = "AUTO"
        self._video = video
        self._tick = float(video.time_base or 0)
        duration = self._container.duration
        self.live = remote and duration is None
        self.has_sound = bool(self._container.streams.audio)
        rate = float(video.average_rate or video.guessed_rate or 0)
        self.rate = rate if 0.01 < rate <= 1000 else 25.0
        length = video.duration * self._tick if video.duration else (duration or 0) / av.time_base
        self.frames = video.frames or round(length * self.rate) or None
        aspect = video.sample_aspect_ratio
        if aspect and aspect != 1:
            self.notes = (f"pixels are not square but {aspect.numerator}:{aspect.denominator}",)

    def close(self) -> None:
        """Close the file or the connection."""
        self._container.close()

    def read(self, start: float) -> Iterator[Shown]:
        """Decode from ``start`` to the end, or to where nothing more can be decoded."""
        pictures = self._pictures()
        first = next(pictures, None)
        if first is None:
            return
        origin = self._clock(first)
        pictures = itertools.chain([first], pictures)
        if start > 0 and origin is not None:
            pictures = self._sought(origin + start, pictures)
        seconds = -1 / self.rate
        for number, picture in enumerate(pictures):
            stamp = self._clock(picture)
            previous, seconds = seconds, math.inf if stamp is None else stamp - (origin or 0.0)
            if not previous < seconds < math.inf:  # no stamp, or a damaged one, or the clock starts anew
                seconds = previous + 1 / self.rate
            if seconds >= start - ROUNDING:
                yield number, seconds, upright(_rgb(picture), _display_matrix(picture))

    def _clock(self, picture: av.VideoFrame) -> float | None:
        """Return the time stamp in seconds of the file's own clock."""
        # AVI knows no presentation times; what FFmpeg makes up for them goes back and forth.
        stamp = picture.dts if self._container.format.name == "avi" else picture.pts
        return None if stamp is None else stamp * self._tick

    def _sought(self, target: float, pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Go on at a key frame before ``target``, or where it is if the file cannot be sought in."""
        # A second early, since the first frames after a key frame may lean on frames before it.
        for early in (1.0, 15.0, math.inf):
            try:
                self._container.seek(int(max(0.0, target - early) * av.time_base))
            except av.FFmpegError:
                return pictures
            self.bad, self.stopped = 0, ""
            pictures = self._pictures()
            first = next(pictures, None)
            if first is not None:
                pictures = itertools.chain([first], pictures)
                if (self._clock(first) or 0.0) <= target:
                    break
        return pictures

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Decode from here to the end whatever can be decoded, and count what cannot."""
        packets, flagged, last_flagged, end = 0, 0, -9, 0.0
        suspect: av.Packet | None = None
        for packet in self._packets():
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != self._video.index or not packet.size:
                continue
            packets += 1
            if suspect is not None:
                yield from self._decoded(suspect)
            suspect = packet if packet.is_corrupt else None
            if suspect is None:
                yield from self._decoded(packet)
            else:
                flagged, last_flagged = flagged + 1, packets
        # A last packet that is cut off (``suspect``) would take good frames out of the decoder's threads with it.
        yield from self._decoded(None)
        self.bad = max(self.bad, flagged)
        # The flag of a cut comes a few packets early where packets are taken apart again (MPEG).
        if not self.stopped and (packets - last_flagged < 3 or self._ends_early(packets, end)):
            self.stopped = "damaged or cut short"

    def _packets(self) -> Iterator[av.Packet]:
        """Read to the end, over damaged places where the container allows it."""
        for _ in range(20):
            try:
                yield from self._container.demux()
                return
            except av.error.InvalidDataError:
                self.bad += 1
            except av.error.ExitError:
                self.stopped = f"nothing came for {NETWORK_SECONDS:g} seconds"
                return
            except av.FFmpegError as error:
                self.stopped = _reason(error)
                return
        self.stopped = "damaged"

    def _decoded(self, packet: av.Packet | None) -> Iterator[av.VideoFrame]:
        """Decode one packet, or with None what the decoder still holds."""
        try:
            frames = self._video.codec_context.decode(packet)
        except av.error.EOFError:
            return
        except av.FFmpegError:
            self.bad += 1
            return
        for frame in frames:
            self.bad += frame.is_corrupt
            yield frame

    def _ends_early(self, packets: int, end: float) -> bool:
        """Tell whether the file's own header promises more; most formats' headers promise nothing."""
        promised, kind = self._video.frames, self._container.format.name
        if packets >= promised > 0:
            return False
        if kind == "avi":  # FFmpeg takes its duration from the length of the file
            length = promised / self.rate
        elif "matroska" in kind or ("mp4" in kind and promised):
            length = ((self._container.start_time or 0) + (self._container.duration or 0)) / av.time_base
        else:
            return False
        return length - end > max(2 / self.rate, 0.2)


def _check(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file or folder", "check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})", "check its permissions") from error
    if empty:
        raise InputError(f"{path}: empty (0 bytes)", "copy or record it again")


def _connect(name: str, address: str, remote: bool) -> av.container.InputContainer:
    options = {"rtsp_flags": "prefer_tcp"} if address.lower().startswith("rtsp") else {}
    timeout = NETWORK_SECONDS if remote else None
    url = address if remote else f"file:{address}"  # else "a:b.mp4" would name a protocol "a"
    try:
        return av.open(url, "r", options=options, timeout=timeout, metadata_errors="replace")
    except av.error.ExitError as error:
        raise InputError(f"{name}: no answer within {NETWORK_SECONDS:g} seconds", _NETWORK) from error
    except av.FFmpegError as error:
        if remote:
            raise InputError(f"{name}: cannot be read ({_reason(error)})", _NETWORK) from error
        with open(address, "rb") as file:
            head = file.read(512)
        if head[4:8] == b"ftyp":
            problem = f"{name}: damaged, its index (moov) is missing, as after a copy that was cut short"
            raise InputError(problem, "copy or record it again") from error
        text = "" if b"\0" in head else " but text"
        raise InputError(f"{name}: not a video{text}", _READABLE) from error


def _reason(error: av.FFmpegError) -> str:
    return error.strerror or type(error).__name__


def _rgb(picture: av.VideoFrame) -> np.ndarray:
    """Return RGB; where the picture is transparent there is white paper, as in ``images``."""
    # One thread: FFmpeg would start new ones for every frame, which takes longer than the work.
    if not any(component.is_alpha for component in picture.format.components):
        return picture.reformat(format="rgb24", threads=1).to_ndarray()
    layer = picture.reformat(format="rgba", threads=1).to_ndarray().astype(np.uint16)
    colour, opacity = layer[..., :3], layer[..., 3:]
    return ((colour * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)


def _display_matrix(picture: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return a, b, c, d: what is stored at (x, y) is shown at (a x + c y, b x + d y), up to a shift."""
    data: Any = picture.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
    return a, b, c, d


def upright(pixels: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Turn by quarters and mirror as a display matrix says (ISO/IEC 14496-12, 8.3.2)."""
    a, b, c, d = matrix
    if abs(b) > abs(a):
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    if a < 0:
        pixels = pixels[:, ::-1]
    if d < 0:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
