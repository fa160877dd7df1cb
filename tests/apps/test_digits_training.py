"""Recipes, outliers, thresholds, and a killed training that goes on from the command line."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from apps.digits.calibration import calibrate
from apps.digits.data import best_at_hand, with_outliers
from apps.digits.outliers import synthesize, uniform_targets
from apps.digits.recipes import RECIPES, default_recipe
from common.data.datasets import EMBEDDED, DatasetSpec, load


@pytest.fixture(scope="module")
def embedded():
    return load(EMBEDDED)


def spec(count):
    return DatasetSpec("x", tuple("0123456789"), (28, 28, 1), {"train": count, "test": 10}, "00")


def test_recipes_are_the_defaults_on_many_examples_and_longer_on_few():
    assert default_recipe("cnn", spec(60_000)) == RECIPES.get("cnn")
    few = default_recipe("cnn", spec(1_500))
    assert few.epochs > RECIPES.get("cnn").epochs and few.batch < RECIPES.get("cnn").batch
    assert default_recipe("cnn", spec(20)).batch <= 8
    assert default_recipe("cnn", spec(60_000), patient=True).epochs > 20


def test_outliers_are_many_kinds_framed_and_seeded(embedded):
    pictures = synthesize(64, embedded.train.images, seed=3)
    assert pictures.shape == (64, 28, 28, 1) and pictures.dtype == np.uint8
    assert (pictures.reshape(64, -1).max(axis=1) > 100).all()
    assert len({picture.tobytes() for picture in pictures}) == 64
    np.testing.assert_array_equal(pictures, synthesize(64, embedded.train.images, seed=3))
    np.testing.assert_allclose(uniform_targets(3, 4), 0.25)


def test_joined_outliers_carry_no_class_and_others_are_held_out(embedded):
    joined, held = with_outliers(embedded.train, 10, None, share=0.1, seed=0)
    added = len(joined) - len(embedded.train)
    assert added == round(0.1 * len(embedded.train)) and len(held) >= 64
    np.testing.assert_allclose(joined.targets[-added:], 0.1)
    np.testing.assert_allclose(joined.targets[: len(embedded.train)].max(axis=1), 1)
    shown = {picture.tobytes() for picture in joined.images[-added:]}
    # A flat dash is a flat dash, drawn twice; nothing else may come again.
    assert len(shown & {picture.tobytes() for picture in held}) <= 2


def test_thresholds_part_digits_from_outliers():
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 10, 2000)
    logits = draw.normal(0, 1, (2000, 10))
    logits[np.arange(2000), targets] += 6
    outliers = draw.normal(0, 0.7, (500, 10))
    chosen = calibrate(logits, targets, outliers)
    scaled = np.exp(outliers / chosen["temperature"])
    confidence = (scaled / scaled.sum(1, keepdims=True)).max(1)
    assert (confidence < chosen["reject_below"]).mean() > 0.95
    assert chosen["reject_below"] <= chosen["unsure_below"] < 1
    assert calibrate(logits, targets, None)["reject_below"] == 0


def test_best_at_hand_says_which_data_it_took(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    name, why = best_at_hand()
    assert name == EMBEDDED and "--data mnist" in why
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    (tmp_path / "mnist" / "3.0.1" / "dataset_info.json").write_text("{}")
    assert best_at_hand()[0] == "mnist"


def test_a_training_killed_from_outside_goes_on(tmp_path):
    """Kill -9 in mid-run, then --resume: the artifact and the figures of the run that was left alone."""
    words = [sys.executable, "-m", "apps.main", "digits", "train", "--quiet", "--json"]
    options = ["--network", "mlp", "--hidden", "32", "--data", EMBEDDED, "--epochs", "30"]

    def start(*arguments):
        return subprocess.Popen([*words, *arguments], stdout=subprocess.PIPE, env=os.environ, text=True)

    whole = json.loads(start(*options, "--out", str(tmp_path / "whole")).communicate()[0])
    child = start(*options, "--out", str(tmp_path / "cut"))
    while not (tmp_path / "cut" / "checkpoint.npz").exists():
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "cut" / "card.json").exists()
    again = json.loads(start("--resume", str(tmp_path / "cut")).communicate()[0])
    assert again["test"]["confusion"] == whole["test"]["confusion"]
    assert again["test"]["mistakes"] == whole["test"]["mistakes"]
    assert not (tmp_path / "cut" / "checkpoint.npz").exists()
