"""The camera's motion and what moves before it, on rendered videos whose truth is known, and on real ones."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from apps.track.association import MultiObjectTracker
from apps.track.camera_motion import STILL, CameraMotion, Motion
from apps.track.detection import DETECTORS, Detections, MotionDetector
from common.boxes import iou, iou_matrix
from common.errors import UsageError

VIDEO = Path(__file__).parents[2].parent / "shared/data/video"
needs_data = pytest.mark.skipif(not VIDEO.exists(), reason="../shared/data/video is not here")
HEIGHT, WIDTH = 180, 320
SURE = 0.6


def texture(height: int, width: int, seed: int, low=40, high=200, grain=3.0) -> np.ndarray:
    """Coloured clouds ``(height, width, 3)`` uint8."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    clouds = cv2.GaussianBlur(noise, (0, 0), grain)
    clouds = np.clip(0.5 + clouds / clouds.std() / 5, 0, 1)
    return (low + (high - low) * clouds).astype(np.uint8)


WORLD = texture(400, 900, 0)
NOISE = np.random.default_rng(2).normal(0, 2, (7, HEIGHT, WIDTH, 3)).astype(np.float32)
THING = texture(40, 36, 1, 90, 255)


def render(frame: int, view=(100.0, 60.0), place=None, light=1.0, world=WORLD) -> np.ndarray:
    """A window onto the world at ``view``, with the thing at ``place`` of the window, and the noise of a camera."""
    move = np.array([[1, 0, -view[0]], [0, 1, -view[1]]], float)
    pixels = cv2.warpAffine(world, move, (WIDTH, HEIGHT)).astype(np.float32)
    if place is not None:
        corner = np.array([[1, 0, place[0]], [0, 1, place[1]]], float)
        mask = cv2.warpAffine(np.ones(THING.shape, np.float32), corner, (WIDTH, HEIGHT))
        pixels = (1 - mask) * pixels + mask * cv2.warpAffine(THING, corner, (WIDTH, HEIGHT))
    return np.clip(light * pixels + NOISE[frame % len(NOISE)], 0, 255).astype(np.uint8)


def box(place) -> np.ndarray:
    return np.array([*place, THING.shape[1], THING.shape[0]], float)


def sure(found: Detections) -> np.ndarray:
    return found.boxes[found.confidences > SURE]


def frames_of(name: str, first: int, last: int):
    video = cv2.VideoCapture(str(VIDEO / name))
    video.set(cv2.CAP_PROP_POS_FRAMES, first)
    for _ in range(first, last):
        done, pixels = video.read()
        assert done
        yield cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


# The camera


@pytest.mark.parametrize("size", [1, 2, 3])
def test_shift_of_the_camera_is_measured(size):
    camera, view = CameraMotion(), np.array([100.0, 60.0])
    for frame in range(12):
        step = np.array([9.0, -4.5]) if frame else np.zeros(2)
        view = view + step * (-1) ** frame
        pixels = render(frame, view, (150 + 6 * frame, 60))
        if size > 1:
            pixels = cv2.resize(pixels, None, fx=size, fy=size)
        motion = camera.update(pixels)
        assert not motion.cut
        expected = np.concatenate([np.eye(2), -size * (step * (-1) ** frame)[:, None]], axis=1)
        corner = np.array([WIDTH * size, HEIGHT * size, 1])
        for point in (np.array([0, 0, 1]), corner):
            np.testing.assert_allclose(motion.affine @ point, expected @ point, atol=0.4 * size)


def test_turn_and_zoom_are_measured():
    middle = (WIDTH / 2, HEIGHT / 2)
    true = cv2.getRotationMatrix2D(middle, 2.0, 1.03)
    first = render(0)
    camera = CameraMotion()
    camera.update(first)
    motion = camera.update(cv2.warpAffine(first, true, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT))
    for point in ((0, 0, 1), (WIDTH, HEIGHT, 1), (WIDTH, 0, 1)):
        np.testing.assert_allclose(motion.affine @ point, true @ point, atol=0.5)


