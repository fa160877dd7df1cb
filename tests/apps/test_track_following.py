"""Following given objects, with a network whose answers are known."""

import cv2
import numpy as np
import pytest

from apps.track.cropping import OBJECT_SIDE, SEARCH_SIDE, STRIDE, TEMPLATE_SIDE
from apps.track.discriminative_filter import DiscriminativeFilter
from apps.track.evaluation import Evaluation, follow_sequence
from apps.track.following import Follower
from apps.track.hiding import absence_of, hidden
from apps.track.metrics import figures
from apps.track.sequences import Sequence
from apps.track.settings import FollowSettings
from common.boxes import centers, iou

SIDE = SEARCH_SIDE // STRIDE
PLAIN = FollowSettings(filter_share=0.0)


class ByColour:
    """Stands in for the network: features are the colours of 8×8 blocks, and what is as red as the template fits.

    Boxes are the red region itself, so what is tested is all around the network.
    """

    def features(self, crops):
        n, side = crops.shape[:2]
        blocks = crops.reshape(n, side // STRIDE, STRIDE, side // STRIDE, STRIDE, 3)
        return blocks.mean(axis=(2, 4)).astype(np.float32)

    def compare(self, templates, searches):
        half = OBJECT_SIDE / STRIDE / 2
        maps = np.full((len(searches), SIDE, SIDE, 5), half, np.float32)
        redness = searches[..., 0] - searches[..., 1]
        maps[..., 0] = np.clip(redness / 200, 0, 1)
        for number, one in enumerate(redness):
            rows, columns = np.nonzero(one > 60)
            if len(rows):
                y, x = np.mgrid[:SIDE, :SIDE] + 0.5
                edges = (x - columns.min(), y - rows.min(), columns.max() + 1 - x, rows.max() + 1 - y)
                maps[number, ..., 1:] = np.maximum(np.stack(edges, axis=-1), 0.1)
        return maps


def frame(box, size=(240, 320)):
    pixels = np.full((*size, 3), (40, 90, 40), np.uint8)
    if box is not None:
        x, y, w, h = (int(v) for v in box)
        pixels[max(y, 0) : y + h, max(x, 0) : x + w] = (250, 30, 30)
    return pixels


def follow(boxes, settings=PLAIN, size=(240, 320)):
    follower = Follower(ByColour(), frame(boxes[0], size), [boxes[0]], settings)
    return [follower.update(frame(box, size))[0] for box in boxes[1:]]


def test_a_moving_and_growing_object_is_followed():
    boxes = [np.array([60 + 4 * t, 80 + t, 40 + t / 2, 40 + t / 2]) for t in range(30)]
    seen = follow(boxes)
    assert all(one.state == "tracked" for one in seen)
    assert min(iou(one.box, box) for one, box in zip(seen, boxes[1:], strict=True)) > 0.6


def test_several_objects_are_followed_at_once_and_keep_their_numbers():
    tracks = [np.array([[40 + 3 * t, 60, 30, 30], [240 - 3 * t, 170, 30, 30]]) for t in range(15)]
    frames = [np.maximum(frame(a), frame(b)) for a, b in tracks]
    follower = Follower(ByColour(), frames[0], tracks[0], PLAIN)
    for pixels, truth in zip(frames[1:], tracks[1:], strict=True):
        seen = follower.update(pixels)
        assert [one.id for one in seen] == [1, 2]
        assert all(np.linalg.norm(centers(o.box) - centers(t)) < 12 for o, t in zip(seen, truth, strict=True))


def test_lost_is_said_and_the_object_found_again_elsewhere():
    still = [np.array([60, 100, 40, 40])] * 5
    boxes = [*still, *[None] * 12, *[np.array([240, 60, 40, 40])] * 12]
    seen = follow(boxes)
    states = [one.state for one in seen]
    assert states[:4] == ["tracked"] * 4
    gone = slice(4, 16)
    assert states[gone].count("lost") >= 12 - PLAIN.patience - 1
    assert all(np.isnan(one.box).all() for one in seen[gone] if one.state == "lost")
    again = [number for number, state in enumerate(states[16:]) if state == "tracked"]
    assert again and again[0] <= 10
    # The way from where it was lost is no movement that might go on.
    back = velocity_after(still, boxes, 16 + again[0])
    assert np.linalg.norm(back) < 3
    assert iou(seen[-1].box, boxes[-1]) > 0.5


def velocity_after(still, boxes, last):
    """Return the velocity of the object after frame ``last``."""
    follower = Follower(ByColour(), frame(still[0]), [still[0]], PLAIN)
    for box in boxes[1 : last + 2]:
        follower.update(frame(box))
    return follower._targets[0].velocity


def test_an_object_that_leaves_the_frame_is_lost():
    seen = follow([np.array([230 + 9 * t, 100, 40, 40]) for t in range(25)])
    assert seen[-1].state == "lost"


def test_a_cut_makes_everything_lost_until_it_is_found():
    follower = Follower(ByColour(), frame((60, 100, 40, 40)), [(60, 100, 40, 40)], PLAIN)
    assert follower.update(frame(None), cut_before=True)[0].state == "lost"
    states = [follower.update(frame((200, 60, 40, 40)))[0].state for _ in range(4)]
    assert states[-1] == "tracked" and "lost" in states[:2]  # anywhere, and looked at twice


def test_the_cameras_motion_is_taken_along():
    boxes = [np.array([250 - 22 * t, 100, 20, 20]) for t in range(10)]
    shift = np.array([[1.0, 0, -22], [0, 1, 0]])
    follower = Follower(
        ByColour(), frame(boxes[0]), [boxes[0]], FollowSettings(filter_share=0.0, momentum=0.0)
    )
    seen = [follower.update(frame(box), shift)[0] for box in boxes[1:]]
    assert all(one.state == "tracked" for one in seen)


def textured(shift, seed=0):
    """A feature map with one pattern, and a similar but different one beside it."""
    draw = np.random.default_rng(seed)
    features = draw.normal(0, 0.3, (SIDE, SIDE, 32)).astype(np.float32)
    target, other = np.random.default_rng(7).normal(0, 1, (2, 3, 3, 32)).astype(np.float32)
    features[10 + shift : 13 + shift, 11:14] += target
    features[3:6, 4:7] += 0.7 * target + 0.7 * other
    return features, np.array([12.5, 11.5 + shift])


def test_the_filter_answers_on_the_object_and_not_on_what_is_like_it():
    features, place = textured(0)
    filter_ = DiscriminativeFilter(features, place, np.array([3.0, 3.0]))
    for shift in range(1, 5):
        features, place = textured(shift, seed=shift)
        answer = filter_.response(features)
        row, column = np.unravel_index(answer.argmax(), answer.shape)
        assert abs(row + 0.5 - place[1]) <= 1 and abs(column + 0.5 - place[0]) <= 1
        assert answer[4, 5] < 0.6 * answer.max()
        filter_.update(features, place, np.array([3.0, 3.0]))


def test_the_filter_is_the_minimum_of_its_ridge_regression():
    """Against the same regression over explicit windows, by scikit-learn."""
    from sklearn.linear_model import Ridge

    features, place = textured(0)
    size = np.array([3.0, 3.0])
    filter_ = DiscriminativeFilter(features, place, size, kept=6, side=3, ridge=0.1)
    windows = filter_._windows(features)
    x, y = np.arange(SIDE) + 0.5 - place[0], np.arange(SIDE) + 0.5 - place[1]
    wanted = np.exp(-0.5 * ((y[:, None] / 0.75) ** 2 + (x[None] / 0.75) ** 2)).ravel()
    weight = wanted / wanted.sum() + (1 - wanted) / (1 - wanted).sum()
    weight /= weight.sum()
    centred = windows - weight @ windows
    penalty = 0.1 * np.trace((centred * weight[:, None]).T @ centred) / windows.shape[1]
    ridge = Ridge(alpha=penalty, solver="cholesky").fit(windows, wanted, sample_weight=weight)
    np.testing.assert_allclose(
        filter_.response(features).ravel(), ridge.predict(windows), rtol=1e-3, atol=2e-4
    )


def test_figures_of_known_boxes():
    truth = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [np.nan] * 4, [100, 100, 10, 10]], float)
    found = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [1, 1, 5, 5], [np.nan] * 4])
    result = figures(found, truth)
    # IoU 1, 1/3 and none: above t for 20, 7 and 0 of the 21 thresholds.
    assert result.auc == pytest.approx((20 + 7 + 0) / 21 / 3)
    assert result.overlap == pytest.approx((1 + 1 / 3) / 3)
    assert result.precision == pytest.approx(2 / 3)
    assert result.frames == 3
    # Distances of 0, half a box and none: the second counts at the last threshold alone.
    assert result.normalised_precision == pytest.approx((51 + 1) / 51 / 3)


