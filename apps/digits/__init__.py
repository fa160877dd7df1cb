"""Handwritten digits: train a network, read photographs.

    from apps import digits
    result = digits.train(digits.TrainOptions(data="digits8x8"))
    for reading in digits.predict(["photo.jpg"]):
        print(reading.page.text)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

import importlib
from typing import Any

# Modules are nouns and functions verbs, so that loading a module never hides a function of its name.
_HOMES = {
    "TrainOptions": "options",
    "TrainResult": "training",
    "evaluate": "evaluation",
    "explain": "explanation",
    "predict": "prediction",
    "robustness": "evaluation",
    "train": "training",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"apps.digits.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
