"""The backbone that several apps share: trained once to recognise, it starts a tracker or a detector too."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from common.errors import UsageError
from common.layers.blocks import conv_block, residual_block

__all__ = ["backbone_weights", "copied_weights", "early_layers", "pyramid"]

STEM = "stage"  # what the names of the backbone's layers begin with
EARLY = ("stage1", "stage2")  # those that work at strides 2 and 4


def pyramid(picture, *, filters: int = 32, depth: int = 1) -> dict[int, object]:
    """Return the feature maps of a picture at four sizes, each half as large as the last.

    A quarter of the size is reached by the second convolution, so that most of the arithmetic is done on many
    channels, where a CPU is at its best.

    Args:
        picture: ``(batch, height, width, 3)`` in [0, 1]; sides are multiples of 16.
        filters: feature maps at stride 4; half as many at stride 2, twice at 8, four times at 16.
        depth: residual blocks at strides 8 and 16.

    Returns:
        By stride (2, 4, 8, 16): feature maps ``(batch, height / stride, width / stride, channels)``.

    Reference:
        He et al., CVPR 2016 (the blocks); Lin et al., CVPR 2017, section 3 (what is made of several sizes).
    """
    x = layers.Rescaling(4.0, offset=-2.0)(picture)
    half = conv_block(x, filters // 2, stride=2, name="stage1")
    x = conv_block(half, filters, stride=2, name="stage2")
    quarter = conv_block(x, filters, name="stage2_more")
    maps = {2: half, 4: quarter}
    x = quarter
    for stage, stride in ((3, 8), (4, 16)):
        x = conv_block(x, filters * stride // 4, stride=2, name=f"stage{stage}")
        for block in range(1, depth + 1):
            x = residual_block(x, filters * stride // 4, name=f"stage{stage}_block{block}")
        maps[stride] = x
    return maps


def early_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a network's backbone at strides 2 and 4.

    They see edges and spots, which look much alike everywhere, and a third of the time of a step of training is
    theirs: a network that starts from a trained backbone can leave them as they are (Yosinski et al., "How
    transferable are features in deep neural networks?", NeurIPS 2014, section 4).
    """
    return [layer for layer in network.layers if layer.name.startswith(EARLY)]


def backbone_weights(network: keras.Model, source: keras.Model) -> int:
    """Start the backbone of a network from that of another, layer by layer by name.

    Args:
        network: built with ``pyramid``.
        source: built with ``pyramid`` and the same arguments, or holds a network that is.

    Returns:
        The number of weights copied.

    Raises:
        UsageError: a layer is missing in the source or has another shape there; nothing was copied.
    """
    failures: list[ValueError] = []
    for model in (source, *(layer for layer in source.layers if isinstance(layer, keras.Model))):
        try:
            return copied_weights(network, model, lambda name: name.startswith(STEM))
        except ValueError as error:
            failures.append(error)
    raise UsageError(
        f"the backbone does not fit: {failures[0]}", "--filters and --depth of the model whose backbone it is"
    ) from failures[0]


def copied_weights(network: keras.Model, source: keras.Model, wanted: Callable[[str], bool]) -> int:
    """Give layers of a network the weights of those of the same name in another.

    Args:
        network: to copy to.
        source: to copy from.
        wanted: tells by its name whether a layer is to be copied.

    Returns:
        The number of weights copied.

    Raises:
        ValueError: a layer is missing in the source or has another shape there; nothing was copied.
    """
    stored = {layer.name: layer.get_weights() for layer in source.layers}
    targets = [layer for layer in network.layers if wanted(layer.name) and layer.weights]
    for layer in targets:
        if [w.shape for w in stored.get(layer.name, ())] != [tuple(w.shape) for w in layer.weights]:
            raise ValueError(f"{source.name} has no layer {layer.name} of this shape")
    for layer in targets:
        layer.set_weights(stored[layer.name])
    return sum(w.size for layer in targets for w in stored[layer.name])
