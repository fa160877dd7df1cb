"""The explained digit: facts that agree with the network, a page that has every part."""

from __future__ import annotations

import io
import json

import keras
import numpy as np
import pytest
from PIL import Image

from apps.digits.explanation import Explanation, explain
from apps.digits.models import NETWORKS, cnn, lenet

CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def seven() -> np.ndarray:
    pixels = np.zeros((28, 28), np.float32)
    pixels[5:8, 6:21] = 1.0
    for row in range(8, 23):
        pixels[row, 20 - (row - 8) // 2 - 3 : 20 - (row - 8) // 2] = 0.9
    return pixels


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return lenet((28, 28, 1), 10, filters=(6, 8), units=20)


@pytest.fixture(scope="module")
def explanation(seven, network) -> Explanation:
    weights = np.random.default_rng(1).normal(size=(784, 10))
    return explain(
        seven, network, classes=CLASSES, perceptron=weights, command="cnnapps digits explain 7.png"
    )


def test_the_answer_is_the_networks(explanation, seven, network):
    scores = network(seven[None, ..., None]).numpy()[0].astype(np.float64)
    expected = np.exp(scores) / np.exp(scores).sum()
    facts = explanation.to_json()
    assert explanation.answer == facts["predicted"] == CLASSES[expected.argmax()]
    np.testing.assert_allclose([facts["probabilities"][name] for name in CLASSES], expected, rtol=1e-4)
    assert facts["probability"] == max(facts["probabilities"].values())
    assert facts["parameters"] == (25 * 6 + 6) + (25 * 6 * 8 + 8) + (128 * 20 + 20) + (20 * 10 + 10)


def test_the_facts_are_plain_json_with_the_sizes_of_the_layers(explanation):
    facts = json.loads(json.dumps(explanation.to_json()))
    layers = {layer["layer"]: layer for layer in facts["layers"]}
    assert layers["maps1"] == {
        "layer": "maps1",
        "shape": [24, 24, 6],
        "receptive_field": [5, 5],
        "stride": [1, 1],
    }
    assert layers["maps2"]["receptive_field"] == [14, 14] and layers["scores"]["receptive_field"] == [28, 28]
    assert set(facts["strongest_pixel"]) == {"saliency", "Grad-CAM", "occlusion"}


def test_occlusion_points_at_the_only_pixels_that_count(seven):
    inputs = keras.layers.Input((28, 28, 1))
    scores = keras.layers.Dense(10, kernel_initializer="zeros")
    model = keras.Model(inputs, scores(keras.layers.Flatten()(inputs)))
    weights = np.zeros((28, 28, 10), np.float32)
    weights[5:8, 6:9, 3] = 1.0
    scores.set_weights([weights.reshape(784, 10), np.zeros(10)])
    facts = explain(seven, model, classes=CLASSES).to_json()
    assert facts["predicted"] == "3"
    for row, column in facts["strongest_pixel"].values():
        assert 5 <= row < 8 and 6 <= column < 9


def test_the_page_is_one_sheet_of_a4_shape(explanation):
    picture = Image.open(io.BytesIO(explanation.figure))
    assert picture.format == "PNG" and picture.width >= 2000
    assert picture.width / picture.height == pytest.approx(2**0.5, rel=0.05)


def test_the_page_names_every_part(explanation):
    for part in (
        "Input",
        "Learned kernels",
        "Local receptive fields",
        "28×28×1 → 24×24×6 → 12×12×6 → 8×8×8 → 4×4×8 → 128 → 20 → 10",
        "Scores after softmax",
        "What the answer",
        "For comparison: the perceptron",
        "cnnapps digits explain 7.png",
    ):
        assert part in explanation.html, part
    assert explanation.html.count("data:image/png;base64,") == 7


def test_without_perceptron_weights_the_page_says_so(seven, network):
    html = explain(seven, network, classes=CLASSES).html
    assert "weight images are left out" in html and "For comparison" not in html


@pytest.mark.parametrize("name", NETWORKS.names())
def test_every_network_can_be_explained(name, seven):
    build = {"cnn": lambda *a: cnn(*a, width=4), "lenet": lambda *a: lenet(*a, fully_connected="convolution")}
    explained = explain(seven, build.get(name, NETWORKS.get(name))((28, 28, 1), 10), classes=CLASSES)
    assert explained.answer in CLASSES
    assert ("Learned kernels" in explained.html) == (name in build)


def test_what_does_not_fit_the_network_is_refused(seven, network):
    with pytest.raises(ValueError, match=r"expected \(pixels, classes\) .*\(20, 20\)"):
        explain(seven[:20, :20], network, classes=CLASSES)
    with pytest.raises(ValueError, match="received .*9"):
        explain(seven, network, classes=CLASSES[:9])
    with pytest.raises(ValueError, match=r"expected weights \(784, 10\), received \(10, 784\)"):
        explain(seven, network, classes=CLASSES, perceptron=np.zeros((10, 784)))
