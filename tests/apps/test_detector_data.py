"""The pictures that a detector learns from: every box stays on its object, and a step is the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.objects.detection.data import DetectorStream, gather, make_example, target_rows
from apps.objects.detection.recipes import BoxAugmentation, default_recipe
from apps.objects.detection.splits import split
from common.boxes import corners, from_corners, iou
from common.data.boxed import open_boxed
from common.errors import InputError, UserError
from tests.apps.shapes import CLASSES, write_shapes

PLAIN = BoxAugmentation(mosaic=0, mixup=0, scale=(1, 1), translate=0, flip=0, hue=0, saturation=0, value=0)


@pytest.fixture(scope="module")
def pictures(shapes):
    return gather(open_boxed(shapes).parts["train"], CLASSES, 96)[0]


def hulls(pixels):
    """The upright hull of what is red, and of what is blue ``(left, top, right, bottom)``, or None."""
    pixels = pixels.astype(int)
    found = []
    for channel, other in ((0, 2), (2, 0)):
        rows, columns = np.nonzero(
            (pixels[..., channel] > pixels[..., other] + 60) & (pixels[..., channel] > pixels[..., 1] + 60)
        )
        found.append(
            None if not len(rows) else [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        )
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), mosaic=st.booleans())
def test_boxes_stay_on_their_objects(pictures, seed, mosaic):
    """All that is red lies in the boxes of discs, all that is blue in those of squares, and no box is larger."""
    # Colours and blends would hide what is looked for; all else happens.
    augmentation = BoxAugmentation(mosaic=float(mosaic), mixup=0, hue=0, saturation=0, value=0)
    draw = np.random.default_rng(seed)
    example = make_example(pictures, int(draw.integers(len(pictures))), 96, augmentation, draw)
    assert example.pixels.shape == (96, 96, 3)
    for kind, hull in enumerate(hulls(example.pixels)):
        boxes = example.boxes[example.labels == kind]
        if hull is None or not len(boxes):
            continue  # what is left of an object that was cut may be too small for a box
        if CLASSES[kind] == "disc" and np.abs(boxes[:, 2] - boxes[:, 3]).max() > 1:
            continue  # the rest of a disc that was cut does not fill the rest of its box
        boxes = corners(boxes)
        union = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
        # Pieces of cut objects reach out of the boxes, never the other way round.
        assert (union[:2] >= np.array(hull[:2]) - 2.5).all() and (union[2:] <= np.array(hull[2:]) + 2.5).all()
    assert (corners(example.boxes) >= -1e-3).all() and (corners(example.boxes) <= 96 + 1e-3).all()


def test_without_augmentation_a_picture_is_fitted_into_the_square(pictures):
    for number in range(4):
        example = make_example(pictures, number, 96, PLAIN, np.random.default_rng(0))
        for kind in set(example.labels.tolist()):
            boxes = corners(example.boxes[example.labels == kind])
            union = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
            assert iou(from_corners(np.array(hulls(example.pixels)[kind])), from_corners(union)) > 0.85


def test_mixup_has_the_objects_of_both(pictures):
    both = BoxAugmentation(**{**vars(PLAIN), "mixup": 1.0})
    draw = np.random.default_rng(3)
    example = make_example(pictures, 0, 96, both, draw)
    assert len(example.boxes) > len(pictures[0].boxes)


def stream(pictures, seed=0, **changes):
    return DetectorStream(
        **{
            "pictures": pictures, "batch": 4, "side": 64, "steps_per_epoch": 5, "epochs": 2,
            "augmentation": BoxAugmentation(), "seed": seed, **changes,
        }
    )  # fmt: skip


def test_a_step_is_a_function_of_its_number_and_the_seed(pictures):
    whole = list(stream(pictures).steps(2, 5))
    late = list(stream(pictures).steps(4, 5))
    np.testing.assert_array_equal(whole[2][0], late[0][0])
    np.testing.assert_array_equal(whole[2][1], late[0][1])
    assert not np.array_equal(whole[0][0], whole[1][0])
    assert not np.array_equal(late[0][0], next(iter(stream(pictures, 1).steps(4, 5)))[0])
    assert whole[0][0].shape == (4, 64, 64, 3) and whole[0][1].shape[::2] == (4, 5)
    assert np.min(whole[0][0]) >= 0 and np.max(whole[0][0]) <= 1


def test_a_pass_over_the_data_has_every_picture_once(pictures):
    one = stream(pictures, batch=6)
    orders = [number for step in range(8) for number in one._order(step)]
    assert sorted(orders) == list(range(48)) and orders != sorted(orders)
    alone, _ = gather(pictures.entries[:1], CLASSES, 96)
    assert stream(alone)._order(3) == [0, 0, 0, 0] and stream(alone).batch_of(0)[0].shape == (4, 64, 64, 3)


def test_the_last_pictures_are_plain(pictures, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "apps.objects.detection.data.make_example",
        lambda pictures, number, side, augmentation, draw: seen.append(augmentation) or pictures[number],
    )
    one = stream(pictures, batch=1, augmentation=BoxAugmentation(plain=0.2))
    for step in (7, 8, 9):
        one.batch_of(step)
    assert [augmentation.mosaic for augmentation in seen] == [0.5, 0, 0]


def test_rows_of_the_loss():
    boxes, labels = np.array([[1, 2, 3, 4], [5, 5, 0.2, 9]], np.float32), np.array([1, 0])
    rows = target_rows(boxes, labels, 3)
    assert rows.tolist()[0] == [1, 1, 2, 4, 6] and rows[1:, 0].tolist() == [-1, -1]  # a sliver is no object


def test_damaged_pictures_are_left_out_and_told(tmp_path):
    folder = write_shapes(tmp_path / "data", {"train": 6})
    entries = open_boxed(folder).pictures
    whole = entries[2].file.read_bytes()
    entries[2].file.write_bytes(whole[: len(whole) // 2])
    kept, failures = gather(entries, CLASSES, 48)
    assert len(kept) == 5 and [type(failure) for failure in failures] == [InputError]
    assert "damaged" in failures[0].message and entries[2].file.name in failures[0].message
    assert max(kept[0].pixels.shape) == 48 and kept[0].boxes.max() < 48


def test_unknown_classes_are_no_objects(shapes):
    kept, _ = gather(open_boxed(shapes).parts["train"], CLASSES[:1], 96)
    assert {label for number in range(len(kept)) for label in kept[number].labels.tolist()} == {0}


@pytest.mark.parametrize(
    "parts, counts, tested, seeded",
    [
        ({"train": 6, "val": 2, "test": 3}, (6, 2, 3), "test", False),
        ({"train": 20, "test": 3}, (18, 2, 3), "test", False),
        ({"train": 20, "val": 3}, (18, 2, 3), "val", False),
        ({"train": 20}, (15, 2, 3), "test", True),
        ({"train": 3}, (1, 1, 1), "test", True),
        ({"train": 2}, (1, 0, 1), "test", True),
        ({"train": 1}, (1, 0, 0), "test", True),
    ],
)
def test_own_parts_are_used_and_others_are_drawn(parts, counts, tested, seeded, tmp_path):
    data = open_boxed(write_shapes(tmp_path / "data", parts))
    found = split(data, 3)
    assert tuple(map(len, (found.train, found.held, found.test))) == counts
    assert (found.tested, found.seeded) == (tested, seeded)
    files = [entry.file for part in (found.train, found.held, found.test) for entry in part]
    assert len(set(files)) == len(files) == sum(parts.values())
    assert split(data, 3) == found
    if seeded and len(files) > 3:
        assert split(data, 4).test != found.test


def test_val_is_learned_from_too_if_asked(tmp_path):
    data = open_boxed(write_shapes(tmp_path / "data", {"train": 14, "val": 6, "test": 3}))
    plain, both = split(data, 3), split(data, 3, trainval=True)
    assert tuple(map(len, (both.train, both.held, both.test))) == (18, 2, 3) and both.test == plain.test
    files = {entry.file for entry in [*both.train, *both.held]}
    assert files == {entry.file for entry in [*plain.train, *plain.held]}
    with pytest.raises(UserError, match="no parts val and test"):
        split(open_boxed(write_shapes(tmp_path / "other", {"train": 8, "val": 2})), 3, trainval=True)


def test_pictures_in_two_parts_are_told(tmp_path):
    folder = write_shapes(tmp_path / "data", {"train": 4, "test": 2})
    (folder / "test" / "bild 4 ü.png").write_bytes((folder / "train" / "bild 1 ü.png").read_bytes())
    assert "1 pictures are in two parts" in split(open_boxed(folder), 0).note


def test_the_recipe_shows_small_data_often():
    assert default_recipe(200, 416).passes == 150 and default_recipe(200, 416).training.batch == 8
    assert default_recipe(50_000, 416).passes == 12 and default_recipe(50_000, 416).training.batch == 16
    assert default_recipe(1, 64).training.batch == 1
    assert default_recipe(200, 320, passes=7).passes == 7
    assert default_recipe(9, 320).training.loss_parameters["side"] == 320
