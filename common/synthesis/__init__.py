"""Pictures made by optimisation: what is to be matched, coarse to fine, for textures and for style."""

from common.synthesis.optimization import Scales, optimize, resized, scales_of
from common.synthesis.statistics import Matching, Statistics

__all__ = ["Matching", "Scales", "Statistics", "optimize", "resized", "scales_of"]
