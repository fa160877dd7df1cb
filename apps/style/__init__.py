"""Neural style transfer: what one picture shows, painted as another is.

    from apps import style
    for made in style.run(style.StyleOptions("photo.jpg", ("painting.jpg",))):
        print(made.path)

Importing this package imports no framework; its functions do when called.
"""

from __future__ import annotations

from common.imports import on_first_use

_HOMES = {
    "StyleOptions": "options",
    "TrainOptions": "options",
    "evaluate": "evaluation",
    "resume": "running",
    "run": "running",
    "train": "training",
}

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
