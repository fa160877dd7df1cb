"""What ships for telling what is in a picture, and for starting from."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

from apps.objects.evaluation import shipped_for
from apps.objects.options import GENERAL, TrainOptions
from common.artifact import read_card, resolve


def test_a_cup_of_coffee_is_recognised_and_explained_without_naming_a_model(cnnapps, tmp_path):
    Image.fromarray(data.coffee()).save(tmp_path / "cup.png")
    code, out, _ = cnnapps("objects", "classify", tmp_path / "cup.png", "--json", "--quiet")
    best = json.loads(out)["first"][0]
    assert code == 0 and best["class"] == "espresso" and best["probability"] > 0.4
    code, out, _ = cnnapps(
        "objects", "explain", tmp_path / "cup.png", "--out", tmp_path / "why.png", "--json", "--quiet"
    )
    assert code == 0 and json.loads(out)["probability"] == pytest.approx(best["probability"], abs=1e-3)


def test_its_card_says_what_it_is():
    card = read_card(resolve(GENERAL))
    assert len(card.classes) == 200 and "goldfish" in card.classes
    assert card.metrics["test accuracy"].value > 0.4 and card.metrics["test accuracy"].count == 10_000
    assert "prepare_tiny_imagenet" in card.command


def test_what_ships_for_the_data_is_taken_where_no_model_is_named():
    card = read_card(resolve(shipped_for("cifar10")))
    assert card.classes[3] == "cat" and len(card.classes) == 10 and card.network == "airbench"
    assert card.metrics["test accuracy"].value > 0.94 and card.metrics["test accuracy"].count == 10_000
    assert shipped_for("photos") == shipped_for("") == GENERAL


def test_a_cat_is_one_of_the_ten_kinds(cnnapps, tmp_path):
    Image.fromarray(data.chelsea()).save(tmp_path / "chelsea.png")
    code, out, _ = cnnapps(
        "objects", "classify", tmp_path / "chelsea.png", "--model", "objects/cifar10", "--json", "--quiet"
    )
    assert code == 0 and json.loads(out)["first"][0]["class"] == "cat"


def test_a_training_starts_from_it_unless_another_network_is_asked_for():
    assert TrainOptions("x").completed().weights == GENERAL
    assert TrainOptions("x").completed().arguments == read_card(resolve(GENERAL)).arguments
    assert TrainOptions("x", network="resnet").completed().weights == "none"
    assert TrainOptions("x", arguments={"filters": 16}).completed().weights == "none"


def test_few_pictures_are_learned_from_it(cnnapps, tmp_path):
    """Crops of two pictures that are kinds of nothing it knows: half a minute, and no mistake on others."""
    draw = np.random.default_rng(0)
    for kind, pixels in (("brick", data.brick()), ("gravel", data.gravel())):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for number in range(20):
            top, left = draw.integers(0, 512 - 64, 2)
            Image.fromarray(pixels[top : top + 64, left : left + 64]).save(
                tmp_path / "data" / kind / f"{number}.png"
            )
    code, out, _ = cnnapps(
        "objects", "train", tmp_path / "data", "--epochs", 2, "--out", tmp_path / "run", "--json", "--quiet"
    )
    found = json.loads(out)
    assert code == 0 and any(GENERAL in note for note in found["notes"])
    assert found["test"]["accuracy"] == 1.0
