"""Folders and tables of labelled pictures."""

import numpy as np
import pytest

from common.data.labelled import list_folder, list_table
from common.errors import InputError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_a_folder_a_class(tmp_path):
    touch(tmp_path, "cat/2.jpg", "cat/10.PNG", "cat/deep/3.webp", "dog/1.jpeg", "dog/notes.txt", "Ä ☂/1.jpg")
    touch(tmp_path, ".hidden/1.jpg", "cat/.thumbs/1.jpg", "readme.md")
    listed = list_folder(tmp_path)
    assert listed.classes == ("cat", "dog", "Ä ☂") and listed.kind == "one of K"
    names = [str(file.relative_to(tmp_path)) for file in listed.files]
    assert names == ["cat/2.jpg", "cat/10.PNG", "cat/deep/3.webp", "dog/1.jpeg", "Ä ☂/1.jpg"]
    assert listed.targets.tolist() == [0, 0, 0, 1, 2] and set(listed.parts) == {""}


def test_parts_that_the_folder_has(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "val/a/2.jpg", "Test/b/3.jpg")
    listed = list_folder(tmp_path)
    assert listed.classes == ("a", "b")
    assert sorted(zip(listed.parts, listed.targets.tolist(), strict=True)) == [
        ("test", 1), ("train", 0), ("train", 1), ("validation", 0),
    ]  # fmt: skip


def test_classes_that_are_called_as_parts_are_classes(tmp_path):
    touch(tmp_path, "test/1.jpg", "train/1.jpg")
    assert list_folder(tmp_path).classes == ("test", "train")


@pytest.mark.parametrize(
    "names,message",
    [
        ((), "holds 0 sub-folders"),
        (("cat/1.jpg",), "holds 1 sub-folders"),
        (("1.jpg", "2.jpg"), "holds 2 pictures and 0 sub-folders"),
        (("cat/1.jpg", "dog/notes.txt"), "class 'dog' of .* has no pictures"),
    ],
)
def test_bad_folders_are_one_line(tmp_path, names, message):
    touch(tmp_path, *names)
    with pytest.raises(InputError, match=message):
        list_folder(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        list_folder(tmp_path / "nowhere")


def test_a_table_of_paths_and_labels(tmp_path, monkeypatch):
    touch(tmp_path, "sets/pictures/1.jpg", "here/2.jpg")
    table = tmp_path / "sets" / "labels.csv"
    table.write_text(
        "path,label,split\npictures/1.jpg,cat,train\nhere/2.jpg,dog,test\n"
        f"{tmp_path}/here/2.jpg,cat,train\nmissing.jpg,dog,val\n"
    )
    monkeypatch.chdir(tmp_path)
    listed = list_table(table)
    assert [file.exists() for file in listed.files] == [True, True, True, False]
    assert listed.classes == ("cat", "dog") and listed.targets.tolist() == [0, 1, 0, 1]
    assert listed.parts == ("train", "test", "train", "validation")
    assert "paths in column 'path'" in listed.note and "label in column 'label'" in listed.note


def test_several_labels_a_picture(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,label\na.jpg,red|round\nb.jpg,round\nc.jpg,\nd.jpg,red|round|old\n")
    listed = list_table(table, several="|")
    assert listed.kind == "independent yes/no" and listed.classes == ("old", "red", "round")
    np.testing.assert_array_equal(listed.targets, [[0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 1, 1]])


def test_named_columns(tmp_path):
    table = tmp_path / "labels.tsv"
    table.write_text(
        "where\twhat\tlong remark\na.jpg\tcat\tthe longest of all\nb.jpg\tdog\tanother long one\n"
    )
    listed = list_table(table, column="where", label="what")
    assert [file.name for file in listed.files] == ["a.jpg", "b.jpg"] and listed.classes == ("cat", "dog")


@pytest.mark.parametrize(
    "text,message",
    [
        ("path\na.jpg\nb.jpg\n", "no labels"),
        ("path,label\na.jpg,cat\nb.jpg,cat\n", "names 1 classes"),
        ("path,label\n" + "".join(f"p{n}.jpg,{n / 7:.3f}\n" for n in range(30)), "measurements"),
        ("", "empty|no rows|nothing|0 bytes"),
    ],
)
def test_bad_tables_are_one_line(tmp_path, text, message):
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        list_table(table)
