"""COCO, by hand with its traps, and against pycocotools."""

import cv2
import numpy as np
import pytest

from common.data.boxed import open_boxed, read_coco
from common.errors import InputError
from tests.common.boxed.drawn import HEIGHT, WIDTH, coco, kinds, mark, one, paint, write


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
