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


def generated(model: str, size: tuple[int, int], *, tile: bool = False, seed: int = 0) -> np.ndarray:
    """Return a texture ``(h, w, 3)`` float32 in [0, 1].

    Args:
        model: a folder that ``texture train`` has written.
        size: (width, height) in pixels; of a seamless one brought to multiples of 16.
        tile: it goes on at its opposite edge.
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
    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    return np.clip(TILING.run(noise, run, beyond="wrapped" if tile else "mirrored"), 0, 1)