@pytest.mark.parametrize("told", [True, False])
def test_a_large_object_is_not_the_camera(told):
    """It covers more than a third of the picture and has more corners than the rest."""
    camera = CameraMotion()
    large, world = texture(160, 130, 5, 0, 255, 1.5), cv2.GaussianBlur(WORLD, (0, 0), 2)
    for frame in range(20):
        pixels, x = render(frame, world=world), 10 + 7 * frame
        pixels[10:170, x : x + 130] = large
        boxes = np.array([[x - 7, 10, 130, 160]]) if told else None
        assert camera.update(pixels, boxes).still


def test_what_has_no_corners_is_taken_to_stand_still():
    camera = CameraMotion()
    for level in (100, 104, 98):
        assert camera.update(np.full((HEIGHT, WIDTH, 3), level, np.uint8)) == STILL


@pytest.mark.parametrize("second", ["another scene", "black", "another size"])
def test_a_cut_is_seen_and_a_fast_pan_is_none(second):
    camera = CameraMotion()
    other = texture(400, 900, 9)
    cuts = []
    for frame in range(24):
        if frame < 12:
            pixels = render(frame, (100 + 25 * frame, 60))
        elif second == "another scene":
            pixels = render(frame, (100, 60), world=other)
        elif second == "black":
            pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        else:
            pixels = cv2.resize(render(frame), (200, 120))
        cuts.append(camera.update(pixels).cut)
    assert np.flatnonzero(cuts).tolist() == [12]


@needs_data
def test_cuts_of_a_real_video():
    camera = CameraMotion()
    cuts = [camera.update(pixels).cut for pixels in frames_of("bikes.mp4", 0, 250)]
    assert np.flatnonzero(cuts).tolist() == [30, 76, 137, 187, 242]


def test_the_camera_costs_little():
    """4 ms at 640x360 on a free core; three times that here, where others may be at work."""
    pictures = [cv2.resize(render(frame, (100 + 3 * frame, 60)), (640, 360)) for frame in range(12)]
    camera = CameraMotion()
    start = time.process_time()
    for pixels in pictures:
        camera.update(pixels)
    assert (time.process_time() - start) / len(pictures) < 0.012


# What moves


def run(places, view=lambda frame: (100.0, 60.0), light=lambda frame: 1.0, hold=False, world=WORLD):
    """Detect in a rendered video; yield (frame, detections, true box or None)."""
    camera, detector, held = CameraMotion(), MotionDetector(), None
    for frame, place in enumerate(places):
        pixels = render(frame, view(frame), place, light(frame), world)
        found = detector(pixels, camera.update(pixels, held), held)
        if hold and len(sure(found)):
            held = sure(found).astype(float)
        yield frame, found, None if place is None else box(place)


@pytest.mark.parametrize("pan", [(0, 0), (1.3, -0.4), (4, 1), (-9, 0)])
def test_one_box_on_what_moves(pan):
    """It comes in from the side, before a fixed camera and before one that pans."""
    places = [(-50 + 5 * frame, 70) for frame in range(60)]
    hits, total, false = 0, 0, 0
    for frame, found, true in run(places, lambda frame: (400 + pan[0] * frame, 100 + pan[1] * frame)):
        whole = 0 <= true[0] <= WIDTH - true[2]
        if frame >= 15 and whole:
            fits = iou(found.boxes, true) if len(found) else np.zeros(0)
            hits += fits.max(initial=0) > 0.6
            total += 1
            false += len(sure(found)) - (fits[found.confidences > SURE] > 0.3).any()
        assert found.boxes.dtype == found.confidences.dtype == np.float32
        assert ((found.confidences >= 0) & (found.confidences <= 1)).all()
        assert found.labels == ("",) * len(found)
    assert total > 30 and false <= 0.05 * total
    # Before a fast pan, whatever was in the way when a piece of ground came into view sticks to the object at first.
    assert hits >= (0.9 if abs(pan[0]) < 5 else 0.75) * total