def test_one_pass_over_a_sequence(tmp_path):
    truth = np.array([[10.0, 10, 5, 5], [12, 10, 5, 5], [np.nan] * 4])
    sequence = Sequence("s", (), truth)
    object.__setattr__(sequence, "frames", lambda: iter(np.zeros((3, 20, 20, 3), np.uint8)))

    def begin(pixels, box):
        np.testing.assert_array_equal(box, truth[0])
        return lambda pixels: (np.array([12.0, 10, 5, 5]), 0.5)

    trace = follow_sequence(sequence, begin)
    assert trace.followed_absent == 1.0
    assert trace.figures.overlap == 1.0
    values = Evaluation("m", (trace,)).to_json()
    assert values["auc"] == pytest.approx(20 / 21) and values["by_sequence"][0]["frames"] == 2


def test_sides_of_crops_fit_the_network():
    assert SEARCH_SIDE % STRIDE == TEMPLATE_SIDE % STRIDE == 0
    assert SEARCH_SIDE == 2 * TEMPLATE_SIDE == 4 * OBJECT_SIDE


class Painted(Sequence):
    """A sequence whose frames are made on the fly."""

    def frame(self, number):
        return frame(self.boxes[number])


def painted(count=60):
    boxes = np.array([[40.0 + 2 * t, 90, 36, 36] for t in range(count)])
    return Painted("painted", (None,) * count, boxes)


