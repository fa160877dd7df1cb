"""Texts: classify them, say why, search in them; train all of it on your own file.

    from apps import text
    result = text.train(text.TrainOptions(data="reviews.csv"))
    for answer in text.classify(["a gorgeous, witty film"], model=result.run):
        print(answer.labels, answer.probabilities)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

# Modules are nouns and functions verbs, so that loading a module never hides a function of its name.
_HOMES = {
    "Answer": "prediction",
    "EncoderOptions": "options",
    "PretrainOptions": "options",
    "TrainOptions": "options",
    "TrainResult": "training",
    "build_index": "index",
    "classify": "prediction",
    "embed": "embedding",
    "evaluate_model": "evaluation",
    "explain": "explanation",
    "load": "prediction",
    "open_index": "index",
    "pretrain": "pretraining",
    "train": "training",
    "train_encoder": "encoder_training",
}

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
