"""Artifacts: whole or not there; damaged ones are one line; old ones load; LiteRT equals Keras."""

import json
import os
import shutil

import keras
import numpy as np
import pytest

from common import artifact, predictor
from common.artifact import Card, Measure
from common.errors import ArtifactError, UsageError
from common.layers import FusedBatchNormalization, residual_block


def card():
    return Card(
        app="digits", network="tiny", arguments={"width": 4}, classes=("a", "b", "c"), input_shape=(8, 8, 1),
        preprocessing="0 to 1", activation="softmax", calibration={"temperature": 2.0}, command="cnnapps x", seed=1,
        metrics={"test accuracy": Measure(0.9, 0.8, 0.95, 100)}, data={"name": "none", "fingerprint": "00"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = FusedBatchNormalization()(residual_block(inputs, 4, squeeze=0.5))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    folder = tmp_path_factory.mktemp("artifacts") / "tiny"
    samples = np.random.default_rng(1).random((64, 8, 8, 1)).astype("float32")
    written = artifact.save(
        folder, model, card(), report="<p>r</p>", samples=samples, extra={"units.txt": b"42"}
    )
    return folder, model, written


def test_it_holds_everything_and_nothing_else(saved):
    folder, model, written = saved
    assert {p.name for p in folder.iterdir()} == {
        "model.keras",
        "model.tflite",
        "model_int8.tflite",
        "card.json",
        "report.html",
        "units.txt",
    }
    assert written.parameters == model.count_params() and written.versions["keras"] == keras.__version__
    assert artifact.read_card(folder) == written


@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_every_engine_gives_the_numbers_of_the_network(saved, engine):
    folder, model, _ = saved
    x = np.random.default_rng(0).random((37, 8, 8, 1)).astype("float32")
    ours = predictor.load(folder, engine=engine, batch=16)
    np.testing.assert_allclose(ours.logits(x), model.predict(x, verbose=0), atol=1e-5)
    np.testing.assert_allclose(
        ours.logits((x * 255).astype("uint8")),
        model.predict((x * 255).astype("uint8") / 255, verbose=0),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        ours.probabilities(x), keras.ops.softmax(model.predict(x, verbose=0) / 2), atol=1e-5
    )
    assert ours.logits(x[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match="expected images"):
        ours.logits(x[:, :5])


def test_halves_take_less_room_and_answer_nearly_the_same(saved, tmp_path):
    folder, model, _ = saved
    artifact.save(tmp_path / "halves", model, card(), precision="float16")
    for name in ("model.keras", "model.tflite"):
        assert (tmp_path / "halves" / name).stat().st_size < (folder / name).stat().st_size
    again = predictor.load_network(tmp_path / "halves")
    assert {w.dtype for w in again.weights} == {w.dtype for w in model.weights}
    x = np.random.default_rng(0).random((37, 8, 8, 1)).astype("float32")
    exact = model.predict(x, verbose=0)
    np.testing.assert_allclose(again.predict(x, verbose=0), exact, atol=0.01)
    assert not np.array_equal(again.predict(x, verbose=0), exact)


def test_eight_bits_agree_nearly(saved):
    folder, model, _ = saved
    x = np.random.default_rng(0).random((37, 8, 8, 1)).astype("float32")
    exact = model.predict(x, verbose=0)
    ours = predictor.load(folder, engine="litert-int8").logits(x)
    assert 0 < np.abs(ours - exact).max() < 0.05 * np.ptp(exact)


def test_an_unknown_engine_is_one_line(saved):
    with pytest.raises(UsageError, match="unknown engine 'litret'.*'litert'"):
        predictor.load(saved[0], engine="litret")


def broken(saved, tmp_path, change):
    folder = tmp_path / "broken"
    shutil.copytree(saved[0], folder)
    change(folder)
    return folder


@pytest.mark.parametrize(
    "change,message",
    [
        (lambda f: (f / "card.json").write_text("{"), "damaged"),
        (lambda f: (f / "card.json").write_text('{"format": 1}'), "damaged"),
        (lambda f: (f / "card.json").write_text('{"format": 99}'), "format 99"),
        (lambda f: (f / "card.json").unlink(), "not a model"),
        (lambda f: (f / "model.tflite").unlink(), "missing or empty"),
        (lambda f: (f / "model.tflite").write_bytes(b""), "missing or empty"),
        (lambda f: (f / "model.tflite").write_bytes(b"x" * 100), "damaged"),
        (lambda f: os.truncate(f / "model.tflite", 300), "damaged"),
    ],
)
def test_a_damaged_artifact_is_one_line(saved, tmp_path, change, message):
    folder = broken(saved, tmp_path, change)
    with pytest.raises(ArtifactError, match=message) as caught:
        predictor.load(folder)
    assert "\n" not in caught.value.message


def test_a_damaged_keras_file_is_one_line(saved, tmp_path):
    folder = broken(saved, tmp_path, lambda f: (f / "model.keras").write_bytes(b"PK no zip"))
    with pytest.raises(ArtifactError, match="cannot be loaded") as caught:
        predictor.load_network(folder)
    assert "\n" not in caught.value.message


def test_a_save_that_fails_leaves_no_card(saved, tmp_path, monkeypatch):
    folder, model, _ = saved
    target = tmp_path / "half"
    shutil.copytree(folder, target)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("common.litert.to_litert", fail)
    with pytest.raises(OSError, match="disk full"):
        artifact.save(target, model, card())
    assert not (target / "card.json").exists()
    assert not list(target.glob(".writing-*"))


def test_cards_of_an_earlier_version_load(saved, tmp_path):
    """A card with fields missing that came later, and with fields that went, is still read."""

    def age(folder):
        values = json.loads((folder / "card.json").read_text())
        del values["limits"], values["versions"]
        (folder / "card.json").write_text(json.dumps(values | {"forgotten": 1}))

    assert predictor.load(broken(saved, tmp_path, age)).card.limits == ""
