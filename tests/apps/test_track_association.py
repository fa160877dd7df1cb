"""Objects keep their ids: the filter against plain matrices, the assignment against all possible ones, small scenes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from apps.track.association import AssociationOptions, MultiObjectTracker
from apps.track.camera_motion import STILL, Motion
from apps.track.detection import Detections
from apps.track.kalman import BoxFilter
from apps.track.likeness import Appearance, assign, believed, fit_matrix

CUT = Motion(np.eye(2, 3), cut=True)


def seen(*boxes, confidence=0.9, labels=None) -> Detections:
    places = np.array(boxes, np.float32).reshape(-1, 4)
    sure = np.broadcast_to(np.float32(confidence), len(places)).copy()
    return Detections(places, sure, tuple(labels or ["thing"] * len(places)))


def person(x, y=100.0, width=30, height=80) -> tuple[float, ...]:
    return (x, y, width, height)


def ids(tracks, states=("tracked", "uncertain")) -> list[int]:
    return [track.id for track in tracks if track.state in states]


def matched(tracks) -> dict[int, int]:
    """The id that each detection got."""
    return {track.detection: track.id for track in tracks if track.detection >= 0}


# The filter


class PlainFilter:
    """One box, textbook matrices of 8 by 8: the oracle."""

    def __init__(self, box):
        self.mean = np.concatenate([self.place(box), np.zeros(4)])
        size = self.mean[[2, 3, 2, 3]]
        self.covariance = np.diag(np.concatenate([2 / 20 * size, 10 / 160 * size]) ** 2)

    @staticmethod
    def place(box):
        x, y, width, height = box
        return np.array([x + width / 2, y + height / 2, width, height])

    def predict(self, dt):
        transition = np.eye(8)
        transition[:4, 4:] = dt * np.eye(4)
        size = self.mean[[2, 3, 2, 3]]
        noise = np.diag(np.concatenate([size / 20, size / 160]) ** 2) * dt
        self.mean = transition @ self.mean
        self.covariance = transition @ self.covariance @ transition.T + noise

    def innovation(self):
        return self.covariance[:4, :4] + np.diag((self.mean[[2, 3, 2, 3]] / 20) ** 2)

    def update(self, box):
        observe = np.eye(4, 8)
        gain = self.covariance @ observe.T @ np.linalg.inv(self.innovation())
        self.mean = self.mean + gain @ (self.place(box) - self.mean[:4])
        self.covariance = (np.eye(8) - gain @ observe) @ self.covariance


def check_same(filters: BoxFilter, plain: list[PlainFilter]):
    for row, one in enumerate(plain):
        np.testing.assert_allclose(np.concatenate([filters.place[row], filters.speed[row]]), one.mean)
        blocks = [
            np.diag(one.covariance[:4, :4]),
            np.diag(one.covariance[:4, 4:]),
            np.diag(one.covariance[4:, 4:]),
        ]
        ours = [filters.place_variance[row], filters.covariance[row], filters.speed_variance[row]]
        np.testing.assert_allclose(ours, blocks, atol=1e-12)


def test_filter_is_the_textbook_one():
    draw = np.random.default_rng(0)
    boxes = np.stack([person(x, 40 + x, 20 + x / 9, 60 + x / 5) for x in (0, 70, 200)])
    filters, plain = BoxFilter(), [PlainFilter(box) for box in boxes]
    filters.append(boxes)
    for step in range(30):
        dt = draw.choice([0.5, 1, 1, 2.7])
        filters.predict(dt)
        for one in plain:
            one.predict(dt)
        boxes = boxes + [3 * dt, dt, 0.1, 0.2] + draw.normal(0, 1, boxes.shape)
        rows = np.flatnonzero(draw.random(3) < 0.7)
        filters.update(rows, boxes[rows])
        for row in rows:
            plain[row].update(boxes[row])
        check_same(filters, plain)
        if step == 15:
            order = np.array([2, 0])
            filters.keep(order)
            plain, boxes = [plain[row] for row in order], np.concatenate([boxes[order], boxes[:1]])
            filters.append(boxes[2:])
            plain.append(PlainFilter(boxes[2]))
    assert filters.speed[0, 0] == pytest.approx(3, abs=1)


def test_distance_is_mahalanobis():
    filters, plain = BoxFilter(), PlainFilter(person(50))
    filters.append(np.array([person(50), person(400)]))
    filters.predict()
    plain.predict(1)
    other = person(58, 95, 33, 84)
    surprise = plain.place(other) - plain.mean[:4]
    expected = surprise @ np.linalg.inv(plain.innovation()) @ surprise
    assert filters.distances(np.array([other]))[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("degrees", [0, 1.5])
def test_warp_follows_a_camera(degrees):
    angle, scale = np.radians(degrees), 1.04
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = np.concatenate([linear, [[12.0], [-7.0]]], axis=1)
    filters, plain = BoxFilter(), PlainFilter(person(50))
    filters.append(np.array([person(50)]))
    for box in (person(54), person(58)):
        filters.predict()
        filters.update(np.array([0]), np.array([box]))
        plain.predict(1)
        plain.update(box)
    filters.warp(affine)
    whole = np.kron(np.eye(4), np.zeros((2, 2)))
    for start in (0, 4):  # places, then velocities: middles turn, sizes only grow
        whole[start : start + 2, start : start + 2] = linear
        whole[start + 2 : start + 4, start + 2 : start + 4] = scale * np.eye(2)
    plain.mean, plain.covariance = whole @ plain.mean, whole @ plain.covariance @ whole.T
    plain.mean[:2] += affine[:, 2]
    check_same(filters, [plain]) if not degrees else np.testing.assert_allclose(
        filters.place[0], plain.mean[:4]
    )


def test_an_object_out_of_sight_keeps_its_size():
    filters = BoxFilter()
    filters.append(np.array([person(0)]))
    for step in range(1, 6):
        filters.predict()
        filters.update(np.array([0]), np.array([person(5 * step, width=30 + 3 * step)]))
    size = filters.place[0, 2:].copy()
    for _ in range(10):
        filters.predict(1.0, np.array([True]))
    np.testing.assert_array_equal(filters.place[0, 2:], size)
    assert filters.place[0, 0] > 60


# Fit and assignment


@given(
    arrays.arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(0, 1)),
    st.floats(0.1, 1),
)
def test_assignment_is_the_cheapest_of_all(cost, limit):
    rows, columns = assign(cost, limit)
    assert len(set(rows)) == len(rows) and len(set(columns)) == len(columns)
    assert (cost[rows, columns] < limit).all()
    tall, wide = cost.shape
    cheapest = min(
        sum(min(cost[row, column] - limit, 0) for row, column in zip(some, order, strict=True))
        for some in itertools.combinations(range(tall), min(tall, wide))
        for order in itertools.permutations(range(wide), len(some))
    )
    assert (cost[rows, columns] - limit).sum() == pytest.approx(cheapest, abs=1e-9)


def test_fit_is_overlap_times_the_root_of_that_of_heights():
    fit = fit_matrix(
        np.array([[0, 0, 10, 40]]), np.array([[0, 0, 10, 40], [0, 20, 10, 40], [5, 0, 10, 40], [0, 50, 9, 9]])
    )
    np.testing.assert_allclose(fit[0], [1, 1 / 3 * np.sqrt(1 / 3), 1 / 3, 0])


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_two_witnesses_are_believed_by_their_odds(first, second):
    odds = first / (1 - first) * second / (1 - second)
    assert believed(np.array(first), np.array(second)) == pytest.approx(odds / (1 + odds))


def test_looks_are_judged_by_what_was_learned():
    draw = np.random.default_rng(1)
    faces = np.eye(3, 8)

    def looks(noise):
        found = faces + noise * draw.normal(size=faces.shape)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    for noise, least in ((0.1, 0.9), (100.0, None)):
        appearance = Appearance()
        appearance.append(3, looks(noise))
        assert (appearance.same(looks(noise)) == 0.5).all()  # nothing learned yet
        for _ in range(10):
            appearance.learn(np.arange(3), looks(noise))
        same = np.mean([appearance.same(looks(noise)) for _ in range(50)], axis=0)
        own, other = np.diag(same).mean(), same[~np.eye(3, dtype=bool)].mean()
        if least:
            assert own > least and other < 1 - least
        else:
            assert abs(own - other) < 0.15  # embeddings that mean nothing are not listened to
    assert (appearance.same(np.zeros((2, 8))) == 0.5).all()


# Scenes


def test_two_who_cross_keep_their_ids():
    tracker = MultiObjectTracker()
    for frame in range(60):
        tracks = tracker.update(seen(person(50 + 5 * frame), person(350 - 5 * frame, 104)))
        assert matched(tracks) == {0: 1, 1: 2}


def meeting(frame):
    """Two walk up to each other, one is hidden by the other for a while, and both turn round."""
    step = min(frame, 40) if frame <= 55 else 95 - frame
    places = [person(100 + 5 * step), person(500 - 5 * step, 102)]
    return places[:1] if abs(places[0][0] - places[1][0]) < 15 else places


@pytest.mark.parametrize(("by_looks", "kept"), [(True, True), (False, False)])
def test_looks_keep_the_ids_of_two_who_meet_and_turn_round(by_looks, kept):
    draw = np.random.default_rng(0)
    faces = draw.normal(size=(2, 64))
    tracker, names = MultiObjectTracker(), {}
    for frame in range(90):
        boxes = meeting(frame)
        looks = faces[: len(boxes)] + 0.2 * draw.normal(size=(len(boxes), 64))
        tracks = tracker.update(seen(*boxes), embeddings=looks if by_looks else None)
        for detection, number in matched(tracks).items():
            names.setdefault(detection, []).append(number)
    assert (set(names[0]) == {1} and set(names[1]) == {2}) is kept


@pytest.mark.parametrize(("gap", "kept"), [(1, True), (10, True), (29, True), (31, False)])
def test_an_object_hidden_for_a_while_keeps_its_id(gap, kept):
    tracker = MultiObjectTracker()
    states = []
    for frame in range(20 + gap + 10):
        hidden = 20 <= frame < 20 + gap
        tracks = tracker.update(seen() if hidden else seen(person(50 + 3 * frame)))
        states.append(tracks[0].state if tracks else "ended")
        if hidden and frame - 19 <= 30:
            assert tracks[0].id == 1 and tracks[0].state == "lost" and tracks[0].unseen == frame - 19
            assert tracks[0].box[0] == pytest.approx(50 + 3 * frame, abs=3)
    assert ids(tracks) == ([1] if kept else [2])
    assert ("ended" in states) is not kept


def test_what_was_ended_is_told_once():
    tracker = MultiObjectTracker(AssociationOptions(max_age=3))
    told = []
    for frame in range(20):
        tracker.update(seen(person(50), person(300)) if frame < 5 else seen(person(50)))
        told.append(tracker.ended)
    assert [frame for frame, ended in enumerate(told) if ended] == [8] and told[8] == [2]


@pytest.mark.parametrize("told", [True, False])
def test_a_moving_camera(told):
    """20 pixels a frame, back and forth, so that no constant velocity explains it; the objects are 16 wide."""
    tracker, always, where = MultiObjectTracker(), True, np.zeros(2)
    for frame in range(30):
        shift = np.array([-20.0, 4.0]) * (0 if frame == 0 else 1 if frame % 10 < 5 else -1)
        where = where + shift
        boxes = [np.array(person(x + 2 * frame, width=16, height=40)) + [*where, 0, 0] for x in (200, 300)]
        motion = Motion(np.concatenate([np.eye(2), shift[:, None]], axis=1))
        tracks = tracker.update(seen(*boxes), motion if told else None)
        always &= matched(tracks) == {0: 1, 1: 2}
        if told:
            ways = [track.travelled for track in tracks]
            np.testing.assert_allclose(ways, 2 * frame / np.sqrt(16 * 40), atol=0.2)
    assert always is told


def test_a_cut_ends_every_track():
    tracker = MultiObjectTracker()
    for _ in range(5):
        tracker.update(seen(person(50), person(200)))
    tracks = tracker.update(seen(person(50), person(200)), CUT)
    assert ids(tracks) == [3, 4] and tracker.ended == [1, 2]


def test_unsure_detections_carry_a_track_on_and_begin_none():
    tracker = MultiObjectTracker()
    assert not tracker.update(seen(person(300), confidence=0.5))
    for frame in range(5):
        tracker.update(seen(person(50 + 4 * frame)))
    for frame in range(5, 15):
        (track,) = tracker.update(seen(person(50 + 4 * frame), person(300), confidence=0.3))
        assert (track.id, track.state, track.detection) == (1, "uncertain", 0)
    (track,) = tracker.update(seen(person(110), confidence=0.05))
    assert track.state == "lost"


def test_an_object_is_reported_when_it_was_seen_again_and_told_of_in_hindsight():
    tracker = MultiObjectTracker(AssociationOptions(confirm_after=3))
    tracker.update(seen())
    reports = [tracker.update(seen(person(50 + frame))) for frame in range(5)]
    assert [len(report) for report in reports] == [0, 0, 1, 1, 1]
    earlier = reports[2][0].earlier
    assert [frame for frame, _, _ in earlier] == [1, 2]
    np.testing.assert_allclose([box[0] for _, box, _ in earlier], [50, 51], atol=0.5)
    assert not reports[3][0].earlier
    # What is seen once is never heard of.
    assert not tracker.update(seen(person(54), person(400)))[1:]
    assert len(tracker.update(seen(person(55)))) == 1


def test_frames_that_are_missing():
    every, some = MultiObjectTracker(), MultiObjectTracker()
    for frame in range(40):
        whole = every.update(seen(person(50 + 6 * frame)), frame=frame)
        if frame % 3 == 0:
            partly = some.update(seen(person(50 + 6 * frame)), frame=frame)
    assert ids(whole) == ids(partly) == [1]
    with pytest.raises(ValueError, match="frame 39 comes after frame 39"):
        every.update(seen(), frame=39)


def test_labels_are_voted_on_and_hold_neighbours_apart():
    tracker = MultiObjectTracker()
    for frame in range(20):
        boxes = person(50 + 2 * frame), person(56 + 2 * frame, 101)
        labels = ["rider", "bicycle"] if frame != 10 else ["horse", "bicycle"]
        order = [0, 1] if frame % 2 else [1, 0]
        tracks = tracker.update(seen(*[boxes[k] for k in order], labels=[labels[k] for k in order]))
        names = {track.id: track.label for track in tracks}
        if frame == 0:
            first = names
        assert names == first and set(names.values()) == {"rider", "bicycle"}


def test_boxes_without_area_are_no_objects():
    tracker = MultiObjectTracker()
    for _ in range(5):
        tracks = tracker.update(seen((10, 10, 0, 30), person(50), (10, 10, 5, -1)))
    assert matched(tracks) == {1: 1}


@st.composite
def videos(draw):
    """Frames of random detections, some of them after a cut, some with embeddings."""
    frames = draw(st.integers(1, 25))
    seed = draw(st.integers(0, 10_000))
    return frames, seed, draw(st.booleans())


@settings(max_examples=40, deadline=None)
@given(videos())
def test_ids_are_never_used_again(video):
    frames, seed, with_looks = video
    draw = np.random.default_rng(seed)
    tracker = MultiObjectTracker(AssociationOptions(max_age=3))
    gone, met = set(), {0}
    for _ in range(frames):
        count = draw.integers(0, 7)
        boxes = np.concatenate([draw.integers(0, 4, (count, 2)) * 25, np.full((count, 2), 40)], axis=1)
        found = seen(*boxes, confidence=draw.random(count), labels=draw.choice(["a", "b"], count).tolist())
        looks = draw.normal(size=(count, 4)) if with_looks and draw.random() < 0.8 else None
        tracks = tracker.update(found, CUT if draw.random() < 0.1 else STILL, embeddings=looks)
        numbers = [track.id for track in tracks]
        gone |= set(tracker.ended)
        assert numbers == sorted(set(numbers)) and not gone & set(numbers)
        assert all(number > max(met) for number in set(numbers) - met)
        met |= set(numbers)
        used = [track.detection for track in tracks if track.detection >= 0]
        assert len(set(used)) == len(used)
        assert all((track.detection < 0) == (track.state == "lost") for track in tracks)
