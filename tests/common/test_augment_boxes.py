"""Augmentation of pictures with boxes: what is painted in an object's colour stays in its box."""

import colorsys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.boxes import clipped, corners
from common.data.augment_boxes import flip, hsv_jitter, jitter, mixup, mosaic, quarter_turns
from common.data.boxed.geometry import FILL, Example, affine, letterbox

COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
CELLS = [(10, 8), (70, 14), (24, 66)]  # of 110 × 120, where the objects do not touch
seeds = st.integers(0, 2**32 - 1)


def scene(size=(110, 120), *, seed=0, outlined=False):
    """A dark grey picture with three bright objects, rectangles or ellipses."""
    draw = np.random.default_rng(seed)
    pixels = np.repeat(draw.integers(0, 30, (size[1], size[0], 1), dtype=np.uint8), 3, axis=2)
    boxes, outlines = [], []
    for colour, (x, y) in zip(COLOURS.tolist(), CELLS, strict=True):
        width, height = draw.integers(16, 34, 2).tolist()
        boxes.append((x, y, width, height))
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        outline = np.array([x, y]) + (circle + 1) * [width / 2, height / 2]
        outlines.append((outline.astype(np.float32),))
        if outlined:
            fine = (np.arange(8 * max(size)) + 0.5) / 8  # eight samples a pixel and side
            rows, columns = fine[: 8 * size[1], None], fine[None, : 8 * size[0]]
            middle = (x + width / 2, y + height / 2)
            inside = ((columns - middle[0]) * 2 / width) ** 2 + ((rows - middle[1]) * 2 / height) ** 2 <= 1
            cover = inside.reshape(size[1], 8, size[0], 8).mean(axis=(1, 3))[..., None]
            pixels = np.round(pixels * (1 - cover) + cover * colour).astype(np.uint8)
        else:
            pixels[y : y + height, x : x + width] = colour
    labels = np.array([4, 0, 9])
    return Example(pixels, np.array(boxes, np.float32), labels, tuple(outlines) if outlined else ())


def painted(pixels, number):
    """Share of an object's colour in each pixel, in [0, 1]."""
    pixels = pixels.astype(float)
    others = pixels[..., [channel for channel in range(3) if channel != number]].max(axis=-1)
    return np.clip(pixels[..., number] - others, 0, 255) / 255


def edges(shares, least):
    """Left, top, right, bottom of the pixels that hold that much of an object."""
    rows, columns = np.nonzero(shares > least)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def check_objects(example, before, *, scale=1.0, tolerance=1.0, numbers=(0, 1, 2)):
    """Compare each box with the pixels of its colour, which its label tells; return how many were compared."""
    assert len(example.boxes) == len(example.labels) and len(set(example.labels.tolist())) == len(
        example.labels
    )
    assert example.boxes.dtype == np.float32
    compared = 0
    for number in numbers:
        found = np.flatnonzero(example.labels == before.labels[number])
        shares = painted(example.pixels, number)
        full = scale**2 * painted(before.pixels, number).sum()
        if len(found) == 0:
            assert shares.sum() <= 0.25 * full + 4  # not dropped without reason
            continue
        assert shares.sum() >= 0.15 * full - 4  # not kept without reason
        box = example.boxes[found[0]]
        height, width = shares.shape
        np.testing.assert_allclose(clipped(box, width, height), box, atol=1e-3)
        if min(box[2:]) > 3:
            # The tip of an acute corner at the picture's edge covers less than half of its pixels.
            nearest = np.clip(corners(box), *np.sort([edges(shares, 0.5), edges(shares, 0.1)], axis=0))
            np.testing.assert_allclose(corners(box), nearest, atol=tolerance)
            compared += 1
    return compared


