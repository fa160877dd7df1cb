"""A fully connected layer is a convolution whose kernel is as large as the map it looks at.

The two functions copy the weights of one form into the other, so that both give the same numbers.  The
convolutional form also runs on larger pictures, where it yields a map of scores.

Reference:
    Sermanet et al., "OverFeat", ICLR 2014, section 3.5; Long et al., "Fully Convolutional Networks",
    CVPR 2015, section 3.1.
"""

from __future__ import annotations

import keras

__all__ = ["conv_as_dense", "dense_as_conv"]


def dense_as_conv(dense: keras.layers.Dense, map_shape: tuple[int, int, int]) -> keras.layers.Conv2D:
    """Return the convolution that equals ``dense`` on flattened maps of ``map_shape``.

    Example: 5 maps of 3×3 into 4,096 units is a 3×3×5 kernel of 4,096 feature maps, 1×1 each.

    Args:
        dense: a built layer with ``height * width * channels`` inputs.
        map_shape: (height, width, channels) of the maps before flattening.

    Returns:
        A built ``Conv2D`` from ``(batch, height, width, channels)`` to ``(batch, 1, 1, units)``.

    Raises:
        ValueError: the layer does not have that many inputs.
    """
    height, width, channels = map_shape
    if dense.kernel.shape[0] != height * width * channels:
        raise ValueError(
            f"map_shape={map_shape} gives {height * width * channels} inputs, "
            f"the layer has {dense.kernel.shape[0]}"
        )
    conv = keras.layers.Conv2D(
        dense.units,
        (height, width),
        activation=dense.activation,
        use_bias=dense.use_bias,
        name=f"{dense.name}_as_conv",
    )
    conv.build((None, height, width, channels))
    kernel, *bias = dense.get_weights()
    conv.set_weights([kernel.reshape(height, width, channels, dense.units), *bias])
    return conv


def conv_as_dense(conv: keras.layers.Conv2D) -> keras.layers.Dense:
    """Return the ``Dense`` layer that equals ``conv`` on one receptive field, flattened.

    Raises:
        ValueError: a grouped or dilated convolution, which has no such form.
    """
    if conv.groups != 1 or tuple(conv.dilation_rate) != (1, 1):
        raise ValueError("expected a plain convolution, received groups or dilation")
    dense = keras.layers.Dense(
        conv.filters, activation=conv.activation, use_bias=conv.use_bias, name=f"{conv.name}_as_dense"
    )
    kernel, *bias = conv.get_weights()
    dense.build((None, kernel[..., 0].size))
    dense.set_weights([kernel.reshape(-1, conv.filters), *bias])
    return dense
