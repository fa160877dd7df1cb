"""The backbones of keras.applications, with what they have learned from ImageNet, taking pictures in [0, 1]."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from urllib.error import URLError

import keras
import numpy as np
from keras import layers

from apps.objects.models import HEAD
from apps.objects.options import KERAS
from common.errors import UserError

__all__ = ["keras_backbone"]

# How each family's own preprocess_input scales pixels of 0 to 255; those not named here do it inside.
_SYMMETRIC = ("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "NASNet", "Xception")
_MEANS = (103.939, 116.779, 123.68)  # blue, green, red: of ImageNet, as Caffe subtracts them
_TORCH_MEANS, _TORCH_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def keras_backbone(
    name: str,
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    imagenet: bool = True,
    drop_rate: float = 0.2,
) -> keras.Model:
    """Build a classifier on a backbone of keras.applications.

    Args:
        name: ``keras:NAME``.
        input_shape: of a picture.
        classes: K.
        imagenet: start from the weights learned from ImageNet, cached or downloaded.
        drop_rate: of the features, while training.

    Raises:
        UserError: weights that are neither cached nor to be had, or pictures too small for the backbone.
    """
    plain = name.removeprefix(KERAS)
    inputs = layers.Input(input_shape)
    build = getattr(keras.applications, plain)
    try:
        with _downloads_as_allowed():
            backbone = build(
                include_top=False,
                weights="imagenet" if imagenet else None,
                input_tensor=_preprocessed(inputs, plain),
            )
    except ValueError as error:
        raise UserError(f"{name}: {str(error).splitlines()[0][:140]}", "try a larger --side") from error
    except Exception as error:  # Keras raises a bare Exception where a download fails.
        raise UserError(
            f"the ImageNet weights of {name} are not cached and cannot be downloaded",
            "connect, or give --weights none for random ones",
        ) from error
    x = layers.GlobalAveragePooling2D(name="features")(backbone.output)
    x = layers.Dropout(drop_rate)(x)
    outputs = layers.Dense(classes, dtype="float32", name=HEAD)(x)
    return keras.Model(inputs, outputs, name=plain)


def _preprocessed(inputs, name: str):  # noqa: ANN001
    """Bring pixels from [0, 1] to what the backbone was trained on."""
    if (
        name.startswith(_SYMMETRIC)
        and not name.startswith("MobileNetV3")
        or name.endswith("V2")
        and "ResNet" in name
    ):
        return layers.Rescaling(2.0, offset=-1.0)(inputs)
    if name.startswith("DenseNet"):
        scale = [1 / deviation for deviation in _TORCH_DEVIATIONS]
        offset = [-mean * factor for mean, factor in zip(_TORCH_MEANS, scale, strict=True)]
        return layers.Rescaling(scale, offset=offset)(inputs)
    if name.startswith(("ResNet", "VGG")):
        # Red and blue change places by a convolution, which every runtime has.
        swap = layers.Conv2D(
            3,
            1,
            use_bias=False,
            trainable=False,
            kernel_initializer=keras.initializers.Zeros(),
            name="red_and_blue",
        )
        swapped = swap(inputs)
        swap.set_weights([np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3)])
        return layers.Rescaling(255.0, offset=[-mean for mean in _MEANS])(swapped)
    return layers.Rescaling(255.0)(inputs)


@contextlib.contextmanager
def _downloads_as_allowed() -> Iterator[None]:
    """Say on stderr what is downloaded; forbid it where ``CNNAPPS_OFFLINE`` is set.  What is cached is found anyway."""
    offline = os.environ.get("CNNAPPS_OFFLINE", "") not in ("", "0")
    if offline:
        urllib.request.install_opener(urllib.request.build_opener(_Refused))
    try:
        with contextlib.redirect_stdout(io.StringIO() if offline else sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # weights of another size of picture are what is wanted
            yield
    finally:
        if offline:
            urllib.request.install_opener(urllib.request.build_opener())


class _Refused(urllib.request.BaseHandler):
    """Opens nothing."""

    handler_order = 1  # before all others

    def default_open(self, request: urllib.request.Request) -> None:
        """Refuse."""
        raise URLError("CNNAPPS_OFFLINE is set")