@pytest.mark.parametrize("how", ["vanished", "occluded", "cut"])
def test_a_hidden_object_is_away_and_comes_back(how):
    other = Painted("plain", (None,) * 60, np.full((60, 4), 1.0))
    sequence = hidden(painted(), other, how)
    assert (sequence.first, sequence.last) == (20, 40)
    red = [((pixels[..., 0] > 200) & (pixels[..., 1] < 60)).sum() for pixels in sequence.frames()]
    assert min(red[:20]) == 36 * 36 == min(red[40:])
    assert max(red[20:40]) <= 36
    trace = follow_sequence(sequence, lambda p, b: _follow_one(Follower(ByColour(), p, [b], PLAIN)))
    absence = absence_of(sequence, trace.boxes)
    assert absence.kept and absence.followed <= (PLAIN.patience + 1) / 20 and absence.found_after <= 10
    evaluation = Evaluation("m", (trace,), (absence,))
    assert evaluation.found_again == 1.0
    assert evaluation.to_json()["hidden"]["followed_absent"] == absence.followed


def test_a_tracker_that_never_says_lost_is_found_out():
    sequence = hidden(painted(), painted(), "vanished")
    absence = absence_of(sequence, np.tile([40.0, 90, 36, 36], (60, 1)))
    assert absence.followed == 1.0 and absence.found_after is None


def _follow_one(follower):
    def update(pixels):
        seen = follower.update(pixels)[0]
        return seen.box, seen.confidence

    return update


class Generous(ByColour):
    """Takes a margin for a part of the object, more of it on the right."""

    def compare(self, templates, searches):
        maps = super().compare(templates, searches)
        maps[..., 1:] += np.array([0.5, 0.5, 1.5, 0.5])
        return maps


@pytest.mark.parametrize("share, low, high", [(0.0, 0.4, 0.7), (1.0, 0.8, 1.0)])
def test_what_the_network_misses_in_the_first_frame_is_made_up_for(share, low, high):
    boxes = [np.array([60 + 3 * t, 100, 40, 40]) for t in range(12)]
    settings = FollowSettings(filter_share=0.0, first_share=share)
    follower = Follower(Generous(), frame(boxes[0]), [boxes[0]], settings)
    for box in boxes[1:]:
        seen = follower.update(frame(box))[0]
    assert low < iou(seen.box, box) <= high


