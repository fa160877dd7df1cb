"""OpenCV's trackers as a peer (see ``peer.py``): one sequence a request, boxes and seconds as the answer.

    {"tracker": "CSRT", "files": ["0001.jpg", …], "box": [x, y, width, height]}
    {"boxes": [[…], null, …], "seconds": 1.5}

Needs ``opencv-contrib-python`` in its own environment; NanoTrack its two ONNX files in the folder $NANOTRACK.
"""

import json
import os
import sys
import time

import cv2


def create(name):
    """Return a tracker with OpenCV's defaults; KCF goes on giving boxes, or it would stop after a few frames."""
    if name == "NanoTrack v2":
        options = cv2.TrackerNano_Params()
        folder = os.environ["NANOTRACK"]
        options.backbone = os.path.join(folder, "nanotrack_backbone_sim.onnx")
        options.neckhead = os.path.join(folder, "nanotrack_head_sim.onnx")
        return cv2.TrackerNano_create(options)
    if name == "KCF":
        options = cv2.TrackerKCF_Params()
        options.detect_thresh = 0.0
        return cv2.TrackerKCF_create(options)
    return cv2.TrackerCSRT_create()


def follow(name, files, box):
    """Return the box in each frame, None for "not found", and the seconds of the updates alone."""
    tracker, boxes, seconds = create(name), [box], 0.0
    tracker.init(cv2.imread(files[0]), [round(v) for v in box])
    for file in files[1:]:
        pixels = cv2.imread(file)
        started = time.perf_counter()
        found, place = tracker.update(pixels)
        seconds += time.perf_counter() - started
        boxes.append([float(v) for v in place] if found else None)
    return boxes, seconds


def main():
    """Answer requests until the input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            boxes, seconds = follow(request["tracker"], request["files"], request["box"])
            reply = {"boxes": boxes, "seconds": seconds}
        except Exception as error:
            reply = {"error": str(error)[:300]}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
