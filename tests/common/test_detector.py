"""From raw outputs to boxes: the assignment, decoding and suppression against plain loops, and a fake detector."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from common import artifact
from common.boxes import AGREEMENT, corners, from_corners, iou
from common.detector import Detector, decoded, open_detector, suppressed, voted
from common.errors import ArtifactError
from common.grids import places
from common.layers import SuppressedBoxes
from common.losses.assignment import assign
from common.symmetries import MIRRORED, Symmetry
from tests.common import plain_detection as plain

SIDE = 64


def outputs(draw, pictures, classes, side=SIDE):
    """Raw outputs: scores, and distances of some pixels."""
    count = len(places(side, side))
    scores = draw.normal(-1, 2, (pictures, count, classes))
    return np.concatenate([scores, draw.uniform(1, 25, (pictures, count, 4))], axis=-1).astype("float32")


def objects(draw, pictures, most, classes, side=SIDE):
    """Rows of the loss; some are no object, some are smaller than a cell."""
    sizes = np.exp(draw.uniform(np.log(3), np.log(40), (pictures, most, 2)))
    corner = draw.uniform(0, 1, (pictures, most, 2)) * (side - sizes)
    kinds = draw.integers(-1, classes, (pictures, most, 1))
    return np.concatenate([kinds, corner, corner + sizes], axis=-1).astype("float32")


def test_places_are_the_middles_of_the_cells():
    np.testing.assert_allclose(places(SIDE, SIDE), plain.middles(SIDE))
    wide = places(32, 96)
    assert len(wide) == 4 * 12 + 2 * 6 + 1 * 3 and wide[:12, 1].tolist() == [4] * 12


@pytest.mark.parametrize("seed", range(6))
def test_assignment_is_that_of_plain_loops(seed):
    draw = np.random.default_rng(seed)
    target, raw = objects(draw, 2, 6, 3), outputs(draw, 2, 3)
    middles = places(SIDE, SIDE)
    edges = np.concatenate([middles - raw[..., 3:5], middles + raw[..., 5:]], axis=-1)
    found = assign(*map(ops.convert_to_tensor, (target, plain.sigmoid(raw[..., :3]), edges, middles)), most=5)
    for picture in range(2):
        owners, quality = plain.assign(
            target[picture].astype(float), plain.sigmoid(raw[picture, :, :3].astype(float)), edges[picture],
            middles, 5, 1.0, 6.0,
        )  # fmt: skip
        expected, classes, boxes = (
            np.zeros(len(middles)),
            np.zeros((len(middles), 3)),
            np.zeros((len(middles), 4)),
        )
        for place, number in owners.items():
            expected[place] = quality[place]
            classes[place, int(target[picture, number, 0])] = quality[place]
            boxes[place] = target[picture, number, 1:]
        np.testing.assert_allclose(found.quality[picture], expected, atol=1e-4)
        np.testing.assert_allclose(found.classes[picture], classes, atol=1e-4)
        np.testing.assert_allclose(found.edges[picture], boxes, atol=1e-3)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("quarters", range(4))
def test_what_is_seen_from_another_side_is_led_back(mirror, quarters):
    """A network that measures the one bright object in the picture says the same from every side."""

    def measure(pictures):
        rows, columns = np.nonzero(pictures[0, ..., 0])
        edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        middles = places(*pictures.shape[1:3])
        distances = np.concatenate([middles - edges[:2], edges[2:] - middles], axis=1)
        near = -np.abs(middles - (edges[:2] + edges[2:]) / 2).sum(axis=1, keepdims=True)
        return np.concatenate([near, distances], axis=1)[None].astype("float32")

    view = Symmetry(mirror, quarters)
    picture = np.zeros((1, 64, 96, 3), np.float32)
    picture[0, 10:25, 40:90] = 1
    seen = view.of(picture)
    assert seen.shape[1:3] == ((96, 64) if quarters % 2 else (64, 96))
    assert np.array_equal(seen, picture) == (not mirror and not quarters)
    np.testing.assert_allclose(view.back(measure(seen), 64, 96), measure(picture))


def test_the_mean_of_several_views_counts():
    """From one side the network is sure, from the other not: the mean of raw scores decides, the box is the mean's."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :32] = 255

    def runner(pictures):
        raw = np.full((1, len(places(64, 64)), 5), -20.0, np.float32)
        bright_left = pictures[0, 0, 0, 0] > 0.5
        raw[0, 2 * 8 + 1 if bright_left else 2 * 8 + 6] = [4, 8, 8, 8, 8] if bright_left else [0, 8, 8, 4, 8]
        return raw

    about = artifact.Card(
        app="objects", network="detector-nano", arguments={}, classes=("a",), input_shape=(64, 64, 3),
        preprocessing="", activation="sigmoid", calibration={"threshold": 0.1, "overlap": 0.6}, metrics={}, data={},
        command="", seed=0,
    )  # fmt: skip
    once, twice = Detector(about, runner)(picture), Detector(about, runner, views=MIRRORED)(picture)
    assert once.scores == pytest.approx([1 / (1 + np.exp(-4))]) and twice.scores == pytest.approx(
        [1 / (1 + np.exp(-2))]
    )
    np.testing.assert_allclose(once.boxes, [[4, 12, 16, 16]], atol=1e-4)
    np.testing.assert_allclose(twice.boxes, [[6, 12, 14, 16]], atol=1e-4)


