"""Textures by a network that was trained on one: at once, in any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common import artifact
from common.errors import ArtifactError
from common.litert import litert_runner
from common.tiles import Tiling

__all__ = ["generated", "is_generator"]

TILING = Tiling(cell=16, reach=112, tile=512)


def is_generator(source: str) -> bool:
    """Return whether a source is the folder of a model, not a picture."""
    return (Path(source) / "card.json").is_file()


def generated(model: str, size: tuple[int, int], *, seed: int = 0) -> np.ndarray:
    """Return a texture ``(h, w, 3)`` float32 in [0, 1].

    Args:
        model: a folder that ``texture train`` has written.
        size: (width, height) in pixels; where these are multiples of 16 it goes on at its opposite edges.
        seed: of the noise.

    Raises:
        ArtifactError: a model of something else, or a file of it is missing.
    """
    folder = artifact.resolve(model)
    card = artifact.read_card(folder)
    if card.network != "generator":
        raise ArtifactError(
            f"{model} makes no textures: it is a {card.network!r}", "cnnapps texture train PICTURE"
        )
    run = litert_runner(artifact.require(folder, "model.tflite").read_bytes())
    width, height = size
    # Noise that is mirrored at an edge is like none that the network has learned from: what is seen there is the noise
    # of the opposite edge, of a picture that is cut to its size where that is no multiple of a cell.
    high, wide = (-(-side // TILING.cell) * TILING.cell for side in (height, width))
    noise = np.random.default_rng(seed).random((high, wide, 3), np.float32)
    return np.clip(TILING.run(noise, run, beyond="wrapped"), 0, 1)[:height, :width]
