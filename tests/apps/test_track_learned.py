"""A trained detector in place of the one that finds whatever moves: ``cnnapps track VIDEO --detector RUN``."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from apps.track.camera_motion import STILL
from apps.track.detection import MotionDetector
from apps.track.learned_detection import LearnedDetector, open_detection
from apps.track.mot_files import read_tracks
from common.boxes import iou_matrix
from common.data.video import VideoWriter
from common.errors import ArtifactError, UsageError
from tests.apps.shapes import CLASSES, draw_shapes

BOX = np.array([14, 30, 24, 24])
STEP = np.array([1.5, 0, 0, 0])
FRAMES = 30


def frame(number: int) -> np.ndarray:
    """A disc that moves to the right, and a square that rests."""
    pixels = np.random.default_rng(number % 3).integers(90, 140, (96, 96, 3)).astype(np.uint8)
    x, y, side, _ = BOX + number * STEP
    cv2.ellipse(pixels, ((x + side / 2 - 0.5, y + side / 2 - 0.5), (side, side), 0), (220, 30, 30), -1)
    pixels[68:90, 60:82] = (30, 30, 220)
    return pixels


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 96, 96, 25.0) as writer:
        for number in range(FRAMES):
            writer.write(frame(number))
    return path


def test_what_rests_is_tracked_too_under_the_names_that_the_model_knows(shape_detector, clip, cnnapps):
    code, out, _ = cnnapps("track", clip, "--detector", shape_detector.run, "--json", "-q", "--no-video")
    result = json.loads(out)
    assert code == 0 and result["frames"] == FRAMES
    tracks = read_tracks(clip.with_name("clip.tracks.csv"))
    disc = np.array([BOX + number * STEP for number in tracks.frame])
    square = np.tile([60, 68, 22, 22], (len(disc), 1))
    near = [np.diag(iou_matrix(tracks.boxes, truth)) > 0.5 for truth in (disc, square)]
    assert near[0].sum() > 0.8 * FRAMES and near[1].sum() > 0.8 * FRAMES
    # Each keeps its number.
    assert all(len(set(tracks.id[one])) == 1 for one in near)
    names = {one["label"] for row in result["observations"] for one in row["objects"] if "label" in one}
    assert names <= set(CLASSES)


def test_scores_agree_with_the_association(shape_detector):
    detector = open_detection(str(shape_detector.run))
    assert isinstance(detector, LearnedDetector) and not detector.rehearses
    found = detector(draw_shapes(900)[0], STILL)
    sure = detector.network(draw_shapes(900)[0])
    assert (found.confidences >= 0.6).sum() == len(sure) > 0
    assert found.boxes.dtype == found.confidences.dtype == np.float32 and len(found.labels) == len(
        found.boxes
    )
    assert ((found.confidences >= 0) & (found.confidences <= 1)).all()


def test_detectors_are_found_by_name_or_folder(tmp_path):
    assert isinstance(open_detection("motion"), MotionDetector) and open_detection("motion").rehearses
    with pytest.raises(UsageError, match="unknown detector 'gone'"):
        open_detection("gone")
    with pytest.raises(ArtifactError, match="is not a model"):
        open_detection(str(tmp_path))
    with pytest.raises(ArtifactError, match="not a detector"):
        open_detection("digits/cnn")
