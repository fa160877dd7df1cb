"""The networks for molecules and proteins.

Every function returns a ``keras.Model`` from a batch of molecules, a batch of proteins and pairs of them
``(N, 2)`` int32 to one raw value a pair ``(N, 1)``.  Each molecule and each protein of a batch is encoded once,
however many pairs it is in.  Inputs go by name, see ``INPUTS``; a network takes those that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import layers

from apps.interaction.features import (
    ATOM_FEATURES,
    BOND_KINDS,
    FINGERPRINT,
    LETTERS,
    NEIGHBOURS,
    RESIDUES,
    STRIDE,
)
from common.layers import (
    CoarserParts,
    ExpectedAboveFloor,
    Flat,
    GraphConvolution,
    LayerScale,
    LearnedSpread,
    OfPair,
    OneSequence,
    RealPlaces,
    SegmentAttention,
    SegmentMax,
    SegmentMean,
)
from common.registry import Registry

__all__ = ["INPUTS", "NETWORKS", "STARTS", "answering", "cnn", "deepdta", "ensemble", "fingerprint"]

NETWORKS = Registry[Callable[..., keras.Model]]("network")
CLOSE = 10.0  # relatives of one family are alike by a tenth or two
STARTS = {"cnn": "fingerprint"}  # a network, and the one that it is trained as first: a part of it

# Name of each input, its shape without the first dimension, its type; None stands for the number of references.
INPUTS: dict[str, tuple[tuple[int | None, ...], str]] = {
    "pairs": ((2,), "int32"),
    "fingerprint": ((FINGERPRINT,), "float32"),
    "atoms": ((ATOM_FEATURES,), "float32"),
    "neighbours": ((NEIGHBOURS,), "int32"),
    "bonds": ((NEIGHBOURS,), "int32"),
    "molecule_of": ((), "int32"),
    "letters": ((), "int32"),
    "letter_of": ((), "int32"),
    "relatives": ((None,), "float32"),
    "residues": ((), "int32"),
    "protein_of": ((), "int32"),
}


def _inputs(*names: str, relatives: int) -> dict[str, keras.KerasTensor]:
    given = {}
    for name in names:
        shape, kind = INPUTS[name]
        given[name] = keras.Input([size or relatives for size in shape], dtype=kind, name=name)
    return given


def _embedded(numbers, real, rows: int, size: int, name: str):
    x = layers.Embedding(rows, size, name=name)(OneSequence(name=f"{name}_sequence")(numbers))
    return layers.Multiply(name=f"{name}_real")([x, real])


def _conv(x, real, filters: int, width: int, dilation: int, name: str):
    """Convolve along all parts at once; the gaps between them stay empty, so that none sees another."""
    x = layers.Conv1D(filters, width, dilation_rate=dilation, padding="same", activation="relu", name=name)(x)
    return layers.Multiply(name=f"{name}_real")([x, real])


def _hidden(x, share: float, name: str):
    """Hide a share of the numbers while training, so that no single one is relied on."""
    return layers.Dropout(share, name=f"{name}_hidden")(x)


def _dense(x, units: int, dropout: float, name: str):
    x = layers.Dense(units, activation="relu", name=name)(x)
    return layers.Dropout(dropout, name=f"{name}_dropout")(x) if dropout else x


def _of_circles(counts, share: float, width: int):
    """Return the encoding of molecules by their substructures, of which a share is hidden while training."""
    # Training finds the layer that reads the counts by its name.
    return _dense(_dense(_hidden(counts, share, "fingerprint"), width, 0, "circles"), width, 0, "drug")


def _of_family(similarities, share: float, width: int):
    """Return the encoding of proteins by their relatives, of which a share is hidden while training."""
    near = layers.Rescaling(CLOSE, name="relatives_scaled")(similarities)
    return _dense(_dense(_hidden(near, share, "relatives"), width, 0, "family"), width, 0, "protein")


def _joined(counted, convolved, name: str):
    """Return one encoding of two views: what is convolved is added, hardly at first, more as it is learned."""
    added = layers.Dense(counted.shape[-1], name=f"{name}_convolved")(convolved)
    return layers.Add(name=f"{name}_views")([counted, LayerScale(0.01, name=f"{name}_weight")(added)])


def _value_of(
    drug, protein, pairs, sizes: Sequence[int], dropout: float, floor: float | None, *, product: bool = True
):
    """Return the raw value of each pair from the encodings of both sides, by fully connected layers.

    Args:
        drug, protein: encodings, a row each.
        pairs: of rows.
        sizes: of the layers.
        dropout: in each.
        floor: lowest value that can be measured; None for none.
        product: show the layers the product of both encodings too, which must be as wide as each other.
    """
    both = [OfPair(0, name="drug_of")(drug, pairs), OfPair(1, name="target_of")(protein, pairs)]
    if product:
        both = [
            layers.Dropout(dropout, name=name)(x)
            for name, x in zip(("drug_dropout", "target_dropout"), both, strict=True)
        ]
        both.append(layers.Multiply(name="product")(both))
    x = layers.Concatenate(name="pair")(both)
    for number, size in enumerate(sizes, start=1):
        x = _dense(x, size, dropout, f"pair{number}")
    x = layers.Dense(1, name="value")(x)
    return x if floor is None else LearnedSpread(name="spread")(x)


@NETWORKS.named("deepdta")
def deepdta(
    *,
    relatives: int,
    filters: int = 32,
    drug_width: int = 8,
    protein_width: int = 8,
    dropout: float = 0.1,
    floor: float | None = None,
) -> keras.Model:
    """Two stacks of three convolutions, over the characters of the SMILES and over the residues.

    Args:
        relatives: number of references; their similarities only say how many proteins there are.
        filters: of the first layers; two and three times as many in the next.
        drug_width, protein_width: positions that a filter of the first layer sees, then 1.5 and 2 times as many.
        dropout: in the fully connected layers.
        floor: lowest value that can be measured, as of ``fingerprint``.

    Reference:
        Öztürk, Özgür and Ozkirimli, "DeepDTA: deep drug-target binding affinity prediction", Bioinformatics 2018,
        figure 2; texts of any length here, not cut at 85 and 1,000.
    """
    given = _inputs(
        "pairs",
        "fingerprint",
        "letters",
        "letter_of",
        "relatives",
        "residues",
        "protein_of",
        relatives=relatives,
    )

    def stack(numbers, part, like, rows: int, width: int, name: str):
        real = RealPlaces(name=f"{name}_places")(part)
        x = _embedded(numbers, real, rows, 128, f"{name}_vectors")
        for step in (1, 2, 3):
            x = _conv(x, real, step * filters, width * (1 + step) // 2, 1, f"{name}_conv{step}")
        return SegmentMax(name=f"{name}_max")(Flat(name=f"{name}_rows")(x), part, like)

    drug = stack(
        given["letters"], given["letter_of"], given["fingerprint"], len(LETTERS) + 1, drug_width, "drug"
    )
    protein = stack(
        given["residues"],
        given["protein_of"],
        given["relatives"],
        len(RESIDUES) + 1,
        protein_width,
        "protein",
    )
    value = _value_of(drug, protein, given["pairs"], (1024, 1024, 512), dropout, floor, product=False)
    return keras.Model(given, value, name="deepdta")


@NETWORKS.named("fingerprint")
def fingerprint(
    *,
    relatives: int,
    width: int = 128,
    sizes: Sequence[int] | None = None,
    hidden: float = 0.2,
    dropout: float = 0.1,
    floor: float | None = None,
) -> keras.Model:
    """Fully connected layers on substructure counts and similar proteins: the simple one that is hard to beat.

    Args:
        relatives: number of references.
        width: of the two layers of each side.
        sizes: of the layers of the pair; by default twice the width, and the width.
        hidden: share of the counts that is hidden in training.
        dropout: in the layers of the pair.
        floor: lowest value that can be measured, for data where many sit on it; None for none.  With it the raw
            output is what the loss ``tobit`` reads, ``(N, 2)``; ``answering`` turns that into the value.
    """
    given = _inputs("pairs", "fingerprint", "relatives", relatives=relatives)
    drug = _of_circles(given["fingerprint"], hidden, width)
    protein = _of_family(given["relatives"], hidden, width)
    return keras.Model(
        given,
        _value_of(drug, protein, given["pairs"], sizes or (2 * width, width), dropout, floor),
        name="fingerprint",
    )


@NETWORKS.named("cnn")
def cnn(
    *,
    relatives: int,
    width: int = 128,
    atoms: int = 64,
    graph_steps: int = 3,
    channels: int = 64,
    dilations: Sequence[int] = (1, 2, 4),
    heads: int = 4,
    sizes: Sequence[int] | None = None,
    hidden: float = 0.2,
    dropout: float = 0.1,
    floor: float | None = None,
) -> keras.Model:
    """Convolution on the molecular graph and along the protein, each added to what counts alone say.

    Without what is convolved it is ``fingerprint``, as which it is trained first: see ``STARTS``.

    Args:
        relatives: number of references.
        width: features of each of the four views, and of each side.
        atoms: features of an atom.
        graph_steps: convolutions on the graph.
        channels: features of a residue.
        dilations: of the residual convolutions along the protein, which see four residues as one.
        heads: of the attention over residues.
        sizes: of the layers of the pair; by default twice the width, and the width.
        hidden: share of the counts that is hidden in training.
        dropout: in the layers of the pair.
        floor: lowest value that can be measured, as of ``fingerprint``.
    """
    names = [name for name in INPUTS if not name.startswith("letter")]
    given = _inputs(*names, relatives=relatives)
    # The molecule: its graph, and its substructures.
    x = layers.Dense(atoms, activation="relu", name="atom")(given["atoms"])
    for step in range(1, graph_steps + 1):
        x = layers.Add(name=f"graph{step}_sum")(
            [
                x,
                GraphConvolution(atoms, BOND_KINDS, name=f"graph{step}")(
                    x, given["neighbours"], given["bonds"]
                ),
            ]
        )
    like = given["fingerprint"]
    graph = [
        SegmentMean(name="atom_mean")(x, given["molecule_of"], like),
        SegmentMax(name="atom_max")(x, given["molecule_of"], like),
    ]
    graph = _dense(layers.Concatenate(name="graph_pooled")(graph), width, 0, "graph")
    drug = _joined(_of_circles(like, hidden, width), graph, "drug")
    # The protein: its residues, and its relatives.
    part, like = given["protein_of"], given["relatives"]
    real = RealPlaces(name="residue_places")(part)
    x = _embedded(given["residues"], real, len(RESIDUES) + 1, channels // 2, "residue_vectors")
    x = layers.Conv1D(
        channels, 2 * STRIDE + 1, strides=STRIDE, padding="same", activation="relu", name="stretch"
    )(x)
    part = CoarserParts(STRIDE, name="stretch_of")(part)
    real = RealPlaces(name="stretch_places")(part)
    x = layers.Multiply(name="stretch_real")([x, real])
    for dilation in dilations:
        x = layers.Add(name=f"conv{dilation}_sum")(
            [x, _conv(x, real, channels, 5, dilation, f"conv{dilation}")]
        )
    x = layers.Dense(2 * channels, activation="relu", name="residue")(Flat(name="residue_rows")(x))
    pooled = [
        SegmentAttention(heads, name="residue_attention")(x, part, like),
        SegmentMax(name="residue_max")(x, part, like),
    ]
    pooled = _dense(layers.Concatenate(name="residue_pooled")(pooled), width, 0, "sequence")
    protein = _joined(_of_family(like, hidden, width), pooled, "protein")
    return keras.Model(
        given,
        _value_of(drug, protein, given["pairs"], sizes or (2 * width, width), dropout, floor),
        name="cnn",
    )


def answering(network: keras.Model, floor: float | None) -> keras.Model:
    """Return the network with what is read of a pair as its output ``(N, 1)``: the mean of what would be measured.

    Args:
        network: with raw outputs, as trained.
        floor: that it was built with.
    """
    if floor is None:
        return network
    taken = {entry.name: entry for entry in network.inputs}
    return keras.Model(
        taken, ExpectedAboveFloor(floor, name="expected")(network.outputs[0]), name=network.name
    )


def ensemble(members: Sequence[keras.Model]) -> keras.Model:
    """Return the networks side by side: from their inputs to the answer of each ``(N, members)``.

    Args:
        members: as ``answering`` returns them.
    """
    given = {
        entry.name: keras.Input(entry.shape[1:], dtype=entry.dtype, name=entry.name)
        for entry in members[0].inputs
    }
    values = []
    for number, member in enumerate(members, start=1):
        taken = {entry.name: entry for entry in member.inputs}
        named = keras.Model(taken, member.outputs[0], name=f"member{number}")
        values.append(named(given))
    joined = layers.Concatenate(name="members")(values) if len(values) > 1 else values[0]
    return keras.Model(given, joined, name=members[0].name)
