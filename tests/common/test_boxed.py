"""Data sets of boxed pictures: every format by hand with its traps, round trips, damage, and real ones."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from common.data.boxed import KINDS, Annotated, AnnotatedSet, check, convert, open_boxed, read_coco
from common.data.boxed.duplicates import perceptual_hash
from common.data.boxed.locating import Header, part_named
from common.errors import InputError, UsageError, UserError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "detection"
WIDTH, HEIGHT = 80, 60


def paint(path, box=None, *, size=(WIDTH, HEIGHT), seed=None, **options):
    """Write a picture of large soft spots, another for each name, with a red box; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(sum(map(ord, path.name)) if seed is None else seed)
    spots = Image.fromarray(draw.integers(0, 150, (5, 5, 3), dtype=np.uint8))
    pixels = np.array(spots.resize(size, Image.Resampling.BICUBIC))
    if box is not None:
        x, y, width, height = box
        pixels[y : y + height, x : x + width] = (255, 0, 0)
    Image.fromarray(pixels).save(path, **options)
    return path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def voc(name, *objects, size=(WIDTH, HEIGHT)):
    """An XML file; each object is (label, xmin, ymin, xmax, ymax[, more XML])."""
    rows = "".join(
        f"<object><name>{label}</name>{''.join(more)}<bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax>"
        f"<ymax>{d}</ymax></bndbox></object>"
        for label, a, b, c, d, *more in objects
    )
    stated = (
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    )
    return f"<annotation><filename>{name}</filename>{stated}{rows}</annotation>"


def kinds(data):
    return sorted(problem.kind for problem in data.problems)


def one(data):
    (entry,) = data.pictures
    return entry


