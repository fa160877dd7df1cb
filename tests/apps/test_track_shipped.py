"""What ships for following a given object."""

from __future__ import annotations

import json

import numpy as np
import pytest
from skimage import data

from apps.track.mot_files import read_tracks
from apps.track.options import SHIPPED
from common.artifact import read_card, resolve, shipped
from common.boxes import iou
from common.data.video import VideoWriter

pytestmark = pytest.mark.skipif(SHIPPED not in shipped(), reason="no tracker ships")

FRAMES, GONE = 90, range(45, 60)
WORLD = data.astronaut()[::2, ::2]
THING = data.chelsea()[60:140:2, 140:240:2]  # the cat's face, 40 by 50 pixels


def place(number: int) -> np.ndarray:
    """Box of the thing: it swings to and fro."""
    x, y = 100 + 70 * np.sin(number / 12), 100 + 50 * np.cos(number / 17)
    return np.array([round(x), round(y), THING.shape[1], THING.shape[0]])


def frame(number: int) -> np.ndarray:
    pixels = np.roll(WORLD, number // 3, axis=1).copy()  # the camera pans
    x, y, wide, high = place(number)
    if number not in GONE:
        pixels[y : y + high, x : x + wide] = THING
    return pixels


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, 256, 256, 25.0) as writer:
        for number in range(FRAMES):
            writer.write(frame(number))
    return path


def test_a_given_object_is_followed_lost_and_found_again(clip, cnnapps, tmp_path):
    box = ",".join(str(v) for v in place(0))
    code, out, err = cnnapps("track", clip, "--box", box, "--out", tmp_path / "x.tracked.mp4", "--json")
    assert code == 0, err
    states = [row["objects"][0]["state"] for row in json.loads(out)["observations"]]
    tracks = read_tracks(tmp_path / "x.tracks.csv")
    seen = dict(zip(tracks.frame.tolist(), tracks.boxes, strict=True))
    good = [number in seen and float(iou(seen[number], place(number))) > 0.5 for number in range(FRAMES)]
    assert np.mean(good[: GONE.start]) > 0.95
    assert set(states[GONE.start + 2 : GONE.stop]) == {"lost"}
    assert np.mean(good[GONE.stop + 10 :]) > 0.9


def test_the_card_says_what_it_learned_from():
    card = read_card(resolve(SHIPPED))
    assert card.app == "track" and "outlined" in card.data["material"] and "/" + "work" not in card.command
    assert {"auc", "precision", "normalised_precision"} <= set(card.metrics)
