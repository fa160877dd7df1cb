"""``style run`` on a video: frame by frame, each begun from the one before."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from apps.style.easel import Easel, Sitting
from apps.style.options import StyleOptions
from apps.style.pictures import SHORTEST, brought_to, finished, regions_of
from apps.style.steadiness import Steadiness
from common.console import Advance
from common.data.video import VideoWriter, open_video
from common.errors import InputError, Interrupted, UserError

__all__ = ["paint_video"]


def paint_video(
    easel: Easel, options: StyleOptions, path: Path, *, progress: Advance
) -> tuple[tuple[int, int], float, tuple[str, ...]]:
    """Paint a video, with its times and its sound; return (width, height), seconds and notes.

    Args:
        easel: paints.
        options: what was asked for; ``content`` is the video.
        path: of the result.
        progress: called with (frames done, frames or 0, remark).

    Raises:
        InputError: no video, or frames too small.
        UserError: the video is damaged; what could be read is written.
        Interrupted: by Ctrl-C; the frames so far are written.
    """
    started, stopped, done = time.monotonic(), False, 0
    with open_video(Path(options.content)) as reader:
        if min(reader.width, reader.height) < SHORTEST:
            raise InputError(f"{options.content}: {reader.width}x{reader.height} is too small to be painted")
        first = np.empty((reader.height, reader.width, 3), np.float32)
        longer, said = easel.size_for(options.size, first)
        height, width = brought_to(first, longer).shape[:2]
        regions = regions_of(options.mask, max(1, len(options.styles)), (height, width))
        steadiness = Steadiness()
        with VideoWriter(path, width, height, reader.rate, sound_from=Path(options.content)) as writer:
            try:
                for frame in reader:
                    content = brought_to(frame.pixels.astype(np.float32) / 255, longer)
                    carried = steadiness.carried(content)
                    begun, holds = carried if carried else (None, None)
                    painted = easel.paint(content, regions, Sitting(begun=begun, steady=holds, hurried=True))
                    if painted.stopped:
                        raise KeyboardInterrupt
                    steadiness.keep(content, painted.picture)
                    picture = finished(painted.picture, content, regions, options.preserve_color)
                    writer.write(np.rint(picture * 255).astype(np.uint8), frame.seconds)
                    done += 1
                    rate = done / (time.monotonic() - started)
                    progress(done, reader.frames or 0, f"{rate:.2g} frames/s")
            except KeyboardInterrupt:
                stopped = True
                if not done:
                    raise
        notes = (*reader.notes, *writer.notes, *said)
        if stopped:
            raise Interrupted(f"stopped; {path} holds {done} frames", "the same command starts it anew")
        if reader.damage:
            raise UserError(f"{options.content}: {reader.damage}", f"{path} holds what could be read")
    return (width, height), time.monotonic() - started, notes
