"""How well and how fast a given object is followed, beside OpenCV's trackers in the same run.

    python -m tests.benchmarks.bench_track [--data ../shared/data/tracking] [--model track/siamese] [--folds MODEL …]

Sequences are given to each tracker in turn, one pass from the first box on; speed is of the updates alone.  A model
that has seen a sequence in training says nothing about it: with ``--folds`` each sequence is followed by the model
that names it in its card as left out.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from apps.track.evaluation import Evaluation, Trace, evaluate_sequences
from apps.track.options import SHIPPED
from apps.track.sequences import Sequence, find_sequences
from common import artifact
from tests.benchmarks.peer import Peer
from tests.benchmarks.results import conditions, publish, table

SHARED = Path(__file__).parents[3] / "shared" / "data"
PEERS = ("NanoTrack v2", "CSRT", "KCF")


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
            found = evaluate_sequences([sequence, other], model, hide=True)
            traces["ours"].append(found.traces[0])
            absences += [one for one in found.absences if one.name.startswith(f"{sequence.name},")]
            for name in PEERS:
                traces[name].append(_peer_trace(peer, name, sequence))
            print(
                sequence.name,
                {name: f"{several[-1].figures.auc:.3f}" for name, several in traces.items()},
                flush=True,
            )
    hidden = Evaluation(asked.model, tuple(traces["ours"]), tuple(absences))
    publish("tracking one object", _report(traces, hidden))


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


if __name__ == "__main__":
    main()
