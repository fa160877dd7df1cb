"""A detector from the data to the artifact: what it learns, going on after a stop, other formats, bad input."""

from __future__ import annotations

import inspect
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from apps.objects.detection.exporting import answering_network
from apps.objects.detection.network import DETECTORS
from apps.objects.detection.options import DETECTOR_OPTIONS, PYRAMIDS, DetectorOptions
from apps.objects.detection.training import train_detector
from apps.objects.models import NETWORKS as CLASSIFIERS
from apps.track.models import NETWORKS as TRACKERS
from common.artifact import read_card
from common.detector import decoded, open_detector, suppressed, voted
from common.errors import Interrupted, UsageError
from common.grids import places
from common.layers import backbone_weights, early_layers
from common.predictor import load_network
from tests.apps.shapes import CLASSES, draw_shapes, write_shapes

TINY = {"filters": 4, "neck": 8}


@pytest.mark.parametrize("name", DETECTORS.names())
def test_every_network_answers_at_every_place(name):
    network = DETECTORS.get(name)(3, filters=4, neck=8)
    x = np.random.default_rng(0).random((2, 64, 96, 3), np.float32)
    answers = np.asarray(network(x))
    assert answers.shape == (2, len(places(64, 96)), 7)
    assert (answers[..., 3:] > 0).all()
    # In the beginning nothing is believed to be anywhere, and boxes are as large as the cells.
    assert (1 / (1 + np.exp(-answers[..., :3])) < 0.05).all()
    np.testing.assert_allclose(answers[0, : 8 * 12, 3:], 16, rtol=0.5)
    with pytest.raises(TypeError):
        DETECTORS.get(name)(3, **dict.fromkeys(DETECTOR_OPTIONS.get(name), 1), more=1)


def test_the_place_of_an_answer_is_where_the_picture_shows_it():
    """What changes in a corner of the picture changes the answers there most."""
    keras.utils.set_random_seed(0)  # with weights drawn unluckily no map passes on what it sees
    network = DETECTORS.get("nano")(1, filters=4, neck=8)
    x = np.full((1, 128, 128, 3), 0.5, np.float32)
    other = x.copy()
    other[0, 96:, :32] = 1
    change = np.abs(np.asarray(network(other)) - np.asarray(network(x)))[0, :256].sum(axis=-1)
    x, y = places(128, 128)[change.argmax()]
    assert x < 48 and y > 80


def test_a_small_detector_finds_what_it_has_learned(shape_detector):
    result, card = shape_detector.result, read_card(shape_detector.run)
    assert result["test"]["AP50"] > 0.9 and result["test"]["mAP"] > 0.45
    assert result["notes"][1] == "own split: 48 to learn from, 12 held out, 16 to test on"
    assert result["notes"][2] == "start: random weights"
    assert "own split" in shape_detector.remarks
    assert (card.app, card.network, set(card.classes)) == ("objects", "detector-nano", set(CLASSES))
    assert card.metrics["test AP50"].value == result["test"]["AP50"] and card.data["test"] == 16
    names = {path.name for path in shape_detector.run.iterdir()}
    assert {
        "card.json",
        "model.keras",
        "model.tflite",
        "report.html",
    } <= names and "checkpoint.npz" not in names
    history = json.loads((shape_detector.run / "history.json").read_text())
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert history[-1]["held-out AP50"] > 0.9
    page = (shape_detector.run / "report.html").read_text()
    assert all(word in page for word in ("By class", "Precision and recall", "Größe 猫"))


def test_it_finds_them_in_larger_pictures(shape_detector):
    pixels, objects = draw_shapes(500)
    large = cv2.resize(pixels, None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST)
    found = open_detector(shape_detector.run)(large)
    assert len(found) == len(objects)
    for box, kind in zip(found.boxes, found.classes, strict=True):
        name = read_card(shape_detector.run).classes[kind]
        truth = [np.array(true) * 5 for number, true in objects if CLASSES[number] == name]
        assert min(np.abs(box - one).max() for one in truth) < 25


