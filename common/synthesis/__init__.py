"""Pictures made by optimisation: what is to be matched, coarse to fine, for textures and for style."""

from common.synthesis.distances import content_distance, style_distances
from common.synthesis.judged import Paint, distance_recipe, judged, judged_together, passes, taught
from common.synthesis.optimization import (
    BEGINNING,
    Loss,
    Outcome,
    Place,
    Scales,
    Stage,
    coarse_to_fine,
    colour_directions,
    optimize,
    resized,
    scales_of,
)
from common.synthesis.statistics import Matching, Statistics

__all__ = [
    "BEGINNING",
    "Loss",
    "Matching",
    "Outcome",
    "Paint",
    "Place",
    "Scales",
    "Stage",
    "Statistics",
    "coarse_to_fine",
    "colour_directions",
    "content_distance",
    "distance_recipe",
    "judged",
    "judged_together",
    "optimize",
    "passes",
    "resized",
    "scales_of",
    "style_distances",
    "taught",
]
