"""Frames on a display, and boxes drawn there with the mouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from apps.track.running import source_of
from common.data.video import open_video
from common.errors import UserError

__all__ = ["Display", "selected_boxes"]

_QUIT = (ord("q"), 27)  # q, escape


class Display:
    """A window; a context manager that gives what shows a frame in it.

    Args:
        title: of the window.
    """

    def __init__(self, title: str) -> None:
        self.title = title

    def __enter__(self) -> Display:
        with _display():
            cv2.namedWindow(self.title, cv2.WINDOW_NORMAL)
        return self

    def __exit__(self, *exception: object) -> None:
        cv2.destroyAllWindows()

    def __call__(self, pixels: np.ndarray) -> bool:
        """Show a frame ``(height, width, 3)`` RGB; return False when q or escape was pressed."""
        cv2.imshow(self.title, pixels[..., ::-1])
        return cv2.waitKey(1) & 0xFF not in _QUIT


def selected_boxes(video: str, at: float) -> list[tuple[float, float, float, float]]:
    """Let a person draw boxes on the frame at ``at`` seconds; return x, y, width, height of each.

    Raises:
        UserError: no display, or no box was drawn.
        InputError: the video cannot be read.
    """
    with open_video(source_of(video), start_seconds=at) as reader:
        frame = next(iter(reader))
    with _display():
        drawn = cv2.selectROIs("draw a box, press space; escape ends", frame.pixels[..., ::-1])
        cv2.destroyAllWindows()
    if not len(drawn):
        raise UserError("no box was drawn", "or give one with --box x,y,width,height")
    return [tuple(float(v) for v in box) for box in drawn]  # type: ignore[misc]


@contextmanager
def _display() -> Iterator[None]:
    try:
        yield
    except cv2.error as error:
        raise UserError("there is no display to show frames on", "leave --show and --select out") from error
