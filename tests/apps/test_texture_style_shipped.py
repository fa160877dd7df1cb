"""What ships for textures and style, on scikit-image's own pictures."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from apps.style.fast import TILING
from common.features import FeatureExtractor
from common.synthesis import style_distances


@pytest.fixture(scope="module")
def features():
    return FeatureExtractor()


def written(path, pixels, side=128):
    Image.fromarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)).convert("RGB").save(path)
    return path


def pixels_of(path):
    return np.asarray(Image.open(path).convert("RGB"), np.float32) / 255


def test_maps_have_one_as_their_mean_on_photographs(features):
    """Gatys et al., section 2: no filter is louder than the others."""
    maps = features(pixels_of(written("coffee.png", data.coffee(), 256))[None])
    means = np.concatenate([np.asarray(layer).mean(axis=(0, 1, 2)) for layer in maps.values()])
    assert 0.5 < np.median(means) < 2 and (means < 10).all()


def test_a_texture_is_as_its_exemplar_and_goes_on_at_its_edges(features, cnnapps, tmp_path):
    exemplar = written(tmp_path / "brick.png", data.brick(), 192)
    code, out, err = cnnapps(
        "texture", "synthesize", exemplar, "--size", 96, "--tile", "--quality", "fast", "--json", "-q"
    )
    assert code == 0, err
    made, wanted = pixels_of(json.loads(out)[0]["path"]), pixels_of(exemplar)
    shuffled = np.random.default_rng(0).permutation(wanted.reshape(-1, 3)).reshape(wanted.shape)
    near, far = (style_distances(features, picture, wanted)["gram"] for picture in (made, shuffled))
    assert near < 0.05 * far
    across = np.abs(made[:, 0] - made[:, -1]).mean()
    inside = np.abs(np.diff(made, axis=1)).mean(axis=(0, 2))
    assert across < inside.max()


@pytest.mark.parametrize("method, left", [("optimize", 0.2), ("fast", 0.5)])
def test_a_photograph_takes_a_style_and_keeps_what_it_shows(features, cnnapps, tmp_path, method, left):
    content = written(tmp_path / "coffee.png", data.coffee(), 128)
    style = written(tmp_path / "ihc.png", data.immunohistochemistry(), 128)
    code, out, err = cnnapps(
        "style", "run", content, style, "--method", method, "--quality", "fast", "--json", "-q"
    )
    assert code == 0, err
    painted, shown, like = (pixels_of(path) for path in (json.loads(out)[0]["path"], content, style))
    assert (
        style_distances(features, painted, like)["gram"]
        < left * style_distances(features, shown, like)["gram"]
    )
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).ravel() for picture in (painted, shown)]
    assert np.corrcoef(grey)[0, 1] > 0.5


def test_of_a_folder_each_picture_is_painted_in_one_pass_unless_steps_are_asked_for(cnnapps, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("coffee", "rocket"):
        written(tmp_path / "photos" / f"{name}.png", getattr(data, name)(), 64)
    run = (
        "style",
        "run",
        tmp_path / "photos",
        written(tmp_path / "retina.png", data.retina(), 64),
        "-q",
        "--json",
    )
    code, out, err = cnnapps(*run)
    assert code == 0, err
    assert [one["loss"] for one in json.loads(out)] == [None, None]
    code, out, err = cnnapps(*run, "--strength", 2, "--quality", "fast")
    assert code == 0, err
    assert all(one["loss"] > 0 for one in json.loads(out))


def test_a_large_picture_is_painted_in_tiles_without_seams(cnnapps, tmp_path, monkeypatch):
    """In tiles it is the picture that it is in one piece."""
    content = tmp_path / "rocket.png"
    Image.fromarray(cv2.resize(data.rocket(), (512, 384))).save(content)
    style = written(tmp_path / "retina.png", data.retina(), 192)
    made = []
    for tile in (640, 160):
        monkeypatch.setattr("apps.style.fast.TILING", replace(TILING, tile=tile))
        out = tmp_path / f"{tile}.png"
        assert cnnapps("style", "run", content, style, "--method", "fast", "-q", "-o", out)[0] == 0
        made.append(pixels_of(out))
    assert np.abs(made[0] - made[1]).max() <= 2 / 255
