"""What is wrong with a data set, and two real ones."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data.boxed import check
from common.data.boxed.duplicates import perceptual_hash
from tests.common.boxed.drawn import devkit, voc, write, yolo

SHARED = Path(__file__).parents[4] / "shared" / "data" / "detection"


def test_check_counts_and_finds_what_comes_twice(tmp_path):
    near = [("a", 1, 1, 60, 50), ("a", 2, 1, 60, 50), ("b", 1, 1, 60, 50), ("a", 1, 1, 20, 20)]
    pictures = {
        "big": voc("big.jpg", *near),
        "none": voc("none.jpg"),
        "copy": voc("copy.jpg", ("a", 1, 1, 9, 9)),
    }
    pictures |= {
        "again": voc("again.jpg"),
        "alike": voc("alike.jpg", ("a", 1, 1, 9, 9, "<difficult>1</difficult>")),
    }
    pictures |= {"other": voc("other.jpg")}
    root = devkit(tmp_path / "kit", pictures, train=["big", "none", "again"], test=["copy", "alike", "other"])
    write(root / "classes.txt", "b\na\nunused\n")
    folder = root / "JPEGImages"
    (folder / "copy.jpg").write_bytes((folder / "big.jpg").read_bytes())
    (folder / "again.jpg").write_bytes((folder / "big.jpg").read_bytes())
    Image.open(folder / "none.jpg").save(folder / "alike.jpg", quality=60)
    (folder / "other.jpg").write_bytes((folder / "other.jpg").read_bytes()[:-300])
    report = check(root)
    assert report.pictures == {"train": 3, "test": 3} and report.empty == {"train": 2, "test": 1}
    assert report.boxes == {"train": {"b": 1, "a": 3, "unused": 0}, "test": {"b": 0, "a": 2, "unused": 0}}
    assert report.sizes["train"] == {"small": 1, "medium": 3, "large": 0} and report.difficult["test"] == 1
    assert report.sides["pixels"]["0%"] == 9 and report.sides["share"]["100%"] == pytest.approx(
        0.7906, abs=1e-3
    )
    expected = {
        "same box twice": 1,
        "same picture twice": 1,
        "same picture in two parts": 1,
        "class without boxes": 1,
    }
    assert report.counts == expected and not report.deep
    deep = check(root, deep=True)
    assert deep.counts == {"unreadable picture": 1, "alike in two parts": 1} | expected
    assert [str(problem.file.name) for problem in deep.problems if problem.kind.startswith(("un", "alike"))] == [
        "other.jpg", "alike.jpg",
    ]  # fmt: skip
    assert json.loads(json.dumps(deep.to_json()))["counts"] == deep.counts


def test_roboflow_names_tell_one_source_in_two_parts(tmp_path):
    for part, digit in (("train", "a"), ("valid", "b")):
        rows = {f"x_jpg.rf.{digit * 32}.jpg": "0 .5 .5 .5 .5\n"}
        yolo(tmp_path, None, rows, images=f"{part}/images", labels=f"{part}/labels")
    assert check(tmp_path).counts == {"one source in two parts": 1}


def test_the_perceptual_hash_keeps_through_size_and_quality():
    draw = np.random.default_rng(0)
    soft = [
        Image.fromarray(draw.integers(0, 255, (9, 9), dtype=np.uint8)).resize((200, 150)) for _ in range(20)
    ]
    hashes = [perceptual_hash(np.array(picture)) for picture in soft]
    for picture, bits in zip(soft, hashes, strict=True):
        again = perceptual_hash(np.array(picture.resize((90, 70))) // 2 + 60)
        assert (bits ^ again).bit_count() <= 8
    pairs = [(a ^ b).bit_count() for place, a in enumerate(hashes) for b in hashes[:place]]
    assert min(pairs) > 8
    assert perceptual_hash(np.full((40, 40), 7, np.uint8)) is None


def real(name):
    if not (SHARED / name).exists():
        pytest.skip("no ../shared/data/detection beside the checkout")
    return SHARED / name


def test_bccd_agrees_with_its_readme():
    report = check(real("bccd"), deep=True)
    assert (report.format, report.pictures) == ("voc", {"train": 205, "val": 87, "test": 72})
    assert report.boxes == {  # without the two of no size, one of train and one of val
        "train": {"Platelets": 209, "RBC": 2381, "WBC": 214},
        "val": {"Platelets": 83, "RBC": 967, "WBC": 87},
        "test": {"Platelets": 69, "RBC": 805, "WBC": 71},
    }
    assert report.counts == {"empty box": 2, "same box twice": 8, "alike in two parts": 1}
    twice = {problem.file.stem[-5:] for problem in report.problems if problem.kind == "same box twice"}
    assert twice == {"00013", "00020", "00100", "00104", "00251", "00284", "00331", "00403"}
    empty = {problem.file.stem[-5:] for problem in report.problems if problem.kind == "empty box"}
    assert empty == {"00338", "00343"}


def test_vegetables_agree_with_their_readme():
    report = check(real("vegetables_yolo"), deep=True)
    assert report.pictures == {"train": 76, "val": 15, "test": 21}
    names = ("okraFruit", "greenPepper", "eggplantFruit")
    assert {part: [found[name] for name in names] for part, found in report.boxes.items()} == {
        "train": [57, 45, 48], "val": [25, 20, 21], "test": [25, 20, 24],
    }  # fmt: skip
    assert [len(found) for found in report.boxes.values()] == [12] * 3
    assert report.counts["class without boxes"] == 9
    leaks = [problem for problem in report.problems if problem.kind == "one source in two parts"]
    assert len(leaks) == 1 and leaks[0].file.name.startswith("J2RHD5KC5FIU")
    assert {"box outside", "box clipped", "no annotation", "bad row"}.isdisjoint(report.counts)
