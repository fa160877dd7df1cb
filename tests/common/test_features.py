"""Frozen feature maps: names, folding, mistakes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from common import artifact
from common.errors import ArtifactError, UsageError, UserError
from common.features import FeatureExtractor, folded
from common.layers import vgg_stages

PICTURES = np.random.default_rng(0).random((6, 32, 40, 3), np.float32)


@pytest.fixture(scope="module")
def trained():
    """A network with normalisation that has seen something: no statistic is at its start."""
    keras.utils.set_random_seed(0)
    picture = keras.Input((None, None, 3))
    maps = vgg_stages(picture, filters=4, stages=3)
    network = keras.Model(picture, list(maps.values()))
    draw = np.random.default_rng(1)
    for layer in network.layers:
        if layer.name.endswith("_norm"):
            size = layer.gamma.shape
            layer.set_weights(
                [draw.uniform(0.5, 2, size) for _ in range(2)]
                + [draw.normal(0, 0.2, size), draw.uniform(0.5, 2, size)]
            )
    return network


def test_stages_halve_and_double():
    maps = vgg_stages(keras.Input((32, 48, 3)), filters=4, stages=3)
    assert {name: tuple(x.shape[1:]) for name, x in maps.items()} == {
        "conv1_1": (32, 48, 4), "conv1_2": (32, 48, 4), "conv2_1": (16, 24, 8), "conv2_2": (16, 24, 8),
        "conv3_1": (8, 12, 16), "conv3_2": (8, 12, 16),
    }  # fmt: skip


def test_folding_changes_the_scale_of_each_filter_and_nothing_else(trained):
    plain = folded(trained, PICTURES)
    assert not [layer for layer in plain.layers if "norm" in layer.name]
    for before, after in zip(
        trained.predict(PICTURES, verbose=0), plain.predict(PICTURES, verbose=0), strict=True
    ):
        means = after.mean(axis=(0, 1, 2))
        alive = before.mean(axis=(0, 1, 2)) > 1e-3
        np.testing.assert_allclose(means[alive], 1, rtol=1e-3)
        scale = before.mean(axis=(0, 1, 2))
        np.testing.assert_allclose(after[..., alive] * scale[alive], before[..., alive], rtol=1e-2, atol=1e-3)


def write_features(folder, network):
    card = artifact.Card(
        app="texture", network="features", arguments={}, classes=(), input_shape=(None, None, 3),
        preprocessing="", activation="none", calibration={}, metrics={}, data={}, command="", seed=0, recipe={},
        intended_use="", limits="",
    )  # fmt: skip
    artifact.save(folder, network, card)
    return folder


def test_maps_by_name(trained, tmp_path):
    folder = write_features(tmp_path / "features", folded(trained, PICTURES))
    assert FeatureExtractor(folder).layers == ("conv1_1", "conv2_1", "conv3_1")
    everything = FeatureExtractor(
        folder, [f"conv{stage}_{number}" for stage in (1, 2, 3) for number in (1, 2)]
    )
    some = FeatureExtractor(folder, ["conv2_2"])
    found = some(PICTURES)
    assert list(found) == ["conv2_2"] and found["conv2_2"].shape == (6, 16, 20, 8)
    np.testing.assert_allclose(found["conv2_2"], everything(PICTURES)["conv2_2"], rtol=1e-5)
    assert not some.network.trainable_variables
    with pytest.raises(UsageError, match="no layer 'conv2_3'; did you mean"):
        FeatureExtractor(folder, ["conv2_3"])


def test_what_holds_no_features(trained, tmp_path, monkeypatch):
    with pytest.raises(ArtifactError, match="no model"):
        FeatureExtractor(tmp_path / "nothing")
    with pytest.raises(UserError, match="holds no features"):
        FeatureExtractor(write_features(tmp_path / "trained", trained))

    def unreachable(**arguments):
        raise OSError("no route to host")

    monkeypatch.setattr(keras.applications, "VGG19", unreachable)
    with pytest.raises(UserError, match="weights of vgg19 are not in Keras' cache"):
        FeatureExtractor("vgg19")


def test_published_networks_have_the_names_of_the_papers(monkeypatch):
    random = keras.applications.VGG16(weights=None, include_top=False)
    monkeypatch.setattr(keras.applications, "VGG16", lambda include_top: random)
    extractor = FeatureExtractor("vgg16", ["conv1_1", "conv3_3"])
    found = extractor(PICTURES[:1])
    assert found["conv3_3"].shape == (1, 8, 10, 256)
    # The first convolution sees blue, green, red, less the mean of ImageNet.
    inputs = (PICTURES[:1, ..., ::-1] * 255 - [103.939, 116.779, 123.68]).astype(np.float32)
    expected = random.get_layer("block1_conv1")(inputs)
    np.testing.assert_allclose(found["conv1_1"], expected, rtol=1e-4, atol=1e-2)
