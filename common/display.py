"""Frames on a display."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from common.errors import UserError

__all__ = ["Display", "displaying"]

_QUIT = (ord("q"), 27)  # q, escape


class Display:
    """A window; a context manager that gives what shows a frame in it.

    Args:
        title: of the window.
    """

    def __init__(self, title: str) -> None:
        self.title = title

    def __enter__(self) -> Display:
        with displaying():
            cv2.namedWindow(self.title, cv2.WINDOW_NORMAL)
        return self

    def __exit__(self, *exception: object) -> None:
        cv2.destroyAllWindows()

    def __call__(self, pixels: np.ndarray) -> bool:
        """Show a frame ``(height, width, 3)`` RGB; return False when q or escape was pressed."""
        cv2.imshow(self.title, pixels[..., ::-1])
        return cv2.waitKey(1) & 0xFF not in _QUIT


@contextmanager
def displaying() -> Iterator[None]:
    """Turn the complaint of OpenCV that there is no display into a line for people.

    Raises:
        UserError: there is none.
    """
    try:
        yield
    except cv2.error as error:
        raise UserError("there is no display to show frames on", "leave --show and --select out") from error
