"""``cnnapps objects`` from outside: one small network is trained once, and everything is asked of it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps import objects
from apps.main import app
from common.artifact import read_card
from common.cli import run
from common.errors import Interrupted
from tests.apps.drawn_pictures import drawn, folder_of

COUNTS = {"across": 24, "ring": 24, "up": 24}
SMALL = ("--filters", "8", "--side", "32")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = folder_of(tmp_path_factory.mktemp("data") / "drawn", COUNTS)
    (root / "up" / "broken.png").write_bytes(b"no picture")
    return root


@pytest.fixture(scope="module")
def small_run(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "drawn"
    arguments = ["objects", "train", str(pictures), *SMALL, "--epochs", "24", "--augment", "none"]
    assert run(app, [*arguments, "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture
def photo(tmp_path):
    Image.fromarray(drawn("up", 90, np.random.default_rng(7))[:60]).save(tmp_path / "photo ☂.jpg", quality=95)
    return tmp_path / "photo ☂.jpg"


def test_training_writes_a_whole_artifact(small_run):
    assert {path.name for path in small_run.iterdir()} == {
        "model.keras", "model.tflite", "model_int8.tflite", "card.json", "report.html", "options.json",
        "recipe.json", "history.json",
    }  # fmt: skip
    card = read_card(small_run)
    accuracy = card.metrics["test accuracy"]
    assert accuracy.value > 0.8 and accuracy.low < accuracy.value <= accuracy.high
    assert card.classes == ("across", "ring", "up") and card.data["unreadable"] == 1
    page = (small_run / "report.html").read_text()
    for title in ("Training", "Confusion", "Calibration", "By class", "Unreadable: 1", "broken.png"):
        assert title in page


def test_pictures_are_classified_and_the_broken_do_not_stop_the_others(small_run, cnnapps, photo, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "empty.png").touch()
    (tmp_path / "bad" / "text.jpg").write_text("no picture")
    Image.new("L", (8, 8), 90).save(tmp_path / "bad" / "tiny.png")
    code, out, err = cnnapps(
        "objects", "classify", photo, "missing.jpg", tmp_path / "bad", tmp_path / "nothing*.png", "-k", 2,
        "--model", small_run,
    )  # fmt: skip
    lines = out.splitlines()
    assert code == 1 and len(lines) == 6 and "Traceback" not in out + err
    assert lines[0].startswith(f"{photo}: up ") and lines[0].count("%") == 2
    assert lines[1] == "missing.jpg: error: no such file or folder (check the path)"
    assert "empty.png: error: empty (0 bytes)" in lines[2] and "error: not a picture but text" in lines[3]
    assert "tiny.png: " in lines[4] and "%" in lines[4]
    assert "error: no file matches this pattern" in lines[5]


def test_json_is_a_line_a_picture_and_csv_a_row_a_class(small_run, cnnapps, photo, tmp_path):
    (tmp_path / "empty.png").touch()
    asked = ("objects", "classify", photo, tmp_path / "empty.png", "--model", small_run)
    code, out, _ = cnnapps(*asked, "--json")
    first, second = map(json.loads, out.splitlines())
    assert code == 1 and first["labels"] == ["up"] and "0 bytes" in second["error"]
    chances = [entry["probability"] for entry in first["first"]]
    assert chances == sorted(chances, reverse=True) and sum(chances) == pytest.approx(1, abs=1e-4)
    code, out, _ = cnnapps(*asked, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1 and [row["class"] for row in rows[:3]] == [entry["class"] for entry in first["first"]]
    assert float(rows[0]["probability"]) == pytest.approx(chances[0]) and "0 bytes" in rows[3]["error"]
    assert cnnapps(*asked, "--csv", "--json")[0] == 2


def test_answers_are_the_same_in_any_company(small_run, cnnapps, pictures, photo):
    """More than a batch of files, in order, and one of them alone."""
    code, out, _ = cnnapps("objects", "classify", pictures, photo, "--model", small_run, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    names = [Path(answer["source"]).name for answer in answers[:24]]
    assert code == 1 and len(answers) == 74 and names == [f"{number}.png" for number in range(24)]
    right = [Path(a["source"]).parent.name == a["labels"][0] for a in answers if "labels" in a][:-1]
    assert np.mean(right) > 0.85
    _, alone, _ = cnnapps("objects", "classify", photo, "--model", small_run, "--json")
    assert json.loads(alone)["first"][0]["probability"] == pytest.approx(
        answers[-1]["first"][0]["probability"], abs=1e-4
    )


def test_evaluation_gives_back_the_figures_of_the_training(small_run, cnnapps, pictures, tmp_path):
    stored = read_card(small_run).metrics["test accuracy"].value
    code, out, err = cnnapps("objects", "evaluate", "--model", small_run, "--json")
    found = json.loads(out)
    assert code == 0 and found["accuracy"] == stored and "test part of the data that it was trained on" in err
    assert np.array(found["confusion"]).sum() == found["count"] == 15
    page = tmp_path / "report.html"
    code, out, err = cnnapps("objects", "evaluate", "--model", small_run, "--data", pictures, "--out", page)
    assert code == 0 and "95 % interval" in out and "calibration error" in out and "next: cnnapps" in err
    assert "Confusion" in page.read_text()
    other = folder_of(tmp_path / "other", {"up": 4, "ring": 4}, seed=9)
    code, out, err = cnnapps("objects", "evaluate", "--model", small_run, "--data", other, "--json")
    assert code == 0 and json.loads(out)["count"] == 8 and "all of it" in err
    strange = folder_of(tmp_path / "strange", {"spots": 3, "ring": 3})
    code, out, err = cnnapps("objects", "evaluate", "--model", small_run, "--data", strange)
    assert code == 1 and "does not know: spots" in err and err.count("\n") == 1


def test_explanation_is_one_picture_with_the_answer_of_classify(small_run, cnnapps, photo, tmp_path):
    code, out, _ = cnnapps(
        "objects", "explain", photo, "--model", small_run, "--out", tmp_path / "x.png", "--json"
    )
    facts = json.loads(out)
    assert code == 0 and facts["class"] == "up" and Image.open(tmp_path / "x.png").size[0] > 1500
    _, answered, _ = cnnapps("objects", "classify", photo, "--model", small_run, "--json")
    assert facts["probability"] == pytest.approx(json.loads(answered)["first"][0]["probability"], abs=1e-3)
    assert all(0 <= place <= 1 for place in facts["evidence"] + facts["occlusion"])
    assert facts["layers"][-1]["receptive_field"] >= [32, 32]  # all of the square
    code, out, _ = cnnapps("objects", "explain", photo, "--model", small_run, "--class", "ring")
    assert code == 0 and "ring" in out and Path("photo ☂.explained.png").is_file()
    code, _, err = cnnapps("objects", "explain", photo, "--model", small_run, "--class", "rings")
    assert code == 1 and "did you mean 'ring'" in err


def test_export_answers_as_the_network(small_run, cnnapps, tmp_path):
    code, out, _ = cnnapps(
        "objects", "export", "--model", small_run, "--format", "litert", "--out", tmp_path / "m", "--json"
    )
    (row,) = json.loads(out)
    assert (
        code == 0 and row["same_answer"] == 1.0 and row["largest_difference"] < 1e-3 and row["inputs"] == 15
    )
    done = subprocess.run([sys.executable, "-I", "-c", row["snippet"]], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("["), done.stderr[-400:]


def test_other_classes_start_from_a_model_in_two_phases_and_go_on_after_an_interruption(
    small_run, cnnapps, tmp_path
):
    """With a rate near nothing what is learned is the head alone; the backbone stays as it was."""
    others = folder_of(tmp_path / "others", {"spots": 16, "up": 16}, seed=4)
    options = objects.TrainOptions(str(others), side=32, weights=str(small_run), epochs=2, rate=1e-9)
    out = tmp_path / "tuned"

    def interrupt(done, total, remark):
        if remark.startswith("loss") and 2 * done > total:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="interrupted; the state is saved"):
        objects.train(options, out=out, progress=interrupt)
    assert not (out / "card.json").exists() and len(json.loads((out / "history.json").read_text())) == 1
    code, text, err = cnnapps("objects", "train", "--resume", out, "--json")
    assert code == 0 and "first the head, then all" in err
    assert json.loads(text)["test"]["accuracy"] >= 0.7
    card = read_card(out)
    assert card.network == "pyramid" and card.arguments == {"filters": 8} and card.classes == ("spots", "up")
    assert card.data["weights"] == str(small_run) and card.recipe["multiples"]["stage1/*"] == 0.1
    assert [row["epoch"] for row in json.loads((out / "history.json").read_text())] == [1, 2]


def test_several_labels_from_a_table(cnnapps, tmp_path):
    folder_of(tmp_path / "drawn", {"across": 14, "up": 14, "ring": 14})
    table = tmp_path / "labels.csv"
    rows = [
        f"drawn/{kind}/{number}.png,{'striped|' if kind != 'ring' else ''}{kind}"
        for kind in ("across", "up", "ring")
        for number in range(14)
    ]
    table.write_text("\n".join(["path,label", *rows, "drawn/nowhere.png,up"]))
    out = tmp_path / "run"
    code, text, err = cnnapps(
        "objects",
        "train",
        table,
        "--several",
        "|",
        *SMALL,
        "--epochs",
        6,
        "--augment",
        "none",
        "--out",
        out,
        "--json",
    )
    found = json.loads(text)
    assert code == 0 and found["unreadable"][0]["reason"] == "no such file" and "1 could not be read" in err
    assert found["test"]["mean_average_precision"] > 0.5 and read_card(out).activation == "sigmoid"
    code, text, _ = cnnapps(
        "objects", "classify", tmp_path / "drawn" / "up" / "1.png", "--model", out, "--json"
    )
    answer = json.loads(text)
    over_half = [entry["class"] for entry in answer["first"] if entry["probability"] >= 0.5]
    assert code == 0 and answer["labels"] == over_half
    code, text, _ = cnnapps("objects", "evaluate", "--model", out)
    assert code == 0 and "mean average precision" in text


@pytest.mark.parametrize(
    "arguments,code,message",
    [
        (["train"], 2, "name the pictures"),
        (["train", "nowhere/at/all"], 1, "no such file or folder"),
        (["train", "nowhere.csv"], 1, "no such file or folder"),
        (["train", "x", "--network", "resnett"], 2, "did you mean 'resnet'"),
        (["train", "x", "--network", "resnet", "--filters", "8"], 2, "no option 'filters'"),
        (["train", "x", "--network", "keras:ResNet5"], 2, "did you mean 'ResNet50'"),
        (["train", "x", "--network", "keras:ResNet50", "--depth", "2"], 2, "takes no options"),
        (["train", "x", "--side", "50"], 2, "multiple of 16"),
        (["train", "x", "--side", "16"], 2, "from 32 on"),
        (["train", "x", "--balance", "weight"], 2, "did you mean 'weights'"),
        (["train", "x", "--augment", "wild"], 2, "known: none, mild, strong"),
        (["train", "x", "--weights", "nowhere"], 1, "no model 'nowhere'"),
        (["train", "x", "--weights", "digits/cnn"], 2, "name a classifier of objects"),
        (["train", "x", "--network", "resnet", "--width", "8.5"], 2, "whole number"),
        (["train", "x", "--network", "resnet", "--stem", "large"], 2, "cifar or imagenet"),
        (["train", "x", "--device", "tpu"], 2, "auto, cpu, gpu"),
        (["train", "--resume", "nowhere"], 1, "nothing to resume"),
        (["classify", "x.png", "--model", "objects/none"], 1, "or a run folder"),
        (["classify", "x.png", "--model", "digits/cnn"], 1, "no classifier of pictures but a model of digits"),
        (["evaluate", "--model", "."], 1, "not a model"),
        (["explain", "x.png", "--model", "digits/cnn"], 1, "but a model of digits"),
        (["export", "--format", "coreml"], 2, "known: savedmodel"),
    ],
)  # fmt: skip
def test_wrong_requests_are_one_line(cnnapps, arguments, code, message):
    got, out, err = cnnapps("objects", *arguments)
    assert got == code and out == "" and message in err and "Traceback" not in err
    if not err.startswith("Usage"):
        assert err.count("\n") == 1


def test_offline_what_keras_would_download_is_one_line(cnnapps, pictures, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNAPPS_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    code, out, err = cnnapps("objects", "train", pictures, "--network", "keras:MobileNetV3Small", "-q")
    assert (
        code == 1 and out == "" and "not cached" in err and "--weights none" in err and err.count("\n") == 1
    )
    assert not Path("runs").exists()


def test_a_used_folder_is_not_overwritten(small_run, cnnapps, pictures):
    before = (small_run / "card.json").read_bytes()
    code, out, err = cnnapps("objects", "train", pictures, *SMALL, "--out", small_run, "-q")
    assert code == 1 and "not empty" in err and (small_run / "card.json").read_bytes() == before


def test_classifying_imports_no_framework(small_run, photo):
    script = (
        "import sys; from apps.main import app; from common.cli import run\n"
        f"assert run(app, ['objects', 'classify', {str(photo)!r}, '--model', {str(small_run)!r}]) == 0\n"
        "assert run(app, ['objects', '--help']) == 0 and run(app, ['objects', 'train', 'x', '--side', '3']) == 2\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and ": up " in done.stdout, done.stderr[-400:]


def test_a_picture_on_standard_input(small_run, photo):
    done = subprocess.run(
        [sys.executable, "-m", "apps.main", "objects", "classify", "-", "--model", str(small_run)],
        stdin=photo.open("rb"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout.startswith("-: up ")


@pytest.mark.slow
def test_a_training_killed_from_outside_goes_on(pictures, tmp_path):
    """kill -9 after the first epoch, then --resume: the history of the uninterrupted run."""

    def command(*more):
        return [sys.executable, "-m", "apps.main", "objects", "train", *more, "-q"]

    asked = [str(pictures), *SMALL, "--epochs", "40"]
    killed = tmp_path / "killed"
    process = subprocess.Popen(command(*asked, "--out", str(killed)))
    while not (killed / "history.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "card.json").exists()
    assert subprocess.run(command("--resume", str(killed))).returncode == 0
    assert subprocess.run(command(*asked, "--out", str(tmp_path / "whole"))).returncode == 0
    losses = [
        [row["loss"] for row in json.loads((folder / "history.json").read_text())]
        for folder in (killed, tmp_path / "whole")
    ]
    assert losses[0] == losses[1] and len(losses[0]) == 40
