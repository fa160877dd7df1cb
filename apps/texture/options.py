"""What can be asked of a synthesis."""

from __future__ import annotations

import re
from dataclasses import dataclass

from common.errors import UsageError

__all__ = ["LARGEST", "METHODS", "QUALITIES", "SynthesisOptions", "TrainOptions", "parsed_size"]

METHODS = ("gram", "wasserstein")
QUALITIES = {"fast": 40, "good": 120, "best": 400}  # steps at the finest scale
LARGEST = 4096
SMALLEST = 32


@dataclass(frozen=True)
class SynthesisOptions:
    """What to make.

    Args:
        exemplars: pictures of the texture; of several, a mixture.  Or the folder of a network that was trained on one.
        size: (width, height) in pixels; None for that of the first exemplar.
        tile: what is made goes on at its opposite edge.
        method: ``gram`` or ``wasserstein``.
        quality: ``fast``, ``good`` or ``best``.
        guide: a picture of regions in flat colours that says which texture goes where; with it each exemplar fills
            the region of its number, counted from the darkest; "" for none.
        inpaint: a picture, white where the first exemplar is to be made anew; "" for none.
        features: that textures are compared by: a shipped name, a folder, ``vgg19`` or ``vgg16``; "" for those that
            ship.
        seed: of the start and of all directions.
        variations: how many to make, with seeds that follow.
        out: the picture to write, or with several variations the stem of their names; "" for one beside the exemplar.
    """

    exemplars: tuple[str, ...]
    size: tuple[int, int] | None = None
    tile: bool = False
    method: str = "gram"
    quality: str = "good"
    guide: str = ""
    inpaint: str = ""
    features: str = ""
    seed: int = 0
    variations: int = 1
    out: str = ""

    def check(self) -> None:
        """Check what can be checked without a framework.

        Raises:
            UsageError: a wrong name or size, or requests that exclude each other.
        """
        if self.method not in METHODS:
            raise UsageError(f"unknown method {self.method!r}", f"known: {', '.join(METHODS)}")
        if self.quality not in QUALITIES:
            raise UsageError(f"unknown quality {self.quality!r}", f"known: {', '.join(QUALITIES)}")
        if self.size and not all(SMALLEST <= side <= LARGEST for side in self.size):
            raise UsageError(
                f"size {self.size[0]}x{self.size[1]} is out of range",
                f"sides of {SMALLEST} to {LARGEST} pixels",
            )
        if self.inpaint and (self.size or self.tile or self.guide or len(self.exemplars) > 1):
            raise UsageError(
                "--inpaint mends one picture as it is", "leave out --size, --tile, --guide and --mix"
            )
        if self.guide and (self.size or self.tile):
            raise UsageError(
                "the guide says the size and where its regions end", "leave out --size and --tile"
            )


def parsed_size(text: str) -> tuple[int, int]:
    """Return (width, height) of ``512x384``, or of ``512`` for a square.

    Raises:
        UsageError: it names no size.
    """
    found = re.fullmatch(r"(\d+)(?:[x×](\d+))?", text.strip().lower())
    if not found:
        raise UsageError(f"{text!r} is no size", "--size WIDTHxHEIGHT, such as --size 512x384")
    width, height = found.groups()
    return int(width), int(height or width)


@dataclass(frozen=True)
class TrainOptions:
    """What a network that makes one texture is trained on.

    Args:
        exemplar: a picture of the texture.
        features: that compare pictures; "" for those that ship.
        steps: of training.
        side: pixels of the pictures that are made in training, a multiple of 16.
        batch: pictures a step.
        rate: peak learning rate.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    exemplar: str
    features: str = ""
    steps: int = 2000
    side: int = 128
    batch: int = 2
    rate: float = 4e-3
    seed: int = 0
    device: str = "auto"

    def check(self) -> None:
        """Check what can be checked without a framework.

        Raises:
            UsageError: a number out of range.
        """
        if self.side % 16 or not 64 <= self.side <= 512:
            raise UsageError(f"--side {self.side} is out of range", "a multiple of 16 from 64 to 512")
