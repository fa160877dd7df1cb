"""Layers and blocks, backend-neutral: from the perceptron unit to the residual block."""

from common.layers.blocks import conv_block, residual_block, squeeze_excite
from common.layers.fully_connected import conv_as_dense, dense_as_conv
from common.layers.normalization import FusedBatchNormalization
from common.layers.perceptron import Perceptron, perceptron_rule, train_perceptron
from common.layers.pooling import global_pool, pool
from common.layers.regularization import StochasticDepth

__all__ = [
    "FusedBatchNormalization",
    "Perceptron",
    "StochasticDepth",
    "conv_as_dense",
    "conv_block",
    "dense_as_conv",
    "global_pool",
    "perceptron_rule",
    "pool",
    "residual_block",
    "squeeze_excite",
    "train_perceptron",
]
