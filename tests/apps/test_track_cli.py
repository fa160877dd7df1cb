"""``cnnapps track`` from the file to the video, on a clip drawn here and with a network trained for a moment."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.main import app
from apps.track.mot_files import read_tracks
from common.boxes import iou_matrix
from common.cli import run
from common.data.video import VideoWriter, open_video
from tests.apps.test_track_pairs import scene, write_sequence

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "moving_objects.mp4"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A red box that moves over a green ground, 40 frames."""
    path = tmp_path_factory.mktemp("clip") / "red.mp4"
    noise = np.random.default_rng(0).integers(0, 40, (120, 160, 1), np.uint8)
    with VideoWriter(path, 160, 120, 25.0) as writer:
        for t in range(40):
            writer.write(scene((20 + 2 * t, 40, 24, 20), (120, 160))[0] + noise)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A run folder after two steps on two pictures and a sequence."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "pictures").mkdir()
    for number in range(2):
        pixels, _ = scene((30 + 20 * number, 40, 30, 24), (120, 160))
        Image.fromarray(pixels).save(folder / "pictures" / f"{number}.png")
    for name in ("Left", "Kept"):
        write_sequence(folder / "sequences" / name, [(10 + t, 12, 8, 9) for t in range(12)])
    out = folder / "run"
    options = [
        "--sequences",
        folder / "sequences",
        "--leave-out",
        "Left",
        "--steps",
        2,
        "--batch",
        2,
        "--out",
        out,
    ]
    assert run(app, ["track", "train", *map(str, [folder / "pictures", *options]), "--quiet"]) == 0
    return out


def test_a_run_is_a_whole_artifact(model):
    names = {path.name for path in model.iterdir()}
    assert {"card.json", "model.keras", "features.tflite", "head.tflite", "report.html"} <= names
    card = json.loads((model / "card.json").read_text())
    assert card["app"] == "track" and card["data"]["left out"] == ["Left"]
    assert 0 <= card["metrics"]["auc"]["value"] <= 1


def test_a_video_alone_is_enough(clip, cnnapps, tmp_path):
    video = tmp_path / "red.mp4"
    video.write_bytes(clip.read_bytes())
    code, out, err = cnnapps("track", video)
    assert code == 0 and "1 object\n" in out and "frames/s" in out and "next: cnnapps track" in err
    tracks = read_tracks(tmp_path / "red.tracks.csv")
    assert set(tracks.id) == {1} and len(tracks) >= 30
    truth = np.array([[20.0 + 2 * t, 40, 24, 20] for t in tracks.frame])
    # Until the place where it stood in the first frame is known to be background, the box reaches to there.
    assert np.median(np.diag(iou_matrix(tracks.boxes, truth))[-12:]) > 0.6
    with open_video(tmp_path / "red.tracked.mp4") as reader:
        assert (reader.width, reader.height) == (160, 120) and sum(1 for _ in reader) == 40
    # A second run replaces nothing.
    assert cnnapps("track", "run", video, "--quiet")[0] == 0
    assert {"red-2.tracked.mp4", "red-2.tracks.csv"} <= {path.name for path in tmp_path.iterdir()}


def test_the_objects_of_the_sample_keep_their_numbers(tmp_path):
    """Three objects that cross: no change of number."""
    spec = importlib.util.spec_from_file_location("render_clip", SAMPLE.with_name("render_clip.py"))
    drawn = importlib.util.module_from_spec(spec)
    sys.modules["render_clip"] = drawn
    spec.loader.exec_module(drawn)
    from apps.track import RunOptions, track
    from apps.track.mot_files import Tracks
    from apps.track.mot_metrics import evaluate

    objects = drawn.movers()
    rows = [
        (t, n, box) for t in range(drawn.FRAMES) for n, box in enumerate(drawn.truth(t, objects), start=1)
    ]
    visible = [
        (t, n, b)
        for t, n, b in rows
        if -b[2] / 2 < b[0] < 320 - b[2] / 2 and -b[3] / 2 < b[1] < 240 - b[3] / 2
    ]
    truth = Tracks.of(*zip(*visible, strict=True))
    found = track(RunOptions(str(SAMPLE), no_video=True, out=str(tmp_path / "o.mp4")))
    scores = evaluate(truth, found.rows)
    assert scores.id_switches == 0 and scores.hota > 0.5 and len(found.objects) == 3


def test_given_boxes_are_followed_and_said_in_json(clip, model, cnnapps, tmp_path):
    out = tmp_path / "out.mp4"
    code, text, _ = cnnapps(
        "track", clip, "--box", "20,40,24,20", "--model", model, "--out", out, "--json", "--quiet"
    )
    result = json.loads(text)
    assert code == 0 and result["frames"] == 40 and result["video"] == str(out)
    first = result["observations"][0]["objects"][0]
    assert first == {"id": 1, "box": [20, 40, 24, 20], "confidence": 1.0, "state": "tracked"}
    assert {one["objects"][0]["state"] for one in result["observations"]} <= {"tracked", "uncertain", "lost"}
    assert out.exists() and (tmp_path / "out.tracks.csv").exists()
    code, _, err = cnnapps("track", clip, "--box", "20,40,24,20", "--model", model, "--out", out)
    assert code == 2 and "exists" in err


