"""What format a folder is in, its parts, its pictures, and damage."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from common.data.boxed import open_boxed
from common.data.boxed.locating import Header, part_named
from common.errors import InputError, UsageError
from tests.common.boxed.drawn import HEIGHT, WIDTH, coco, devkit, mark, one, paint, red_hull, voc, write, yolo


def test_what_is_no_data_set(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        open_boxed(tmp_path / "gone")
    paint(tmp_path / "a.png")
    with pytest.raises(InputError, match="1 pictures, but no boxes"):
        open_boxed(tmp_path)
    with pytest.raises(InputError, match="no data set of boxed pictures"):
        open_boxed(tmp_path / "a.png")
    write(tmp_path / "a.xml", "<annotation><filename>b.png</filename>")
    with pytest.raises(InputError, match=r"no picture with an XML file that can be read: .*a\.xml"):
        open_boxed(tmp_path)
    with pytest.raises(UsageError, match="did you mean 'voc'"):
        open_boxed(tmp_path, form="vocs")


def test_of_two_formats_one_is_taken_and_the_other_named(tmp_path):
    devkit(tmp_path, {"a": voc("a.jpg", ("x", 1, 1, 9, 9))})
    write(tmp_path / "instances_all.json", coco([(1, "a.jpg")], [mark(1, 7, [0, 0, 2, 2])]))
    data = open_boxed(tmp_path)
    assert data.format == "voc" and "coco is there too (instances_all.json)" in data.notes[0]
    assert open_boxed(tmp_path, form="coco").format == "coco"
    with pytest.raises(InputError, match="in the format yolo"):
        open_boxed(tmp_path, form="yolo")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stored_lying_are_marked_lying_or_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    box = (12, 8, 20, 10)
    paint(tmp_path / "images" / "a.jpg", box, exif=exif, quality=95)
    stored = coco([(1, "a.jpg", {"width": WIDTH, "height": HEIGHT})], [mark(1, 7, box)])
    entry = one(open_boxed(write(tmp_path / "stored.json", stored)))
    pixels, boxes = entry.read()
    assert entry.size == pixels.shape[1::-1]
    hull = red_hull(pixels)
    if orientation > 4:  # only then the declared size tells which picture was marked
        np.testing.assert_allclose(boxes[0], hull, atol=1)
    turned = Header((WIDTH, HEIGHT), orientation).upright(np.array([[12, 8], [32, 18]])).astype(float)
    np.testing.assert_allclose(np.concatenate([turned.min(0), np.ptp(turned, axis=0)]), hull, atol=1)
    upright = coco(
        [(1, "a.jpg", dict(zip(("width", "height"), entry.size, strict=True)))], [mark(1, 7, hull_of(hull))]
    )
    data = open_boxed(write(tmp_path / "upright.json", upright))
    np.testing.assert_allclose(one(data).boxes[0], hull)
    assert data.problems == ()


def hull_of(hull):
    return [int(value) for value in hull]


def test_a_large_picture_is_made_smaller_with_its_boxes(tmp_path):
    paint(tmp_path / "images" / "a.png", (40, 20, 60, 40), size=(400, 200))
    write(tmp_path / "labels" / "a.txt", "0 .175 .2 .15 .2\n")
    pixels, boxes = one(open_boxed(tmp_path)).read(max_side=100)
    assert pixels.shape == (50, 100, 3)
    np.testing.assert_allclose(boxes[0], red_hull(pixels), atol=1)


@pytest.mark.parametrize(
    "name,part",
    [
        ("instances_train2017", "train"),
        ("valid", "val"),
        ("Validation", "val"),
        ("trainval", "train"),
        ("TEST", "test"),
    ]
    + [
        ("latest", None),
        ("training", "train"),
        ("contest", None),
        ("_annotations.coco", None),
        ("trainer", None),
    ],
)
def test_names_of_parts(name, part):
    assert part_named(name) == part


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_never_crashes_a_reader(tmp_path, data):
    if not (tmp_path / "yolo").exists():
        devkit(tmp_path / "voc", {"a": voc("a.jpg", ("x", 1, 1, 9, 9))}, train=["a"])
        paint(tmp_path / "coco" / "a.jpg")
        write(
            tmp_path / "coco" / "x.json",
            coco([(1, "a.jpg")], [mark(1, 7, [0, 0, 2, 2], segmentation=[[1] * 6])]),
        )
        yolo(tmp_path / "yolo", "[x, y]", {"a.jpg": "1 .5 .5 .5 .5\n"}, train="images")
    files = ["voc/Annotations/a.xml", "voc/ImageSets/Main/train.txt", "voc/JPEGImages/a.jpg", "coco/x.json"]
    file = tmp_path / data.draw(st.sampled_from([*files, "yolo/data.yaml", "yolo/labels/a.txt"]))
    whole = file.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    junk = data.draw(
        st.binary(max_size=6) | st.sampled_from([b"null", b"[]", b"{}", b"1e999", b"-1", b'"', b"<"])
    )
    file.write_bytes(whole[:start] + junk + whole[start + data.draw(st.integers(0, 12)) :])
    try:
        open_boxed(tmp_path / file.relative_to(tmp_path).parts[0])
    except InputError as error:
        assert "\n" not in error.message
    finally:
        file.write_bytes(whole)


def test_no_framework_is_imported():
    code = "import sys, common.data.boxed, common.data.augment_boxes; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "False"
