"""What can be asked of a style transfer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from common.errors import UsageError

__all__ = [
    "BEGINNINGS",
    "COLOURS",
    "MATCHED",
    "METHODS",
    "NETWORKS",
    "QUALITIES",
    "StyleOptions",
    "TrainOptions",
]

METHODS = ("auto", "fast", "optimize")
NETWORKS = ("painter", "decoder")

QUALITIES = {"fast": 40, "good": 120, "best": 400}  # steps at each scale
MATCHED = ("gram", "wasserstein", "both")
COLOURS = ("none", "luminance", "histogram")
BEGINNINGS = ("content", "noise", "style")
SMALLEST, LARGEST = 16, 4096  # pixels of the longer side of what is optimised


@dataclass(frozen=True)
class StyleOptions:
    """What to paint, and how.

    Args:
        content: the picture to be painted.
        styles: pictures of the style; of several, a mixture, or with ``mask`` one a region.
        weights: of each style in the mixture; all alike if empty.
        method: ``fast``, one pass of a trained network; ``optimize``, step by step, slower and closer to the style;
            ``auto`` optimises one picture; of a model, a video and a folder it is ``fast``, where nothing is asked for
            that one pass cannot do.
        model: of the fast method: a shipped name or a folder; "" for the one that ships.
        size: pixels of the longer side of the result; 0 for that of the content, at most 512 where it is optimised.
        strength: of the style against the content; 1 is balanced, 2 twice as much style.  By steps all of the style's
            colours come from 0.25 on; in one pass as much of them as of the style, at most 1.
        style_scale: size of the style's strokes: its longer side against that of the result.
        match: what of the style is matched: ``wasserstein`` (distributions of features), ``gram`` or ``both``.
        preserve_color: ``luminance`` paints brightness alone, ``histogram`` recolours the style first, ``none``.
        mask: a picture, white where the style goes; with several styles, flat colours, one a style, darkest first,
            after black, which is left as it is; "" for everywhere.
        init: what is begun from: ``content`` (in the style's colours), ``noise`` or ``style``.
        quality: ``fast``, ``good`` or ``best``: steps.
        features: that compare pictures: a shipped name, a folder, ``vgg19``, ``vgg16``; "" for those that ship.
        seed: of all that is random.
    """

    content: str
    styles: tuple[str, ...]
    weights: tuple[float, ...] = ()
    method: str = "auto"
    model: str = ""
    size: int = 0
    strength: float = 1.0
    style_scale: float = 1.0
    match: str = "gram"
    preserve_color: str = "none"
    mask: str = ""
    init: str = "content"
    quality: str = "good"
    features: str = ""
    seed: int = 0

    def check(self) -> None:
        """Check what can be checked without a framework.

        Raises:
            UsageError: a name or a number that makes no sense, or requests that exclude each other.
        """
        for what, given, known in (
            ("--method", self.method, METHODS),
            ("--match", self.match, MATCHED),
            ("--preserve-color", self.preserve_color, COLOURS),
            ("--init", self.init, BEGINNINGS),
            ("--quality", self.quality, tuple(QUALITIES)),
        ):
            if given not in known:
                raise UsageError(f"{what} {given!r} is unknown", f"known: {', '.join(known)}")
        if self.weights and len(self.weights) != len(self.styles):
            raise UsageError(
                f"{len(self.weights)} weights for {len(self.styles)} styles",
                "give --style-weight once a style",
            )
        if self.weights and (min(self.weights) < 0 or not sum(self.weights)):
            raise UsageError("weights of styles are 0 or more, and not all 0", "--style-weight 2")
        if self.weights and self.mask:
            raise UsageError("with a mask every style has a region of its own", "leave out --style-weight")
        if self.size and not SMALLEST <= self.size <= LARGEST:
            raise UsageError(f"--size {self.size} is out of range", f"{SMALLEST} to {LARGEST} pixels")
        if not 0 < self.strength <= 100:
            raise UsageError(f"--strength {self.strength:g} is out of range", "above 0, at most 100")
        if not 0.1 <= self.style_scale <= 4:
            raise UsageError(f"--style-scale {self.style_scale:g} is out of range", "0.1 to 4")

    @property
    def shares(self) -> tuple[float, ...]:
        """Weights of the styles that add up to one."""
        weights = self.weights or (1.0,) * len(self.styles)
        return tuple(weight / sum(weights) for weight in weights)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> StyleOptions:
        """Return options from plain values."""
        known = {field.name for field in fields(cls)}
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
            if name in known
        }
        return cls(**kept)


@dataclass(frozen=True)
class TrainOptions:
    """What a network that paints in one pass is trained on.

    Args:
        styles: pictures or folders of them.
        contents: folders of photographs to learn on.
        network: ``painter`` for one style, or a mixture that it will not tell apart; ``decoder`` for any style.
        weights: model of the same network to start from; "" for random weights.
        features: that compare pictures; "" for those that ship.
        style_weight: of the style against the content.
        steps: of training.
        side: pixels of the windows, a multiple of 8.
        batch: windows a step.
        rate: peak learning rate.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    styles: tuple[str, ...]
    contents: tuple[str, ...]
    network: str = "painter"
    weights: str = ""
    features: str = ""
    style_weight: float = 1.0
    steps: int = 2000
    side: int = 128
    batch: int = 4
    rate: float = 1e-3
    seed: int = 0
    device: str = "auto"

    def check(self) -> None:
        """Check what can be checked without a framework.

        Raises:
            UsageError: an unknown network, nothing to learn on, or a number out of range.
        """
        if self.network not in NETWORKS:
            raise UsageError(f"unknown network {self.network!r}", f"known: {', '.join(NETWORKS)}")
        if not self.styles:
            raise UsageError("no picture of a style", "cnnapps style train PAINTING.jpg --contents PHOTOS")
        if not self.contents:
            raise UsageError("no photographs to learn on", "--contents FOLDER")
        if self.side % 8 or not 64 <= self.side <= 512:
            raise UsageError(f"--side {self.side} is out of range", "a multiple of 8 from 64 to 512")
        if not 0 < self.style_weight <= 1000:
            raise UsageError(f"--style-weight {self.style_weight:g} is out of range", "above 0, at most 1000")
