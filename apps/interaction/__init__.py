"""How strongly a molecule binds a protein: train on measured pairs, predict, screen a library, say why.

    from apps import interaction
    result = interaction.train(interaction.TrainOptions(data="pairs.csv"))
    for binding in interaction.predict(["CCO"], "protein.fasta", model=result.run):
        print(binding.value, binding.spread, binding.warnings)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

# Modules are nouns and functions verbs, so that loading a module never hides a function of its name.
_HOMES = {
    "Binding": "prediction",
    "TrainOptions": "options",
    "TrainResult": "training",
    "check": "checking",
    "evaluate_model": "evaluation",
    "explain": "explanation",
    "load": "prediction",
    "predict": "prediction",
    "read_pairs": "pairs",
    "screen": "screening",
    "train": "training",
}

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
