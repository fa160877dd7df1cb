"""How fast pictures and videos are painted, how much memory it takes, and how steady a painted video is.

    python -m tests.benchmarks.bench_style_speed [--frames 60] [--steps]

Whole commands are timed from a cold start, one pass also warm.  Flicker is what is left of the difference of painted
frames that follow each other after the motion of the *original* frames (Farnebäck's, which our own steadiness does not
use) is undone, where the original frames agree: as ``style run`` paints a video, and frame by frame.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from apps.style import StyleOptions
from apps.style.easel import Easel, Sitting, easel_for
from apps.style.pictures import brought_to, read_picture
from apps.style.steadiness import Steadiness, grey, warped
from common.data.video import open_video
from tests.benchmarks.judge import SHARED
from tests.benchmarks.results import ENOUGH_ROUNDS, conditions, publish, spread, table

IMAGES = SHARED / "data" / "images"
CONTENT, STYLE = IMAGES / "content" / "tubingen.jpg", IMAGES / "style" / "van_gogh_starry_night_1889.jpg"
VIDEOS = ("bottle-detection.mp4", "car-detection.mp4", "bikes.mp4")
FRAME = 640, 360
AGREES = 0.06  # of brightness, up to which a point of two frames is the same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=60, help="of each video")
    parser.add_argument("--steps", action="store_true", help="also by steps, which takes minutes")
    asked = parser.parse_args()
    rows = [
        ("one pass, 512 px, warm", spread(_warm(), 2) + " s", ""),
        ("one pass, 512 px, whole command", *_command("--size", "512", "--method", "fast")),
        ("one pass, 3840 px, whole command", *_command("--size", "3840", "--method", "fast")),
    ]
    if asked.steps:
        rows.append(("by steps, 512 px, whole command", *_command("--size", "512", "--method", "optimize")))
    easel = easel_for(StyleOptions("", (str(STYLE),), method="fast"))
    flickers = []
    for name in VIDEOS:
        frames = list(_frames(SHARED / "data" / "video" / name, asked.frames))
        steady, rate = _painted(easel, frames, steady=True)
        alone, _ = _painted(easel, frames, steady=False)
        still, moving, own = (_flicker(frames, those) for those in (steady, alone, frames))
        flickers.append(
            (name, f"{rate:.1f}", f"{own:.4f}", f"{still:.4f}", f"{moving:.4f}", f"{still / moving:.2f}")
        )
    head = f"{asked.frames} frames, {FRAME[0]}x{FRAME[1]}"
    publish(
        "styles-speed",
        "## Styles: time, memory, flicker\n\n`tests/benchmarks/bench_style_speed.py`.\n\n"
        + table(("", "time", "memory, highest"), rows)
        + "\n\n"
        + table(
            (head, "frames/s", "of the video", "of its painting", "painted frame by frame", "ratio"), flickers
        )
        + f"\n\n{conditions(('tensorflow', 'ai-edge-litert'))}",
    )


def _warm() -> list[float]:
    """Return the seconds of one pass over a picture that is read and a style that is known."""
    easel = easel_for(StyleOptions("", (str(STYLE),), method="fast"))
    content = brought_to(read_picture(str(CONTENT))[0], 512)
    seconds = []
    for _ in range(ENOUGH_ROUNDS + 1):
        started = time.perf_counter()
        easel.paint(content, None)
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


def _command(*options: str) -> tuple[str, str]:
    """Return seconds and highest memory of ``style run`` from a cold start."""
    with tempfile.TemporaryDirectory() as folder:
        command = (Path(sys.executable).with_name("cnnapps"), "style", "run", CONTENT, STYLE, *options)
        started = time.perf_counter()
        process = subprocess.Popen(
            (*command, "-o", Path(folder) / "painted.png", "-q"), stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(options)} failed")
    return f"{seconds:.1f} s", f"{used.ru_maxrss / 1e6:.2f} GB"


def _frames(path: Path, count: int) -> Iterator[np.ndarray]:
    """Yield the first frames of a video ``(h, w, 3)`` float32 in [0, 1]."""
    with open_video(path) as reader:
        for number, frame in enumerate(reader):
            if number == count:
                return
            yield cv2.resize(frame.pixels, FRAME, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _painted(easel: Easel, frames: list[np.ndarray], *, steady: bool) -> tuple[list[np.ndarray], float]:
    """Return frames painted, as a video or each for itself, and how many a second."""
    steadiness = Steadiness()
    painted, seconds = [], []
    for frame in frames:
        started = time.perf_counter()
        begun, holds = (steadiness.carried(frame) or (None, None)) if steady else (None, None)
        picture = easel.paint(frame, None, Sitting(begun=begun, steady=holds, hurried=True)).picture
        steadiness.keep(frame, picture)
        painted.append(picture)
        seconds.append(time.perf_counter() - started)
    return painted, 1 / median(seconds)


def _flicker(frames: list[np.ndarray], painted: list[np.ndarray]) -> float:
    """Return the mean difference of painted frames that follow each other, motion undone, where the originals agree."""
    found = []
    for number in range(1, len(frames)):
        flow = cv2.calcOpticalFlowFarneback(  # type: ignore[call-overload]
            grey(frames[number]), grey(frames[number - 1]), None, 0.5, 4, 21, 3, 7, 1.5, 0
        )
        origin, last = (warped(those[number - 1], flow) for those in (frames, painted))
        same = np.abs(frames[number] - origin).mean(axis=-1) < AGREES
        if same.any():
            found.append(np.abs(painted[number] - last).mean(axis=-1)[same].mean())
    return float(np.mean(found))


if __name__ == "__main__":
    main()
