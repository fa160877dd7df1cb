"""Conversion: layouts, round trips, nothing lost or half."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.data.boxed import Annotated, AnnotatedSet, convert, open_boxed
from common.errors import UsageError, UserError
from tests.common.boxed.drawn import HEIGHT, WIDTH, coco, devkit, mark, paint, voc, write


def tree(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def contents(data):
    """What must come through: per part and picture, labels, boxes and flags."""
    return {
        part: {
            entry.file.name: (entry.labels, entry.boxes.tolist(), entry.difficult.tolist()) for entry in found
        }
        for part, found in data.parts.items()
    }


def test_layouts_that_are_written(tmp_path):
    root = devkit(
        tmp_path / "kit",
        {"a b": voc("a b.jpg", ("ü x", 1, 1, 40, 30)), "c": voc("c.jpg")},
        train=["a b"],
        val=["c"],
    )
    data = open_boxed(root)
    said = convert(data, tmp_path / "coco", "coco")
    assert (said.pictures, said.boxes, said.notes) == (2, 1, ()) and json.dumps(said.to_json())
    assert tree(tmp_path / "coco") == [
        "annotations/instances_train.json", "annotations/instances_val.json", "train/a b.jpg", "val/c.jpg",
    ]  # fmt: skip
    written = json.loads((tmp_path / "coco" / "annotations" / "instances_train.json").read_text("utf-8"))
    assert written["categories"] == [{"id": 1, "name": "ü x", "supercategory": ""}]
    assert written["annotations"][0]["bbox"] == [0, 0, 40, 30] and written["annotations"][0]["area"] == 1200
    assert written["images"][0] == {"id": 1, "file_name": "a b.jpg", "width": WIDTH, "height": HEIGHT}
    convert(data, tmp_path / "yolo", "yolo")
    assert tree(tmp_path / "yolo") == [
        "data.yaml", "images/train/a b.jpg", "images/val/c.jpg", "labels/train/a b.txt", "labels/val/c.txt",
    ]  # fmt: skip
    assert (tmp_path / "yolo" / "labels" / "train" / "a b.txt").read_text().split() == [
        "0", "0.250000000", "0.250000000", "0.500000000", "0.500000000",
    ]  # fmt: skip
    assert (tmp_path / "yolo" / "data.yaml").read_text("utf-8") == (
        "train: images/train\nval: images/val\nnc: 1\nnames:\n  0: ü x\n"
    )
    convert(data, tmp_path / "voc", "voc")
    assert tree(tmp_path / "voc") == [
        "Annotations/a b.xml", "Annotations/c.xml", "ImageSets/Main/train.txt", "ImageSets/Main/trainval.txt",
        "ImageSets/Main/val.txt", "JPEGImages/a b.jpg", "JPEGImages/c.jpg", "classes.txt",
    ]  # fmt: skip
    text = (tmp_path / "voc" / "Annotations" / "a b.xml").read_text("utf-8")
    assert "<xmin>1</xmin>" in text and "<ymax>30</ymax>" in text
    assert (tmp_path / "voc" / "JPEGImages" / "c.jpg").read_bytes() == (
        root / "JPEGImages" / "c.jpg"
    ).read_bytes()


boxes = st.tuples(
    st.floats(0, WIDTH - 2), st.floats(0, HEIGHT - 2), st.floats(1.01, WIDTH), st.floats(1.01, HEIGHT)
).map(lambda box: (box[0], box[1], min(box[2], WIDTH - box[0]), min(box[3], HEIGHT - box[1])))
classes = ("traffic light", "Straße <&> \"'", "#", "null", "犬", ": -", "0")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.tuples(boxes, st.sampled_from(classes), st.booleans()), max_size=4),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([("train", "val", "test"), ("all",), ("train",)]),
)
def test_round_trips_keep_boxes_labels_and_parts(tmp_path, pictures, parts):
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    found = {part: [] for part in parts}
    for place, objects in enumerate(pictures):
        file = paint(folder / "Bilder ä" / f"{place}.x.png")
        found[parts[place % len(parts)]].append(
            Annotated(
                file,
                np.array([box for box, _, _ in objects], np.float32).reshape(-1, 4),
                tuple(label for _, label, _ in objects),
                ((),) * len(objects),
                (WIDTH, HEIGHT),
                np.array([difficult for _, _, difficult in objects], bool),
            )
        )
    start = AnnotatedSet(
        "start", "voc", classes, {part: entries for part, entries in found.items() if entries}
    )
    data, flags = start, True
    for place, form in enumerate(("voc", "coco", "yolo", "voc")):
        out = folder / f"{place}"
        convert(data, out, form)
        data, flags = open_boxed(out), flags and form != "yolo"
        assert data.format == form and data.classes == classes and data.problems == ()
        ours, theirs = contents(data), contents(start)
        assert {part: set(entries) for part, entries in ours.items()} == {
            part: set(entries) for part, entries in theirs.items()
        }
        for part, entries in theirs.items():
            for name, (labels, expected, difficult) in entries.items():
                assert ours[part][name][0] == labels
                np.testing.assert_allclose(ours[part][name][1], expected, atol=0.01)
                assert ours[part][name][2] == (difficult if flags else [False] * len(labels))


def test_equal_names_outlines_and_what_a_format_cannot_hold(tmp_path):
    for part in ("train", "val"):
        paint(tmp_path / "in" / part / "x.png", seed=len(part))
    paint(tmp_path / "in" / "train" / "X.JPG", format="PNG")
    outline = [10, 10, 30, 10, 20, 30]
    for part, names in (("train", ["x.png", "X.JPG"]), ("val", ["x.png"])):
        marks = [mark(0, 7, [10, 10, 20, 20], segmentation=[outline], ignore=1)]
        write(tmp_path / "in" / part / "_annotations.coco.json", coco(list(enumerate(names)), marks))
    data = open_boxed(tmp_path / "in")
    assert {part: len(found) for part, found in data.parts.items()} == {"train": 2, "val": 1}
    again = open_boxed(convert(data, tmp_path / "coco", "coco").out)
    np.testing.assert_allclose(again.parts["train"][0].outlines[0][0].ravel(), outline)
    written = json.loads((tmp_path / "coco" / "annotations" / "instances_val.json").read_text())
    assert written["annotations"][0]["area"] == 200
    said = convert(data, tmp_path / "voc", "voc")
    assert said.notes == ("2 outlines are left out, the boxes are kept",)
    stems = [path.stem.casefold() for path in (tmp_path / "voc" / "JPEGImages").iterdir()]
    assert len(set(stems)) == 3
    assert {path.read_bytes() for path in (tmp_path / "voc" / "JPEGImages").iterdir()} == {
        path.read_bytes() for path in (tmp_path / "in").rglob("[xX].*")
    }
    assert len(convert(data, tmp_path / "yolo", "yolo").notes) == 2
    assert len(open_boxed(tmp_path / "voc").pictures) == len(open_boxed(tmp_path / "yolo").pictures) == 3


def test_nothing_is_overwritten_and_nothing_is_left_half(tmp_path):
    root = devkit(tmp_path / "kit", {"a": voc("a.jpg", ("x", 1, 1, 9, 9))})
    data = open_boxed(root)
    with pytest.raises(UserError, match="exists"):
        convert(data, root, "coco")
    with pytest.raises(UsageError, match="did you mean 'coco'"):
        convert(data, tmp_path / "out", "cocoa")
    (root / "JPEGImages" / "a.jpg").unlink()
    with pytest.raises(UserError, match=r"out: not written .*a\.jpg"):
        convert(data, tmp_path / "out", "coco")
    assert [path.name for path in tmp_path.iterdir()] == ["kit"]
