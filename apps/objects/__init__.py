"""Objects: what is in a picture; train on your own folder of pictures.

    from apps import objects
    result = objects.train(objects.TrainOptions(data="flowers/"))
    for answer in objects.classify(["photo.jpg"], model=result.run):
        print(answer.labels)
    result = objects.train_detector(objects.DetectorOptions("cells/"))
    for file in objects.detect(["photo.jpg"], objects.open_detector(result.run)):
        print(file.line())

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

# Modules are nouns and functions verbs, so that loading a module never hides a function of its name.
_HOMES = {
    "DetectOptions": "detection.options",
    "DetectorOptions": "detection.options",
    "DetectorResult": "detection.training",
    "TrainOptions": "options",
    "TrainResult": "training",
    "classify": "prediction",
    "detect": "detection.prediction",
    "detect_video": "detection.video",
    "evaluate": "evaluation",
    "evaluate_detector": "detection.evaluation",
    "evaluate_model": "evaluation",
    "explain": "explanation",
    "open_detector": "detection.prediction",
    "train": "training",
    "train_detector": "detection.training",
}

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
