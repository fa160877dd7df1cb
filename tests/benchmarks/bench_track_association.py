"""Association of given detections: frames a second for 20 objects, and figures beside SORT, ByteTrack and others.

    TRACKERS_PYTHON=.venv-trackers/bin/python python -m tests.benchmarks.bench_track_association   (3 minutes)

The sequences lie in ``../shared/data/mot`` beside the checkout, or where ``--data`` says.  The interpreter of
``TRACKERS_PYTHON`` has the package ``trackers``; without it, its rows are left out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from apps.track.association import MultiObjectTracker
from apps.track.detection import Detections
from apps.track.mot_files import Tracks, interpolated, read_detections, read_ground_truth
from apps.track.mot_metrics import TrackingScores, evaluate
from common.boxes import corners, from_corners
from tests.benchmarks.peer import Peer
from tests.benchmarks.published_trackers import ByteTrack, Sort
from tests.benchmarks.results import alternate, conditions, publish, spread, table

DATA = Path(__file__).parents[3] / "shared" / "data" / "mot"
SEQUENCES = {
    "TUD-Campus, Faster R-CNN": "TUD-Campus/det/det.txt",
    "TUD-Campus, ACF": "TUD-Campus/det/det_acf.txt",
    "PETS-S3-MF1": "PETS-S3-MF1/det/det.txt",
}
PEERS = ("SORTTracker", "ByteTrackTracker", "OCSORTTracker", "BoTSORTTracker")
PEER_SCRIPT = Path(__file__).with_name("trackers_peer.py")
OBJECTS, FRAMES, GAP, LOOKS = 20, 600, 20, 256

Contender = Callable[[Tracks], tuple[Tracks, float]]  # detections -> tracks and the seconds they took


@dataclass(frozen=True)
class Walk:
    """Walkers on a square, and what a detector makes of them."""

    detections: Tracks
    looks: list[np.ndarray]


def walkers(seed: int = 0) -> Walk:
    """Draw people who bounce off the walls: 5 % missed, a false box a frame, boxes off by 3 % of their size."""
    draw = np.random.default_rng(seed)
    place, speed = draw.uniform([0, 0], [1800, 900], (OBJECTS, 2)), draw.normal(0, 4, (OBJECTS, 2))
    size = draw.uniform(40, 80, (OBJECTS, 1)) * [1, 2.4]
    faces = draw.normal(size=(OBJECTS, LOOKS))
    frames, boxes, sure, looks = [], [], [], []
    for frame in range(FRAMES):
        place = place + speed
        speed = np.where((place < 0) | (place > [1920, 1000]), -speed, speed)
        seen = draw.random(OBJECTS) > 0.05
        off = draw.normal(0, 0.03, (OBJECTS, 4)) * np.tile(size, 2)
        true = (np.concatenate([place - size / 2, size], axis=1) + off)[seen]
        false = draw.uniform([0, 0, 40, 40], [1800, 900, 160, 160], (draw.poisson(1), 4))
        boxes += [true, false]
        sure += [np.clip(draw.normal(0.8, 0.15, len(true)), 0.05, 1), draw.uniform(0.1, 0.6, len(false))]
        frames += [frame] * (len(true) + len(false))
        own = faces[seen] + draw.normal(0, 0.6, (len(true), LOOKS))
        looks.append(np.concatenate([own, draw.normal(size=(len(false), LOOKS))]))
    unknown = np.full(len(frames), -1)
    return Walk(Tracks(np.array(frames), unknown, np.concatenate(boxes), np.concatenate(sure)), looks)


def ours(found: Tracks, looks: list[np.ndarray] | None = None) -> tuple[Tracks, float]:
    """Track with this project's association, first frames in hindsight."""
    last = int(found.frame.max())
    parts = [found.in_frame(frame) for frame in range(last + 1)]
    frames = [
        Detections(one.boxes.astype(np.float32), one.confidence.astype(np.float32), ("person",) * len(one))
        for one in parts
    ]
    tracker, rows = MultiObjectTracker(), []
    start = time.perf_counter()
    seen = [
        tracker.update(one, embeddings=None if looks is None else looks[frame])
        for frame, one in enumerate(frames)
    ]
    seconds = time.perf_counter() - start
    for frame, tracks in enumerate(seen):
        for track in tracks:
            rows += [(int(then), track.id, box) for then, box, _ in track.earlier]
            rows += [(frame, track.id, track.box)] if track.state != "lost" else []
    return _tracks(rows), seconds


def published(make: Callable[[], Sort | ByteTrack]) -> Contender:
    """Track with one of the published methods."""

    def track(found: Tracks) -> tuple[Tracks, float]:
        tracker, rows = make(), []
        start = time.perf_counter()
        for frame in range(int(found.frame.max()) + 1):
            one = found.in_frame(frame)
            rows += [(frame, number, box) for number, box in tracker(one.boxes, one.confidence)]
        return _tracks(rows), time.perf_counter() - start

    return track


