"""Layers and blocks, backend-neutral: from the perceptron unit to the residual block."""

from common.layers.backbone import backbone_weights, copied_weights, early_layers, pyramid
from common.layers.blocks import conv_block, residual_block, squeeze_excite
from common.layers.censoring import ExpectedAboveFloor, LearnedSpread
from common.layers.correlation import Correlation
from common.layers.depthwise import (
    LayerScale,
    convnext_block,
    depthwise_separable,
    inverted_residual,
)
from common.layers.distances import ExpectedDistances, PositiveDistances
from common.layers.eight_bits import (
    EightBitConv1D,
    EightBitDense,
    EightBitEmbedding,
    in_eight_bits,
    in_floats,
    is_in_eight_bits,
)
from common.layers.embedding import SummedEmbedding
from common.layers.fully_connected import conv_as_dense, dense_as_conv
from common.layers.gelu import GELU
from common.layers.graph import GraphConvolution
from common.layers.normalization import FusedBatchNormalization
from common.layers.perceptron import Perceptron, perceptron_rule, train_perceptron
from common.layers.pooling import Doubled, global_pool, pool
from common.layers.regularization import StochasticDepth
from common.layers.restyling import AdaptiveInstanceNormalization, ChannelMoments, MapDistance, modulated
from common.layers.sampling import SampledScores
from common.layers.segments import (
    CoarserParts,
    Flat,
    OfPair,
    OneSequence,
    RealPlaces,
    SegmentAttention,
    SegmentMax,
    SegmentMean,
)
from common.layers.sequence import (
    BiasedSum,
    ConvMaxOverTime,
    MaxOverTime,
    MeanOverTime,
    RealPositions,
    conv1d_block,
    pyramid_block,
)
from common.layers.suppression import SuppressedBoxes
from common.layers.vgg import vgg_stages
from common.layers.whitening import PartialIdentity, PatchWhitening, fit_whitening, whitening_kernel

__all__ = [
    "AdaptiveInstanceNormalization",
    "ChannelMoments",
    "Doubled",
    "MapDistance",
    "modulated",
    "CoarserParts",
    "RealPlaces",
    "OneSequence",
    "OfPair",
    "Flat",
    "BiasedSum",
    "ConvMaxOverTime",
    "Correlation",
    "EightBitConv1D",
    "EightBitDense",
    "EightBitEmbedding",
    "ExpectedAboveFloor",
    "ExpectedDistances",
    "FusedBatchNormalization",
    "GELU",
    "GraphConvolution",
    "LayerScale",
    "LearnedSpread",
    "MaxOverTime",
    "MeanOverTime",
    "PartialIdentity",
    "PatchWhitening",
    "Perceptron",
    "PositiveDistances",
    "RealPositions",
    "SampledScores",
    "SegmentAttention",
    "SegmentMax",
    "SegmentMean",
    "StochasticDepth",
    "SummedEmbedding",
    "SuppressedBoxes",
    "backbone_weights",
    "conv1d_block",
    "conv_as_dense",
    "conv_block",
    "convnext_block",
    "copied_weights",
    "dense_as_conv",
    "depthwise_separable",
    "early_layers",
    "fit_whitening",
    "global_pool",
    "in_eight_bits",
    "in_floats",
    "is_in_eight_bits",
    "inverted_residual",
    "perceptron_rule",
    "pool",
    "pyramid",
    "pyramid_block",
    "residual_block",
    "squeeze_excite",
    "train_perceptron",
    "vgg_stages",
    "whitening_kernel",
]
