"""``cnnapps digits`` from outside: exit codes, stdout and stderr apart, files whole or not there."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from apps.main import app
from common.artifact import resolve
from common.cli import run

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "digits_page.jpg"
SAMPLE_TEXT = ["31415 92653", "2718 2818", "16180 339", "0246813579"]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A lenet of two epochs on the embedded digits: quick, and good enough to be told from chance."""
    out = tmp_path_factory.mktemp("runs") / "lenet"
    arguments = [
        "digits",
        "train",
        "--network",
        "lenet",
        "--data",
        "digits8x8",
        "--epochs",
        "8",
        "--out",
        str(out),
    ]
    assert run(app, [*arguments, "--quiet"]) == 0
    return out


def test_training_writes_a_whole_artifact_and_says_what_next(small_run, cnnapps):
    names = {path.name for path in small_run.iterdir()}
    assert names == {
        "model.keras",
        "model.tflite",
        "model_int8.tflite",
        "card.json",
        "report.html",
        "options.json",
        "recipe.json",
        "history.json",
    }
    card = json.loads((small_run / "card.json").read_text())
    accuracy = card["metrics"]["test accuracy"]
    assert accuracy["value"] > 0.9 and accuracy["low"] < accuracy["value"] <= accuracy["high"]
    assert "lenet" in card["command"] or card["command"]
    code, out, err = cnnapps("digits", "evaluate", "--model", small_run, "--data", "digits8x8", "--json")
    assert code == 0 and json.loads(out)["accuracy"] == pytest.approx(accuracy["value"])


def test_evaluation_for_people_and_robustness(small_run, cnnapps, tmp_path):
    code, out, err = cnnapps(
        "digits",
        "evaluate",
        "--model",
        small_run,
        "--data",
        "digits8x8",
        "--robust",
        "--out",
        tmp_path / "r.html",
    )
    assert code == 0 and "95 % interval" in out and "rotated 30°" in out and "next: cnnapps" in err
    assert "Robustness" in (tmp_path / "r.html").read_text()


def test_a_used_folder_is_not_overwritten(small_run, cnnapps):
    before = (small_run / "card.json").read_bytes()
    code, out, err = cnnapps("digits", "train", "--data", "digits8x8", "--out", small_run)
    assert code == 1 and "not empty" in err and out == ""
    code, _, err = cnnapps("digits", "train", "--resume", small_run)
    assert code == 1 and "is finished" in err
    assert (small_run / "card.json").read_bytes() == before


@pytest.mark.parametrize(
    "arguments,code,message",
    [
        (["train", "--network", "lenett"], 2, "did you mean 'lenet'"),
        (["train", "--network", "mlp", "--pooling", "max"], 2, "no option 'pooling'"),
        (["train", "--loss", "huber"], 2, "use 'softmax_cross_entropy'"),
        (["train", "--loss", "euclidian"], 2, "did you mean 'euclidean'"),
        (["train", "--network", "perceptron", "--loss", "focal"], 2, "own rule"),
        (["train", "--device", "gpu:7"], 1, "GPU"),
        (["train", "--device", "tpu"], 2, "auto, cpu, gpu"),
        (["train", "--data", "no/such/folder"], 1, "no such folder"),
        (["train", "--data", "digits8x8", "--train-size", "3"], 1, "choose 10 to"),
        (["train", "--recipe", "hasty"], 2, "known: default, patient"),
        (["train", "--recipe", "patient", "--network", "lenet"], 2, "for the network cnn"),
        (["train", "--weights", "digits/perceptron"], 2, "give --network perceptron"),
        (["train", "--weights", "digits/cnn", "--width", "8"], 2, "was built with"),
        (["train", "--weights", "nowhere"], 1, "no model 'nowhere'"),
        (["train", "--batch", "0"], 2, "--batch"),
        (["train", "--nonsense"], 2, "nonsense"),
        (["predict", "x.png", "--model", "digits/none"], 1, "shipped: digits/"),
        (["evaluate", "--model", "."], 1, "not a model"),
        (["export", "--format", "coreml"], 2, "known: savedmodel"),
        (["train", "--resume", "nowhere"], 1, "nothing to resume"),
    ],
)
def test_wrong_requests_are_one_line(cnnapps, arguments, code, message):
    got, out, err = cnnapps("digits", *arguments)
    assert got == code and out == ""
    assert message in err and "Traceback" not in err
    if not err.startswith("Usage"):
        assert err.count("\n") == 1


