"""Running a trained model of binding: molecules and a protein in, values with their doubt out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.interaction.alignment import nearest_protein
from apps.interaction.doubt import Doubt
from apps.interaction.features import Molecules, Proteins, molecules_of, proteins_of
from apps.interaction.molecules import canonical, parse_molecule
from apps.interaction.proteins import Protein, looks_like_name, protein_of
from apps.interaction.relatives import References
from apps.interaction.similarity import nearest_molecule
from common import artifact
from common.activations import sigmoid
from common.errors import ArtifactError, InputError, nearest
from common.litert import Runner, litert_runner
from common.predictor import ENGINES

if TYPE_CHECKING:
    from rdkit import Chem

__all__ = ["Binding", "Known", "Predictor", "load", "predict"]

SIMILAR = 0.4  # Tanimoto's coefficient below which a molecule is new to the model
IDENTICAL = 0.4  # share of equal residues below which a protein is
MOLECULES_AT_ONCE = 512


@dataclass(frozen=True)
class Binding:
    """What a model says of one molecule and one protein.

    Args:
        smiles: canonical.
        protein: its name, "" where there is none.
        value: predicted, in ``unit``; a chance where the model answers yes or no.
        spread: standard error of the value, from the disagreement of the members; 0 of a single network.
        unit: such as ``pKd``.
        similarity: Tanimoto's coefficient with ``nearest``, the most similar molecule that was trained on.
        nearest: its SMILES.
        identity: share of equal residues with ``relative``, the most similar protein that was trained on.
        relative: its name.
    """

    smiles: str
    protein: str
    value: float
    spread: float
    unit: str
    similarity: float
    nearest: str
    identity: float
    relative: str

    @property
    def warnings(self) -> list[str]:
        """What lies outside of what was learned, a line each."""
        found = []
        if self.similarity < SIMILAR:
            found.append(f"unlike any molecule trained on (most similar: {self.similarity:.2f} of 1)")
        if self.identity < IDENTICAL:
            found.append(
                f"unlike any protein trained on (most similar: {self.identity:.0%}, {self.relative})"
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"warnings": self.warnings}


@dataclass(frozen=True)
class Known:
    """What a model was trained on.

    Args:
        fingerprints: packed bits ``(n, FINGERPRINT / 8)`` uint8.
        smiles: of the same molecules.
        proteins: trained on.
    """

    fingerprints: np.ndarray
    smiles: tuple[str, ...]
    proteins: tuple[Protein, ...]

    @classmethod
    def from_file(cls, path: Path) -> Known:
        """Read ``known.npz``.

        Raises:
            ArtifactError: damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                smiles, sequences, names = (
                    stored[name].tobytes().decode().split("\n")
                    for name in ("smiles", "sequences", "proteins")
                )
                return cls(stored["fingerprints"], tuple(smiles), tuple(map(Protein, names, sequences)))
        except (ValueError, KeyError, OSError) as error:
            raise ArtifactError(f"{path} is damaged", "copy the folder again or train anew") from error


