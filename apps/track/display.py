"""Boxes drawn on a frame with the mouse."""

from __future__ import annotations

import cv2

from apps.track.running import source_of
from common.data.video import open_video
from common.display import displaying
from common.errors import UserError

__all__ = ["selected_boxes"]


def selected_boxes(video: str, at: float) -> list[tuple[float, float, float, float]]:
    """Let a person draw boxes on the frame at ``at`` seconds; return x, y, width, height of each.

    Raises:
        UserError: no display, or no box was drawn.
        InputError: the video cannot be read.
    """
    with open_video(source_of(video), start_seconds=at) as reader:
        frame = next(iter(reader))
    with displaying():
        drawn = cv2.selectROIs("draw a box, press space; escape ends", frame.pixels[..., ::-1])
        cv2.destroyAllWindows()
    if not len(drawn):
        raise UserError("no box was drawn", "or give one with --box x,y,width,height")
    return [tuple(float(v) for v in box) for box in drawn]  # type: ignore[misc]