@settings(max_examples=40, deadline=None)
@given(seeds, st.booleans(), st.floats(0, 40), st.floats(0, 25), st.floats(0.6, 1.8), st.floats(0, 0.5))
def test_a_box_stays_on_its_object(seed, outlined, rotate, shear, scale, translate):
    before = scene(seed=seed % 7, outlined=outlined)
    draw = np.random.default_rng(seed)
    after = jitter(
        before, draw, (100, 90), scale=(scale, scale), rotate=rotate, shear=shear, translate=translate
    )
    assert after.pixels.shape == (90, 100, 3) and len(after.outlines) == (len(after.boxes) if outlined else 0)
    replayed = np.random.default_rng(seed)
    replayed.uniform(size=2)  # of the scale and the angle
    slants = np.tan(np.radians(replayed.uniform(-shear, shear, 2)))
    check_objects(after, before, scale=scale * np.sqrt(1 - slants.prod()))


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.1, 0.5))
def test_boxes_and_pixels_shrink_together(seed, scale):
    small = scene(seed=seed % 5)
    before = Example(
        cv2.resize(small.pixels, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST),
        small.boxes * 6,
        small.labels,
    )
    after = jitter(before, np.random.default_rng(seed), (300, 300), scale=(scale, scale), translate=0.1)
    assert check_objects(after, before, scale=scale) >= 2


def test_affine_reads_each_pixel_where_its_box_says():
    before = scene()
    moved = affine(before, np.array([[1, 0, 7], [0, 1, -3.0]]), (110, 120))
    np.testing.assert_array_equal(moved.pixels[:-3, 7:], before.pixels[3:, :-7])
    assert (moved.pixels[:, :7] == FILL).all()
    np.testing.assert_array_equal(moved.boxes, before.boxes + [7, -3, 0, 0])
    twice = affine(before, np.array([[2, 0, 0], [0, 2, 0.0]]), (220, 240))
    expected = cv2.resize(before.pixels, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR).astype(int)
    assert np.abs(twice.pixels[2:-2, 2:-2].astype(int) - expected[2:-2, 2:-2]).max() <= 2


def test_what_is_hardly_visible_is_dropped():
    pixels = np.zeros((100, 100, 3), np.uint8)
    boxes = np.array([[0, 0, 10, 10], [50, 50, 10, 10]], np.float32)
    for shift, kept in ((7.9, [0, 1]), (8.1, [1]), (-40, [0, 1]), (-48.5, [0]), (60, [])):
        after = affine(
            Example(pixels, boxes, np.arange(2)), np.array([[1, 0, -shift], [0, 1, 0]]), (100, 100)
        )
        assert after.labels.tolist() == kept
    # A corner seen by a turned window: its hull, not that of the whole box.
    turned = affine(
        Example(pixels, np.array([[40, 40, 20, 20]], np.float32), np.zeros(1, np.int64)),
        np.array([[1, -1, 50], [1, 1, -80.0]]),
        (60, 60), visible=0,
    )  # fmt: skip
    np.testing.assert_allclose(turned.boxes, [[30, 0, 30, 40]], atol=1e-4)


def test_a_turned_box_is_the_hull_of_its_corners_and_an_outline_a_closer_one():
    before = scene(outlined=True)
    angle = np.pi / 4
    matrix = np.array([[np.cos(angle), -np.sin(angle), 60], [np.sin(angle), np.cos(angle), 0]])
    closer = affine(before, matrix, (300, 300))
    corners_only = affine(Example(before.pixels, before.boxes, before.labels), matrix, (300, 300))
    sides = before.boxes[:, 2:].sum(axis=1) * np.sqrt(0.5)
    np.testing.assert_allclose(corners_only.boxes[:, 2:], np.stack([sides, sides], axis=1), rtol=1e-5)
    assert (closer.boxes[:, 2:] < corners_only.boxes[:, 2:] - 2).all()
    mixed = Example(before.pixels, before.boxes, before.labels, (before.outlines[0], (), (np.zeros((3, 2)),)))
    boxes = affine(mixed, matrix, (300, 300)).boxes  # without an outline, or with an empty one: the box
    np.testing.assert_allclose(boxes[0], closer.boxes[0], atol=1e-4)
    np.testing.assert_allclose(boxes[1:], corners_only.boxes[1:], atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(seeds, st.booleans())
def test_flipped_boxes_stay_on_their_objects(seed, outlined):
    before = scene(seed=seed % 5, outlined=outlined)
    after = flip(before, np.random.default_rng(seed), chance=1)
    assert check_objects(after, before, tolerance=1 if outlined else 0) == 3
    back = flip(after, np.random.default_rng(seed), chance=1)
    np.testing.assert_array_equal(back.pixels, before.pixels)
    np.testing.assert_array_equal(back.boxes, before.boxes)
    for ours, theirs in zip(back.outlines, before.outlines, strict=True):
        np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)
    assert flip(before, np.random.default_rng(seed), chance=0) is before


