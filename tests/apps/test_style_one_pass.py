"""Networks that paint in one pass: trained for a few steps, then used from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from apps.style.fast import TILING, AnyStyle
from apps.style.pictures import read_picture
from common.data.video import VideoWriter, open_video
from common.features import folded
from common.layers import AdaptiveInstanceNormalization, ChannelMoments, vgg_stages
from tests.apps.plain_pictures import shown, write_pictures
from tests.common.test_features import write_features

DRAW = np.random.default_rng(5)


@pytest.fixture(scope="module")
def deep_features(tmp_path_factory):
    """Random features of four stages, as a decoder needs."""
    keras.utils.set_random_seed(3)
    picture = keras.Input((None, None, 3))
    network = keras.Model(picture, list(vgg_stages(picture, filters=3, stages=4).values()))
    pictures = np.random.default_rng(1).random((4, 64, 64, 3), np.float32)
    return write_features(tmp_path_factory.mktemp("f") / "deep", folded(network, pictures))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(2)
    for number in range(3):
        rough = draw.integers(0, 255, (9, 12, 3), np.uint8)
        Image.fromarray(rough).resize((96, 80), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
    return folder


@pytest.fixture
def pictures(tmp_path):
    write_pictures(tmp_path)


def train(cnnapps, photos, features, network, *more):
    arguments = (
        "--contents",
        photos,
        "--features",
        features,
        "--network",
        network,
        "--side",
        64,
        "--batch",
        2,
    )
    return cnnapps("style", "train", photos, *arguments, *more, "-q")


def test_a_decoder_learns_and_paints_in_any_style_in_tiles(
    cnnapps, photos, deep_features, pictures, monkeypatch
):
    code, _, err = train(cnnapps, photos, deep_features, "decoder", "--steps", 12, "--out", "run")
    assert code == 0, err
    files = {path.name for path in Path("run").iterdir()}
    assert {"moments.tflite", "painter.tflite", "model.keras", "card.json"} <= files
    run = ("style", "run", photos / "0.jpg", "red.png", "--model", "run", "-q")
    code, out, err = cnnapps(*run, "-o", "a.png", "--json")
    assert code == 0, err
    (made,) = json.loads(out)
    assert made["size"] == [96, 80] and made["loss"] is None
    # In tiles it is the same picture, but for statistics in single precision.
    monkeypatch.setattr("apps.style.fast.TILING", replace(TILING, tile=32))
    assert cnnapps(*run, "-o", "b.png")[0] == 0
    assert np.abs(shown("a.png") - shown("b.png")).max() <= 1
    # Strokes of a smaller copy, enlarged, lie on the picture itself: it is nearly the same.
    any_style, content = AnyStyle("run"), read_picture(str(photos / "0.jpg"))[0]
    view = any_style.view(content, any_style.style(read_picture("red.png")[0]))
    whole, enlarged = (any_style.paint(content, view, longest=longest) for longest in (0, 48))
    assert enlarged.shape == content.shape and np.abs(enlarged - whole).max() > 0
    assert np.abs(enlarged - whole).mean() < 0.05
    # A video, whose frames after the first begin from the one before.
    with VideoWriter(Path("clip.mp4"), 80, 80, 10) as writer:
        for left in range(4):
            writer.write(np.rint(content[:, left : left + 80] * 255).astype(np.uint8))
    code, _, err = cnnapps("style", "run", "clip.mp4", "red.png", "--model", "run", "-q", "-o", "painted.mp4")
    assert code == 0, err
    with open_video(Path("painted.mp4")) as reader:
        assert [frame.pixels.shape for frame in reader] == [(80, 80, 3)] * 4
    # A mixture, and what one pass cannot do.
    code, _, err = cnnapps(
        *run[:4], "blue.png", "--model", "run", "--style-weight", 1, "--style-weight", 3, "-q", "-o", "c.png"
    )
    assert code == 0, err
    for wrong, message in (
        (("--method", "fast", "--strength", 2), "needs steps"),
        (("--method", "optimize"), "a model paints in one pass"),
        (("--features", deep_features), "needs steps"),
    ):
        code, _, err = cnnapps(*run, *wrong)
        assert code == 2 and message in err, err


def test_a_painter_learns_goes_on_and_paints_alone(cnnapps, photos, deep_features, pictures):
    code, _, err = train(cnnapps, photos, deep_features, "painter", "--steps", 6, "--out", "solo")
    assert code == 0, err
    code, out, err = cnnapps(
        "style", "run", photos / "1.jpg", "--model", "solo", "-o", "p.png", "--compare", "-q"
    )
    assert code == 0 and "p.compare.jpg" in out, err
    code, _, err = cnnapps("style", "run", photos / "1.jpg", "red.png", "--model", "solo", "-q")
    assert code == 2 and "knows one style" in err
    code, _, err = train(
        cnnapps, photos, deep_features, "decoder", "--steps", 2, "--weights", "solo", "--out", "x"
    )
    assert code == 1 and "is no 'decoder'" in err and not Path("x").exists()
    for wrong, message in (
        (("--network", "gan"), "unknown network"),
        (("--side", 60), "out of range"),
        (("--style-weight", 0), "out of range"),
    ):
        code, _, err = train(cnnapps, photos, deep_features, "painter", *wrong)
        assert code == 2 and message in err, err


def test_a_decoder_gives_maps_the_moments_that_it_is_told():
    """Against sums by hand; the moments begin after those of an earlier layer."""
    content, style = DRAW.normal(1, 2, size=(1, 9, 8, 5)), DRAW.gamma(2, size=(1, 6, 7, 5))
    own, like = (ChannelMoments()(maps.astype("float32")) for maps in (content, style))
    before = np.full((1, 4), 7, np.float32)
    told = [np.concatenate([before, moments], axis=1) for moments in (own, like)]
    given = np.asarray(AdaptiveInstanceNormalization(first=4)(content.astype("float32"), *told))
    np.testing.assert_allclose(given.mean(axis=(0, 1, 2)), style.mean(axis=(0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(given.std(axis=(0, 1, 2)), style.std(axis=(0, 1, 2)), rtol=0.02)
