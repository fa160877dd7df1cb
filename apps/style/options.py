"""What can be asked of a style transfer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from common.errors import UsageError

__all__ = ["BEGINNINGS", "COLOURS", "MATCHED", "QUALITIES", "StyleOptions"]

QUALITIES = {"fast": 30, "good": 90, "best": 250}  # steps at each scale
MATCHED = ("both", "wasserstein", "gram")
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
        size: pixels of the longer side of the result; 0 for that of the content, at most 512.
        strength: of the style against the content; 1 is balanced, 2 twice as much style.
        style_scale: size of the style's strokes: its longer side against that of the result.
        match: what of the style is matched: ``wasserstein`` (distributions of features), ``gram`` or ``both``.
        preserve_color: ``luminance`` paints brightness alone, ``histogram`` recolours the style first, ``none``.
        mask: a picture, white where the style goes; with several styles, flat colours, one a style, darkest first,
            after black, which is left as it is; "" for everywhere.
        init: what is begun from: ``content``, ``noise`` or ``style``.
        quality: ``fast``, ``good`` or ``best``: steps.
        features: that compare pictures: a shipped name, a folder, ``vgg19``, ``vgg16``; "" for those that ship.
        seed: of all that is random.
    """

    content: str
    styles: tuple[str, ...]
    weights: tuple[float, ...] = ()
    size: int = 0
    strength: float = 1.0
    style_scale: float = 1.0
    match: str = "both"
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
            ("--match", self.match, MATCHED),
            ("--preserve-color", self.preserve_color, COLOURS),
            ("--init", self.init, BEGINNINGS),
            ("--quality", self.quality, tuple(QUALITIES)),
        ):
            if given not in known:
                raise UsageError(f"{what} {given!r} is unknown", f"known: {', '.join(known)}")
        if not self.styles:
            raise UsageError("no picture of a style", "name one after the content")
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
