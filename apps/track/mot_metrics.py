"""How well objects were followed: HOTA, CLEAR MOT and identity figures, computed by TrackEval.

TrackEval (MIT) is the MOTChallenge's own; its metrics take arrays, so nothing but the overlap of the boxes is computed
here.  HOTA counts finding an object and keeping its id alike; MOTA is mostly about finding; IDF1 about keeping.

Reference:
    Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021;
    Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008;
    Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016 (IDF1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from apps.track.mot_files import Tracks
from common import boxes

__all__ = ["TrackingScores", "combined", "evaluate"]

OVERLAP = 0.5  # intersection over union from which a box counts as found, for CLEAR MOT and identity


@dataclass(frozen=True)
class TrackingScores:
    """Figures of one or more sequences; shares in [0, 1], MOTA may fall below 0.

    Args:
        hota, detection, association: HOTA and the two factors whose geometric mean it is (DetA, AssA), means over
            overlaps of 0.05 to 0.95.
        mota: 1 - (misses + false positives + id switches) / objects.
        motp: mean overlap of what was found.
        idf1, id_precision, id_recall: of boxes under the one id that fits the object best.
        recall, precision: of boxes, whatever their id.
        objects, boxes: true ones.
        misses, false_positives: boxes.
        id_switches: how often an object goes on under another id.
        fragmentations: how often an object is found again after a gap.
        mostly_tracked, mostly_lost: objects found in more than 80 %, less than 20 % of their frames.
    """

    hota: float
    detection: float
    association: float
    mota: float
    motp: float
    idf1: float
    id_precision: float
    id_recall: float
    recall: float
    precision: float
    objects: int
    boxes: int
    misses: int
    false_positives: int
    id_switches: int
    fragmentations: int
    mostly_tracked: int
    mostly_lost: int

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def evaluate(truth: Tracks, found: Tracks) -> TrackingScores:
    """Score a tracker's output for one sequence.

    A frame without true objects is scored too: what is found there is false.  Positions between the two tables are
    compared by intersection over union.
    """
    return combined([(truth, found)])


def combined(sequences: Iterable[tuple[Tracks, Tracks]]) -> TrackingScores:
    """Score several sequences as one: counts are added, not shares averaged.

    Args:
        sequences: (truth, found) of each.
    """
    from trackeval.metrics import CLEAR, HOTA, Identity

    quiet = {"THRESHOLD": OVERLAP, "PRINT_CONFIG": False}
    data = [_as_trackeval(truth, found) for truth, found in sequences]
    hota, clear, identity = (_scored(metric, data) for metric in (HOTA(), CLEAR(quiet), Identity(quiet)))
    return TrackingScores(
        hota=float(hota["HOTA"].mean()),
        detection=float(hota["DetA"].mean()),
        association=float(hota["AssA"].mean()),
        mota=float(clear["MOTA"]),
        motp=float(clear["MOTP"]),
        idf1=float(identity["IDF1"]),
        id_precision=float(identity["IDP"]),
        id_recall=float(identity["IDR"]),
        recall=float(clear["CLR_Re"]),
        precision=float(clear["CLR_Pr"]),
        objects=sum(one["num_gt_ids"] for one in data),
        boxes=sum(one["num_gt_dets"] for one in data),
        misses=int(clear["CLR_FN"]),
        false_positives=int(clear["CLR_FP"]),
        id_switches=int(clear["IDSW"]),
        fragmentations=int(clear["Frag"]),
        mostly_tracked=int(clear["MT"]),
        mostly_lost=int(clear["ML"]),
    )


def _scored(metric: Any, data: Sequence[dict]) -> dict:
    return metric.combine_sequences({str(row): metric.eval_sequence(one) for row, one in enumerate(data)})


def _as_trackeval(truth: Tracks, found: Tracks) -> dict:
    """Return a sequence as TrackEval's metrics take it: ids from 0 without gaps, overlaps frame by frame."""
    true_ids, true_numbers = np.unique(truth.id, return_inverse=True)
    found_ids, found_numbers = np.unique(found.id, return_inverse=True)
    frames = np.union1d(truth.frame, found.frame)
    starts = [(np.searchsorted(table.frame, frames), np.searchsorted(table.frame, frames, "right"))
              for table in (truth, found)]  # fmt: skip
    rows = [[slice(*ends) for ends in zip(*edges, strict=True)] for edges in starts]
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(found_ids),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(found),
        "gt_ids": [true_numbers[part] for part in rows[0]],
        "tracker_ids": [found_numbers[part] for part in rows[1]],
        "similarity_scores": [
            boxes.iou_matrix(truth.boxes[true], found.boxes[seen]) for true, seen in zip(*rows, strict=True)
        ],
    }
