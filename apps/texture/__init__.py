"""Textures: more of what a picture shows, in any size, seamless if asked.

    from apps import texture
    for made in texture.synthesize(texture.SynthesisOptions(("brick.jpg",), size=(512, 512))):
        print(made.path)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

_HOMES = {
    "SynthesisOptions": "options",
    "TrainOptions": "options",
    "evaluate": "evaluation",
    "synthesize": "synthesis",
    "train": "training",
}

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
