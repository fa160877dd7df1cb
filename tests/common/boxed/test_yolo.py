"""YOLO folders, by hand with their traps."""

import numpy as np
import pytest

from common.data.boxed import check, open_boxed
from common.errors import InputError
from tests.common.boxed.drawn import kinds, one, paint, write, yolo


def test_yolo_rows_are_shares_of_the_picture(tmp_path):
    rows = "2 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.5 0.1 0.5 0.6\n2 .25 .25 .1 .1 0.97\n\n"
    data = open_boxed(yolo(tmp_path, "[no, 1e3, Zürich tram]", {"x_jpg.rf.0.jpg": rows}))
    assert (data.format, data.classes) == ("yolo", ("no", "1e3", "Zürich tram"))
    entry = one(data)
    assert entry.labels == ("Zürich tram", "no", "Zürich tram") and data.problems == ()
    expected = [[30, 15, 20, 30], [8, 6, 32, 30], [16, 12, 8, 6]]
    np.testing.assert_allclose(entry.boxes, expected, atol=1e-5)
    np.testing.assert_allclose(entry.outlines[1][0], [[8, 6], [40, 6], [40, 36]], atol=1e-5)
    assert entry.outlines[0] == ()


@pytest.mark.parametrize(
    "path", ["{part}/images", "../{part}/images", "./{part}/images", "['{part}/images']"]
)
def test_yolo_folders_as_roboflow_and_ultralytics_write_them(tmp_path, path):
    root = tmp_path / "set"
    for part, name in (("train", "a.jpg"), ("valid", "b.jpg"), ("test", "c.jpg")):
        yolo(root, None, {name: "0 .5 .5 .5 .5\n"}, images=f"{part}/images", labels=f"{part}/labels")
    paths = {"train": path.format(part="train"), "val": path.format(part="valid"), "test": "nowhere"}
    yolo(root, "\n  3: b\n  0: a", {}, **paths)
    data = open_boxed(root)
    assert {part: [entry.file.name for entry in found] for part, found in data.parts.items()} == {
        "train": ["a.jpg"], "val": ["b.jpg"],
    }  # fmt: skip
    assert data.classes == ("a", "b") and kinds(data) == ["missing part"]
    assert open_boxed(root / "data.yaml").parts.keys() == data.parts.keys()


def test_yolo_lists_a_root_and_key_points(tmp_path):
    yolo(tmp_path / "data", None, {"a.jpg": "0 .5 .5 .5 .5 .1 .1 2\n", "b.jpg": ""})
    write(tmp_path / "data" / "train.txt", "./images/a.jpg\n./images/gone.jpg\n\n")
    write(
        tmp_path / "x.yaml",
        "path: data\ntrain: train.txt\nval: images\nnames: {0: face}\nkpt_shape: [1, 3]\n",
    )
    data = open_boxed(tmp_path / "x.yaml")
    assert kinds(data) == ["missing picture"]
    np.testing.assert_allclose(data.parts["train"][0].boxes, [[20, 15, 40, 30]])
    assert [len(entry.boxes) for entry in data.parts["val"]] == [1, 0]
    assert [problem.kind for problem in check(data).problems if "two parts" in problem.kind] == [
        "same picture in two parts"
    ]


def test_yolo_without_a_description(tmp_path):
    yolo(tmp_path, None, {"train/a.jpg": "1 .5 .5 .5 .5\n", "val/b.jpg": None})
    paint(tmp_path / "preview.jpg")
    data = open_boxed(tmp_path)
    assert data.classes == ("0", "1") and list(data.parts) == ["train", "val"]
    assert any("called by their numbers" in note for note in data.notes) and kinds(data) == ["no annotation"]
    write(tmp_path / "labels" / "classes.txt", "cat\nblack cat\n")
    assert open_boxed(tmp_path).parts["train"][0].labels == ("black cat",)


def test_yolo_what_cannot_be_used_is_left_out_and_told(tmp_path):
    rows = [
        "0 .5 .5 .5 .5",
        "2 .5 .5 .5 .5",
        "-1 .5 .5 .5 .5",
        "0.5 .5 .5 .5 .5",
        "nan .5 .5 .5 .5",
        "0 .5 .5",
    ]
    rows += ["zero .5 .5 .5 .5", "0 nan .5 .5 .5", "0 .5 .5 0 .5", "0 1.2 .5 .2 .2", "0 .9 .5 .4 .4"]
    rows += ["0 .1 .1 .2 .2 .3 .3 .4"]
    yolo(tmp_path, "[a, b]", {"x.jpg": "\n".join(rows), "y.jpg": None})
    write(tmp_path / "labels" / "alone.txt", "0 .5 .5 .5 .5")
    (tmp_path / "images" / "empty.jpg").write_bytes(b"")
    data = open_boxed(tmp_path)
    np.testing.assert_allclose(data.pictures[0].boxes, [[20, 15, 40, 30], [56, 18, 24, 24]], atol=1e-5)
    assert kinds(data) == sorted(
        ["unknown class"] * 4 + ["bad row"] * 3 + ["empty box"] * 2 + ["box outside", "box clipped"]
        + ["no annotation", "missing picture", "unreadable picture"]
    )  # fmt: skip
    assert {problem.detail for problem in data.problems if problem.kind == "unreadable picture"} == {
        "empty (0 bytes)"
    }


def test_a_broken_description_does_not_stop_the_reader(tmp_path):
    yolo(tmp_path, "[a, b", {"x.jpg": "1 .5 .5 .5 .5\n"})
    data = open_boxed(tmp_path)
    assert kinds(data) == ["unreadable annotation"] and data.classes == ("0", "1")
    write(tmp_path / "data.yaml", "names: [a, b]\ntrain: there\nval: nowhere\n")
    data = open_boxed(tmp_path)
    assert kinds(data) == ["missing part"] * 2 and list(data.parts) == ["all"]
    assert "are not there" in data.notes[1]
    (tmp_path / "images" / "x.jpg").unlink()
    with pytest.raises(InputError, match=r"data\.yaml: no pictures"):
        open_boxed(tmp_path)
