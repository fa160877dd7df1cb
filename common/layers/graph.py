"""Convolution on graphs: an atom's local receptive field is its neighbours, and all atoms share the weights."""

from __future__ import annotations

import keras
from keras import ops

__all__ = ["GraphConvolution"]


@keras.saving.register_keras_serializable(package="cnnapps")
class GraphConvolution(keras.layers.Layer):
    """One step of a convolution on a molecular graph.

    Every node gathers its neighbours' features, each changed by the kind of bond, adds its own and goes through one
    layer of shared weights and a ReLU:  ``h'_v = ReLU(W h_v + V Σ_u ReLU(h_u + e_vu) + b)``.

    Args:
        filters: number of features of a node.
        kinds: number of kinds of bonds, numbered from 1.

    Input shapes: nodes ``(n, F)``; neighbours ``(n, K)`` int32, the row of a neighbour plus 1, 0 for none; bonds
    ``(n, K)`` int32, 0 for none.  Output shape: ``(n, filters)``.

    Reference:
        Hu et al., "Strategies for pre-training graph neural networks", ICLR 2020, appendix A (GIN with bonds);
        Duvenaud et al., "Convolutional networks on graphs for learning molecular fingerprints", NIPS 2015.
    """

    def __init__(self, filters: int, kinds: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.kinds = filters, kinds

    def build(self, nodes_shape, neighbours_shape, bonds_shape) -> None:
        width = nodes_shape[-1]
        self.edge = self.add_weight(shape=(self.kinds + 1, width), initializer="zeros", name="edge")
        self.own = self.add_weight(shape=(width, self.filters), name="own")
        self.others = self.add_weight(shape=(width, self.filters), name="others")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, nodes, neighbours, bonds):
        around = ops.take(nodes, ops.maximum(neighbours - 1, 0), axis=0)
        message = ops.relu(around + ops.take(self.edge, bonds, axis=0))
        there = ops.cast(neighbours > 0, nodes.dtype)[..., None]
        gathered = ops.sum(message * there, axis=1)
        return ops.relu(nodes @ self.own + gathered @ self.others + self.bias)

    def compute_output_shape(self, nodes_shape, neighbours_shape, bonds_shape):
        return (nodes_shape[0], self.filters)

    def get_config(self):
        return super().get_config() | {"filters": self.filters, "kinds": self.kinds}