def test_offline_a_missing_set_is_one_line(cnnapps, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNAPPS_OFFLINE", "1")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    code, _, err = cnnapps("digits", "train", "--data", "emnist")
    assert code == 1 and "CNNAPPS_OFFLINE" in err and err.count("\n") == 1


@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", "euclidean", "focal", "multiclass_hinge", "hinge"])
def test_every_fitting_loss_trains(cnnapps, loss, tmp_path):
    code, out, _ = cnnapps(
        "digits", "train", "--network", "mlp", "--hidden", "64", "--data", "digits8x8", "--loss", loss,
        "--epochs", 20, "--out", tmp_path / loss, "--json",
    )  # fmt: skip
    assert code == 0 and json.loads(out)["test"]["accuracy"] > 0.85


def test_perceptron_learns_by_its_rule(cnnapps, tmp_path):
    out = tmp_path / "run"
    code, text, _ = cnnapps(
        "digits", "train", "--network", "perceptron", "--data", "digits8x8", "--out", out, "--json"
    )
    assert code == 0 and json.loads(text)["test"]["accuracy"] > 0.85
    assert json.loads((out / "card.json").read_text())["recipe"]["optimizer"] == "perceptron rule"


def test_own_folder_of_letters(cnnapps, tmp_path):
    """Any classes: drawn letters L, T and X, dark on white, at odd sizes."""
    draw = np.random.default_rng(0)
    for name in "LTX":
        (tmp_path / "own" / name).mkdir(parents=True)
        for number in range(40):
            page = np.full((60, 50), 255, np.uint8)
            dx, dy = draw.integers(0, 8, 2)
            for t in np.linspace(0, 1, 60):
                points = {
                    "L": [(10, 10 + 30 * t), (10 + 20 * t, 40)],
                    "T": [(20, 10 + 30 * t), (8 + 24 * t, 10)],
                    "X": [(10 + 20 * t, 10 + 30 * t), (30 - 20 * t, 10 + 30 * t)],
                }[name]
                for x, y in points:
                    page[int(y + dy) : int(y + dy) + 3, int(x + dx) : int(x + dx) + 3] = 30
            Image.fromarray(page).save(tmp_path / "own" / name / f"{number}.png")
    out = tmp_path / "run"
    code, text, _ = cnnapps(
        "digits",
        "train",
        "--network",
        "lenet",
        "--data",
        tmp_path / "own",
        "--epochs",
        10,
        "--out",
        out,
        "--json",
    )
    assert code == 0 and json.loads(text)["test"]["accuracy"] > 0.95
    code, text, _ = cnnapps("digits", "predict", tmp_path / "own" / "X" / "3.png", "--model", out)
    assert code == 0 and ": X (" in text


def test_export_of_every_format_answers_as_the_network(small_run, cnnapps, tmp_path):
    code, out, err = cnnapps(
        "digits", "export", "--model", small_run, "--data", "digits8x8", "--out", tmp_path / "m", "--json"
    )
    assert code == 0
    rows = {row["format"]: row for row in json.loads(out)}
    assert set(rows) == {"savedmodel", "onnx", "litert", "litert-float16", "litert-int8"}
    for name in ("savedmodel", "onnx", "litert"):
        assert rows[name]["same_answer"] == 1.0 and rows[name]["largest_difference"] < 1e-4
        assert Path(rows[name]["path"]).exists() and rows[name]["snippet"].startswith("# pip install")
    assert (
        rows["litert-int8"]["same_answer"] > 0.98
        and rows["litert-int8"]["bytes"] < rows["litert"]["bytes"] / 2
    )
    code, _, err = cnnapps(
        "digits", "export", "--model", small_run, "--data", "digits8x8", "--out", tmp_path / "m"
    )
    assert code == 1 and "exists" in err


def test_snippets_run_without_this_package(small_run, cnnapps, tmp_path):
    code, out, _ = cnnapps(
        "digits", "export", "--model", small_run, "--data", "digits8x8", "--out", tmp_path / "m", "--json"
    )
    for row in json.loads(out):
        done = subprocess.run(
            [sys.executable, "-I", "-c", row["snippet"]], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0 and done.stdout.strip().startswith("["), done.stderr[-500:]


class TestShippedModel:
    """What a person gets with no training at all."""

    def test_the_sample_page_is_read_exactly(self, cnnapps, tmp_path):
        code, out, err = cnnapps("digits", "predict", SAMPLE, "--json", "--annotate", tmp_path / "page.png")
        document = json.loads(out)[0]
        assert code == 0 and document["text"].split("\n") == SAMPLE_TEXT
        assert Image.open(tmp_path / "page.png").size == Image.open(SAMPLE).size
        boxes = [reading["box"] for line in document["lines"] for reading in line]
        assert len(boxes) == 36 and all(w > 5 and h > 30 for _, _, w, h in boxes)

    def test_for_people_it_prints_one_line_a_line(self, cnnapps):
        code, out, _ = cnnapps("digits", "predict", SAMPLE)
        assert [line.split(": ")[1].split(" (")[0] for line in out.splitlines()] == SAMPLE_TEXT

    def test_steps_are_written(self, cnnapps, tmp_path):
        code, _, _ = cnnapps("digits", "predict", SAMPLE, "--show-steps", tmp_path / "steps")
        assert code == 0 and len(list((tmp_path / "steps").glob("digits_page-*.png"))) >= 4

    def test_bad_files_do_not_stop_the_good_one(self, cnnapps, tmp_path):
        (tmp_path / "empty.png").touch()
        (tmp_path / "text.png").write_text("not a picture")
        Image.open(SAMPLE).save(tmp_path / "good.png")
        code, out, _ = cnnapps("digits", "predict", tmp_path)
        assert code == 1 and "31415 92653" in out
        assert out.count("error:") == 2 and "Traceback" not in out

    def test_golden_accuracy_on_mnist(self, cnnapps, mnist):
        code, out, _ = cnnapps("digits", "evaluate", "--dataset", "mnist", "--json")
        card = json.loads((resolve("digits/cnn") / "card.json").read_text())
        assert code == 0 and json.loads(out)["accuracy"] == card["metrics"]["test accuracy"]["value"] > 0.997

    def test_models_lists_it(self, cnnapps):
        code, out, _ = cnnapps("digits", "models", "--json")
        models = json.loads(out)
        assert code == 0 and {"digits/cnn", "digits/perceptron"} <= set(models)
        assert all(card["command"] and card["data"]["fingerprint"] for card in models.values())

    def test_it_is_small(self):
        for file in ("model.keras", "model.tflite"):
            assert (resolve("digits/cnn") / file).stat().st_size < 2_000_000


def test_help_and_errors_import_no_framework():
    script = (
        "import sys; from apps.main import app; from common.cli import run\n"
        "for arguments in (['--help'], ['digits', 'predict', '--help'], ['losses'],"
        " ['digits', 'predict', 'missing.png'], ['digits', 'train', '--nonsense']):\n    run(app, arguments)\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-400:]


def test_predicting_imports_no_framework():
    script = (
        "import sys; from apps.main import app; from common.cli import run\n"
        f"assert run(app, ['digits', 'predict', {str(SAMPLE)!r}]) == 0\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and "31415" in done.stdout, done.stderr[-400:]
    assert done.stderr == ""


def test_a_picture_on_standard_input():
    done = subprocess.run(
        [sys.executable, "-m", "apps.main", "digits", "predict", "-"],
        stdin=SAMPLE.open("rb"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout.startswith("-: 31415 92653")


def test_training_goes_on_from_given_weights(small_run, cnnapps, tmp_path):
    """One pass at a rate near nothing gives back the figures of the weights it started from."""
    lenet = ["digits", "train", "--network", "lenet", "--data", "digits8x8", "--weights", small_run]
    code, out, _ = cnnapps(*lenet, "--epochs", 1, "--rate", 1e-7, "--out", tmp_path / "on", "--json")
    stored = json.loads((small_run / "card.json").read_text())
    assert code == 0 and json.loads(out)["test"]["accuracy"] == stored["metrics"]["test accuracy"]["value"]
    card = json.loads((tmp_path / "on" / "card.json").read_text())
    assert card["arguments"] == stored["arguments"] and card["data"]["weights"] == str(small_run)
    code, out, err = cnnapps(*lenet, "--seed", 7, "--out", tmp_path / "seed")
    assert code == 2 and "give --seed 0" in err and not out


def draw_one(path):
    picture = Image.new("L", (120, 120), 245)
    ImageDraw.Draw(picture).line([(60, 20), (60, 100)], fill=25, width=8)
    picture.save(path)


def test_a_missing_path_is_one_line_and_the_others_are_read(cnnapps, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw_one(tmp_path / folder / "x.png")
    code, out, err = cnnapps(
        "digits", "predict", "missing.png", tmp_path / "a", tmp_path / "b", "--annotate", tmp_path / "read"
    )
    lines = out.splitlines()
    assert code == 1 and lines[0] == "missing.png: error: no such file or folder (check the path)"
    assert [line.split(": ")[1][0] for line in lines[1:]] == ["1", "1"] and len(lines) == 3
    # Two pictures of one name: two files.
    assert {path.name for path in (tmp_path / "read").iterdir()} == {"x.png", "b-x.png"}


def test_one_file_for_several_annotations_is_refused_before_anything_is_read(cnnapps, tmp_path):
    code, out, err = cnnapps("digits", "predict", tmp_path, "--annotate", tmp_path / "all.png")
    assert code == 1 and "name a folder" in err and out == ""
    code, out, err = cnnapps("digits", "predict", "x.png", "--annotate", tmp_path / "read.txt")
    assert code == 1 and ".txt cannot be written" in err and out == ""


def test_formulas_of_the_losses_are_printed_whole(cnnapps):
    code, out, _ = cnnapps("losses")
    assert code == 0 and "-Σ [t log p + (1 - t) log(1 - p)]" in out