@pytest.mark.parametrize("form, name", [("otb", "o.tracks.txt"), ("coco-video", "o.tracks.json")])
def test_other_tables(clip, cnnapps, tmp_path, form, name):
    code, *_ = cnnapps(
        "track",
        clip,
        "--format",
        form,
        "--max-frames",
        20,
        "--out",
        tmp_path / "o.mp4",
        "--quiet",
    )
    assert code == 0
    content = (tmp_path / name).read_text()
    if form == "otb":
        assert len(content.splitlines()) == 20
    else:
        table = json.loads(content)
        assert len(table["images"]) == 20
        assert {row["track_id"] for row in table["annotations"]} == {row["id"] for row in table["tracks"]}


def test_a_start_and_an_end(clip, cnnapps, tmp_path):
    out = tmp_path / "part.mp4"
    code, text, _ = cnnapps("track", clip, "--at", 0.8, "--max-frames", 5, "--out", out, "--json", "--quiet")
    assert code == 0 and json.loads(text)["frames"] == 5
    with open_video(out) as reader, open_video(clip, start_seconds=0.8) as source:
        assert sum(1 for _ in reader) == 5
        assert next(iter(source)).seconds >= 0.8


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["nothing.mp4"], 1, "no such file"),
        (["CLIP", "--box", "1,2,3"], 2, "is no box"),
        (["CLIP", "--box", "5,5,0,9"], 2, "has no area"),
        (["CLIP", "--box", "500,5,10,9", "--model", "MODEL"], 2, "does not lie in the frame of 160x120"),
        (["CLIP", "--detector", "eyes"], 2, "unknown detector 'eyes'"),
        (["CLIP", "--format", "xls"], 2, "unknown format 'xls'"),
        (["CLIP", "--model", "digits/cnn", "--box", "1,1,9,9"], 1, "is a model of digits"),
        (["CLIP", "--model", "none", "--box", "1,1,9,9"], 1, "no model 'none'"),
        (["evaluate", "EMPTY", "--model", "MODEL"], 1, "holds no sequence"),
        (["train", "EMPTY"], 1, "holds no pictures"),
        (["train"], 2, "nothing to learn from"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, code, said, clip, model, cnnapps, tmp_path):
    (tmp_path / "empty").mkdir()
    here = tmp_path / "clip.mp4"
    here.write_bytes(clip.read_bytes())
    names = {"CLIP": here, "MODEL": model, "EMPTY": tmp_path / "empty"}
    got, _, err = cnnapps("track", *(names.get(word, word) for word in arguments), "--quiet")
    assert got == code and said in err and "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "clip.mp4"}


def test_a_damaged_video_gives_what_could_be_read(clip, cnnapps, tmp_path):
    path = tmp_path / "cut.mp4"
    whole = clip.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    code, out, err = cnnapps("track", path)
    assert code == 1 and "stopped at frame" in err and "saved" in err
    assert (tmp_path / "cut.tracked.mp4").exists() and (tmp_path / "cut.tracks.csv").exists()
    (tmp_path / "none.mp4").write_bytes(b"")
    code, _, err = cnnapps("track", tmp_path / "none.mp4")
    assert code == 1 and "none.mp4" in err and len(err.strip().splitlines()) == 1


def test_evaluation_prints_and_writes_a_report(model, cnnapps, tmp_path):
    write_sequence(tmp_path / "data" / "Red", [(10 + t, 12, 8, 9) for t in range(36)])
    report = tmp_path / "report.html"
    code, out, _ = cnnapps(
        "track", "evaluate", tmp_path / "data", "--model", model, "--hide", "--out", report, "--quiet"
    )
    assert code == 0 and "Red" in out and "mean" in out
    assert "Success" in report.read_text()
    code, out, _ = cnnapps("track", "evaluate", tmp_path / "data", "--model", model, "--json", "--quiet")
    assert code == 0 and json.loads(out)["sequences"] == 1


def test_the_speed_of_this_machine_is_measured(clip, model, cnnapps):
    code, out, _ = cnnapps("track", "bench", clip, "--model", model, "--json", "--quiet")
    found = json.loads(out)
    assert code == 0 and (found["width"], found["height"]) == (160, 120)
    assert [row["objects"] for row in found["rates"]] == [1, 2, 5, 10]
    rates = [row["frames_per_second"] for row in found["rates"]]
    assert rates[0] > 2 * rates[-1] > 0
    code, _, said = cnnapps("track", "bench", "gone.mp4", "--model", model)
    assert code == 1 and "gone.mp4" in said


def test_help_and_slips_cost_no_framework():
    program = (
        "import sys; from apps.main import app; from common.cli import run\n"
        "run(app, ['track', '--help']); run(app, ['track', 'evalaute', 'x']); run(app, ['track', 'gone.mp4'])\n"
        "print([name for name in ('tensorflow', 'keras', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "evaluate" in done.stderr + done.stdout


def test_what_is_there_from_the_start_is_found_at_once(clip, tmp_path):
    from apps.track import RunOptions, track

    found = track(RunOptions(str(clip), out=str(tmp_path / "o.mp4")))
    assert found.rows.frame[0] <= 3
    truth = np.array([20.0 + 2 * found.rows.frame[0], 40, 24, 20])
    assert iou_matrix(found.rows.boxes[:1], truth[None])[0, 0] > 0.5
