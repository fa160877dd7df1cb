"""Frozen networks whose feature maps say what a picture is made of: for textures, style and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.artifact import shipped
from common.devices import import_tensorflow
from common.errors import UsageError, UserError, nearest

if TYPE_CHECKING:
    import keras

__all__ = ["SHIPPED", "FeatureExtractor", "folded", "usual_features"]

SHIPPED = "texture/features"
AFTER = "_relu"  # what the name of a convolution's activation ends in
# The names of the papers for the layers of keras.applications.
_PUBLISHED = {"vgg16": "VGG16", "vgg19": "VGG19"}
_CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)  # of blue, green, red in ImageNet


class FeatureExtractor:
    """Feature maps of a frozen network, by name; preprocessing is inside.

    Args:
        name: a shipped name or a folder with features of ours; ``vgg16`` or ``vgg19`` of keras.applications, whose
            weights are downloaded once.
        layers: to give, such as ``conv3_1``; if empty the first convolution of each stage, as Gatys et al. have it:
            with the second ones, pictures come near to an example in twice the time.

    Raises:
        ArtifactError: no such features.
        UsageError: a layer that the network does not have.
        UserError: published weights that are neither there nor can be fetched.
    """

    def __init__(self, name: str | Path = SHIPPED, layers: Sequence[str] = ()) -> None:
        import_tensorflow()
        import keras

        network = _published(str(name)) if name in _PUBLISHED else _ours(name)
        known = {
            layer.name.removesuffix(AFTER): layer.output
            for layer in network.layers
            if layer.name.endswith(AFTER)
        }
        for layer in layers:
            if layer not in known:
                raise UsageError(
                    f"{name} has no layer {layer!r}{nearest(layer, list(known))}",
                    f"known: {', '.join(known)}",
                )
        self.layers = tuple(layers) or tuple(layer for layer in known if layer.endswith("_1"))
        network.trainable = False
        self.network = keras.Model(network.inputs[0], {layer: known[layer] for layer in self.layers})

    def sizes(self, height: int, width: int) -> dict[str, tuple[int, int]]:
        """Return height and width of each layer's map of a picture of this size."""
        shapes = self.network.compute_output_shape((1, height, width, 3))
        return {name: (shape[1], shape[2]) for name, shape in shapes.items()}

    def numbers(self, height: int, width: int) -> int:
        """Return how many numbers the maps of a picture of this size hold."""
        maps = self.network.output
        return sum(
            rows * columns * maps[name].shape[-1]
            for name, (rows, columns) in self.sizes(height, width).items()
        )

    def __call__(self, pictures: Any) -> dict[str, Any]:
        """Return the feature maps ``(batch, h, w, channels)`` of pictures ``(batch, height, width, 3)`` in [0, 1]."""
        return self.network(pictures, training=False)


def usual_features(asked: str = "") -> FeatureExtractor:
    """Return the features that were asked for, or else those that ship.

    Raises:
        UserError: none ship.
        ArtifactError, UsageError: as of ``FeatureExtractor``.
    """
    if not asked and SHIPPED not in shipped():
        raise UserError("no features ship yet", "--features vgg19, or a folder of `cnnapps texture features`")
    return FeatureExtractor(asked or SHIPPED)


def folded(network: keras.Model, pictures: np.ndarray) -> keras.Model:
    """Return a trained ``vgg_stages`` network as plain convolutions whose mean activation is 1.

    Args:
        network: with a normalisation after each convolution.
        pictures: ``(n, height, width, 3)`` in [0, 1], over which activations are averaged.

    Returns:
        From pictures of any size to the maps of all convolutions; layer ``convS_N`` gives them after ReLU.

    Reference:
        Gatys et al., NeurIPS 2015, section 2 (weights scaled so that the mean activation of each filter over
        pictures and places is one, which changes nothing in a network of ReLUs and average pooling).
    """
    import keras

    from common.layers import vgg_stages

    names = [layer.name for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    picture = keras.Input((None, None, 3), name="picture")
    filters = network.get_layer(names[0]).filters
    maps = vgg_stages(picture, filters=filters, stages=len(names) // 2, norm=False)
    plain = keras.Model(picture, list(maps.values()), name="features")
    before: np.ndarray | float = 1.0
    for number, name in enumerate(names):
        kernel, shift = _without_norm(network, name)
        plain.get_layer(name).set_weights([kernel * np.reshape(before, (-1, 1)), shift])
        answers = plain.predict(pictures, batch_size=64, verbose=0)[number]
        scale = np.maximum(answers.mean(axis=(0, 1, 2)), 1e-3)
        plain.get_layer(name).set_weights([kernel * np.reshape(before, (-1, 1)) / scale, shift / scale])
        before = scale
    return plain


def _without_norm(network: keras.Model, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of a convolution with the normalisation that follows it."""
    (kernel,) = network.get_layer(name).get_weights()
    norm = network.get_layer(f"{name}_norm")
    values = (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    gamma, beta, mean, variance = (np.asarray(value) for value in values)
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return kernel * scale, beta - mean * scale


def _ours(name: str | Path) -> keras.Model:
    from common.predictor import load_network

    network = load_network(name)
    if network.name != "features":
        raise UserError(f"{name} holds no features", "make them: cnnapps texture features RUN")
    return network


def _published(name: str) -> keras.Model:
    """Return a network of keras.applications with average pooling, layers named as in the papers."""
    import keras

    try:
        network = getattr(keras.applications, _PUBLISHED[name])(include_top=False)
    except Exception as error:  # a download fails in many ways
        raise UserError(
            f"the weights of {name} are not in Keras' cache and cannot be fetched",
            "connect once, or leave out --features for those that ship",
        ) from error
    picture = keras.Input((None, None, 3), name="picture")
    x = keras.ops.flip(picture, axis=-1) * 255.0 - _CAFFE_MEAN
    for layer in network.layers[1:]:
        if isinstance(layer, keras.layers.MaxPooling2D):
            x = keras.layers.AveragePooling2D(2)(x)
            continue
        stage, number = layer.name.removeprefix("block").split("_conv")
        as_published = layer.get_config() | {"name": f"conv{stage}_{number}", "activation": None}
        convolution = keras.layers.Conv2D.from_config(as_published)
        x = keras.layers.Activation("relu", name=f"{convolution.name}{AFTER}")(convolution(x))
        convolution.set_weights(layer.get_weights())
    return keras.Model(picture, x, name=name)
