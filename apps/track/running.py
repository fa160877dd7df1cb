"""``track``: a video in, a video with boxes and a table of them out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from apps.track.drawing import Painter
from apps.track.formats import FORMATS, VideoFacts
from apps.track.mot_files import Tracks
from apps.track.observations import Observation
from apps.track.options import SHIPPED, RunOptions
from common.boxes import clipped
from common.console import Advance
from common.data.video import Frame, VideoReader, VideoWriter, open_video
from common.devices import one_blas_thread
from common.errors import UsageError

__all__ = ["TrackResult", "TrackedFrame", "observe", "reduced", "scale_of", "source_of", "track"]

REHEARSED = 60  # first frames that a detector sees before the video begins
REHEARSED_BYTES = 200_000_000  # that they may hold
LARGEST_SIDE = 1280  # pixels of a frame that is tracked in; a larger one is made smaller for it


@dataclass(frozen=True)
class TrackedFrame:
    """A frame and what is seen in it.

    Args:
        frame: number, time and pixels.
        observations: of every object that is followed, lost ones too.
        earlier: (frame number, observation) of objects that are believed only now.
    """

    frame: Frame
    observations: list[Observation]
    earlier: list[tuple[int, Observation]]


@dataclass
class TrackResult:
    """What tracking a video gave.

    Args:
        video, table: files written; None for none.
        name: of the source.
        frames: looked at.
        seconds: of looking, drawing and writing.
        objects: by id, in how many frames each was seen and where first and last.
        rows: all boxes.
        states: of each frame its observations, where they were asked for.
        damage: what of the source could not be read, or "".
        interrupted: whether it was stopped by hand.
        notes: what the eye might miss.
        names: of the objects by id, where detector or classifier know them.
    """

    name: str
    video: Path | None = None
    table: Path | None = None
    frames: int = 0
    seconds: float = 0.0
    rows: Tracks = field(default_factory=lambda: Tracks.of([], [], []))
    states: list[dict[str, Any]] = field(default_factory=list)
    damage: str = ""
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    names: dict[int, str] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / max(self.seconds, 1e-9)

    @property
    def objects(self) -> list[dict[str, int | str]]:
        """Of each object its id, first and last frame, the number of frames in which it has a box, and its name."""
        found: list[dict[str, int | str]] = []
        for number in np.unique(self.rows.id).tolist():
            frames = self.rows.frame[self.rows.id == number]
            one = {"id": number, "first": int(frames[0]), "last": int(frames[-1]), "frames": len(frames)}
            found.append(one | ({"label": self.names[number]} if number in self.names else {}))
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "video": str(self.video) if self.video else None,
            "table": str(self.table) if self.table else None,
            "frames": self.frames,
            "frames_per_second": self.rate,
            "objects": self.objects,
            "damage": self.damage or None,
            "notes": list(self.notes),
            "observations": self.states,
        }


def track(
    options: RunOptions,
    *,
    on_frame: Callable[[np.ndarray], bool] | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> TrackResult:
    """Track the objects of a video and write what was found.

    Args:
        options: the source, what to follow and where to write.
        on_frame: shown each drawn frame; returns False to stop.
        progress: called with (frames done, frames or 0 where nobody knows, remark).

    Raises:
        InputError: the source cannot be read.
        ArtifactError: no such model.
        UsageError: a box outside the frame, an unknown detector or format, an output that exists.
    """
    form = FORMATS.get(options.format)
    started = time.perf_counter()
    with open_video(source_of(options.video), start_seconds=options.at) as reader:
        out, table = _outputs(options, form.suffix)
        result = TrackResult(reader.name)
        rows: list[tuple[int, Observation]] = []
        painter = Painter()
        total = min(reader.frames or 0, options.max_frames or reader.frames or 0)
        with ExitStack() as stack:
            stack.enter_context(one_blas_thread())
            writer = stack.enter_context(_writer(options, reader, out)) if out else None
            try:
                for seen in observe(options, reader):
                    result.frames += 1
                    rows += [(seen.frame.number, one) for one in seen.observations if one.state != "lost"]
                    rows += seen.earlier
                    if options.states:
                        result.states.append(_states(seen))
                    if writer or on_frame:
                        drawn = painter.draw(seen.frame.pixels, seen.observations)
                        if writer:
                            writer.write(drawn, seen.frame.seconds)
                        if on_frame and not on_frame(drawn):
                            break
                    rate = result.frames / (time.perf_counter() - started)
                    progress(result.frames, max(total, result.frames) if total else 0, f"{rate:.0f} frames/s")
                    if options.max_frames and result.frames >= options.max_frames:
                        break
            except KeyboardInterrupt:
                result.interrupted = True
                if not result.frames:
                    raise
        result.damage = reader.damage
        result.notes = reader.notes + (writer.notes if writer else ())
        result.names = {one.id: one.label for _, one in rows if one.label}
        facts = VideoFacts(
            Path(reader.name).name, reader.width, reader.height, reader.rate, result.frames, result.names
        )
    result.rows = _table(rows)
    if table:
        form.write(table, result.rows, facts)
    result.video, result.table, result.seconds = out, table, time.perf_counter() - started
    return result


def observe(options: RunOptions, reader: VideoReader) -> Iterator[TrackedFrame]:
    """Yield each frame of a video with what is seen in it; given objects from the first frame on.

    Args:
        options: what to follow, and with what.
        reader: the frames; it holds one at least.

    Raises:
        ArtifactError: no such model.
        UsageError: a box outside the frame, an unknown detector.
    """
    frames = iter(reader)
    first = [next(frames)]
    if not (options.boxes or reader.live):
        first += itertools.islice(frames, min(REHEARSED, REHEARSED_BYTES // first[0].pixels.nbytes))
    scale = scale_of(first[0].pixels)
    follow = _given if options.boxes else _everything
    update = follow(options, [reduced(frame.pixels) for frame in first], scale)
    namer = None
    if options.classify:
        from apps.track.naming import open_namer

        namer = open_namer(options.classify)
    for frame in itertools.chain(first, frames):
        pixels = reduced(frame.pixels)
        observations, earlier = update(pixels, frame.number)
        if namer:
            observations = namer(pixels, observations)
        yield TrackedFrame(
            frame,
            [one.scaled(1 / scale) for one in observations],
            [(number, one.scaled(1 / scale)) for number, one in earlier],
        )


Update = Callable[[np.ndarray, int], tuple[list[Observation], list[tuple[int, Observation]]]]


def _given(options: RunOptions, first: Sequence[np.ndarray], scale: float) -> Update:
    """Return what follows the given objects; their boxes are those of the first frame."""
    from apps.track.camera_motion import CameraMotion
    from apps.track.following import Follower
    from apps.track.prediction import open_network

    boxes = np.array(options.boxes, np.float64) * scale
    height, width = first[0].shape[:2]
    for box, asked in zip(clipped(boxes, width, height), options.boxes, strict=True):
        if min(box[2:]) < 1:
            shown = ",".join(f"{v:g}" for v in asked)
            raise UsageError(
                f"box {shown} does not lie in the frame of {width / scale:.0f}x{height / scale:.0f} pixels",
                "x,y,width,height of the left upper corner, from 0",
            )
    follower = Follower(open_network(options.model or SHIPPED), first[0], boxes)
    camera = CameraMotion()
    begun = False

    def update(pixels: np.ndarray, number: int) -> tuple[list[Observation], list[tuple[int, Observation]]]:
        nonlocal begun
        motion = camera.update(pixels, boxes)
        if not begun:
            begun = True
            return [Observation(n, box, 1.0, "tracked") for n, box in enumerate(boxes, start=1)], []
        return follower.update(pixels, motion.affine, cut_before=motion.cut), []

    return update


def _everything(options: RunOptions, first: Sequence[np.ndarray], scale: float) -> Update:
    """Return what finds and follows all objects."""
    from apps.track.learned_detection import open_detection
    from apps.track.multi_object import AllObjects
    from apps.track.prediction import open_network

    network = open_network(options.model) if options.model else None
    detector = open_detection(options.detector)
    objects = AllObjects(detector, network)
    if detector.rehearses:
        objects.rehearse(first)
    return lambda pixels, number: (objects.update(pixels, number), objects.earlier)


def source_of(text: str) -> str | Path:
    """Return an address or the number of a camera as text, anything else as a path."""
    return text if "://" in text or text.isdigit() else Path(text)


def scale_of(pixels: np.ndarray) -> float:
    """Return by what a frame is scaled for tracking: large ones are reduced, no box needs their detail."""
    return min(1.0, LARGEST_SIDE / max(pixels.shape[:2]))


def reduced(pixels: np.ndarray) -> np.ndarray:
    """Return a frame as it is tracked in."""
    scale = scale_of(pixels)
    if scale == 1:
        return pixels
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _outputs(options: RunOptions, suffix: str) -> tuple[Path | None, Path]:
    """Return the paths of video and table; a name that was not asked for never replaces a file.

    Raises:
        UsageError: a path that was asked for exists.
    """
    if options.out:
        video = Path(options.out)
        if video.exists():
            raise UsageError(f"{video} exists", "choose another --out")
        stem = video.with_name(video.stem.removesuffix(".tracked"))
    else:
        source = source_of(options.video)
        if isinstance(source, Path):
            stem = source if source.is_dir() else source.with_suffix("")
        else:
            stem = Path(f"camera-{source}" if source.isdigit() else "stream")
        number, first = 2, stem
        while any(_beside(stem, ending).exists() for ending in (".tracked.mp4", suffix)):
            stem, number = _beside(first, f"-{number}"), number + 1
        video = _beside(stem, ".tracked.mp4")
    table = _beside(stem, suffix)
    if table.exists():
        raise UsageError(f"{table} exists", "choose another --out")
    return (None if options.no_video else video), table


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _writer(options: RunOptions, reader: VideoReader, out: Path) -> VideoWriter:
    source = source_of(options.video)
    sound = source if isinstance(source, Path) and reader.has_sound else None
    return VideoWriter(
        out, reader.width, reader.height, reader.rate, sound_from=sound, start_seconds=options.at
    )


def _states(seen: TrackedFrame) -> dict[str, Any]:
    return {
        "frame": seen.frame.number,
        "seconds": round(seen.frame.seconds, 4),
        "objects": [one.to_json() for one in seen.observations],
    }


def _table(rows: Sequence[tuple[int, Observation]]) -> Tracks:
    return Tracks.of(
        [number for number, _ in rows],
        [one.id for _, one in rows],
        [one.box for _, one in rows],
        [one.confidence for _, one in rows],
    )
