"""Tables of tracks in the formats that other programs read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.track.mot_files import Tracks, write_tracks
from common.files import replacing
from common.registry import Registry

__all__ = ["FORMATS", "Table", "VideoFacts"]


@dataclass(frozen=True)
class VideoFacts:
    """What a table says of its video.

    Args:
        name: of the file.
        width, height: of a frame in pixels.
        rate: frames a second.
        frames: how many were looked at.
        labels: class of each object by its id.
    """

    name: str
    width: int
    height: int
    rate: float
    frames: int
    labels: dict[int, str]


@dataclass(frozen=True)
class Table:
    """A format: the suffix of its file, and what writes it to a path."""

    suffix: str
    write: Callable[[Path, Tracks, VideoFacts], None]


FORMATS = Registry[Table]("format")


def _write_mot(path: Path, tracks: Tracks, facts: VideoFacts) -> None:
    """MOTChallenge: frame, id, left, top, width, height, confidence, -1, -1, -1; all counted from 1."""
    with replacing(path) as temporary:
        write_tracks(temporary, tracks)


def _write_otb(path: Path, tracks: Tracks, facts: VideoFacts) -> None:
    """OTB: a line x,y,width,height a frame, NaN where the object is not there; several objects one after the other."""
    lines = []
    for number in np.unique(tracks.id):
        own = tracks.take(tracks.id == number)
        boxes = np.full((facts.frames, 4), np.nan)
        boxes[own.frame] = own.boxes + [1.0, 1.0, 0.0, 0.0]
        lines += [
            "NaN,NaN,NaN,NaN" if np.isnan(box[0]) else ",".join(f"{v:.2f}" for v in box) for box in boxes
        ]
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_coco_video(path: Path, tracks: Tracks, facts: VideoFacts) -> None:
    """COCO with videos and track ids, as TAO and BURST have it."""
    names = sorted(set(facts.labels.values()) | {"object"})
    category = {name: place for place, name in enumerate(names, start=1)}
    rows = zip(tracks.frame, tracks.id, tracks.boxes, tracks.confidence, strict=True)
    content: dict[str, Any] = {
        "videos": [{"id": 1, "name": facts.name, "width": facts.width, "height": facts.height}],
        "images": [
            {
                "id": frame + 1,
                "video_id": 1,
                "frame_index": frame,
                "width": facts.width,
                "height": facts.height,
            }
            for frame in range(facts.frames)
        ],
        "categories": [{"id": place, "name": name} for name, place in category.items()],
        "tracks": [
            {
                "id": int(number),
                "video_id": 1,
                "category_id": category[facts.labels.get(int(number)) or "object"],
            }
            for number in np.unique(tracks.id)
        ],
        "annotations": [
            {
                "id": place,
                "image_id": int(frame) + 1,
                "video_id": 1,
                "track_id": int(number),
                "category_id": category[facts.labels.get(int(number)) or "object"],
                "bbox": [round(float(v), 2) for v in box],
                "area": round(float(box[2] * box[3]), 2),
                "score": round(float(sure), 4),
                "iscrowd": 0,
            }
            for place, (frame, number, box, sure) in enumerate(rows, start=1)
        ],
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")


FORMATS.register("mot", Table(".tracks.csv", _write_mot))
FORMATS.register("otb", Table(".tracks.txt", _write_otb))
FORMATS.register("coco-video", Table(".tracks.json", _write_coco_video))
