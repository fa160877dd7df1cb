"""How fast pictures and videos are painted, how much memory it takes, and how steady a painted video is.

    python -m tests.benchmarks.bench_style_speed [--frames 60] [--steps]

Whole commands are timed from a cold start, one pass also warm.  Flicker is what is left of the difference of painted
frames that follow each other after the motion of the *original* frames (Farnebäck's, which our own steadiness does not
use) is undone, where the original frames agree: as ``style run`` paints a video, and frame by frame.
"""

from __future__ import annotations

import argparse
import resource
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
from apps.style.steadiness import Steadiness
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
        still, moving = _flicker(frames, steady), _flicker(frames, alone)
        flickers.append((name, f"{rate:.1f}", f"{still:.4f}", f"{moving:.4f}", f"{still / moving:.2f}"))
    head = f"{asked.frames} frames, {FRAME[0]}x{FRAME[1]}"
    publish(
        "styles-speed",
        "## Styles: time, memory, flicker\n\n`tests/benchmarks/bench_style_speed.py`.\n\n"
        + table(("", "time", "memory, highest"), rows)
        + "\n\n"
        + table((head, "frames/s", "flicker", "flicker frame by frame", "ratio"), flickers)
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
    """Return seconds and highest memory of ``style run`` from a cold start.

    The kernel tells the highest memory of all children so far: what takes more must be run later.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = (Path(sys.executable).with_name("cnnapps"), "style", "run", CONTENT, STYLE, *options)
        started = time.perf_counter()
        subprocess.run(
            (*command, "-o", Path(folder) / "painted.png", "-q"), check=True, stdout=subprocess.DEVNULL
        )
        seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return f"{seconds:.1f} s", f"{memory:.2f} GB"


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
    height, width = frames[0].shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    found = []
    for number in range(1, len(frames)):
        now, before = (
            cv2.cvtColor(np.rint(frames[at] * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
            for at in (number, number - 1)
        )
        flow = cv2.calcOpticalFlowFarneback(now, before, None, 0.5, 4, 21, 3, 7, 1.5, 0)  # type: ignore[call-overload]
        places = x + flow[..., 0], y + flow[..., 1]
        origin, last = (cv2.remap(one[number - 1], *places, cv2.INTER_LINEAR) for one in (frames, painted))
        same = np.abs(frames[number] - origin).mean(axis=-1) < AGREES
        if same.any():
            found.append(np.abs(painted[number] - last).mean(axis=-1)[same].mean())
    return float(np.mean(found))


if __name__ == "__main__":
    main()
