"""Follow objects through a video: given ones, or all that move.

    from apps import track
    result = track.track(track.RunOptions("video.mp4"))          # every object, video.tracked.mp4
    follower = track.Follower(track.open_network("track/siamese"), frame, [(120, 80, 40, 60)])
    for seen in follower.update(next_frame):
        print(seen.id, seen.box, seen.confidence, seen.state)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

# Modules are nouns and functions verbs, so that loading a module never hides a function of its name.
_HOMES = {
    "Follower": "following",
    "FollowSettings": "settings",
    "MultiObjectTracker": "association",
    "Observation": "observations",
    "RunOptions": "options",
    "TrackResult": "running",
    "TrainOptions": "options",
    "TrainResult": "training",
    "evaluate": "evaluation",
    "measure_speed": "speed",
    "open_network": "prediction",
    "track": "running",
    "train": "training",
}

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