def test_the_graph_with_suppression_answers_as_detect_does(shape_detector):
    """Decoding and suppression in the graph and outside of it give the same objects."""
    detector = open_detector(shape_detector.run)
    network = load_network(shape_detector.run)
    whole = answering_network(network, detector.card)
    pictures = np.stack([cv2.resize(draw_shapes(n)[0], (64, 64)) for n in (700, 701)])
    pictures = pictures.astype(np.float32) / 255
    for raw, answer in zip(np.asarray(network(pictures)), np.asarray(whole(pictures)), strict=True):
        boxes, scores, classes = decoded(raw, 64, 64, detector.threshold)
        kept = suppressed(boxes, scores, classes, 0.6)
        answer = answer[answer[:, 4] > 0]
        np.testing.assert_allclose(answer[:, :2], voted(boxes, scores, classes, kept)[:, :2], atol=1e-2)
        np.testing.assert_allclose(answer[:, 4], scores[kept], atol=1e-5)
        assert answer[:, 5].tolist() == classes[kept].tolist()


@pytest.mark.parametrize(
    "form", ["litert", *(pytest.param(form, marks=pytest.mark.slow) for form in ("onnx", "savedmodel"))]
)
def test_exports_answer_as_the_network(form, shape_detector, shapes, cnnapps, tmp_path):
    code, text, _ = cnnapps(
        "objects", "export-detector", shapes / "test", "--model", shape_detector.run, "--format", form,
        "--out", tmp_path / "x", "--json", "--quiet",
    )  # fmt: skip
    (parity,) = json.loads(text)
    assert code == 0 and parity["same_answer"] == 1 and parity["largest_difference"] < 0.05
    code, _, err = cnnapps("objects", "export-detector", "--model", "digits/cnn")
    assert code == 1 and "not a detector" in err


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(shapes, tmp_path):
    options = DetectorOptions(str(shapes), arguments=TINY, side=64, epochs=1, batch=8, device="cpu")
    whole = train_detector(options, out=tmp_path / "whole")

    def stop(done, total, remark):
        if remark.startswith("loss") and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="the state is saved") as caught:
        train_detector(options, out=tmp_path / "cut", progress=stop)
    assert "train-detector --resume" in caught.value.hint
    again = train_detector(options, out=tmp_path / "cut", resume=True)
    for one, other in zip(
        load_network(whole.run).get_weights(), load_network(again.run).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert again.evaluation.mean_ap == whole.evaluation.mean_ap


def test_a_backbone_is_taken_from_another_model(shape_detector):
    trained = load_network(shape_detector.run)
    fresh = DETECTORS.get("nano")(5, filters=16, neck=24)
    assert backbone_weights(fresh, trained) > 1000
    kernel = trained.get_layer("stage3").get_weights()[0]
    np.testing.assert_array_equal(fresh.get_layer("stage3").get_weights()[0], kernel)
    picture = keras.Input((None, None, 3))
    nested = keras.Model(picture, trained(picture))  # as a tracker has it
    assert backbone_weights(DETECTORS.get("nano")(5, filters=16, neck=24), nested) > 1000
    with pytest.raises(UsageError, match="no layer stage1 of this shape"):
        backbone_weights(DETECTORS.get("nano")(5, filters=12, neck=8), trained)


def test_what_sees_edges_stays_as_the_backbone_had_it(shapes, shape_detector, tmp_path):
    """Its early layers are as they were after a training, and all that is saved can be trained further."""
    run = str(shape_detector.run)
    options = DetectorOptions(
        str(shapes), arguments={"neck": 8}, backbone=run, side=64, turns=True, epochs=1, device="cpu"
    )
    result = train_detector(options, out=tmp_path / "run")
    assert f"start: the backbone of {run} (filters 16, depth 1)" in result.notes
    before, after = load_network(run), load_network(result.run)
    for early in early_layers(after):
        for ours, theirs in zip(early.get_weights(), before.get_layer(early.name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert {layer.name for layer in early_layers(after)} >= {"stage1", "stage2", "stage2_more_norm"}
    later = after.get_layer("stage3").get_weights()[0] - before.get_layer("stage3").get_weights()[0]
    assert np.abs(later).max() > 1e-4
    assert all(layer.trainable for layer in after.layers)


def test_sizes_of_backbones_are_those_that_the_networks_are_built_with():
    networks = {"pyramid": CLASSIFIERS.get("pyramid"), "siamese": TRACKERS.get("siamese")}
    networks |= {f"detector-{name}": DETECTORS.get(name) for name in DETECTORS.names()}
    assert set(networks) == set(PYRAMIDS)
    for name, build in networks.items():
        defaults = inspect.signature(build).parameters
        assert PYRAMIDS[name] == {side: defaults[side].default for side in ("filters", "depth")}


def test_a_detector_has_the_size_of_the_backbone_that_it_starts_from(shape_detector):
    run = str(shape_detector.run)
    options = DetectorOptions("data", backbone=run, arguments={"neck": 8}).completed()
    assert options.arguments == {"neck": 8, "filters": 16, "depth": 1} and options.backbone == run
    with pytest.raises(UsageError, match="another size") as caught:
        DetectorOptions("data", backbone=run, arguments={"filters": 12}).completed()
    assert "--filters 16 --depth 1" in caught.value.hint
    with pytest.raises(UsageError, match="no backbone"):
        DetectorOptions("data", backbone="digits/cnn").completed()
    # Where nothing is named a backbone of another size is no slip: nobody asked for it.
    assert DetectorOptions("data", arguments={"filters": 12}).completed().backbone == "none"


def test_data_are_converted_and_checked(shapes, cnnapps, tmp_path):
    code, text, err = cnnapps(
        "objects", "data", "convert", shapes, "--to", "yolo", "--out", tmp_path / "yolo"
    )
    assert code == 0 and "76 pictures" in text and "train-detector" in err
    code, text, err = cnnapps("objects", "data", "check", tmp_path / "yolo", "--deep")
    assert code == 0 and "Größe 猫" in text and "no problem found" in text
    code, text, _ = cnnapps("objects", "data", "check", shapes, "--json", "--quiet")
    assert code == 0 and json.loads(text)["boxes"]["test"] == {"disc": 9, "Größe 猫": 14}


def test_a_folder_in_use_and_a_finished_run_are_refused(shapes, shape_detector, cnnapps):
    code, _, err = cnnapps("objects", "train-detector", shapes, "--out", shape_detector.run)
    assert code == 1 and "is not empty" in err
    code, _, err = cnnapps("objects", "train-detector", "--resume", shape_detector.run)
    assert code == 1 and "is finished" in err


def test_an_evaluation_is_told_and_reported(shapes, shape_detector, cnnapps, tmp_path):
    words = ("objects", "evaluate-detector", shapes, "-m", shape_detector.run)
    code, text, _ = cnnapps(*words, "--json", "-q")
    result = json.loads(text)
    assert code == 0 and result["AP50"] > 0.9 and result["by_class"]["disc"]["objects"] == 9
    code, text, _ = cnnapps(*words, "--part", "val", "--out", tmp_path / "report.html")
    assert code == 0 and "disc" in text and "By class" in (tmp_path / "report.html").read_text()
    assert cnnapps(*words, "--out", tmp_path / "report.html")[0] == 2


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["train-detector"], 2, "name the data"),
        (["train-detector", "gone"], 1, "gone: no such file or folder"),
        (["train-detector", "EMPTY"], 1, "no boxes"),
        (["train-detector", "BARE"], 1, "no object to learn from"),
        (["train-detector", "SHAPES", "--size", 100], 2, "--size 96"),
        (["train-detector", "SHAPES", "--network", "nanno"], 2, "did you mean 'nano'"),
        (["train-detector", "SHAPES", "--format", "coca"], 2, "did you mean 'coco'"),
        (["train-detector", "SHAPES", "--format", "voc"], 1, "in the format voc"),
        (["train-detector", "SHAPES", "--backbone", "digits/cnn"], 2, "no backbone for detectors"),
        (["train-detector", "SHAPES", "--device", "gpu"], 1, "sees no GPU"),
        (["evaluate-detector", "SHAPES"], 2, "no detector ships"),
        (["evaluate-detector", "SHAPES", "--model", "digits/cnn"], 1, "not a detector"),
        (["evaluate-detector", "SHAPES", "--model", "MODEL", "--part", "all"], 1, "has no part 'all'"),
        (["evaluate-detector", "gone", "--model", "MODEL"], 1, "gone: no such file"),
        (["data", "check", "gone"], 1, "gone: no such file"),
        (["data", "convert", "SHAPES", "--to", "xml", "--out", "new"], 2, "unknown format of boxes 'xml'"),
        (["data", "convert", "SHAPES", "--to", "voc", "--out", "EMPTY"], 1, "exists"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments, code, said, shapes, shape_detector, cnnapps, tmp_path
):
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "empty" / "a.png")
    bare = write_shapes(tmp_path / "bare", {"train": 3})
    listing = bare / "instances_train.json"
    content = json.loads(listing.read_text()) | {"annotations": []}
    listing.write_text(json.dumps(content))
    names = {"SHAPES": shapes, "EMPTY": tmp_path / "empty", "BARE": bare, "MODEL": shape_detector.run}
    got, out, err = cnnapps("objects", *(names.get(word, word) for word in arguments), "--quiet")
    assert got == code and said in err and "Traceback" not in err and not out
    assert len([line for line in err.splitlines() if line.startswith("error")]) == (
        1 if "error" in err else 0
    )
    assert {path.name for path in tmp_path.iterdir()} <= {"empty", "bare", "runs"}


@pytest.mark.slow
def test_data_with_every_defect_train_without_a_word_too_much(tmp_path):
    """Boxes outside and NaN, a class without boxes, a damaged picture, grey and tiny ones: the rest is learned from."""
    folder = write_shapes(tmp_path / "data", {"train": 8, "test": 2})
    listing = folder / "instances_train.json"
    content = json.loads(listing.read_text())
    image = content["images"][0]["id"]
    for box in ([500, 500, 10, 10], [-5, -5, 30, 30], [float("nan"), 1, 5, 5], [3, 3, 0, 9]):
        row = {"id": 900 + len(content["annotations"]), "image_id": image, "category_id": 17, "bbox": box}
        content["annotations"].append(row)
    content["categories"].append({"id": 400, "name": "nowhere"})
    for name, pixels in (
        ("tiny.png", np.zeros((8, 8, 3), np.uint8)),
        ("grey.png", np.full((50, 400), 90, np.uint8)),
        ("deep.png", np.full((40, 60), 40_000, np.uint16)),
    ):
        Image.fromarray(pixels).save(folder / "train" / name)
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        content["images"].append({"id": 5000 + len(content["images"]), "file_name": name, **size})
    listing.write_text(json.dumps(content))
    damaged = folder / "train" / content["images"][1]["file_name"]
    damaged.write_bytes(damaged.read_bytes()[:-300])
    options = DetectorOptions(str(folder), arguments=TINY, side=64, epochs=1, batch=4, device="cpu")
    result = train_detector(options, out=tmp_path / "run")
    assert any("damaged" in note for note in result.notes)
    assert set(result.card.classes) == {*CLASSES, "nowhere"}
    assert result.evaluation.classes[result.card.classes.index("nowhere")].ap is None
    assert np.isfinite(result.evaluation.mean_ap.value)


@pytest.mark.slow
def test_one_picture_alone_can_be_learned_from(tmp_path):
    folder = write_shapes(tmp_path / "data", {"train": 1})
    options = DetectorOptions(str(folder), arguments=TINY, side=64, epochs=2, device="cpu")
    result = train_detector(options, out=tmp_path / "run")
    assert result.evaluation is None and result.card.calibration["threshold"] == 0.3
    assert result.to_json()["test"] is None
    shutil.rmtree(tmp_path / "run")
    assert train_detector(replace(options, seed=1), out=tmp_path / "run").card.seed == 1


def test_help_and_slips_cost_no_framework():
    program = (
        "import sys; from apps.main import app; from common.cli import run\n"
        "for words in (['--help'], ['detect', '--help'], ['data', 'check', 'gone'],\n"
        "              ['detect', 'x.jpg', '-m', 'gone'],\n"
        "              ['train-detector', 'x', '--size', '7'], ['evaluate-detector', 'x', '--bad']):\n"
        "    run(app, ['objects', *words])\n"
        "print([name for name in ('tensorflow', 'keras', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