def test_every_object_has_a_place_however_small():
    """A speck between the places too; two objects in one place share none."""
    middles = places(SIDE, SIDE)
    for x, y in np.random.default_rng(0).uniform(0, SIDE - 2, (40, 2)):
        target = np.array([[[0, x, y, x + 2, y + 2]]], "float32")
        edges = np.concatenate([middles - 6, middles + 6], axis=-1)[None]
        scores = np.full((1, len(middles), 1), 0.1, "float32")
        found = assign(*map(ops.convert_to_tensor, (target, scores, edges, middles)))
        assert np.asarray(found.edges).any(axis=-1).sum() >= 1


def test_no_object_and_the_same_object_twice_are_no_trouble():
    middles = places(SIDE, SIDE)
    edges = np.concatenate([middles - 9, middles + 9], axis=-1)[None]
    scores = np.full((1, len(middles), 2), 0.1, "float32")
    nothing = np.full((1, 3, 5), -1, "float32")
    assert not np.asarray(
        assign(*map(ops.convert_to_tensor, (nothing, scores, edges, middles))).quality
    ).any()
    twice = np.array([[[1, 10, 10, 30, 30], [1, 10, 10, 30, 30]]], "float32")
    found = assign(*map(ops.convert_to_tensor, (twice, scores, edges, middles)))
    taken = np.asarray(found.quality[0]) > 0
    assert taken.any()
    np.testing.assert_allclose(
        np.asarray(found.edges[0])[taken], np.broadcast_to(twice[0, :1, 1:], (taken.sum(), 4))
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 60), st.sampled_from([0.3, 0.5, 0.7]))
def test_suppression_is_that_of_a_plain_loop(seed, count, limit):
    draw = np.random.default_rng(seed)
    corner = draw.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, draw.uniform(5, 40, (count, 2))], axis=1)
    scores, classes = draw.permutation(count) / max(count, 1) + 0.01, draw.integers(0, 3, count)
    assert suppressed(boxes, scores, classes, limit).tolist() == plain.suppressed(
        corners(boxes), scores, classes, limit
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_remains_is_averaged_with_what_nearly_agrees(seed):
    draw = np.random.default_rng(seed)
    true = draw.uniform(20, 30, (6, 4))
    boxes = np.concatenate([true + draw.normal(0, 0.7, true.shape) for _ in range(8)] + [np.zeros((1, 4))])
    scores, classes = draw.uniform(0.1, 1, len(boxes)), draw.integers(0, 2, len(boxes))
    kept = np.append(suppressed(boxes, scores, classes, 0.6), len(boxes) - 1)
    means = voted(boxes, scores, classes, kept)
    np.testing.assert_allclose(
        corners(means), plain.voted(corners(boxes), scores, classes, kept, AGREEMENT), rtol=1e-9
    )
    assert not np.allclose(means[:-1], boxes[kept[:-1]]) and not means[-1].any()


@pytest.mark.parametrize("overlap", [0.3, 0.6])
def test_suppression_in_the_graph_is_that_of_a_plain_loop(overlap):
    raw = outputs(np.random.default_rng(3), 3, 2)
    layer = SuppressedBoxes(SIDE, overlap=overlap, threshold=0.2, limit=80)
    answers = np.asarray(layer(raw))
    assert answers.shape == layer.compute_output_shape(raw.shape) == (3, 80, 6)
    for one, answer in zip(raw, answers, strict=True):
        boxes, scores, classes = (rows[:80] for rows in decoded(one, SIDE, SIDE, 0.2))
        kept = plain.suppressed(corners(boxes), scores, classes, overlap)
        means = plain.voted(corners(boxes), scores, classes, kept, AGREEMENT)
        answer = answer[answer[:, 4] > 0]
        np.testing.assert_allclose(answer[:, :4], means, atol=1e-3)
        np.testing.assert_allclose(answer[:, 4], scores[kept], atol=1e-6)
        assert answer[:, 5].tolist() == classes[kept].tolist()
    model = keras.Sequential([keras.Input(raw.shape[1:]), layer])
    again = keras.Sequential.from_config(model.get_config())
    np.testing.assert_array_equal(again.predict(raw, verbose=0), model.predict(raw, verbose=0))


def test_the_longest_chain_is_followed_to_its_end():
    """Each box takes away the next, unless it is taken away itself: every second one stays."""
    raw = np.full((1, len(places(128, 128)), 5), -9.0, "float32")
    raw[..., 1:] = 12
    raw[0, :16, 0] = np.linspace(3, 1, 16)  # the first row of cells, 8 pixels apart, 24 wide
    answer = np.asarray(SuppressedBoxes(128, overlap=0.4, threshold=0.5)(raw))[0, :16]
    assert (answer[:, 4] > 0).tolist() == [True, False] * 8


def fake(box, kind, *, side=SIDE, classes=("cat", "Größe")):
    """A detector whose network answers with one box of the window, wherever the window lies."""
    card = artifact.Card(
        app="objects", network="fake", arguments={}, classes=classes, input_shape=(side, side, 3), preprocessing="",
        activation="sigmoid", calibration={"threshold": 0.5, "overlap": 0.6}, metrics={}, data={}, command="", seed=0,
    )  # fmt: skip
    seen = []

    def run(batch):
        seen.append(batch)
        middles = places(*batch.shape[1:3])
        raw = np.full((len(batch), len(middles), len(classes) + 4), -9.0, np.float32)
        left, top, width, height = box(batch)
        nearest = np.abs(middles - [left + width / 2, top + height / 2]).sum(axis=1).argmin()
        x, y = middles[nearest]
        raw[:, nearest, kind] = 4
        raw[:, nearest, -4:] = [x - left, y - top, left + width - x, top + height - y]
        return raw

    return Detector(card, run), seen


@pytest.mark.parametrize("size", [(64, 64), (200, 90), (90, 200), (64, 12), (40, 300), (8, 8), (1, 1)])
@pytest.mark.parametrize("together", [False, True])
def test_boxes_come_back_in_the_pixels_of_the_picture(size, together):
    """The network answers with the hull of what is red: it must be where the picture has it."""

    def red(batch):
        rows, columns = np.nonzero((batch[0, ..., 0] > 0.6) & (batch[0, ..., 1] < 0.25))
        return columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1

    width, height = size
    pixels = np.full((height, width, 3), 0, np.uint8)
    true = np.array([width // 4, height // 4, max(1, width // 2), max(1, height // 2)])
    pixels[true[1] : true[1] + true[3], true[0] : true[0] + true[2]] = (255, 0, 0)
    detector, seen = fake(red, 1)
    found = detector.together([pixels])[0] if together else detector(pixels)
    assert len(found) == 1 and found.classes.tolist() == [1] and found.scores[0] > 0.95
    pixel = max(size) / SIDE
    np.testing.assert_allclose(corners(found.boxes[0]), corners(true), atol=1.5 * max(pixel, 1))
    shape = seen[0].shape[1:3]
    assert all(side % 32 == 0 for side in shape) and (
        shape == (SIDE, SIDE) if together else max(shape) == SIDE
    )


def test_grey_pictures_and_thresholds():
    detector, _ = fake(lambda batch: (8, 8, 20, 20), 0)
    assert len(detector(np.zeros((64, 64), np.uint8))) == 1
    assert len(detector(np.zeros((64, 64), np.uint8), threshold=0.99)) == 0
    assert len(detector(np.zeros((64, 64), np.uint8)).above(0.99)) == 0


def test_decoded_boxes_are_cut_at_the_edges_and_finite():
    raw = outputs(np.random.default_rng(0), 1, 3)[0]
    raw[:, -4:] = 1e6
    boxes, scores, _ = decoded(raw, SIDE, SIDE, 0.1)
    np.testing.assert_allclose(boxes, np.tile([0, 0, SIDE, SIDE], (len(boxes), 1)))
    assert (np.diff(scores) <= 0).all()
    assert iou(from_corners(corners(boxes)), boxes).min() == pytest.approx(1)


def test_a_model_that_detects_nothing_is_refused():
    with pytest.raises(ArtifactError, match="not a detector"):
        open_detector("digits/cnn")
    with pytest.raises(ArtifactError, match="no model 'objects/none'"):
        open_detector("objects/none")
