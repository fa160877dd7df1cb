"""Pascal VOC, by hand with its traps."""

import numpy as np
import pytest

from common.data.boxed import KINDS, open_boxed
from common.errors import InputError
from tests.common.boxed.drawn import HEIGHT, WIDTH, devkit, kinds, paint, voc, write


def test_voc_corners_count_from_one_and_the_far_one_is_inside(tmp_path):
    head = "<difficult>1</difficult><part><name>head</name><bndbox><xmin>3</xmin></bndbox></part>"
    first = voc(
        "a.jpg", ("person", 1, 1, 1, 10), ("sofa bed", 11, 21, 80, 60, head), ("person", 2.5, 1, 4, 3.25)
    )
    pictures = {"a.b": first, "c d": voc("c d.jpg"), "e": voc("e.jpg", ("cat", 1, 1, 9, 9))}
    root = devkit(
        tmp_path / "kit", pictures, train=["a.b"], val=["c d"], test=["e  1"], trainval=["a.b", "c d"]
    )
    data = open_boxed(root)
    assert data.notes == ("read as voc, by Annotations and JPEGImages",)
    assert (data.format, data.classes, data.problems) == ("voc", ("cat", "person", "sofa bed"), ())
    assert {part: [entry.file.name for entry in found] for part, found in data.parts.items()} == {
        "train": ["a.b.jpg"], "val": ["c d.jpg"], "test": ["e.jpg"],
    }  # fmt: skip
    entry = data.parts["train"][0]
    np.testing.assert_allclose(entry.boxes, [[0, 0, 1, 10], [10, 20, 70, 40], [1.5, 0, 2.5, 3.25]])
    assert (entry.labels, entry.size) == (("person", "sofa bed", "person"), (WIDTH, HEIGHT))
    assert entry.difficult.tolist() == [False, True, False] and entry.boxes.dtype == np.float32
    assert len(data.parts["val"][0].boxes) == 0
    assert str(data) == "kit (voc): pictures: train 1, val 1, test 1; 4 boxes of 3 classes"


def test_voc_what_cannot_be_used_is_left_out_and_told(tmp_path):
    rows = [
        ("a", 5, 5, 5, 5),  # a point
        ("a", 9, 9, 3, 12),  # turned round
        ("a", "nan", 1, 5, 5),
        ("a", 70, 50, 99, 99),  # cut
        ("a", 200, 1, 220, 9),  # outside
        ("a", 1, 1, "", 9),
        ("", 1, 1, 9, 9),
        ("a", 1, 1, 80.4, 60),  # over the edge by rounding
    ]
    pictures = {
        "rows": voc("rows.jpg", *rows),
        "torn": voc("torn.jpg", ("a", 1, 1, 9, 9))[:-20],
        "bare": None,
        "unlisted": voc("unlisted.jpg", ("a", 1, 1, 9, 9)),
        "damaged": voc("damaged.jpg", ("a", 1, 1, 9, 9)),
        "double": voc("double.jpg", ("a", 1, 1, 40, 30), size=(160, 120)),  # marked before it was shrunk
        "odd": voc("odd.jpg", ("b", 1, 1, 40, 30), size=(500, 375 // 3)),
        "unsized": voc("unsized.jpg", ("a", 1, 1, 9, 9), size=(0, 0)),
    }
    root = devkit(tmp_path, pictures, train=[*pictures, "gone", "rows"], val=[])
    lists = root / "ImageSets" / "Main" / "train.txt"
    lists.write_text(lists.read_text().replace("unlisted\n", ""))
    (root / "JPEGImages" / "damaged.jpg").write_bytes(b"no picture")
    write(root / "Annotations" / "lost.xml", voc("lost.jpg"))
    (root / "JPEGImages" / "._rows.jpg").write_bytes(b"left by a Mac")
    data = open_boxed(root)
    assert kinds(data) == sorted(
        ["empty box"] * 3 + ["box clipped", "box outside", "bad row", "bad row", "unreadable annotation"]
        + ["no annotation", "in no part", "unreadable picture", "missing picture", "missing picture"]
        + ["wrong size", "wrong size", "same picture twice"]
    )  # fmt: skip
    entries = {entry.file.stem: entry for entry in data.parts["train"]}
    assert list(data.parts) == ["train"] and set(entries) == {"rows", "double", "odd", "unsized"}
    np.testing.assert_allclose(entries["rows"].boxes, [[69, 49, 11, 11], [0, 0, 80, 60]])
    np.testing.assert_allclose(entries["double"].boxes, [[0, 0, 20, 15]])
    np.testing.assert_allclose(entries["odd"].boxes, [[0, 0, 40, 30]])
    told = {problem.kind: problem for problem in data.problems}
    assert told["box outside"].file == root / "Annotations" / "rows.xml"
    assert told["box outside"].detail == "object 5: a x, y, width, height = 199, 0, 21, 9 in 80x60"
    assert "rows.xml: box clipped: object 4" in str(told["box clipped"])
    assert set(told) <= set(KINDS)


def test_voc_flat_folders_and_corners_from_zero(tmp_path):
    for part in ("train", "valid"):
        paint(tmp_path / part / "1.png")
        write(tmp_path / part / "1.xml", voc("1.png", ("a", 0, 0, 20, 10), ("a", 0, 30, 80, 60)))
    paint(tmp_path / "cover.png")
    write(tmp_path / "cover.xml", voc("cover.png", ("a", 5, 5, 6, 6)))
    data = open_boxed(tmp_path)
    assert {part: [entry.file for entry in found] for part, found in data.parts.items()} == {
        "train": [tmp_path / "train" / "1.png"], "val": [tmp_path / "valid" / "1.png"],
    }  # fmt: skip
    np.testing.assert_allclose(data.parts["val"][0].boxes, [[0, 0, 20, 10], [0, 30, 80, 30]])
    assert any("count from 0" in note for note in data.notes)
    assert kinds(data) == ["in no part"]


def test_voc_in_a_folder_of_development_kits(tmp_path):
    devkit(tmp_path / "VOC2007", {"a": voc("a.jpg", ("x", 1, 1, 9, 9))}, trainval=["a"])
    assert list(open_boxed(tmp_path).parts) == ["train"]
    devkit(tmp_path / "VOC2012", {"a": voc("a.jpg", ("x", 1, 1, 9, 9))})
    with pytest.raises(InputError, match="holds 2 Pascal VOC sets") as caught:
        open_boxed(tmp_path)
    assert "VOC2007" in caught.value.hint
    assert list(open_boxed(tmp_path / "VOC2012").parts) == ["all"]
    write(tmp_path / "VOC2012" / "ImageSets" / "Main" / "val.txt", "\n")
    assert list(open_boxed(tmp_path / "VOC2012").parts) == ["all"]
    write(tmp_path / "VOC2012" / "ImageSets" / "Main" / "train.txt", "b\nc\n")
    with pytest.raises(InputError, match="no annotated picture is in the lists"):
        open_boxed(tmp_path / "VOC2012")
