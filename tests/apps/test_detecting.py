"""``cnnapps objects detect``: pictures and videos in, boxes out, bad files one line each."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.objects.detection.drawing import draw_found
from apps.objects.detection.prediction import DrawnPictures, FileFound, counted, detect
from apps.objects.detection.video import is_video
from common.data.video import VideoWriter, open_video
from common.detector import Found, open_detector
from common.files import unused
from tests.apps.shapes import draw_shapes


@pytest.fixture
def photos(tmp_path):
    """A picture, a folder with one in a folder of it, a damaged file and a grey one."""
    folder = tmp_path / "photos" / "inner"
    folder.mkdir(parents=True)
    for number, path in enumerate(("one ü.png", "photos/two.jpg", "photos/inner/three.webp")):
        Image.fromarray(draw_shapes(900 + number)[0]).save(tmp_path / path)
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    Image.new("L", (40, 30), 100).save(tmp_path / "grey.png")
    return tmp_path


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    pixels = draw_shapes(902)[0]
    with VideoWriter(path, 96, 72, 25.0) as writer:
        for shift in range(6):
            writer.write(np.roll(pixels, shift, axis=1))
    return path


def test_pictures_are_drawn_beside_and_bad_files_are_one_line(shape_detector, photos, cnnapps):
    code, out, _ = cnnapps("objects", "detect", "one ü.png", "photos", "gone.jpg", "-m", shape_detector.run)
    lines = out.splitlines()
    assert code == 1 and len(lines) == 5
    assert lines[0].startswith("one ü.png: ") and lines[0].endswith("→ one ü.detected.png")
    assert sum("error: not a picture" in line for line in lines) == 1
    assert lines[-1].startswith("gone.jpg: error: no such file")
    assert (photos / "one ü.detected.png").is_file()
    assert (photos / "photos-detected" / "two.jpg").is_file()
    assert (photos / "photos-detected" / "inner" / "three.jpg").is_file()
    # Nothing is replaced, and what was drawn is not found again.
    code, out, _ = cnnapps("objects", "detect", "one ü.png", "photos", "-m", shape_detector.run)
    assert code == 1 and len(out.splitlines()) == 4
    assert (photos / "one ü-2.detected.png").is_file() and (
        photos / "photos-detected-2" / "two.jpg"
    ).is_file()


def test_json_and_csv_have_the_same_objects(shape_detector, photos, cnnapps):
    words = (
        "objects",
        "detect",
        "one ü.png",
        "photos",
        "grey.png",
        "-m",
        shape_detector.run,
        "--no-pictures",
    )
    code, out, err = cnnapps(*words, "--json")
    results = {row["source"]: row for row in map(json.loads, out.splitlines())}
    assert code == 1 and len(results) == 5 and "error: photos/bad.png" in err
    assert results["photos/bad.png"].keys() == {"source", "error"}
    assert results["grey.png"] == {"source": "grey.png", "width": 40, "height": 30, "objects": []}
    one = results["one ü.png"]
    truth = {("disc", "Größe 猫")[kind]: box for kind, box in draw_shapes(900)[1]}
    assert (one["width"], one["height"]) == (96, 72) and len(one["objects"]) == len(draw_shapes(900)[1])
    for found in one["objects"]:
        assert 0 < found["score"] <= 1
    assert {found["class"] for found in one["objects"]} == set(truth)
    code, out, _ = cnnapps(*words, "--csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert len(rows) == sum(len(result.get("objects", ())) for result in results.values())
    assert float(rows[0]["score"]) == one["objects"][0]["score"] and rows[0]["frame"] == ""
    assert not list(photos.glob("*detected*"))


def test_a_folder_to_write_into(shape_detector, photos, cnnapps):
    code, *_ = cnnapps("objects", "detect", "one ü.png", "grey.png", "-m", shape_detector.run, "--out", "new")
    assert code == 0
    assert {path.name for path in (photos / "new").iterdir()} == {"one ü.detected.png", "grey.detected.png"}


def test_videos_are_drawn_and_told_frame_by_frame(shape_detector, clip, cnnapps):
    code, out, _ = cnnapps("objects", "detect", clip, "-m", shape_detector.run, "-q")
    assert code == 0 and "6 frames" in out and "clip.detected.mp4" in out
    with open_video(clip.with_name("clip.detected.mp4")) as reader:
        assert (reader.width, reader.height) == (96, 72) and sum(1 for _ in reader) == 6
    code, out, _ = cnnapps(
        "objects",
        "detect",
        clip,
        "-m",
        shape_detector.run,
        "--json",
        "-q",
        "--max-frames",
        3,
        "--no-pictures",
    )
    *frames, summary = map(json.loads, out.splitlines())
    assert code == 0 and [row["frame"] for row in frames] == [0, 1, 2] and frames[0]["source"] == str(clip)
    assert summary["frames"] == 3 and summary["video"] is None
    assert sum(summary["boxes"].values()) == sum(len(row["objects"]) for row in frames) > 0
    code, out, _ = cnnapps(
        "objects", "detect", clip, "-m", shape_detector.run, "--csv", "-q", "--no-pictures"
    )
    assert code == 0 and {row["frame"] for row in csv.DictReader(out.splitlines())} <= set("012345")


def test_a_damaged_video_gives_what_could_be_read(shape_detector, clip, cnnapps):
    (clip.parent / "empty.mp4").write_bytes(b"")
    code, out, _ = cnnapps("objects", "detect", "empty.mp4", "clip.mp4", "-m", shape_detector.run, "-q")
    lines = out.splitlines()
    assert code == 1 and "empty.mp4: error: empty (0 bytes)" in lines[0] and "6 frames" in lines[1]


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["one ü.png", "--json", "--csv"], 2, "exclude each other"),
        (["one ü.png", "--size", "33"], 2, "--size 64"),
        (["one ü.png", "--out", "grey.png"], 2, "is a file"),
        (["one ü.png", "-m", "digits/cnn"], 1, "not a detector"),
        (["one ü.png", "-m", "nothing"], 1, "no model 'nothing'"),
    ],
)
def test_wrong_requests_are_one_line(arguments, code, said, shape_detector, photos, cnnapps):
    words = arguments if "-m" in arguments else [*arguments, "-m", shape_detector.run]
    got, _, err = cnnapps("objects", "detect", *words)
    assert got == code and said in err and len(err.strip().splitlines()) == 1


def test_what_is_a_video(tmp_path, monkeypatch):
    assert is_video("a.MP4") and is_video("0") and is_video("rtsp://host/x") and not is_video("a.gif")
    (tmp_path / "12").mkdir()
    (tmp_path / "frames.mov").mkdir()
    assert not is_video("12") and not is_video("frames.mov") and not is_video("photo.jpg")


def test_the_api_takes_paths_and_gives_objects(shape_detector, photos):
    detector = open_detector(shape_detector.run, side=128)
    results = list(detect([photos / "one ü.png", photos / "photos"], detector, threshold=0.2))
    assert [result.error is None for result in results] == [True, False, True, True]
    assert results[0].line().startswith(str(photos / "one ü.png"))
    assert all((result.found.scores >= 0.2).all() for result in results if result.found is not None)


def test_detecting_imports_no_framework(shape_detector, photos):
    program = (
        "import sys; from apps.main import app; from common.cli import run\n"
        f"assert run(app, ['objects', 'detect', 'one ü.png', '-m', {str(shape_detector.run)!r}]) == 0\n"
        "print([name for name in ('tensorflow', 'keras', 'torch', 'pycocotools') if name in sys.modules])"
    )
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=paths
    )
    assert done.stdout.strip().endswith("[]") and (photos / "one ü.detected.png").is_file()


def test_drawn_boxes_have_a_colour_a_class():
    pixels = np.full((120, 160), 128, np.uint8)
    found = Found(
        np.array([[10, 40, 50, 40], [90, 50, 50, 40]], np.float32), np.array([0.9, 0.5]), np.array([0, 1])
    )
    drawn = draw_found(pixels, found, ("a", "ä 猫"))
    assert drawn.shape == (120, 160, 3) and (pixels == 128).all()
    assert not (drawn[45:75, 10] == 128).all() and (drawn[55:70, 20:50] == 128).all()
    assert not np.array_equal(drawn[60, 10], drawn[70, 90])
    assert (
        counted(found, ("a", "b")) == "1 a, 1 b" and counted(Found(*[np.zeros(0, int)] * 3), ()) == "nothing"
    )


def test_names_of_files_are_never_taken_twice(tmp_path):
    (tmp_path / "a.detected.jpg").touch()
    (tmp_path / "a-2.detected.jpg").touch()
    assert unused(tmp_path / "a.detected.jpg").name == "a-3.detected.jpg"
    assert unused(tmp_path / "b").name == "b"
    nothing = Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    result = FileFound(
        str(tmp_path / "b.bmp"), str(tmp_path / "b.bmp"), ("x",), nothing, np.zeros((9, 9, 3), np.uint8)
    )
    assert DrawnPictures().write(result).name == "b.detected.jpg"
    assert DrawnPictures(tmp_path / "to").write(result) == tmp_path / "to" / "b.detected.jpg"
