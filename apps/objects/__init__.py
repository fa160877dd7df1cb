"""Objects: what is in a picture; train on your own folder of pictures.

    from apps import objects
    result = objects.train(objects.TrainOptions(data="flowers/"))
    for answer in objects.classify(["photo.jpg"], model=result.run):
        print(answer.labels)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

# Modules are nouns and functions verbs, so that loading a module never hides a function of its name.
_HOMES = {
    "TrainOptions": "options",
    "TrainResult": "training",
    "classify": "prediction",
    "evaluate": "evaluation",
    "evaluate_model": "evaluation",
    "explain": "explanation",
    "train": "training",
}

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
