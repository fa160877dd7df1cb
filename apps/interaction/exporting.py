"""A model of binding in other formats, checked on real pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.interaction.features import Features, molecules_of
from apps.interaction.molecules import canonical, parse_molecule
from apps.interaction.prediction import load
from common import artifact
from common.errors import UsageError
from common.export import Parity, export
from common.predictor import load_network

__all__ = ["FORMATS", "export_model"]

FORMATS = ("savedmodel", "onnx", "litert", "litert-float16")
SEED = 0
PAIRS = 64  # compared


def export_model(model: str, format: str, out: Path | None) -> list[Parity]:
    """Write ``model`` in one format, or in ``all``, and compare each on pairs of what it was trained on.

    Args:
        model: a shipped name or a run folder.
        format: one of ``FORMATS``, or ``all``.
        out: stem of the files; by default ``exports/NAME``.

    Raises:
        UsageError: an unknown format.
        UserError: a file that exists.
        MissingExtra: ONNX without its packages.
    """
    if format not in ("all", *FORMATS):
        raise UsageError(f"unknown format {format!r}", f"choose {', '.join(FORMATS)} or all")
    predictor = load(model)
    draw = np.random.default_rng(SEED)
    drug = draw.integers(0, len(predictor.known.smiles), PAIRS)
    protein = draw.integers(0, len(predictor.known.proteins), PAIRS)
    drugs, row = np.unique(drug, return_inverse=True)
    proteins, column = np.unique(protein, return_inverse=True)
    mols = [parse_molecule(predictor.known.smiles[number]) for number in drugs]
    features = Features(
        molecules_of(mols, [canonical(mol) for mol in mols]),
        predictor.proteins_of([predictor.known.proteins[number].sequence for number in proteins]),
    )
    inputs = features.inputs(row, column, predictor.names)
    stem = out or Path("exports") / Path(model).name
    example = (
        "# Reading molecules and proteins needs RDKit, and cnnapps to number what it reads:\n"
        "from apps.interaction.features import Features, molecules_of\n"
        "from apps.interaction.molecules import parse_molecule\n"
        "from apps.interaction.prediction import load\n"
        f"known = load({model!r})\n"
        'features = Features(molecules_of([parse_molecule("CCO")], ["CCO"]), known.proteins_of(["MKTAYIAKQR"]))\n'
        f"names = {list(predictor.names)}\n"
        "inputs = features.inputs(np.array([0]), np.array([0]), names)"
    )
    network = load_network(str(artifact.resolve(model)))
    return [
        export(network, name, stem, inputs, example) for name in (FORMATS if format == "all" else [format])
    ]