def packaged(peer: Peer, name: str, folder: Path) -> Contender:
    """Track with a tracker of the package ``trackers``, in its own interpreter."""

    def track(found: Tracks) -> tuple[Tracks, float]:
        path = folder / "detections.npz"
        np.savez(path, frame=found.frame, boxes=corners(found.boxes), confidence=found.confidence)
        answer = peer.ask(what="track", tracker=name, detections=str(path))
        rows = [(int(frame), int(number), from_corners(box)) for frame, number, *box in answer["rows"]]
        return _tracks(rows), answer["seconds"]

    return track


def disturbed(found: Tracks, seed: int) -> Tracks:
    """Return detections of which 5 % are missing and the rest are off by 2 % of their size."""
    draw = np.random.default_rng(seed)
    some = found.take(draw.random(len(found)) > 0.05)
    off = draw.normal(0, 0.02, some.boxes.shape) * some.boxes[:, [2, 3, 2, 3]]
    return Tracks(some.frame, some.id, some.boxes + off, some.confidence)


def figures_of(contenders: Mapping[str, Contender], data: Path, copies: int) -> tuple[str, str]:
    """Return two tables: figures on the detections as they are, and means over disturbed copies."""
    plain, means = [], []
    for name, path in SEQUENCES.items():
        truth = read_ground_truth(data / path.split("/")[0] / "gt/gt.txt")
        found = read_detections(data / path)
        for contender, track in contenders.items():
            plain.append((name, contender, *_cells([evaluate(truth, track(found)[0])])))
            scores = [evaluate(truth, track(disturbed(found, seed))[0]) for seed in range(1, copies + 1)]
            means.append((name, contender, *_cells(scores)))
    head = ("detections", "tracker", "HOTA", "MOTA", "IDF1", "id switches", "recall", "precision")
    return table(head, plain), table(head, means)


def _cells(scores: list[TrackingScores]) -> list[str]:
    def share(name: str) -> str:
        return f"{100 * mean(getattr(one, name) for one in scores):.1f}"

    switches = mean(one.id_switches for one in scores)
    counted = f"{switches:.0f}" if len(scores) == 1 else f"{switches:.1f}"
    return [share("hota"), share("mota"), share("idf1"), counted, share("recall"), share("precision")]


def _tracks(rows: list[tuple[int, int, np.ndarray]]) -> Tracks:
    return Tracks.of([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def main() -> None:
    """Measure, print, and keep the section ``track-association``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=24, help="disturbed copies of each set of detections")
    options = parser.parse_args()
    python = Path(os.environ.get("TRACKERS_PYTHON", ".venv-trackers/bin/python"))
    walk = walkers()
    with (
        tempfile.TemporaryDirectory() as folder,
        Peer(python, PEER_SCRIPT) if python.exists() else nullcontext() as peer,
    ):
        others = {f"`trackers` {name}": packaged(peer, name, Path(folder)) for name in PEERS} if peer else {}
        versions = {"trackers": peer.ask(what="about")["version"]} if peer else {}

        def rate(track: Callable[[Tracks], tuple[Tracks, float]]) -> Callable[[], float]:
            return lambda: FRAMES / track(walk.detections)[1]

        rates = alternate(
            {
                "cnnapps": rate(ours),
                f"cnnapps, embeddings of {LOOKS}": rate(lambda found: ours(found, walk.looks)),
                **{name: rate(track) for name, track in others.items()},
            },
            options.rounds,
        )
        contenders: dict[str, Contender] = {
            "cnnapps": ours,
            f"cnnapps, gaps up to {GAP} filled": lambda found: (interpolated(ours(found)[0], GAP), 0.0),
            "SORT, as published": published(Sort),
            "SORT, kept for 30 frames": published(lambda: Sort(max_age=30)),
            "ByteTrack, as published": published(ByteTrack),
            **others,
        }
        plain, means = figures_of(contenders, options.data, options.copies)
    text = (
        "## Association of given detections, multi-object tracking\n\n"
        f"`tests/benchmarks/bench_track_association.py`: {OBJECTS} walkers, {FRAMES} frames, 5 % missed, one false box "
        f"a frame; median of {options.rounds} alternated measurements (lowest to highest).  BoxMOT reports 1,265 "
        "frames a second for its ByteTrack.\n\n"
        + table(("tracker", "frames a second"), [(name, spread(figures)) for name, figures in rates.items()])
        + "\n\nFigures by TrackEval, in per cent, on the public detections with each tracker's own defaults.  SORT and "
        "ByteTrack are `published_trackers.py`, which repeats the authors' programs box by box; SORT's published "
        "figures on the first rows are MOTA 62.7, 6 id switches.  Ours were chosen on these sequences: the fit and the "
        "second stage by the means below, how ACF's scores become probabilities by its own figures.\n\n"
        + plain
        + "\n\nThe sequences are short, and one box more or less moves id switches by several.  Means over "
        f"{options.copies} copies of which 5 % of the detections were left out and the rest moved by 2 % of their "
        "size:\n\n" + means + f"\n\n{conditions(('numpy', 'scipy', 'trackeval'), versions)}"
    )
    publish("track-association", text, options.rounds)


if __name__ == "__main__":
    main()
