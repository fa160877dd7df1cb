"""The trackers of Roboflow's ``trackers`` package (Apache-2.0), run on request.

Runs in an interpreter that has the package and nothing of ours; the protocol is that of ``torch_networks.py``.
Requests:

    {"what": "about"}
    {"what": "track", "tracker": "SORTTracker", "detections": "PATH.npz"}

The file holds the arrays frame ``(n,)`` from 0, boxes ``(n, 4)`` of left, top, right, bottom, and confidence ``(n,)``.
The answer has rows of frame, id, left, top, right, bottom, and the seconds that the updates took.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib import metadata

import numpy as np
import supervision
import trackers

FIXED_CAMERA = {
    "BoTSORTTracker": {"enable_cmc": False}
}  # there are no pictures to measure the camera's motion in


def track(name: str, path: str) -> dict:
    """Track the detections of a file with the package's defaults."""
    table = np.load(path)
    tracker = getattr(trackers, name)(**FIXED_CAMERA.get(name, {}))
    frames = []
    for frame in range(int(table["frame"].max()) + 1):
        rows = table["frame"] == frame
        boxes, sure = table["boxes"][rows].astype(np.float32), table["confidence"][rows].astype(np.float32)
        frames.append(supervision.Detections(xyxy=boxes, confidence=sure, class_id=np.zeros(len(boxes), int)))
    start = time.perf_counter()
    found = [tracker.update(detections) for detections in frames]
    seconds = time.perf_counter() - start
    answer = [
        [frame, int(number), *map(float, box)]
        for frame, tracks in enumerate(found)
        if len(tracks)
        for box, number in zip(tracks.xyxy, tracks.tracker_id, strict=True)
        if number >= 0
    ]
    return {"rows": answer, "seconds": seconds}


def main() -> None:
    """Answer requests until stdin ends."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["what"] == "about":
                reply = {"version": metadata.version("trackers")}
            else:
                reply = track(request["tracker"], request["detections"])
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
