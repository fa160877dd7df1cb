"""From a network that recognises to features that describe: normalisation folded, head left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from common import artifact
from common.data.images import decode, find_pictures
from common.errors import ArtifactError, InputError, UserError

__all__ = ["FeaturesMade", "make_features"]

PICTURES = 500  # over which mean activations are taken
SIDE = 64  # pixels of a square of each


@dataclass(frozen=True)
class FeaturesMade:
    """Features that were made.

    Args:
        folder: of the artifact.
        card: of the artifact.
    """

    folder: Path
    card: artifact.Card


def make_features(model: str, pictures: str, out: Path, *, seed: int = 0, command: str = "") -> FeaturesMade:
    """Turn a trained ``vgg`` network of ``objects`` into features for textures and style.

    Args:
        model: a run folder with that network.
        pictures: a folder of pictures, over which the filters' mean activations become 1.
        out: a folder that is not there yet.
        seed: of the choice of pictures.
        command: as typed, for the card.

    Raises:
        ArtifactError: no such model, or one of another network.
        InputError: no pictures.
        UserError: ``out`` is there.
    """
    card = artifact.read_card(artifact.resolve(model))
    if card.network != "vgg":
        raise ArtifactError(
            f"{model} has the network {card.network!r}, features are made of a 'vgg'",
            "cnnapps objects train DATA --network vgg",
        )
    if out.exists():
        raise UserError(f"{out} exists", "choose another --out")
    squares = _squares(pictures, np.random.default_rng(seed))

    from common.features import folded
    from common.predictor import load_network

    network = folded(load_network(model), squares)
    made = artifact.Card(
        app="texture",
        network="features",
        arguments=card.arguments,
        classes=(),
        input_shape=(None, None, 3),
        preprocessing="RGB in [0, 1]",
        activation="none",
        calibration={},
        metrics=card.metrics,
        data=card.data,
        command=f"{card.command} && {command}",
        seed=card.seed,
        recipe=card.recipe,
        intended_use="comparing textures and styles by the statistics of its feature maps",
        limits="not for recognising: it has no classes",
    )
    return FeaturesMade(out, artifact.save(out, network, made, precision="float16"))


def _squares(folder: str, draw: np.random.Generator) -> np.ndarray:
    """Return squares of pictures ``(n, 64, 64, 3)`` float32 in [0, 1], from the middle of each."""
    files = find_pictures([folder])
    if not files:
        raise InputError(f"{folder} holds no pictures")
    found = []
    for number in draw.permutation(len(files))[:PICTURES]:
        pixels = decode(files[number], max_side=512).pixels
        side = min(pixels.shape[:2])
        top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
        square = pixels[top : top + side, left : left + side]
        found.append(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    return np.stack(found).astype(np.float32) / 255
