"""Names for what is tracked: ``cnnapps track VIDEO --classify MODEL``."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apps.track.naming import EVERY, Namer, open_namer
from apps.track.observations import Observation
from common.errors import ArtifactError

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "moving_objects.mp4"
BOX = np.array([10.0, 10, 20, 30])


class Colours:
    """A classifier that says how red and how blue a picture is, and is deceived by grey ones."""

    card = SimpleNamespace(input_shape=(8, 8, 3), classes=("red", "blue"))
    asked = 0

    def probabilities(self, images):
        self.asked += len(images)
        means = images.reshape(len(images), -1, 3).mean(axis=1) / 255 + 0.01
        return means[:, [0, 2]] / means[:, [0, 2]].sum(axis=1, keepdims=True)


def frame(colour) -> np.ndarray:
    pixels = np.full((60, 80, 3), 128, np.uint8)
    pixels[10:40, 10:30] = colour
    return pixels


def seen(box=BOX, state="tracked", label="", number=1) -> Observation:
    return Observation(number, box, 0.9, state, label)


def test_a_name_is_what_most_of_the_track_speaks_for():
    classifier = Colours()
    namer = Namer(classifier)
    for number in range(6 * EVERY):
        deceived = number == EVERY - 1  # one of the looks
        [one] = namer(frame((0, 0, 200) if deceived else (200, 0, 0)), [seen()])
    assert one.label == "red"
    assert classifier.asked <= 7


def test_lost_small_and_outside_objects_are_not_looked_at():
    namer = Namer(classifier := Colours())
    for one in (seen(np.full(4, np.nan), "lost"), seen(np.array([1.0, 1, 9, 40])), seen(state="uncertain")):
        assert namer(frame((200, 0, 0)), [one])[0].label == ""
    assert not classifier.asked
    namer(frame((200, 0, 0)), [seen(np.array([-90.0, -90, 20, 20]), number=2)])  # no pixels of it: no error


def test_a_name_of_the_detector_stays_where_the_classifier_is_not_sure(monkeypatch):
    monkeypatch.setattr("apps.track.naming.SURE", 0.7)
    namer = Namer(Colours())
    assert namer(frame((90, 0, 100)), [seen(label="cell")])[0].label == "cell"
    assert namer(frame((255, 0, 0)), [seen(label="cell", number=2)])[0].label == "red"


def test_only_classifiers_of_colour_pictures_name(cnnapps, tmp_path):
    for model in ("digits/cnn", "interaction/davis"):
        with pytest.raises(ArtifactError, match="does not tell apart"):
            open_namer(model)
    code, _, err = cnnapps("track", SAMPLE, "--classify", "gone", "--out", tmp_path / "x.mp4")
    assert code != 0 and "gone" in err and not list(tmp_path.iterdir())


def test_names_reach_table_and_summary(cnnapps, tmp_path, monkeypatch):
    monkeypatch.setattr("apps.track.naming.open_namer", lambda reference: Namer(Colours()))
    words = ["track", SAMPLE, "--classify", "any", "--format", "coco-video"]
    code, out, _ = cnnapps(*words, "--out", tmp_path / "x.tracked.mp4", "--max-frames", 40, "--json")
    assert code == 0
    named = {one["label"] for one in json.loads(out)["objects"] if "label" in one}
    [table] = tmp_path.glob("*.json")
    categories = {one["name"] for one in json.loads(table.read_text())["categories"]}
    assert named and named <= {"red", "blue"} and categories == named | {"object"}
