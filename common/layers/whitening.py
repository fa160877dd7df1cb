"""The first layer of a network that learns in minutes: patches whitened, kernels that pass their input on.

Reference:
    Page, "How to train your ResNet 8: Bag of tricks", 2019 (patch whitening); Jordan, "94% on CIFAR-10 in 3.29
    Seconds on a Single GPU", arXiv 2404.00498, sections 3.1 and 3.2.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

__all__ = ["PartialIdentity", "PatchWhitening", "fit_whitening", "whitening_kernel"]


@keras.saving.register_keras_serializable(package="cnnapps")
class PatchWhitening(keras.layers.Conv2D):
    """A convolution whose kernel is given by the data and not trained; its bias is.

    For each principal component of the patches there is one map and one of the opposite sign, so that nothing is lost
    behind an activation that keeps one sign.  ``fit_whitening`` gives it its kernel.

    Args:
        kernel_size: side of the patches in pixels.

    Input shape: ``(batch, height, width, channels)``.
    Output shape: ``(batch, height - kernel_size + 1, width - kernel_size + 1, 2 * kernel_size² * channels)``.
    """

    def __init__(self, kernel_size: int = 2, **kwargs) -> None:
        super().__init__(1, kernel_size, **kwargs)

    def build(self, input_shape) -> None:
        self.filters = 2 * self.kernel_size[0] * self.kernel_size[1] * input_shape[-1]
        super().build(input_shape)
        self._kernel.trainable = False

    def compute_output_shape(self, input_shape):
        count = 2 * self.kernel_size[0] * self.kernel_size[1] * input_shape[-1]
        height, width = (
            None if side is None else side - self.kernel_size[0] + 1 for side in input_shape[1:3]
        )
        return (input_shape[0], height, width, count)

    def get_config(self) -> dict:
        own = keras.layers.Layer.get_config(self)
        return own | {"kernel_size": self.kernel_size[0]}


def whitening_kernel(pictures: np.ndarray, size: int = 2, *, epsilon: float = 5e-4) -> np.ndarray:
    """Return the convolution after which the patches of pictures are uncorrelated and of unit variance.

    Args:
        pictures: ``(n, height, width, channels)`` float, about 5,000 small ones.
        size: side of the patches in pixels.
        epsilon: added to the variances, so that the noise of the flattest components is not blown up.

    Returns:
        Kernel ``(size, size, channels, 2 * size² * channels)``: the components, then the same with the sign changed.
    """
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (size, size), axis=(1, 2))
    # (n, y, x, channels, row, column) to rows of (row, column, channels), the order of a kernel.
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * pictures.shape[-1])
    variances, components = np.linalg.eigh(np.cov(patches, rowvar=False))
    kernel = components[:, ::-1] / np.sqrt(np.maximum(variances[::-1], 0) + epsilon)
    kernel = np.concatenate([kernel, -kernel], axis=1).reshape(size, size, pictures.shape[-1], -1)
    return kernel.astype(np.float32)


def fit_whitening(model: keras.Model, pictures: np.ndarray) -> None:
    """Give the whitening layer of a network its kernel; a network without one is left alone.

    Args:
        model: the network.
        pictures: ``(n, height, width, channels)`` as it takes them, some thousand.
    """
    for layer in model.layers:
        if isinstance(layer, PatchWhitening):
            seen = keras.Model(model.inputs, layer.input).predict(pictures, batch_size=256, verbose=0)
            layer.kernel.assign(whitening_kernel(seen.astype(np.float32), layer.kernel_size[0]))


@keras.saving.register_keras_serializable(package="cnnapps")
class PartialIdentity(keras.initializers.Initializer):
    """Kernels of which the first pass each map on as it is, and the others are random (He, uniform).

    A network of such kernels is close to the identity at first, so its first gradients already reach all layers.

    Args:
        seed: of the random kernels.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed
        self.random = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed)

    def __call__(self, shape, dtype=None):
        height, width, channels, filters = shape
        passed = np.zeros(shape, np.float32)
        chosen = np.arange(min(channels, filters))
        passed[height // 2, width // 2, chosen, chosen] = 1
        mask = np.arange(filters) >= channels
        return ops.convert_to_tensor(passed, dtype) + self.random(shape, dtype) * ops.cast(mask, dtype)

    def get_config(self) -> dict:
        return {"seed": self.seed}
