"""What textures are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import artifact

if TYPE_CHECKING:
    from common.features import FeatureExtractor

__all__ = ["features_for"]


def features_for(asked: str) -> tuple[FeatureExtractor | None, tuple[str, ...]]:
    """Return the features that were asked for or that ship, None for windows of pixels alone, and a note on that.

    Raises:
        ArtifactError: no such features.
    """
    from common.features import SHIPPED, FeatureExtractor

    name = asked or (SHIPPED if SHIPPED in artifact.shipped() else "none")
    if name != "none":
        return FeatureExtractor(name), ()
    note = "compared by windows of pixels alone: no features ship yet (--features vgg19 for finer structure)"
    return None, () if asked else (note,)