class Pale(ByColour):
    """Is never sure."""

    def compare(self, templates, searches):
        maps = super().compare(templates, searches)
        maps[..., 0] *= 0.4
        return maps


def test_an_object_that_is_never_quite_like_its_template_is_not_lost():
    boxes = [np.array([60 + 3 * t, 100, 40, 40]) for t in range(12)]
    follower = Follower(Pale(), frame(boxes[0]), [boxes[0]], PLAIN)
    assert all(follower.update(frame(box))[0].state == "tracked" for box in boxes[1:])
    states = [follower.update(frame(None))[0].state for _ in range(6)]
    assert states[-1] == "lost" and "tracked" not in states


class Twins(ByColour):
    """Every red region has its own box."""

    def compare(self, templates, searches):
        maps = super().compare(templates, searches)
        for number, features in enumerate(searches):
            count, areas = cv2.connectedComponents(
                (features[..., 0] - features[..., 1] > 60).astype(np.uint8)
            )
            for area in range(1, count):
                rows, columns = np.nonzero(areas == area)
                y, x = rows + 0.5, columns + 0.5
                edges = (x - columns.min(), y - rows.min(), columns.max() + 1 - x, rows.max() + 1 - y)
                maps[number, rows, columns, 1:] = np.maximum(np.stack(edges, axis=-1), 0.1)
        return maps


def test_one_that_is_hidden_is_not_taken_for_its_twin():
    twin, box = (160, 100, 30, 30), (100, 100, 30, 30)
    both, alone = np.maximum(frame(box), frame(twin)), frame(twin)
    follower = Follower(Twins(), both, [box], PLAIN)
    for _ in range(5):
        assert follower.update(both)[0].state == "tracked"
    seen = [follower.update(alone)[0] for _ in range(30)]
    assert all(iou(one.box, twin) == 0 for one in seen if one.state != "lost")
    assert {one.state for one in seen[2:]} == {"lost"}
    back = [follower.update(both)[0] for _ in range(5)]
    assert back[-1].state == "tracked" and iou(back[-1].box, box) > 0.5


class Turned(ByColour):
    """Fits a view the less, down to a half, the more blue has come to the object since."""

    def compare(self, templates, searches):
        maps = super().compare(templates, searches)
        blue = (searches[..., 2] - searches[..., 1]) / 200
        before = (templates[:, 5:7, 5:7, 2] - templates[:, 5:7, 5:7, 1]).mean(axis=(1, 2)) / 200
        maps[..., 0] *= 1 - 0.5 * np.clip(np.abs(blue - before[:, None, None]), 0, 1)
        return maps


def turned(box, blue):
    """The same frame; with an object that is red and blue."""
    pixels = frame(box)
    pixels[pixels[..., 0] > 200] = (250, 30, 30 + int(200 * blue))
    return pixels


@pytest.mark.parametrize("turns, state", [(True, "uncertain"), (False, "lost")])
def test_an_object_whose_view_changes_is_not_lost(turns, state):
    """It comes to look different bit by bit; what is put in its place does so at once."""
    box = (100, 100, 40, 40)
    settings = FollowSettings(filter_share=0.0, lost_below=0.6)
    follower = Follower(Turned(), frame(box), [box], settings)
    for step in range(12):
        seen = follower.update(turned(box, blue=step / 12 if turns else 0.0))[0]
        assert seen.state != "lost"
    states = [follower.update(turned(box, blue=1.0))[0].state for _ in range(3)]
    assert states[-1] == state


def test_a_place_farther_than_it_can_have_come_is_not_the_object():
    """What it finds at once at the other end of the frame was there before."""
    box, far = (20, 100, 20, 20), (280, 100, 20, 20)
    follower = Follower(ByColour(), frame(box), [box], PLAIN)
    for _ in range(3):
        follower.update(frame(box))
    states = [follower.update(frame(far))[0].state for _ in range(12)]
    assert set(states[PLAIN.patience :]) == {"lost"}
