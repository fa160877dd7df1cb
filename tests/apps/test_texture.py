"""Textures from the command line."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from PIL import Image

from common.features import FeatureExtractor, folded
from common.layers import vgg_stages
from tests.apps.drawn_pictures import folder_of
from tests.common.test_features import write_features


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    keras.utils.set_random_seed(0)
    picture = keras.Input((None, None, 3))
    network = keras.Model(picture, list(vgg_stages(picture, filters=6, stages=2).values()))
    draw = np.random.default_rng(0)
    return write_features(
        tmp_path_factory.mktemp("f") / "f", folded(network, draw.random((4, 32, 32, 3), np.float32))
    )


def checks(path, size=48, colours=((220, 60, 40), (40, 70, 200))):
    """Write a chequered picture with squares of 6 pixels."""
    y, x = np.mgrid[:size, :size] // 6
    Image.fromarray(np.asarray(colours, np.uint8)[(x + y) % 2]).save(path)
    return path


def made(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(float)


def test_a_texture_of_another_size(features, cnnapps, tmp_path):
    checks(tmp_path / "e.png")
    base = (
        "texture",
        "synthesize",
        "e.png",
        "--size",
        "64x40",
        "--quality",
        "fast",
        "--features",
        features,
        "-q",
    )
    code, out, err = cnnapps(*base, "--json")
    assert code == 0, err
    (first,) = json.loads(out)
    assert first["path"] == "e.texture.png" and first["size"] == [64, 40]
    picture = made("e.texture.png")
    assert picture.shape == (40, 64, 3)
    # Colours as of the exemplar, and in like shares.
    assert np.abs(picture.mean(axis=(0, 1)) - made("e.png").mean(axis=(0, 1))).max() < 12
    code, out, _ = cnnapps(*base, "--json")
    (second,) = json.loads(out)
    assert second["path"] == "e.texture-2.png", "what is there is not overwritten"
    np.testing.assert_array_equal(made("e.texture-2.png"), picture)  # the same seed
    assert second["loss"] == first["loss"]


def test_variations_differ_and_go_on_at_their_edges(features, cnnapps, tmp_path):
    checks(tmp_path / "e.png")
    arguments = (
        "--tile",
        "--variations",
        2,
        "--size",
        48,
        "--quality",
        "fast",
        "--features",
        features,
        "-o",
        "t.png",
    )
    code, out, err = cnnapps("texture", "synthesize", "e.png", *arguments, "-q")
    assert code == 0 and out.count("\n") == 2, err
    first, second = made("t-1.png"), made("t-2.png")
    assert np.abs(first - second).mean() > 5
    seam = np.abs(first[:, 0] - first[:, -1]).mean()
    inside = np.abs(np.diff(first, axis=1)).mean(axis=(0, 2))
    assert seam < np.quantile(inside, 0.95) + 10


def test_only_what_the_mask_shows_is_made_anew(features, cnnapps, tmp_path):
    checks(tmp_path / "e.png")
    mask = np.zeros((48, 48), np.uint8)
    mask[10:30, 15:40] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    arguments = ("--inpaint", "m.png", "--quality", "fast", "--features", features, "-o", "x.png", "-q")
    code, _, err = cnnapps("texture", "synthesize", "e.png", *arguments)
    assert code == 0, err
    before, after = made("e.png"), made("x.png")
    np.testing.assert_array_equal(after[mask == 0], before[mask == 0])
    assert np.abs(after[mask > 0] - before[mask > 0]).mean() > 5


def test_a_guide_says_what_goes_where(features, cnnapps, tmp_path):
    checks(tmp_path / "red.png", size=40, colours=((220, 40, 40), (160, 20, 20)))
    checks(tmp_path / "blue.png", size=40, colours=((40, 40, 220), (20, 20, 160)))
    guide = np.full((40, 60), 30, np.uint8)
    guide[:, 30:] = 200
    Image.fromarray(guide).save(tmp_path / "g.png")
    arguments = (
        "--mix",
        "blue.png",
        "--guide",
        "g.png",
        "--quality",
        "fast",
        "--features",
        features,
        "-o",
        "x.png",
    )
    code, _, err = cnnapps("texture", "synthesize", "red.png", *arguments, "-q")
    assert code == 0, err
    left, right = made("x.png")[:, :26].mean(axis=(0, 1)), made("x.png")[:, 34:].mean(axis=(0, 1))
    assert left[0] > 2 * left[2] and right[2] > 2 * right[0]


def test_features_are_made_of_a_network_that_recognises(cnnapps, tmp_path):
    pictures = folder_of(tmp_path / "drawn", {"ring": 12, "up": 12})
    train = ("objects", "train", pictures, "--network", "vgg", "--filters", 4, "--side", 32, "--epochs", 1)
    assert cnnapps(*train, "--out", "run", "-q")[0] == 0
    make = ("texture", "features", "run", "--pictures", pictures)
    code, out, err = cnnapps(*make, "--out", "f", "-q")
    assert code == 0 and out.startswith("f: "), err
    card = json.loads((tmp_path / "f" / "card.json").read_text())
    assert (card["app"], card["data"]["name"]) == ("texture", "drawn")
    assert set(FeatureExtractor("f").layers) == {f"conv{stage}_{n}" for stage in (1, 2, 3, 4) for n in (1, 2)}
    found, _, err = cnnapps(*make, "--out", "f", "-q")
    assert found == 1 and "f exists" in err
    found, _, err = cnnapps("texture", "features", "f", "--pictures", pictures, "--out", "g", "-q")
    assert found == 1 and "made of a 'vgg'" in err and not (tmp_path / "g").exists()


@pytest.mark.parametrize(
    "arguments,code,message",
    [
        (("e.png", "--size", "big"), 2, "'big' is no size"),
        (("e.png", "--size", "9x9"), 2, "out of range"),
        (("e.png", "--method", "gramm"), 2, "unknown method"),
        (("e.png", "--quality", "great"), 2, "known: fast, good, best"),
        (("e.png", "--inpaint", "m.png", "--tile"), 2, "as it is"),
        (("e.png", "--inpaint", "black.png"), 1, "nowhere white"),
        (("e.png", "--guide", "black.png", "--mix", "e.png"), 1, "1 flat colours for 2 exemplars"),
        (("tiny.png",), 1, "too small for a texture"),
        (("nothing.png",), 1, "no such file"),
        (("e.png", "-o", "x.txt", "--size", "32"), 1, "cannot be written"),
        (("e.png", "--features", "nowhere"), 1, "no model"),
        (("e.png", "--features", "none", "--method", "gram"), 2, "Gram matrices are of features"),
    ],
)
def test_wrong_requests_are_one_line(features, cnnapps, tmp_path, arguments, code, message):
    checks(tmp_path / "e.png")
    Image.new("L", (48, 48)).save(tmp_path / "black.png")
    Image.new("L", (9, 9)).save(tmp_path / "tiny.png")
    given = arguments if "--features" in arguments else (*arguments, "--features", features)
    found, out, err = cnnapps("texture", "synthesize", *given, "-q")
    assert (found, out, err.count("\n")) == (code, "", 1), err
    assert message in err
    assert not (tmp_path / "x.txt").exists()
