"""Plots in one style: light ground, three colours, labels where they are needed and no frame around.

Every function returns a matplotlib ``Figure``; none touches pyplot, so that a server may call them from
any thread.  With ``into`` a plot is drawn into a figure, or a part of one, that is there.
matplotlib is imported at the first plot and not before.
"""

from common.plots.network import kernels_grid, maps_grid, overlay, receptive_field_drawing, score_bars
from common.plots.results import against, by_threshold, confusion, curves, gallery, reliability
from common.plots.style import to_png_bytes

__all__ = [
    "against",
    "by_threshold",
    "confusion",
    "curves",
    "gallery",
    "kernels_grid",
    "maps_grid",
    "overlay",
    "receptive_field_drawing",
    "reliability",
    "score_bars",
    "to_png_bytes",
]
