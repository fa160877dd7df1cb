"""Textures from the command line."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from PIL import Image

from apps.texture.canvas import Canvas
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
    assert np.abs(picture.mean(axis=(0, 1)) - made("e.png").mean(axis=(0, 1))).max() < 16
    code, out, _ = cnnapps(*base, "--json")
    (second,) = json.loads(out)
    assert second["path"] == "e-2.texture.png", "what is there is not overwritten"
    np.testing.assert_array_equal(made("e-2.texture.png"), picture)  # the same seed
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


def mended(cnnapps, features, size, top, bottom, left, right):
    """Have a rectangle of a chequered picture made anew; return the picture before and after, and where it lies."""
    checks("e.png", size=size)
    mask = np.zeros((size, size), np.uint8)
    mask[top:bottom, left:right] = 255
    Image.fromarray(mask).save("m.png")
    arguments = ("--inpaint", "m.png", "--quality", "fast", "--features", features, "-o", "x.png", "-q")
    code, _, err = cnnapps("texture", "synthesize", "e.png", *arguments)
    assert code == 0, err
    return made("e.png"), made("x.png"), mask > 0


def test_only_what_the_mask_shows_is_made_anew(features, cnnapps, tmp_path):
    before, after, hole = mended(cnnapps, features, 48, 10, 30, 15, 40)
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert np.abs(after[hole] - before[hole]).mean() > 5


@pytest.fixture
def in_parts(monkeypatch):
    """Canvases of more than 48 pixels a side are made in parts of 32."""
    for name, value in (("WHOLE", 48 * 48), ("PART", 32), ("OVERLAP", 16)):
        monkeypatch.setattr(f"apps.texture.canvas.{name}", value)


@pytest.mark.parametrize("tile", [False, True])
def test_a_large_one_is_made_in_parts_that_go_on_at_each_other(features, cnnapps, tmp_path, in_parts, tile):
    checks(tmp_path / "e.png")
    arguments = ("--size", "96x64", "--quality", "fast", "--features", features, "-o", "x.png", "-q")
    code, _, err = cnnapps("texture", "synthesize", "e.png", *arguments, *(["--tile"] if tile else []))
    assert code == 0, err
    picture = made("x.png")
    assert picture.shape == (64, 96, 3)
    for axis in (0, 1):
        steps = np.abs(np.roll(picture, -1, axis=axis) - picture).mean(axis=(1 - axis, 2))
        joints = np.arange(31, len(steps), 32) if tile else np.arange(31, len(steps) - 1, 32)
        assert steps[joints].mean() < 1.5 * np.quantile(steps[:-1], 0.9), "no step at the joints"
    # No part is left as it began: all have the colours of the exemplar, in like shares.
    for part in (picture[:32, :32], picture[32:, 64:]):
        assert np.abs(part.mean(axis=(0, 1)) - made("e.png").mean(axis=(0, 1))).max() < 30


def test_a_large_picture_is_mended_where_it_is_torn(features, cnnapps, tmp_path, in_parts):
    before, after, hole = mended(cnnapps, features, 96, 20, 45, 50, 75)
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert np.abs(after[hole].mean(axis=0) - before.mean(axis=(0, 1))).max() < 40


@pytest.mark.parametrize("shape", [(4096, 300), (2000, 1300), (310, 4000)])
@pytest.mark.parametrize("torus", [False, True])
def test_parts_cover_a_canvas_once_and_see_no_place_twice(shape, torus):
    parts = Canvas(shape, torus=torus).parts()
    covered = np.zeros(shape, int)
    for part in parts:
        assert len(set(part.rows)) == len(part.rows) and len(set(part.columns)) == len(part.columns)
        part.put(covered, part.of(covered) + part.core)
        assert part.core.sum() < part.core.size, "it sees what lies around"
    assert len(parts) > 1 and (covered == 1).all()


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
    assert set(FeatureExtractor("f").layers) == {f"conv{stage}_1" for stage in (1, 2, 3, 4)}
    found, _, err = cnnapps(*make, "--out", "f", "-q")
    assert found == 1 and "f exists" in err
    found, _, err = cnnapps("texture", "features", "f", "--pictures", pictures, "--out", "g", "-q")
    assert found == 1 and "made of a 'vgg'" in err and not (tmp_path / "g").exists()


def test_a_generator_begins_with_the_colours_of_its_exemplar():
    from apps.texture.models import begin_with_colours, generator

    draw = np.random.default_rng(2)
    exemplar = draw.normal((0.2, 0.5, 0.7), (0.05, 0.1, 0.02), (32, 32, 3)).clip(0, 1).astype(np.float32)
    network = generator(filters=(8, 8))
    begin_with_colours(network, exemplar)
    begun = np.asarray(network(draw.random((1, 64, 64, 3), np.float32), training=True))[0]
    np.testing.assert_allclose(begun.mean(axis=(0, 1)), exemplar.mean(axis=(0, 1)), atol=0.05)
    assert begun.std(axis=(0, 1)).argmax() == 1, "green varies most"


def test_a_network_learns_a_texture_and_makes_any_size_of_it(features, cnnapps, tmp_path):
    checks(tmp_path / "e.png", size=64)
    train = ("texture", "train", "e.png", "--features", features, "--side", 64, "--batch", 1, "--steps", 30)
    code, out, err = cnnapps(*train, "--rate", 0.01, "--out", "run", "-q")
    assert code == 0 and out.startswith("run: "), err
    code, out, err = cnnapps("texture", "synthesize", "run", "--size", "90x70", "-o", "a.png", "--json", "-q")
    assert code == 0, err
    (first,) = json.loads(out)
    assert first["size"] == [90, 70] and first["loss"] is None and made("a.png").shape == (70, 90, 3)
    losses = json.loads((tmp_path / "run" / "history.json").read_text())
    assert losses[-1]["loss"] > 0
    tile = ("texture", "synthesize", "run", "--tile", "--size", "64x48", "-q")
    assert cnnapps(*tile, "--variations", 2, "-o", "t.png")[0] == 0
    assert np.abs(made("t-1.png") - made("t-2.png")).mean() > 0.5, "other noise"
    twice = np.tile(made("t-1.png"), (1, 2, 1))
    steps = np.abs(np.diff(twice, axis=1)).mean(axis=(0, 2))
    assert steps[63] < 3 * np.median(steps) + 2, "the seam is no edge"
    for wrong, code, message in (
        (("run", "--mix", "e.png"), 2, "its one texture"),
        (("run", "--tile", "--size", "60"), 2, "multiples of 16"),
        ((features,), 1, "makes no textures"),
    ):
        found, _, err = cnnapps("texture", "synthesize", *wrong, "-o", "x.png", "-q")
        assert found == code and message in err, err
    for wrong, message in ((("--side", 60), "out of range"), (("--out", "run"), "is not empty")):
        found, _, err = cnnapps("texture", "train", "e.png", "--features", features, *wrong, "-q")
        assert found and message in err


def test_how_like_and_how_much_is_copied(features, cnnapps, tmp_path):
    draw = np.random.default_rng(4)
    exemplar = draw.integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(exemplar).save(tmp_path / "e.png")
    Image.fromarray(draw.integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "new.png")
    half = draw.integers(0, 255, (64, 64, 3), np.uint8)
    half[:, :32] = exemplar[:, 20:52]
    Image.fromarray(half).save(tmp_path / "half.png")
    dark = (exemplar * 0.3).astype(np.uint8)
    Image.fromarray(dark).save(tmp_path / "dark.png")
    found = {}
    for name in ("e", "new", "half", "dark"):
        code, out, err = cnnapps(
            "texture", "evaluate", f"{name}.png", "e.png", "--features", features, "--json", "-q"
        )
        assert code == 0, err
        found[name] = json.loads(out)
    assert found["e"]["copied"] == 1 and found["new"]["copied"] < 0.1
    # Five of thirteen columns of windows lie in the copied half, four more have a part of it.
    assert 5 / 13 <= found["half"]["copied"] <= 9 / 13
    for method in ("wasserstein", "gram"):
        assert found["e"]["distances"][method] < 0.01
        assert found["new"]["ratios"][method] < 3 < found["dark"]["ratios"][method]
    code, out, _ = cnnapps("texture", "evaluate", "half.png", "e.png", "--features", features, "-q")
    assert code == 0 and f"largest copied piece: {found['half']['copied']:.1%}" in out and "gram" in out


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