@settings(max_examples=20, deadline=None)
@given(seeds, st.booleans())
def test_turned_by_quarters_boxes_stay_on_their_objects(seed, outlined):
    before = scene(seed=seed % 5, outlined=outlined)
    after = quarter_turns(before, np.random.default_rng(seed))
    quarters = int(np.random.default_rng(seed).integers(4))
    np.testing.assert_array_equal(after.pixels, np.rot90(before.pixels, quarters))
    assert check_objects(after, before, tolerance=1 if outlined else 0) == 3
    for ours, box in zip(after.outlines, after.boxes, strict=False):
        np.testing.assert_allclose(ours[0].min(axis=0), box[:2], atol=1)
        np.testing.assert_allclose(np.ptp(ours[0], axis=0), box[2:], atol=2)


def test_quarter_turns_are_all_as_likely():
    wide = scene((40, 60))
    turned = [quarter_turns(wide, np.random.default_rng(seed)).pixels for seed in range(200)]
    counts = [
        sum(np.array_equal(pixels, np.rot90(wide.pixels, quarters)) for pixels in turned)
        for quarters in range(4)
    ]
    assert sum(counts) == 200 and min(counts) > 30


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_a_mosaic_holds_the_objects_of_four_pictures(seed):
    # Of each picture one object keeps its colour, so that it can be told from the others'.
    examples = []
    for number, size in enumerate([(110, 120), (140, 130), (110, 200), (150, 120)]):
        whole = scene(size, seed=seed % 5 + number)
        if number < 3:
            pixels = np.where((painted(whole.pixels, number) > 0.5)[..., None], whole.pixels, 20).astype(
                np.uint8
            )
            examples.append(Example(pixels, whole.boxes[[number]], whole.labels[[number]]))
        else:
            examples.append(Example(np.full_like(whole.pixels, 20)))
    canvas = mosaic(examples, np.random.default_rng(seed), 128)
    assert canvas.pixels.shape == (256, 256, 3)
    assert set(canvas.labels.tolist()) <= {4, 0, 9}
    for number in range(3):
        scale = 128 / max(examples[number].pixels.shape)
        before = Example(
            examples[number].pixels, np.repeat(examples[number].boxes, 3, axis=0), np.array([4, 0, 9])
        )
        check_objects(canvas, before, scale=scale, numbers=(number,))
    window = jitter(canvas, np.random.default_rng(seed), (128, 128), scale=(0.5, 1.2))
    scale = np.random.default_rng(seed).uniform(0.5, 1.2)
    kept = [number for number, label in enumerate((4, 0, 9)) if label in canvas.labels]
    check_objects(
        window, Example(canvas.pixels, canvas.boxes, np.array([4, 0, 9])), scale=scale, numbers=kept
    )
    with pytest.raises(ValueError, match="four pictures"):
        mosaic(examples[:3], np.random.default_rng(0), 128)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_mixup_blends_and_keeps_both(seed):
    first, second = scene(seed=1), scene((150, 125), seed=2, outlined=True)
    mixed = mixup(first, second, np.random.default_rng(seed))
    assert mixed.pixels.shape == (125, 150, 3)
    np.testing.assert_array_equal(mixed.boxes, np.concatenate([first.boxes, second.boxes]))
    assert mixed.labels.tolist() == [4, 0, 9, 4, 0, 9] and mixed.outlines == ((),) * 3 + second.outlines
    share = np.random.default_rng(seed).beta(8, 8)
    expected = share * first.pixels.astype(float) + (1 - share) * second.pixels[:120, :110]
    assert np.abs(mixed.pixels[:120, :110] - expected).max() <= 0.51
    rest = share * FILL + (1 - share) * second.pixels[:, 110:]
    assert np.abs(mixed.pixels[:, 110:] - rest).max() <= 0.51


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_colours_change_as_the_colorsys_module_says(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    before = Example(pixels)
    after = hsv_jitter(before, np.random.default_rng(seed), hue=0.1, saturation=0.4, value=0.3)
    shift, saturation, value = np.random.default_rng(seed).uniform(-1, 1, 3) * [0.1, 0.4, 0.3]
    for old, new in zip(pixels.reshape(-1, 3), after.pixels.reshape(-1, 3), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*old / 255)
        expected = colorsys.hsv_to_rgb((h + shift) % 1, min(1, s * (1 + saturation)), min(1, v * (1 + value)))
        np.testing.assert_allclose(new, np.array(expected) * 255, atol=9)  # hues in steps of 2 degrees
    still = hsv_jitter(before, np.random.default_rng(seed), hue=0, saturation=0, value=0)
    assert np.abs(still.pixels.astype(int) - pixels).max() <= 9


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(16, 128), seeds)
def test_the_letterbox_maps_back_exactly(width, height, side, seed):
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    boxes = draw.uniform(-5, 90, (6, 4))
    square, frame = letterbox(Example(pixels, boxes, np.arange(6)), side)
    assert square.pixels.shape == (side, side, 3) and square.labels.tolist() == list(range(6))
    np.testing.assert_allclose(frame.back(frame.into(boxes)), boxes, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(square.boxes, frame.into(boxes), rtol=1e-6, atol=1e-4)
    x, y, inner_width, inner_height = frame.into(np.array([0, 0, width, height]))
    assert max(inner_width, inner_height) == pytest.approx(side) and min(x, y) == 0
    x, y, right, bottom = (round(value) for value in (x, y, x + inner_width, y + inner_height))
    assert abs(x - (side - right)) <= 1 and abs(y - (side - bottom)) <= 1
    bars = square.pixels.copy()
    bars[y:bottom, x:right] = FILL
    assert (bars == FILL).all()


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(50, 300), st.booleans())
def test_letterboxed_boxes_stay_on_their_objects(seed, side, outlined):
    before = scene((110, 120 + seed % 90), seed=seed % 5, outlined=outlined)
    after, frame = letterbox(before, side)
    assert check_objects(after, before, scale=float(np.sqrt(np.prod(frame.scale)))) == 3


def test_the_same_numbers_give_the_same_picture():
    four = [scene(seed=seed) for seed in range(4)]

    def chain(seed):
        draw = np.random.default_rng(seed)
        joined = jitter(mosaic(four, draw, 96), draw, (96, 96), rotate=5, shear=2)
        return hsv_jitter(flip(mixup(joined, scene((96, 96), seed=9), draw), draw), draw)

    untouched = [example.pixels.copy() for example in four]
    first, again, other = chain(1), chain(1), chain(2)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert (first.pixels != other.pixels).any()
    for example, pixels in zip(four, untouched, strict=True):
        np.testing.assert_array_equal(example.pixels, pixels)


def test_pictures_without_objects_pass_through():
    empty = Example(np.zeros((30, 40, 3), np.uint8))
    draw = np.random.default_rng(0)
    square, _ = letterbox(flip(jitter(mosaic([empty] * 4, draw, 32), draw, (32, 32)), draw), 16)
    assert square.boxes.shape == (0, 4) and square.labels.shape == (0,) and square.outlines == ()
