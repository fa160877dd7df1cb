"""Handwritten digits: train a network, read photographs.

    from apps import digits
    result = digits.train(digits.TrainOptions(data="digits8x8"))
    for reading in digits.predict(["photo.jpg"]):
        print(reading.page.text)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

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

__getattr__ = on_first_use(__name__, _HOMES)
