"""Texts: train a classifier on your own file, sort lines.

    from apps import text
    result = text.train(text.TrainOptions(data="reviews.csv"))
    for answer in text.classify(["a gorgeous, witty film"], model=result.run):
        print(answer.labels, answer.probabilities)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

import importlib
from typing import Any

# Modules are nouns and functions verbs, so that loading a module never hides a function of its name.
_HOMES = {
    "Answer": "prediction",
    "TrainOptions": "options",
    "TrainResult": "training",
    "classify": "prediction",
    "evaluate_model": "evaluation",
    "explain": "explanation",
    "load": "prediction",
    "train": "training",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"apps.text.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
