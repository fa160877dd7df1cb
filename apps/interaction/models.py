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
    COMPOSITION,
    FINGERPRINT,
    LETTERS,
    NEIGHBOURS,
    RESIDUES,
    STRIDE,
)
from common.layers import (
    CoarserParts,
    Flat,
    GraphConvolution,
    OfPair,
    OneSequence,
    RealPlaces,
    SegmentAttention,
    SegmentMax,
    SegmentMean,
)
from common.registry import Registry

__all__ = ["INPUTS", "NETWORKS", "cnn", "deepdta", "ensemble", "fingerprint"]

NETWORKS = Registry[Callable[..., keras.Model]]("network")

# Name of each input, its shape without the first dimension, its type.
INPUTS: dict[str, tuple[tuple[int, ...], str]] = {
    "pairs": ((2,), "int32"),
    "fingerprint": ((FINGERPRINT,), "float32"),
    "atoms": ((ATOM_FEATURES,), "float32"),
    "neighbours": ((NEIGHBOURS,), "int32"),
    "bonds": ((NEIGHBOURS,), "int32"),
    "molecule_of": ((), "int32"),
    "letters": ((), "int32"),
    "letter_of": ((), "int32"),
    "composition": ((COMPOSITION,), "float32"),
    "residues": ((), "int32"),
    "protein_of": ((), "int32"),
}


def _inputs(*names: str) -> dict[str, keras.KerasTensor]:
    return {name: keras.Input(INPUTS[name][0], dtype=INPUTS[name][1], name=name) for name in names}


def _embedded(numbers, real, rows: int, size: int, name: str):
    x = layers.Embedding(rows, size, name=name)(OneSequence(name=f"{name}_sequence")(numbers))
    return layers.Multiply(name=f"{name}_real")([x, real])


def _conv(x, real, filters: int, width: int, dilation: int, name: str):
    """Convolve along all parts at once; the gaps between them stay empty, so that none sees another."""
    x = layers.Conv1D(filters, width, dilation_rate=dilation, padding="same", activation="relu", name=name)(x)
    return layers.Multiply(name=f"{name}_real")([x, real])


def _dense(x, units: int, dropout: float, name: str):
    x = layers.Dense(units, activation="relu", name=name)(x)
    return layers.Dropout(dropout, name=f"{name}_dropout")(x) if dropout else x


def _value_of(drug, protein, pairs, sizes: Sequence[int], dropout: float, floor: float | None):
    """Return one value a pair from the encodings of both sides, by fully connected layers."""
    x = layers.Concatenate(name="pair")(
        [OfPair(0, name="drug_of")(drug, pairs), OfPair(1, name="target_of")(protein, pairs)]
    )
    for number, size in enumerate(sizes, start=1):
        x = _dense(x, size, dropout, f"pair{number}")
    x = layers.Dense(1, name="value")(x)
    if floor is not None:
        x = layers.Rescaling(1.0, floor, name="floor")(layers.Activation("softplus", name="above")(x))
    return x


@NETWORKS.named("deepdta")
def deepdta(
    *,
    filters: int = 32,
    drug_width: int = 8,
    protein_width: int = 8,
    dropout: float = 0.1,
    floor: float | None = None,
) -> keras.Model:
    """Two stacks of three convolutions, over the characters of the SMILES and over the residues.

    Args:
        filters: of the first layers; two and three times as many in the next.
        drug_width, protein_width: positions that a filter of the first layer sees, then 1.5 and 2 times as many.
        dropout: in the fully connected layers.
        floor: lowest value that can be measured, as of ``fingerprint``.

    Reference:
        Öztürk, Özgür and Ozkirimli, "DeepDTA: deep drug-target binding affinity prediction", Bioinformatics 2018,
        figure 2; texts of any length here, not cut at 85 and 1,000.
    """
    given = _inputs("pairs", "fingerprint", "letters", "letter_of", "composition", "residues", "protein_of")

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
        given["composition"],
        len(RESIDUES) + 1,
        protein_width,
        "protein",
    )
    value = _value_of(drug, protein, given["pairs"], (1024, 1024, 512), dropout, floor)
    return keras.Model(given, value, name="deepdta")


@NETWORKS.named("fingerprint")
def fingerprint(
    *, units: int = 256, sizes: Sequence[int] = (1024, 512), dropout: float = 0.2, floor: float | None = None
) -> keras.Model:
    """Fully connected layers on substructure counts and sequence composition: the simple one that is hard to beat.

    Args:
        units: of the layer of each side.
        sizes: of the layers of the pair.
        dropout: in all of these.
        floor: lowest value that can be measured, for data where many sit on it; None for none.  What lies below it
            cannot be told apart, so the network may think so: its value bends towards the floor and stays above.
    """
    given = _inputs("pairs", "fingerprint", "composition")
    drug = _dense(given["fingerprint"], units, dropout, "drug")
    protein = _dense(given["composition"], units, dropout, "protein")
    return keras.Model(
        given, _value_of(drug, protein, given["pairs"], sizes, dropout, floor), name="fingerprint"
    )


@NETWORKS.named("cnn")
def cnn(
    *,
    width: int = 128,
    atoms: int = 96,
    graph_steps: int = 3,
    channels: int = 64,
    dilations: Sequence[int] = (1, 2, 4),
    heads: int = 4,
    sizes: Sequence[int] = (512, 256),
    dropout: float = 0.2,
    floor: float | None = None,
) -> keras.Model:
    """Convolution on the molecular graph and along the protein, each beside what counts alone say.

    Args:
        width: features of each of the four views.
        atoms: features of an atom.
        graph_steps: convolutions on the graph.
        channels: features of a residue.
        dilations: of the residual convolutions along the protein, which see four residues as one.
        heads: of the attention over residues.
        sizes: of the layers of the pair.
        dropout: in the fully connected layers.
        floor: lowest value that can be measured, as of ``fingerprint``.
    """
    given = _inputs(*(name for name in INPUTS if not name.startswith("letter")))
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
    graph = _dense(layers.Concatenate(name="graph_pooled")(graph), width, dropout, "graph")
    counted = _dense(like, width, dropout, "circles")
    drug = layers.Concatenate(name="drug")([graph, counted])
    # The protein: its residues, and their composition.
    part, like = given["protein_of"], given["composition"]
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
    pooled = _dense(layers.Concatenate(name="residue_pooled")(pooled), width, dropout, "sequence")
    shares = _dense(like, width, dropout, "shares")
    protein = layers.Concatenate(name="protein")([pooled, shares])
    return keras.Model(given, _value_of(drug, protein, given["pairs"], sizes, dropout, floor), name="cnn")


def ensemble(members: Sequence[keras.Model]) -> keras.Model:
    """Return the networks side by side: from their inputs to the raw value of each ``(N, members)``."""
    names = [entry.name for entry in members[0].inputs]
    given = _inputs(*names)
    values = []
    for number, member in enumerate(members, start=1):
        taken = {entry.name: entry for entry in member.inputs}
        named = keras.Model(taken, member.outputs[0], name=f"member{number}")
        values.append(named({name: given[name] for name in names}))
    joined = layers.Concatenate(name="members")(values) if len(values) > 1 else values[0]
    return keras.Model(given, joined, name=members[0].name)
