"""The networks for texts.

Every function returns a ``keras.Model`` from encoded texts ``(batch, T, 6)`` int32, columns as in
``apps.text.vocabulary``, to one raw score (logit) a class ``(batch, classes)``; T is any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import keras
import numpy as np
from keras import layers

from apps.text.vocabulary import COLUMNS, NGRAMS, WORDS
from common.layers import (
    BiasedSum,
    ConvMaxOverTime,
    MaxOverTime,
    MeanOverTime,
    RealPositions,
    SampledScores,
    SummedEmbedding,
    conv1d_block,
    pyramid_block,
)
from common.registry import Registry

__all__ = ["NETWORKS", "blend", "char", "dpcnn", "encoder", "kim", "neighbours", "ngram"]

NETWORKS = Registry[Callable[..., keras.Model]]("network")


@NETWORKS.named("kim")
def kim(
    rows: int,
    classes: int,
    *,
    dim: int = 128,
    widths: Sequence[int] = (3, 4, 5),
    filters: int = 100,
    vectors: Literal["trained", "fixed", "both"] = "trained",
    regions: int = 0,
    region_width: int = 5,
    word_dropout: float = 0.2,
    dropout: float = 0.5,
    winners_only: bool = False,
) -> keras.Model:
    """Filters of several widths, the strongest answer of each over the whole text, one layer of scores.

    Args:
        rows: of the table of word vectors.
        classes: number of scores K.
        dim: length of a word vector.
        widths: words that a filter sees.
        filters: number of filters of each width.
        vectors: ``trained`` with the rest, ``fixed`` as given, or ``both``, a fixed and a trained one a word.
            Kim's two channels share their filters, and a filter is linear, so the channels may be added first.
        regions: number of features of a region of words, learned before there were labels (``neighbours``): a second
            input of the filters.  Their convolution stays as it was learned; the word vectors below it do not.
        region_width: words of a region.
        word_dropout: share of a word vector's numbers left out while training, the same along the text.
        dropout: share of the pooled features left out while training.
        winners_only: the same network with filters and maximum in one layer, for training on long texts.

    Reference:
        Kim, "Convolutional neural networks for sentence classification", EMNLP 2014, section 2; Johnson and
        Zhang, NIPS 2015, eq. 3 (regions as a second input).
    """
    inputs = layers.Input((None, COLUMNS), dtype="int32")
    x = _word_vectors(inputs, rows, dim, vectors)
    real = RealPositions(name="real")(inputs)
    if regions:
        seen = conv1d_block(x, regions, region_width, trainable=False, name="regions")
        x = layers.Concatenate(name="words_and_regions")([x, layers.Multiply()([seen, real])])
    x = layers.SpatialDropout1D(word_dropout, name="word_dropout")(x)
    pooled = [
        ConvMaxOverTime(filters, width, name=f"filters{width}")(x, real)
        if winners_only
        else MaxOverTime(name=f"max{width}")(conv1d_block(x, filters, width, name=f"filters{width}"), real)
        for width in widths
    ]
    x = layers.Concatenate(name="features")(pooled) if len(pooled) > 1 else pooled[0]
    return keras.Model(inputs, _scores(layers.Dropout(dropout)(x), classes), name="kim")


@NETWORKS.named("dpcnn")
def dpcnn(
    rows: int,
    classes: int,
    *,
    dim: int = 128,
    filters: int = 128,
    heights: int = 5,
    vectors: Literal["trained", "fixed", "both"] = "trained",
    word_dropout: float = 0.2,
    dropout: float = 0.5,
) -> keras.Model:
    """A pyramid: regions of three words, then blocks that each see twice as far and cost half as much.

    Args:
        rows, classes, dim, vectors, word_dropout, dropout: as for ``kim``.
        filters: number of features at every height.
        heights: number of halvings.

    Reference:
        Johnson and Zhang, "Deep pyramid convolutional neural networks for text categorization", ACL 2017.
    """
    inputs = layers.Input((None, COLUMNS), dtype="int32")
    x = layers.SpatialDropout1D(word_dropout)(_word_vectors(inputs, rows, dim, vectors))
    x = branch = conv1d_block(x, filters, 3, activation=None, name="region_embedding")
    for number in (1, 2):
        branch = layers.Activation("relu")(branch)
        branch = conv1d_block(branch, filters, 3, activation=None, name=f"base_conv{number}")
    x = layers.Add()([x, branch])
    for height in range(1, heights + 1):
        x = pyramid_block(x, filters, name=f"height{height}")
    x = layers.GlobalMaxPooling1D(name="features")(layers.Activation("relu")(x))
    return keras.Model(inputs, _scores(layers.Dropout(dropout)(x), classes), name="dpcnn")


@NETWORKS.named("char")
def char(
    rows: int,
    classes: int,
    *,
    dim: int = 32,
    filters: int = 256,
    dropout: float = 0.5,
) -> keras.Model:
    """Characters only: for text that is noisy or has no words to be split at.

    Args:
        rows: of the table of characters.
        classes: number of scores K.
        dim: length of a character's vector.
        filters: number of features of each layer.
        dropout: share of the pooled features left out while training.

    Reference:
        Zhang, Zhao and LeCun, "Character-level convolutional networks for text classification", NIPS 2015,
        section 2.3 (7-7-3-3 wide, pooled by 3 after the first two); pooled over time instead of cut at 1,014.
    """
    inputs = layers.Input((None, COLUMNS), dtype="int32")
    x = SummedEmbedding(rows, dim, WORDS[:1], name="characters")(inputs)
    for number, width in enumerate((7, 7, 3, 3), start=1):
        x = conv1d_block(x, filters, width, name=f"maps{number}")
        if number <= 2:
            x = layers.MaxPooling1D(3, padding="same", name=f"pool{number}")(x)
    x = layers.GlobalMaxPooling1D(name="features")(x)
    return keras.Model(inputs, _scores(layers.Dropout(dropout)(x), classes), name="char")


@NETWORKS.named("ngram")
def ngram(rows: int, classes: int) -> keras.Model:
    """The sum of what each uni-, bi- and trigram says: the fastest.

    A convolution over one-hot n-grams with one filter a class and sum pooling.

    Args:
        rows: of the table of n-gram weights.
        classes: number of scores K.

    Reference:
        Wang and Manning, "Baselines and bigrams", ACL 2012; Johnson and Zhang, NAACL 2015, section 2.2.3
        (bag-of-n-gram regions).
    """
    inputs = layers.Input((None, COLUMNS), dtype="int32")
    said = SummedEmbedding(rows, classes, NGRAMS, initial="zeros", name="ngrams")(inputs)
    outputs = BiasedSum(name="scores", dtype="float32")(said)
    return keras.Model(inputs, outputs, name="ngram")


def encoder(rows: int, size: int, *, dim: int = 128, filters: int = 128, width: int = 3) -> keras.Model:
    """A vector for a text: what its words say on average, and its strongest phrases.

    Args:
        rows: of the table of word vectors.
        size: length of the vector of a text.
        dim: length of a word vector.
        filters: number of features of phrases.
        width: words of a phrase.

    Returns:
        A network from ``(batch, T, 6)`` int32 to ``(batch, size)``.
    """
    inputs = layers.Input((None, COLUMNS), dtype="int32")
    x = SummedEmbedding(rows, dim, WORDS, name="vectors")(inputs)
    real = RealPositions(name="real")(inputs)
    words = MeanOverTime(name="mean")(x, real)
    phrases = MaxOverTime(name="max")(conv1d_block(x, filters, width, name="filters"), real)
    features = layers.Concatenate(name="features")([words, phrases])
    outputs = layers.Dense(size, use_bias=False, name="projection", dtype="float32")(features)
    return keras.Model(inputs, outputs, name="encoder")


def neighbours(
    rows: int, targets: int, chances: np.ndarray, *, dim: int = 128, regions: int = 256, width: int = 5
) -> keras.Model:
    """A region of words foretells the words around it: what is learned before there are labels.

    Args:
        rows: of the table of word vectors.
        targets: words foretold of each region.
        chances: of each row to be drawn as a word that does not stand there ``(rows,)``.
        dim: length of a word vector.
        regions: number of features of a region.
        width: words of a region.

    Returns:
        A network from ``(batch, T, 1 + targets)`` int32, each word and its neighbours, to
        ``(batch, T * targets, 2)``.
    """
    inputs = layers.Input((None, 1 + targets), dtype="int32")
    x = SummedEmbedding(rows, dim, (0,), name="vectors")(inputs)
    x = conv1d_block(x, regions, width, name="regions")
    outputs = SampledScores(rows, chances, dtype="float32", name="scores")(x, inputs[..., 1:])
    return keras.Model(inputs, outputs, name="neighbours")


def blend(networks: Sequence[keras.Model], shares: Sequence[float]) -> keras.Model:
    """Return the network whose scores are the weighted sum of those of ``networks``."""
    inputs = layers.Input((None, COLUMNS), dtype="int32")
    parts = [
        layers.Rescaling(share, name=f"share_of_{network.name}")(_grafted(network, inputs))
        for network, share in zip(networks, shares, strict=True)
    ]
    return keras.Model(inputs, layers.Add(name="scores")(parts), name="blend")


def _grafted(network: keras.Model, inputs):
    """Return the outputs of a copy of ``network`` on ``inputs``, its layers named after it."""

    def named_after(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(layer.get_config() | {"name": f"{network.name}_{layer.name}"})

    copy = keras.models.clone_model(network, input_tensors=inputs, clone_function=named_after)
    copy.set_weights(network.get_weights())
    return copy.outputs[0]


def _word_vectors(inputs, rows: int, dim: int, vectors: str):
    if vectors not in ("trained", "fixed", "both"):
        raise ValueError(f"vectors must be 'trained', 'fixed' or 'both', received vectors={vectors!r}")
    channels = []
    if vectors != "trained":
        channels.append(SummedEmbedding(rows, dim, WORDS, trainable=False, name="fixed_vectors")(inputs))
    if vectors != "fixed":
        channels.append(SummedEmbedding(rows, dim, WORDS, name="vectors")(inputs))
    return layers.Add()(channels) if len(channels) > 1 else channels[0]


def _scores(x, classes: int):
    """Return the last layer: raw scores, float32 whatever the policy."""
    return layers.Dense(classes, dtype="float32", name="scores")(x)
