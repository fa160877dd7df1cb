"""Every network for pictures: forward, gradient, save and load, LiteRT; and the layout that its paper gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.objects import keras_backbones
from apps.objects.models import HEAD, NETWORKS
from apps.objects.options import KERAS_APPLICATIONS, NETWORK_OPTIONS
from common.layers import backbone_weights
from common.litert import litert_runner, to_litert
from common.receptive_fields import receptive_fields

SMALL = {
    "pyramid": {"filters": 8},
    "resnet": {"depth": 1, "width": 8},
    "convnext": {"depth": 1, "width": 8},
    "mobile": {"depth": 1, "width": 8},
    "vgg": {"filters": 4, "stages": 2},
    "airbench": {"width": 0.125},
}


def test_every_network_has_a_case_and_its_options_are_known():
    assert set(SMALL) == set(NETWORKS.names()) == set(NETWORK_OPTIONS.names())
    for name in NETWORKS.names():
        build = NETWORKS.get(name)
        assert set(NETWORK_OPTIONS.get(name)) == set(build.__kwdefaults__ or {})


@pytest.mark.parametrize("name", SMALL)
def test_every_weight_is_reached_and_it_saves_and_runs_in_litert(name, tmp_path):
    keras.utils.set_random_seed(0)
    network = NETWORKS.get(name)((32, 32, 3), 3, **SMALL[name])
    assert network.layers[-1].name == HEAD
    pictures = np.random.default_rng(0).random((6, 32, 32, 3), np.float32)
    with tf.GradientTape() as tape:
        scores = network(pictures, training=True)
        loss = tf.reduce_sum(scores * tf.constant(np.random.default_rng(1).normal(size=(6, 3)), tf.float32))
    for variable, gradient in zip(
        network.trainable_variables, tape.gradient(loss, network.trainable_variables), strict=True
    ):
        # The four units of a small gate may all be silent at first.
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0 or "_gate_" in variable.path, variable.path
    expected = np.asarray(network(pictures, training=False))
    network.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    np.testing.assert_allclose(loaded(pictures, training=False), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(litert_runner(to_litert(network), 1)(pictures), expected, rtol=1e-3, atol=1e-4)
    assert receptive_fields(network)[-1].map_shape == (1, 1, 3)


def test_resnet_has_the_layers_of_its_paper():
    """Section 4.2: 6n + 2 weighted layers; ResNet-18 has 11.7 million weights with 1,000 classes."""
    small = NETWORKS.get("resnet")((32, 32, 3), 10, depth=3, width=16)
    convolutions = [
        layer
        for layer in small.layers
        if isinstance(layer, keras.layers.Conv2D) and not layer.name.endswith("shortcut")
    ]
    assert len(convolutions) + 1 == 20
    large = NETWORKS.get("resnet")((224, 224, 3), 1000, depth=2, width=64, stem="imagenet")
    trained = sum(int(np.prod(v.shape)) for v in large.trainable_variables)
    assert trained == pytest.approx(11.69e6, rel=0.002)
    with pytest.raises(ValueError, match="stem"):
        NETWORKS.get("resnet")((32, 32, 3), 10, stem="other")


def test_airbench_has_the_weights_of_its_paper():
    """Appendix A: about two million, two thirds of a kernel's maps pass their input on at first."""
    network = NETWORKS.get("airbench")((32, 32, 3), 10)
    assert network.count_params() == pytest.approx(1.97e6, rel=0.01)
    kernel = np.asarray(network.get_layer("group3_conv1").kernel)
    np.testing.assert_array_equal(kernel[1, 1], np.eye(256))
    assert [layer.output.shape[1] for layer in network.layers if "_norm" in layer.name] == [
        15,
        15,
        7,
        7,
        3,
        3,
    ]
    assert not network.get_layer("whitening").kernel.trainable


def test_small_pictures_keep_maps_in_convnext():
    deep = NETWORKS.get("convnext")
    last = [deep((side, side, 3), 2, depth=1, width=8).get_layer("stage4_block1_out") for side in (64, 128)]
    assert [layer.output.shape[1] for layer in last] == [4, 4]


@pytest.mark.parametrize(
    "name", ["MobileNetV2", "ResNet50", "DenseNet121", "EfficientNetV2B0", "MobileNetV3Small", "ResNet50V2"]
)
def test_pixels_reach_a_backbone_of_keras_as_its_own_preprocessing_gives_them(name):
    """Against keras.applications' preprocess_input; families that scale inside are given 0 to 255."""
    inputs = keras.Input((32, 32, 3))
    ours = keras.Model(inputs, keras_backbones._preprocessed(inputs, name))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    module = {
        "MobileNetV2": keras.applications.mobilenet_v2,
        "ResNet50": keras.applications.resnet,
        "DenseNet121": keras.applications.densenet,
        "EfficientNetV2B0": keras.applications.efficientnet_v2,
        "MobileNetV3Small": keras.applications.mobilenet_v3,
        "ResNet50V2": keras.applications.resnet_v2,
    }[name]
    theirs = module.preprocess_input(pixels.copy())
    np.testing.assert_allclose(ours.predict(pixels / 255, verbose=0), theirs, rtol=1e-4, atol=1e-3)


def test_the_names_of_keras_backbones_are_there():
    assert len(set(KERAS_APPLICATIONS)) == len(KERAS_APPLICATIONS)
    assert all(callable(getattr(keras.applications, name)) for name in KERAS_APPLICATIONS)
    network = keras_backbones.keras_backbone("keras:MobileNetV3Small", (32, 32, 3), 3, imagenet=False)
    assert network.output_shape == (None, 3) and network.layers[-1].name == HEAD


def test_a_tracker_starts_from_the_backbone_that_recognises():
    from apps.track.models import backbone

    recognises = NETWORKS.get("pyramid")((32, 32, 3), 3, filters=8)
    tracker = backbone(filters=8, channels=16)
    assert backbone_weights(tracker, recognises) > 1000
    np.testing.assert_array_equal(
        tracker.get_layer("stage3").get_weights()[0], recognises.get_layer("stage3").get_weights()[0]
    )