class Predictor:
    """A model ready to answer.

    Args:
        card: what the model says of itself.
        known: what it was trained on.
        run: from named inputs to raw values ``(N, members)``.
        names: of the inputs.
    """

    def __init__(self, card: artifact.Card, known: Known, run: Runner, names: Sequence[str]) -> None:
        self.card, self.known, self.run, self.names = card, known, run, tuple(names)

    @cached_property
    def doubt(self) -> Doubt:
        """What the disagreement of the members says."""
        return Doubt(**self.card.calibration)

    @cached_property
    def references(self) -> References:
        """Proteins that the network compares others with."""
        return References(self._sequences)

    def proteins_of(self, sequences: Sequence[str]) -> Proteins:
        """Return the features of proteins as this model reads them."""
        return proteins_of(sequences, self.references)

    @property
    def reads_graph(self) -> bool:
        """Whether the network reads the graph of a molecule, and not its counts alone."""
        return "atoms" in self.names

    @property
    def unit(self) -> str:
        """Of the values."""
        return self.card.classes[0]

    def protein(self, argument: str | Protein) -> Protein:
        """Return the protein that somebody typed: one that was trained on by its name, or as ``protein_of`` reads it.

        Raises:
            InputError: neither; the line says what of it is near.
        """
        if isinstance(argument, Protein):
            return argument
        named = [protein for protein in self.known.proteins if protein.name]
        word = argument.strip()
        same = [protein for protein in named if protein.name.casefold() == word.casefold()]
        if same and not Path(word).exists():
            return same[0]
        try:
            return protein_of(argument)
        except InputError as error:
            if not looks_like_name(word):
                raise
            raise InputError(
                f"{word!r} is no file, no sequence and none of the {len(named)} proteins that the model knows"
                f"{nearest(word, [protein.name for protein in named])}",
                error.hint,
            ) from error

    def values(self, molecules: Molecules, proteins: Proteins) -> tuple[np.ndarray, np.ndarray]:
        """Return value and spread of each molecule with each protein, both ``(molecules, proteins)``.

        Every protein is encoded once for ``MOLECULES_AT_ONCE`` molecules.
        """
        many, few = len(molecules), len(proteins)
        every = np.zeros((many, few, self.card.arguments["members"]), np.float32)
        given = proteins.batch(np.arange(few), self.names)
        for first in range(0, many, MOLECULES_AT_ONCE):
            chosen = np.arange(first, min(first + MOLECULES_AT_ONCE, many))
            pairs = np.stack(np.meshgrid(chosen - first, np.arange(few), indexing="ij"), axis=-1)
            inputs = (
                molecules.batch(chosen, self.names) | given | {"pairs": pairs.reshape(-1, 2).astype(np.int32)}
            )
            raw = self.run({name: inputs[name] for name in self.names})
            every[chosen] = raw.reshape(len(chosen), few, -1)
        if self.card.activation == "sigmoid":
            every = sigmoid(every)
        return every.mean(axis=2), self.doubt.of(every.std(axis=2))

    def bindings(
        self, mols: Sequence[Chem.Mol], smiles: Sequence[str], proteins: Sequence[Protein]
    ) -> list[Binding]:
        """Answer for every molecule with every protein, molecule by molecule."""
        molecules = molecules_of(mols, smiles, graph=self.reads_graph)
        value, spread = self.values(molecules, self.proteins_of([protein.sequence for protein in proteins]))
        near, similarity = self.nearest_molecules(molecules)
        relatives = [nearest_protein(protein.sequence, self._sequences) for protein in proteins]
        return [
            Binding(
                smiles=canonical(mol),
                protein=protein.name,
                value=float(value[row, column]),
                spread=float(spread[row, column]),
                unit=self.unit,
                similarity=float(similarity[row]),
                nearest=self.known.smiles[near[row]],
                identity=float(relatives[column][1]),
                relative=self.known.proteins[relatives[column][0]].name,
            )
            for row, mol in enumerate(mols)
            for column, protein in enumerate(proteins)
        ]

    def nearest_molecules(self, molecules: Molecules) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of the most similar known molecule of each, and the similarity."""
        return nearest_molecule(np.packbits(molecules.fingerprint > 0, axis=1), self.known.fingerprints)

    @cached_property
    def _sequences(self) -> list[str]:
        return [protein.sequence for protein in self.known.proteins]


def load(reference: str | Path) -> Predictor:
    """Load a shipped model or that of a run folder.

    Raises:
        ArtifactError: no such model, one of another app, or a file of it is missing or damaged.
    """
    folder = artifact.resolve(reference)
    card = artifact.read_card(folder)
    if card.app != "interaction":
        raise ArtifactError(f"{reference} is a model of {card.app}", f"cnnapps {card.app} --help")
    known = Known.from_file(artifact.require(folder, "known.npz"))
    path = artifact.require(folder, ENGINES.get("litert"))
    try:
        content = path.read_bytes()
        return Predictor(card, known, litert_runner(content), card.data["inputs"])
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"{path} is damaged", "copy the folder again") from error


def predict(
    smiles: Sequence[str], protein: str | Protein, *, model: str | Path, strip_salts: bool = False
) -> list[Binding]:
    """Predict how strongly molecules bind a protein.

    Args:
        smiles: of the molecules.
        protein: a FASTA file, a sequence, the name of one that the model was trained on, or a protein.
        model: a shipped name or a run folder.
        strip_salts: keep the largest organic fragment of each molecule.

    Raises:
        InputError: no molecule, or no protein; the line says why.
        ArtifactError: as of ``load``.
    """
    mols = [parse_molecule(text, strip_salts=strip_salts) for text in smiles]
    predictor = load(model)
    return predictor.bindings(mols, [canonical(mol) for mol in mols], [predictor.protein(protein)])
