"""What the tracker learns from: windows, pairs, target maps, material."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from apps.track.bending import bent
from apps.track.cropping import SEARCH_SIDE, TEMPLATE_SIDE, Window, context_side, cut, window_around
from apps.track.degradation import degraded, motion_blurred, recoloured
from apps.track.material import Material, View, gather, view_of
from apps.track.pairs import PairStream, make_pair, target_map
from apps.track.sequences import find_sequences, read_sequence
from common.boxes import centers
from common.errors import InputError

RED, GREEN = np.array([220, 30, 30], np.uint8), np.array([30, 160, 60], np.uint8)


def scene(box, size=(240, 320)):
    """A red box on green, and its mask."""
    pixels = np.tile(GREEN, (*size, 1))
    x, y, w, h = box
    pixels[y : y + h, x : x + w] = RED
    return pixels, (pixels == RED).all(axis=-1).astype(np.uint8) * 255


def red_box(pixels):
    """Box around what is more red than green."""
    mask = pixels[..., 0].astype(int) > pixels[..., 1].astype(int) + 20
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]])


@given(st.floats(20, 250), st.floats(20, 200), st.floats(10, 400))
def test_a_window_maps_boxes_there_and_back(x, y, side):
    window = Window(x, y, side, 96)
    box = np.array([3.0, 4.0, 50.0, 60.0])
    np.testing.assert_allclose(window.outside(window.inside(box)), box)
    np.testing.assert_allclose(
        window.inside([x - side / 2, y - side / 2, side, side]), [0, 0, 96, 96], atol=1e-9
    )


@pytest.mark.parametrize("box", [(140, 90, 48, 48), (130, 80, 24, 80), (20, 30, 160, 150), (300, 5, 12, 14)])
@pytest.mark.parametrize("size", [TEMPLATE_SIDE, SEARCH_SIDE])
def test_a_crop_shows_the_box_where_the_window_says(box, size):
    pixels, _ = scene(box)
    window = window_around(np.array(box), size)
    seen, expected = red_box(cut(pixels, window)), window.inside(box)
    np.testing.assert_allclose(seen, expected, atol=1.6)


def test_a_square_object_has_half_of_the_template():
    window = window_around(np.array([100, 100, 30, 30]), TEMPLATE_SIDE)
    np.testing.assert_allclose(window.inside([100, 100, 30, 30]), [24, 24, 48, 48])
    assert context_side(np.array([0, 0, 30, 30])) == 60


def test_beyond_the_frame_lies_its_mean_colour():
    pixels, _ = scene((0, 0, 40, 40))
    crop = cut(pixels, Window(-500, -500, 100, 96))
    np.testing.assert_allclose(crop.reshape(-1, 3).mean(axis=0), pixels.reshape(-1, 3).mean(axis=0), atol=3)


def test_the_target_map_tells_core_rim_and_outside_apart():
    target = target_map(np.array([80.0, 64.0, 48.0, 32.0]))
    middle = target[10, 13]  # the place at (108, 84) pixels
    np.testing.assert_allclose(middle, [1, (108 - 80) / 8, (84 - 64) / 8, (128 - 108) / 8, (96 - 84) / 8])
    assert target[8, 10, 0] == -1 and target[0, 0, 0] == 0
    assert not target_map(None).any()


@given(st.floats(0, 150), st.floats(0, 150), st.floats(4, 90), st.floats(4, 90))
def test_every_box_has_a_place_of_its_own(x, y, width, height):
    target = target_map(np.array([x, y, width, height]))
    inside = 4 <= x + width / 2 <= 188 and 4 <= y + height / 2 <= 188
    assert (target[..., 0] == 1).any() or not inside


@pytest.fixture(scope="module")
def material():
    pixels, mask = scene((150, 100, 50, 40))
    blue = np.full((240, 320, 3), (40, 60, 200), np.uint8)
    return Material([View(pixels, np.array([150.0, 100, 50, 40]), mask)], [], [blue])


def test_a_pair_has_its_box_on_the_object(material, monkeypatch):
    monkeypatch.setattr("apps.track.pairs.KINDS", {"sequence": 0, "still": 1, "cut-out": 0, "region": 0})
    monkeypatch.setattr("apps.track.pairs.degraded", lambda crop, draw, amount=1: crop)
    monkeypatch.setattr("apps.track.pairs.recoloured", lambda draw, *crops: crops)
    draw, seen = np.random.default_rng(0), 0
    for _ in range(60):
        pair = make_pair(material, draw)
        if (
            pair.box is None
            or (pair.box[:2] < 2).any()
            or (pair.box[:2] + pair.box[2:] > SEARCH_SIDE - 2).any()
        ):
            continue
        seen += 1
        np.testing.assert_allclose(red_box(pair.search), pair.box, atol=3)
        np.testing.assert_allclose(centers(red_box(pair.template)), [48, 48], atol=9)
    assert seen > 30


def test_a_cut_out_object_lies_on_another_background(material, monkeypatch):
    monkeypatch.setattr("apps.track.pairs.KINDS", {"sequence": 0, "still": 0, "cut-out": 1, "region": 0})
    draw = np.random.default_rng(1)
    pairs = [make_pair(material, draw) for _ in range(20)]
    absent = [pair for pair in pairs if pair.box is None]
    assert len(absent) < 10
    assert all(pair.template.shape == (96, 96, 3) and pair.search.shape == (192, 192, 3) for pair in pairs)


def test_the_batch_of_a_step_depends_on_seed_and_step_alone(material):
    stream = PairStream(material, batch=2, steps_per_epoch=10, seed=3)
    whole = list(stream.steps(0, 3))
    later = next(iter(stream.steps(2, 3)))
    np.testing.assert_array_equal(whole[2][0][1], later[0][1])
    np.testing.assert_array_equal(whole[2][1], later[1])
    assert float(np.max(later[0][0])) <= 1


def test_degradation_keeps_shape_and_place():
    pixels, _ = scene((60, 60, 60, 60), (192, 192))
    draw = np.random.default_rng(0)
    for _ in range(30):
        seen = degraded(pixels, draw)
        assert seen.shape == pixels.shape and seen.dtype == np.uint8
    blurred = motion_blurred(pixels, 11, 0.0)
    np.testing.assert_allclose(blurred.mean(), pixels.mean(), atol=1)
    first, second = recoloured(draw, pixels, pixels)
    assert first.shape == second.shape == pixels.shape


def test_a_view_keeps_the_box_on_the_object():
    pixels, mask = scene((100, 60, 120, 90))
    view = view_of(pixels, np.array([100, 60, 120, 90]), mask)
    np.testing.assert_allclose(red_box(view.pixels), view.box, atol=1.5)
    assert (
        view.mask is not None
        and abs((view.mask > 127).sum() - view.box[2] * view.box[3]) < 0.05 * view.box[2] ** 2
    )


def write_sequence(folder, boxes, size=(48, 64)):
    (folder / "img").mkdir(parents=True)
    for number, box in enumerate(boxes, start=1):
        pixels, _ = scene(box or (0, 0, 1, 1), size)
        Image.fromarray(pixels).save(folder / "img" / f"{number:04d}.png")
    lines = [
        "NaN,NaN,NaN,NaN" if box is None else f"{box[0] + 1},{box[1] + 1},{box[2]},{box[3]}" for box in boxes
    ]
    (folder / "groundtruth_rect.txt").write_text("\n".join(lines) + "\n")


def test_a_sequence_is_read_with_boxes_from_zero(tmp_path):
    write_sequence(tmp_path / "Red", [(10, 12, 8, 9), None, (14, 12, 8, 9)])
    (sequence,) = find_sequences(tmp_path)
    assert sequence.name == "Red" and len(sequence) == 3
    np.testing.assert_array_equal(sequence.visible, [True, False, True])
    np.testing.assert_array_equal(sequence.boxes[0], red_box(sequence.frame(0)))


@pytest.mark.parametrize(
    "lines, said",
    [("1,1,5,5\n", "1 boxes for 2 frames"), ("1,1,5,5\n1,1,x,5\n", "line 2"), ("1 1 5\n1 1 5 5\n", "line 1")],
)
def test_a_damaged_sequence_is_one_line(tmp_path, lines, said):
    write_sequence(tmp_path, [(1, 1, 5, 5), (1, 1, 5, 5)])
    (tmp_path / "groundtruth_rect.txt").write_text(lines)
    with pytest.raises(InputError, match=said):
        read_sequence(tmp_path)
    with pytest.raises(InputError, match="no sequence"):
        find_sequences(tmp_path / "img")


def test_material_is_gathered_from_pictures_outlines_and_sequences(tmp_path):
    pixels, _ = scene((100, 60, 60, 40))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("marked.png", "plain.png"):
        cv2.imwrite(str(folder / name), pixels[..., ::-1])
    outline = [100, 60, 159, 60, 159, 99, 100, 99]
    content = {
        "images": [{"id": 7, "file_name": "marked.png"}, {"id": 8, "file_name": "gone.png"}],
        "categories": [{"id": 1, "name": "block"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [100, 60, 60, 40], "segmentation": [outline]},
            {
                "image_id": 7,
                "category_id": 1,
                "bbox": [0, 0, 60, 40],
                "segmentation": [outline],
                "iscrowd": 1,
            },
            {"image_id": 8, "category_id": 1, "bbox": [0, 0, 60, 40], "segmentation": [outline]},
        ],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    write_sequence(tmp_path / "sequences" / "Red", [(10, 12, 8, 9), None])
    found = gather([folder], find_sequences(tmp_path / "sequences"))
    assert (len(found.objects), len(found.pictures), len(found.sequences)) == (1, 2, 1)
    assert [number for number, _ in found.sequences[0]] == [0]
    view = found.outlined[0]
    np.testing.assert_allclose(red_box(view.pixels), view.box, atol=1.5)
    (folder / "instances.json").write_text("[]")
    with pytest.raises(InputError, match="no COCO file"):
        gather([folder], [])
    with pytest.raises(InputError, match="holds no pictures"):
        gather([tmp_path / "sequences" / "nothing"], [])


def test_a_bent_object_keeps_colour_outline_and_box_together():
    pixels, mask = scene((100, 80, 60, 40))
    view, draw = View(pixels, np.array([100.0, 80, 60, 40]), mask), np.random.default_rng(0)
    shapes = set()
    for _ in range(20):
        found = bent(view, draw)
        inside = cv2.erode(found.mask, np.ones((3, 3))) > 250
        assert (np.abs(found.pixels[inside].astype(int) - RED) <= 2).all()
        np.testing.assert_allclose(red_box(found.pixels), found.box, atol=3)
        shapes.add(tuple(found.box[2:]))
    assert len(shapes) > 10
    np.testing.assert_array_equal(view.pixels, scene((100, 80, 60, 40))[0])


def test_an_object_at_the_edge_can_be_bent():
    pixels, mask = scene((0, 0, 6, 5))
    found = bent(View(pixels, np.array([0.0, 0, 6, 5]), mask), np.random.default_rng(1))
    assert min(found.box[2:]) >= 4


def test_a_share_that_is_held_out_is_not_learned_from():
    pixels, mask = scene((10, 10, 20, 20))
    material = Material(
        objects=[View(pixels, np.array([i, 0, 9, 9.0]), mask) for i in range(20)],
        pictures=[np.full((4, 4, 3), i, np.uint8) for i in range(10)],
    )
    kept, held = material.split(0.2, 5)
    assert (len(kept.objects), len(held.objects), len(kept.pictures), len(held.pictures)) == (16, 4, 8, 2)
    numbers = [{view.box[0] for view in part.objects} for part in (kept, held)]
    assert numbers[0] | numbers[1] == set(range(20)) and not numbers[0] & numbers[1]
    assert len(kept.outlined) == 16 and len(material.objects) == 20
