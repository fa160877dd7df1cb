"""The sound of a video file, copied into another one as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
from av.audio.stream import AudioStream

__all__ = ["Sound"]


class Sound:
    """The sound of a file, packet by packet, not decoded."""

    def __init__(self, container: av.container.InputContainer, stream: AudioStream, origin: float) -> None:
        self.container = container
        self.stream = stream
        self.codec = stream.codec_context.codec.canonical_name
        self._origin = origin
        self._next: av.Packet | None = None
        self._packets: Iterator[av.Packet] = iter(())

    @classmethod
    def of(cls, path: Path) -> Sound | None:
        """Open a file; return None if it has no sound."""
        container = av.open(f"file:{path}", "r", metadata_errors="replace")
        sound = container.streams.best("audio")
        if not isinstance(sound, AudioStream) or sound.codec_context is None:
            container.close()
            return None
        first = container.streams.best("video") or sound
        return cls(container, sound, (first.start_time or 0) * float(first.time_base or 0))

    def begin(self, seconds: float) -> None:
        """Go to where the first frame belongs, in seconds after the first frame of the file."""
        zero = self._origin + seconds
        if seconds > 0:
            with suppress(av.FFmpegError):
                self.container.seek(int(max(0.0, zero - 1) * av.time_base))
        self._packets = self._shifted(zero)
        self._next = next(self._packets, None)

    def until(self, seconds: float) -> Iterator[av.Packet]:
        """Yield the packets that begin before a time, counted from the first frame."""
        while self._next is not None and (self._next.pts or 0) * float(self._next.time_base) < seconds:
            yield self._next
            self._next = next(self._packets, None)

    def _shifted(self, zero: float) -> Iterator[av.Packet]:
        with suppress(av.FFmpegError):  # a damaged file: the sound ends there
            for packet in self.container.demux(self.stream):
                if packet.pts is None or packet.dts is None or not packet.size:
                    continue
                shift = round(zero / float(packet.time_base))
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                if packet.pts >= 0:
                    yield packet
