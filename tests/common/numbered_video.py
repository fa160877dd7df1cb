"""Videos whose frames tell their numbers."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from common.data.video import open_video

__all__ = ["HEIGHT", "WIDTH", "number_of", "numbers", "picture", "read", "render"]

WIDTH, HEIGHT = 80, 48


def picture(number, width=WIDTH, height=HEIGHT):
    """A frame that tells its number (8 bits, black and white, in the upper half) and which side is up."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for bit in range(8):
        columns = slice(bit * width // 8, (bit + 1) * width // 8)
        pixels[: height // 2, columns] = 255 * (number >> bit & 1)
    pixels[height // 2 :, : width // 2] = (220, 40, 40)
    pixels[height // 2 :, width // 2 :] = (40, 60, 200)
    return pixels


def number_of(pixels):
    height, width = pixels.shape[:2]
    return sum(int(pixels[height // 4, (2 * bit + 1) * width // 16, 1] > 127) << bit for bit in range(8))


def render(
    path,
    *,
    frames=60,
    codec="libx264",
    pixels="yuv420p",
    size=(WIDTH, HEIGHT),
    times=None,
    noise=0,
    **options,
):
    """Write a video with PyAV alone: 25 frames per second, or at ``times`` in milliseconds."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.codec_context.gop_size = 12
        if times is not None:
            stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for number in range(frames):
            drawn = picture(number, *size)
            dirt = random.integers(0, noise + 1, drawn.shape) * (drawn == 0)
            frame = av.VideoFrame.from_ndarray((drawn + dirt).astype(np.uint8), "rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[number], stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(source, **options):
    with open_video(source, **options) as video:
        return list(video), video


def numbers(frames):
    return [number_of(frame.pixels) for frame in frames]