def red_hull(pixels):
    """The upright hull of what is red."""
    pixels = pixels.astype(int)
    rows, columns = np.nonzero((pixels[..., 0] > 190) & (pixels[..., 1:] < 90).all(axis=-1))
    return [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


# Pascal VOC


def devkit(root, pictures, **lists):
    """Write a development kit: {stem: XML or None}, and lists of stems."""
    for stem, text in pictures.items():
        paint(root / "JPEGImages" / f"{stem}.jpg")
        if text is not None:
            write(root / "Annotations" / f"{stem}.xml", text)
    for name, stems in lists.items():
        write(root / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{stem}\n" for stem in stems))
    return root


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


# COCO


def coco(images, annotations, categories=((7, "dog"), (3, "guide dog"))):
    return {
        "images": [
            {"id": number, "file_name": name, **(more[0] if more else {})} for number, name, *more in images
        ],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in categories],
    }


def mark(picture, category, box, **more):
    return {"image_id": picture, "category_id": category, "bbox": box, **more}


def test_coco_ids_folders_crowds_and_outlines(tmp_path):
    for part in ("train2017", "val2017"):
        paint(tmp_path / "images" / part / "001.jpg")  # one name in two parts
    paint(tmp_path / "images" / "train2017" / "deep" / "A.JPG")
    triangle = [10, 10, 40, 10, 10, 40]
    train = coco(
        [(900, "001.jpg"), (12, "deep\\a.jpg", {"width": WIDTH, "height": HEIGHT})],
        [
            mark(12, 7, [10, 10, 30, 30], segmentation=[triangle, [1, 2]]),
            mark(900, 3, [1.25, 2.5, 3, 4], segmentation={"size": [HEIGHT, WIDTH], "counts": "0"}),
            mark(12, 3, [0, 0, 80, 60], iscrowd=1, segmentation={"size": [HEIGHT, WIDTH], "counts": [1, 2]}),
            mark("12", "3", [5, 5, 5, 5], ignore=1),
        ],
    )
    write(tmp_path / "annotations" / "instances_train2017.json", train)
    write(tmp_path / "annotations" / "instances_val2017.json", coco([(1, "001.jpg")], []))
    write(tmp_path / "annotations" / "captions_train2017.json", {"images": [], "annotations": [], "info": {}})
    data = open_boxed(tmp_path)
    assert (data.format, data.classes, data.problems) == ("coco", ("guide dog", "dog"), ())
    assert data.notes[1:] == ("1 run-length masks of which only the box is taken", "1 crowds left out")
    first, second = data.parts["train"]
    assert [entry.file.parent.name for entry in (first, second, *data.parts["val"])] == [
        "train2017", "deep", "val2017",
    ]  # fmt: skip
    np.testing.assert_allclose(first.boxes, [[1.25, 2.5, 3, 4]])
    assert second.labels == ("dog", "guide dog") and second.difficult.tolist() == [False, True]
    mask = second.mask(0, HEIGHT, WIDTH)
    assert mask[12, 12] == 255 and mask[38, 38] == 0 and second.mask(1, HEIGHT, WIDTH) is None
    assert second.mask(0, HEIGHT // 2, WIDTH // 2)[6, 6] == 255


def test_coco_agrees_with_pycocotools(tmp_path):
    tools = pytest.importorskip("pycocotools.coco")
    draw = np.random.default_rng(3)
    images, annotations = [], []
    for number in (5, 2, 99):
        paint(tmp_path / f"{number}.png")
        images.append((number, f"{number}.png", {"width": WIDTH, "height": HEIGHT}))
        for _ in range(3):
            x, y = draw.integers(0, 30, 2).tolist()
            outlines = [[x, y, x + 20, y, x + 10, y + 25], [x + 5, y, x + 25, y, x + 25, y + 9]]
            annotations.append(
                mark(
                    number,
                    3,
                    [x, y, 25, 25],
                    segmentation=outlines,
                    id=len(annotations) + 1,
                    area=1,
                    iscrowd=0,
                )
            )
    listing = write(tmp_path / "marks.json", coco(images, annotations))
    theirs = tools.COCO(str(listing))
    for entry in open_boxed(listing).pictures:
        expected = theirs.loadAnns(theirs.getAnnIds(imgIds=[int(entry.file.stem)]))
        np.testing.assert_allclose(entry.boxes, [one["bbox"] for one in expected])
        for index, annotation in enumerate(expected):
            ours, mask = entry.mask(index, HEIGHT, WIDTH), theirs.annToMask(annotation)
            # OpenCV fills the pixels on the outline too.
            assert (ours[mask > 0] == 255).mean() > 0.98
            assert (cv2.erode(ours, np.ones((3, 3), np.uint8))[mask == 0] == 0).all()


def test_coco_what_cannot_be_used_is_left_out_and_told(tmp_path):
    paint(tmp_path / "a" / "1.png")
    paint(tmp_path / "a" / "unlisted.png")
    annotations = [
        mark(1, 7, [1, 1, 5, 5]),
        mark(1, 8, [1, 1, 5, 5]),
        mark(1, 7, [1, 1, float("nan"), 5]),
        mark(1, 7, [1, 1, 5]),
        mark(1, 7, [1, 1, 0, 5]),
        mark(4, 7, [1, 1, 5, 5]),
        mark(2, 7, [1, 1, 5, 5]),
        "no annotation",
        {"image_id": 1},
    ]
    content = coco([(1, "a/1.png"), (2, "b/1.png"), (1, "a/1.png")], annotations)
    content["images"].append({"id": 3})
    content["categories"].append({"id": 5})
    write(tmp_path / "x.json", content)
    data = open_boxed(tmp_path)
    assert len(one(data).boxes) == 1 and one(data).file.parent.name == "a"
    # b/1.png is not the picture of the same name in a; its box is not told again; an id comes twice.
    assert kinds(data) == sorted(
        ["unknown class", "empty box", "empty box", "missing picture", "no annotation"] + ["bad row"] * 7
    )
    assert any("annotations[3]" in problem.detail for problem in data.problems)


@pytest.mark.parametrize(
    "text,said",
    [
        ("[]", "is no COCO file .a list"),
        ('{"images": []', "is no COCO file"),
        ('{"images": [], "annotations": 3}', "no list of annotations, categories"),
        (coco([(1, "gone.png")], []), "none of its 1 pictures"),
        ("[" * 100_000, "is no COCO file"),
    ],
)
def test_coco_files_of_which_nothing_can_be_read(tmp_path, text, said):
    listing = write(tmp_path / "x.json", text)
    with pytest.raises(InputError, match=said):
        open_boxed(listing)
    with pytest.raises(InputError, match=said):
        read_coco([listing], tmp_path)


def test_one_broken_file_of_several_is_told(tmp_path):
    paint(tmp_path / "a.png")
    write(
        tmp_path / "instances_train.json",
        coco([(1, "a.png")], [], [(None, "x"), ("b", "y"), (2, "z"), ([], "w")]),
    )
    write(tmp_path / "instances_val.json", "[")
    data = open_boxed(tmp_path)
    assert list(data.parts) == ["train"] and kinds(data) == ["bad row", "unreadable annotation"]
    assert data.classes == ("z", "x", "y")


# YOLO


def yolo(root, names, rows, *, images="images", labels="labels", **more):
    """Write pictures with their rows, and data.yaml with ``names`` as text."""
    for name, text in rows.items():
        paint(root / images / name)
        if text is not None:
            write((root / labels / name).with_suffix(".txt"), text)
    if names is not None:
        write(
            root / "data.yaml",
            f"names: {names}\n" + "".join(f"{key}: {value}\n" for key, value in more.items()),
        )
    return root


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


# any format


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


# checking


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


# writing


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


def test_no_framework_is_imported():
    code = "import sys, common.data.boxed, common.data.augment_boxes; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "False"


# real data


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
