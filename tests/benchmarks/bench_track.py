"""How well and how fast a given object is followed, beside OpenCV's trackers in the same run.

    python -m tests.benchmarks.bench_track [--data ../shared/data/tracking] [--model track/siamese] [--folds MODEL …]

Sequences are given to each tracker in turn, one pass from the first box on; speed is of the updates alone.  A model
that has seen a sequence in training says nothing about it: with ``--folds`` each sequence is followed by the model
that names it in its card as left out.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from apps.track.evaluation import Evaluation, Trace, evaluate_sequences
from apps.track.following import Follower
from apps.track.options import SHIPPED
from apps.track.prediction import open_network
from apps.track.sequences import Sequence, find_sequences
from apps.track.speed import places, rate
from common import artifact
from common.devices import one_blas_thread
from tests.benchmarks.peer import Peer
from tests.benchmarks.results import conditions, publish, table

SHARED = Path(__file__).parents[3] / "shared" / "data"
PEERS = ("NanoTrack v2", "CSRT", "KCF")
CLIP = Path(__file__).parents[2] / "data" / "samples" / "moving_objects.mp4"
OBJECTS = (1, 10)
LONG = 20_000  # frames


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "tracking")
    parser.add_argument("--model", default=SHIPPED)
    parser.add_argument("--folds", nargs="*", default=[])
    asked = parser.parse_args()
    python = Path(os.environ.get("OPENCV_PYTHON", ".venv-opencv/bin/python"))
    if not python.exists():
        sys.exit(f"no {python}: make bench-track installs it, or set OPENCV_PYTHON")
    os.environ.setdefault("NANOTRACK", str(SHARED / "weights" / "nanotrack_v2"))
    sequences = find_sequences(asked.data)
    traces: dict[str, list[Trace]] = {name: [] for name in ("ours", *PEERS)}
    absences = []
    with Peer(python, Path(__file__).with_name("opencv_trackers.py")) as peer:
        for number, sequence in enumerate(sequences):
            model = _judge(sequence, asked.model, asked.folds)
            other = sequences[(number + 1) % len(sequences)]
            found = evaluate_sequences([sequence], model, hide=True, others=[other])
            traces["ours"] += found.traces
            absences += found.absences
            for name in PEERS:
                traces[name].append(_peer_trace(peer, name, sequence))
            print(
                sequence.name,
                {name: f"{several[-1].figures.auc:.3f}" for name, several in traces.items()},
                flush=True,
            )
    hidden = Evaluation(asked.model, tuple(traces["ours"]), tuple(absences))
    publish("tracking one object", _report(traces, hidden))
    publish("tracking given objects: load", _load(asked.model, sequences))


def _judge(sequence: Sequence, model: str, folds: list[str]) -> str:
    """Return the model that did not learn from a sequence."""
    for fold in folds:
        if sequence.name in artifact.read_card(artifact.resolve(fold)).data["left out"]:
            return fold
    return model


def _peer_trace(peer: Peer, name: str, sequence: Sequence) -> Trace:
    answer = peer.ask(tracker=name, files=[str(file) for file in sequence.files], box=list(sequence.boxes[0]))
    boxes = np.array([box or [np.nan] * 4 for box in answer["boxes"]])
    return Trace(sequence.name, boxes, sequence.boxes, np.ones(len(boxes)), answer["seconds"])


def _report(traces: dict[str, list[Trace]], hidden: Evaluation) -> str:
    rows = [
        (sequence[0].name, *(f"{trace.figures.auc:.3f}" for trace in sequence))
        for sequence in zip(*traces.values(), strict=True)
    ]
    evaluations = {name: Evaluation(name, tuple(several)) for name, several in traces.items()}
    for figure, said in (("auc", "**mean AUC**"), ("precision", "mean precision at 20 px")):
        rows.append((said, *(f"{one.mean(figure):.3f}" for one in evaluations.values())))
    rows.append(("frames/s", *(f"{one.rate:.0f}" for one in evaluations.values())))
    return (
        "## Tracking one object\n\n"
        "`tests/benchmarks/bench_track.py`: success AUC, one pass from the first box on; each sequence followed by a "
        "network that did not learn from it; `FollowSettings` were chosen on these sequences.\n\n"
        + table(("sequence", *traces), rows)
        + f"\n\nWith the object taken away for up to 60 frames ({len(hidden.absences)} sequences: painted over, "
        f"covered, cut to another scene): a box in {hidden.followed_absent:.1%} of the frames without it, found again "
        f"within 10 frames after {hidden.found_again:.0%} of the returns.\n\n"
        + conditions(("tensorflow", "ai-edge-litert", "opencv-python"))
    )


def _load(model: str, sequences: list[Sequence]) -> str:
    """Return the section on several objects, memory and the start."""
    rows = [
        (
            sequence.name,
            "×".join(str(side) for side in sequence.frame(0).shape[1::-1]),
            *_rates(model, sequence),
        )
        for sequence in sequences[:4]
    ]
    early, late, speed = _long(model, sequences[0])
    return (
        "## Several objects, long videos, the start\n\n"
        "`tests/benchmarks/bench_track.py`: the given object and nine pieces of the scene at once, some of which are "
        "lost on the way; frames/s of the updates alone.\n\n"
        + table(("sequence", "pixels", *(f"{count} at once" for count in OBJECTS)), rows)
        + f"\n\n{LONG:,} frames of {sequences[0].name}, forth and back: {speed:.0f} frames/s, resident memory at most "
        f"{early:.0f} MiB up to the 1,000th frame and {late:.0f} MiB up to the last. "
        f"`cnnapps track {CLIP.name} --box … --max-frames 1` as a process of its own, cold: {_cold_start():.1f} s.\n\n"
        + conditions(("ai-edge-litert", "opencv-python"))
    )


def _rates(model: str, sequence: Sequence) -> list[str]:
    """Return the frames/s for each number of objects."""
    frames = [sequence.frame(number) for number in range(min(len(sequence), 100))]
    height, width = frames[0].shape[:2]
    given = sequence.boxes[0]
    boxes = [given, *places((width, height), given[2:])]
    network = open_network(model)
    return [f"{rate(network, frames, boxes[:count]):.0f}" for count in OBJECTS]


def _long(model: str, sequence: Sequence) -> tuple[float, float, float]:
    """Return the most memory in MiB up to the 1,000th and to the last frame, and the frames/s."""
    frames = [sequence.frame(number) for number in range(min(len(sequence), 100))]
    forth_and_back = [*frames, *frames[-2:0:-1]]
    early, started = 0.0, time.perf_counter()
    with one_blas_thread():
        follower = Follower(open_network(model), frames[0], [sequence.boxes[0]])
        for number in range(1, LONG):
            follower.update(forth_and_back[number % len(forth_and_back)])
            if number == 1_000:
                early = _most_memory()
    return early, _most_memory(), LONG / (time.perf_counter() - started)


def _most_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cold_start() -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from apps.main import main; main()", "track", str(CLIP), "--quiet"]
        asked = ["--box", "2,62,56,56", "--max-frames", "1", "--out", f"{folder}/seen.mp4"]
        started = time.perf_counter()
        subprocess.run([*command, *asked], check=True, capture_output=True)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