@pytest.mark.parametrize(
    "light",
    [lambda frame: 1.0, lambda frame: 1 + 0.3 * np.sin(frame / 6), lambda frame: 1.0 if frame < 25 else 0.6],
    ids=["steady", "wavering", "dimmed at once"],
)
@pytest.mark.parametrize("pan", [0.0, 2.5])
def test_nothing_is_found_where_nothing_moves(light, pan):
    view = lambda frame: (100 + pan * frame, 60.0)  # noqa: E731
    assert not any(len(sure(found)) for _, found, _ in run([None] * 40, view, light))


def test_nothing_is_reported_while_the_background_is_learned_and_after_a_cut():
    camera, detector = CameraMotion(), MotionDetector()
    counts = []
    for frame in range(40):
        pixels = render(frame, (100, 60) if frame < 20 else (500, 180), (20 + 5 * frame, 70))
        motion = camera.update(pixels)
        counts.append(len(detector(pixels, motion)))
        assert motion.cut == (frame == 20)
    assert not any(counts[:9]) and not any(counts[20:29])
    assert counts[19] and counts[39]


def test_what_the_first_frame_showed_leaves_no_ghost():
    """It stands in the very first frame, goes away, and the ground it uncovers is not taken for an object."""
    places = [(40 + 6 * frame, 70) for frame in range(45)]
    start = box(places[0])
    for frame, found, _ in run(places):
        if frame >= 20 and len(sure(found)):
            assert iou_matrix(sure(found), start[None]).max() < 0.1


@pytest.mark.parametrize("hold", [True, False])
def test_what_stops_is_found_for_as_long_as_a_track_vouches_for_it(hold):
    places = [(30 + 5 * min(frame, 30), 70) for frame in range(100)]
    found_at = [
        frame
        for frame, found, true in run(places, hold=hold)
        if len(sure(found)) and iou(sure(found), true).max() > 0.6
    ]
    assert set(range(15, 32)) <= set(found_at)
    assert max(found_at) >= 95 if hold else max(found_at) < 45


@pytest.mark.parametrize("depth", [0.15, 0.4])
def test_a_shadow_is_no_object(depth):
    detector = MotionDetector()
    for frame in range(60):
        light = np.ones((HEIGHT, WIDTH, 1), np.float32)
        left = 5 * frame - 100
        light[60:120, max(left, 0) : max(left + 60, 0)] -= depth  # comes in from the side
        assert not len(sure(detector((light * render(frame)).astype(np.uint8), STILL)))


def test_large_frames_give_boxes_in_their_own_pixels():
    detector = MotionDetector()
    fits = []
    for frame in range(30):
        place = (20 + 6 * frame, 70)
        found = detector(cv2.resize(render(frame, place=place), (1280, 720)), STILL)
        if frame > 15:
            fits.append(iou(found.boxes, 4 * box(place)).max(initial=0) if len(found) else 0)
    assert np.mean(fits) > 0.75


def test_detectors_are_named():
    assert DETECTORS.names() == ["motion"] and isinstance(DETECTORS.get("motion")(), MotionDetector)
    with pytest.raises(UsageError, match="did you mean 'motion'"):
        DETECTORS.get("motoin")


@needs_data
def test_cars_of_a_real_video_have_one_track_each():
    camera, detector, tracker = CameraMotion(), MotionDetector(), MultiObjectTracker()
    numbers, both = set(), 0
    for pixels in frames_of("car-detection.mp4", 165, 245):
        motion = camera.update(pixels)
        tracks = [one for one in tracker.update(detector(pixels, motion), motion) if one.state != "lost"]
        numbers |= {track.id for track in tracks}
        both += len(tracks) == 2
    assert len(numbers) == 2 and both >= 28  # a red car comes while a grey one goes


def test_motion_is_still_only_without_any_motion():
    assert STILL.still and not Motion(np.array([[1, 0, 0.1], [0, 1, 0]])).still
