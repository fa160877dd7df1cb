"""Pictures of molecules and of protein sequences, and of what in them speaks for binding.

Orange speaks for binding, blue against it, the stronger the deeper; the strongest part of a picture has the
full colour.  Blue and orange are told apart by colour-blind eyes too.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from common.plots.style import BLUE, INK, LINE, MUTED, NORMAL, ORANGE, SMALL, rgb, scale_axes, strip_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rdkit.Chem import Mol

__all__ = ["draw_molecule", "draw_sequence", "molecule_grid"]

DEEPEST = 0.85  # opacity of the full colour: letters and bonds stay readable on it

REACH = 0.45  # standard deviation of the glow around an atom, in bond lengths: neighbours just run together
KEY = 12  # the strip that explains the colours is this part of the picture
CELL, LEADING = (230, 170), 18  # pixels of a molecule in a grid, and of a line below it

WINDOW, WINDOWS = 11, 5  # residues in a stretch shown letter by letter, and how many stretches at most
GAP = 3  # letters' widths between two stretches
ROW = WINDOWS * WINDOW + (WINDOWS - 1) * GAP  # letters' widths across the picture
FAINT = 0.15  # a stretch weaker than this share of the strongest is not shown


def draw_molecule(
    mol: Mol,
    weights: Sequence[float] | None = None,
    *,
    size: tuple[int, int] = (450, 350),
    kind: Literal["svg", "png"] = "svg",
) -> bytes:
    """Draw a molecule, its atoms in a glow of their weights.

    Args:
        mol: of one atom or many; its coordinates are made anew.
        weights: of each atom: above 0 it speaks for binding, below against it.  None draws the molecule alone.
        size: width and height in pixels.
        kind: of the file.

    Returns:
        A PNG file, or an ``<svg>`` element, which is a file as well as a part of a page.

    Raises:
        ValueError: no atom, weights that are not one finite number an atom, or another kind of file.
    """
    if not mol.GetNumAtoms():
        raise ValueError("the molecule has no atom")
    if kind not in ("svg", "png"):
        raise ValueError(f"kind must be 'svg' or 'png', not {kind!r}")
    if weights is None:
        drawer = _drawer(size, size, kind)
        drawer.DrawMolecule(_laid_out(mol))
        drawer.FinishDrawing()
        return _on_ground(drawer.GetDrawingText(), None, size)
    strengths = _strengths(weights, mol.GetNumAtoms(), "atoms")
    drawer = _drawer(size, (size[0], size[1] - min(size) // KEY), kind)
    # Letters are black here: red oxygen and blue nitrogen would speak the language of the glow.
    drawer.drawOptions().useBWAtomPalette()
    drawer.DrawMolecule(_laid_out(mol))
    glow = _glow(drawer, mol, strengths, size)
    _write_key(drawer, size)
    drawer.FinishDrawing()
    return _on_ground(drawer.GetDrawingText(), glow, size)


def molecule_grid(mols: Sequence[Mol], legends: Sequence[str], *, columns: int = 4) -> str:
    """Return molecules side by side, each above its legend, as an ``<svg>`` element to put into a page.

    A legend has a line or more; what is longer than 32 letters is cut short.

    Raises:
        ValueError: no molecule, not one legend for each, or no column.
    """
    if not mols or len(mols) != len(legends) or columns < 1:
        raise ValueError(f"{len(mols)} molecules, {len(legends)} legends in {columns} columns make no grid")
    columns, lines = min(columns, len(mols)), [legend.split("\n") for legend in legends]
    cell = (CELL[0], CELL[1] + LEADING * max(map(len, lines)) + LEADING // 2)
    whole = (cell[0] * columns, cell[1] * math.ceil(len(mols) / columns))
    texts = []
    drawer = _drawer(whole, CELL, "svg")
    for number, (mol, legend) in enumerate(zip(mols, lines, strict=True)):
        left, top = cell[0] * (number % columns), cell[1] * (number // columns)
        drawer.SetOffset(left, top)
        drawer.DrawMolecule(_laid_out(mol))
        for y, line in enumerate(legend, 1):
            text = html.escape(line if len(line) <= 32 else f"{line[:31]}\N{HORIZONTAL ELLIPSIS}")
            place = f"x='{left + cell[0] // 2}' y='{top + CELL[1] + LEADING * y - 4}'"
            texts.append(f"<text {place}>{text}</text>\n")
    drawer.FinishDrawing()
    drawn = _on_ground(drawer.GetDrawingText(), None, whole).decode()
    letters = f"<g font-family='system-ui, sans-serif' font-size='13' text-anchor='middle' fill='{INK}'>\n"
    return drawn.replace("</svg>", letters + "".join(texts) + "</g>\n</svg>")


def _strengths(weights: Sequence[float], count: int, things: str) -> np.ndarray:
    """Return weights ``(count,)`` over their largest absolute value; zeros stay zeros."""
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (count,):
        raise ValueError(f"expected a weight for each of {count} {things}, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"the weight at {np.flatnonzero(~np.isfinite(values))[0]} is not a finite number")
    return values / (np.abs(values).max() or 1.0)


def _laid_out(mol: Mol) -> Mol:
    """Return a copy with new coordinates in the plane, its long axis lying."""
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    flat = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(flat, canonOrient=True)
    rdDepictor.StraightenDepiction(flat)
    return flat


def _drawer(whole: tuple[int, int], cell: tuple[int, int], kind: str) -> Any:
    """Return RDKit's drawer for cells on a canvas, both (width, height) in pixels."""
    from rdkit.Chem.Draw import rdMolDraw2D

    make = rdMolDraw2D.MolDraw2DSVG if kind == "svg" else rdMolDraw2D.MolDraw2DCairo
    drawer: Any = make(*whole, *cell)
    options = drawer.drawOptions()
    options.clearBackground = False
    options.padding = 0.08
    options.bondLineWidth = max(1.5, min(cell) / 200)
    options.scaleBondWidth = False
    options.maxFontSize = 200
    options.fixedBondLength = min(cell) / 10  # an upper bound: small molecules are not blown up
    return drawer


def _glow(drawer: Any, mol: Mol, strengths: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the colours behind a drawn molecule, and the bar of their key, ``(height, width, 4)`` uint8 RGBA."""
    points = [drawer.GetDrawCoords(number) for number in range(len(strengths))]
    places = np.array([(point.x, point.y) for point in points])
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
    bonds = [math.dist(places[one], places[other]) for one, other in ends]
    reach = REACH * (float(np.median(bonds)) if bonds else min(size) / 7)
    across, up = (
        np.exp(-np.square((np.arange(length)[:, None] - middles) / reach) / 2)
        for length, middles in zip(size, places.T, strict=True)
    )
    field = ((up * strengths) @ across.T).clip(-1, 1)  # a bell in the plane is the product of two
    left, right, top, bottom = _key_box(size)
    field[top:bottom, left:right] = np.linspace(-1, 1, right - left)
    colour = np.where(field[..., None] > 0, rgb(ORANGE), rgb(BLUE))
    pixels = np.concatenate([colour, DEEPEST * np.abs(field[..., None])], axis=2)
    return np.rint(255 * pixels).astype(np.uint8)


def _key_box(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, right, top and bottom of the bar that explains the colours, in pixels."""
    middle, half, height = size[0] // 2, min(size) // 6, min(size) / KEY
    return middle - half, middle + half, round(size[1] - 0.7 * height), round(size[1] - 0.35 * height)


def _write_key(drawer: Any, size: tuple[int, int]) -> None:
    """Write what the colours mean to the left and right of their bar."""
    from rdkit.Geometry import Point2D

    left, right, top, bottom = _key_box(size)
    height = min(size) / KEY
    drawer.SetOffset(0, 0)
    drawer.SetFontSize(height / 2)
    drawer.SetColour(tuple(rgb(MUTED)))
    for text, x, align in (("against binding", left - height / 3, 2), ("for binding", right + height / 3, 1)):
        drawer.DrawString(text, Point2D(x, (top + bottom) / 2), align, True)


def _on_ground(drawn: str | bytes, glow: np.ndarray | None, size: tuple[int, int]) -> bytes:
    """Return a drawing, SVG or PNG, on its glow and white."""
    from PIL import Image

    ground = Image.new("RGBA", size, "white")
    if glow is not None:
        ground.alpha_composite(Image.fromarray(glow))
    if isinstance(drawn, bytes):
        ground.alpha_composite(Image.open(io.BytesIO(drawn)).convert("RGBA"))
    file = io.BytesIO()
    ground.convert("RGB").save(file, "PNG")
    if isinstance(drawn, bytes):
        return file.getvalue()
    below = f"<rect width='{size[0]}' height='{size[1]}' fill='#ffffff'/>\n"
    if glow is not None:
        uri = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        below = f"<image width='{size[0]}' height='{size[1]}' xlink:href='{uri}'/>\n"
    header, mark, body = drawn.partition("<!-- END OF HEADER -->\n")
    return (header[header.index("<svg") :] + mark + below + body).encode()


def draw_sequence(sequence: str, weights: Sequence[float], *, title: str = "") -> bytes:
    """Draw the weights of residues along a sequence, and its strongest stretches letter by letter.

    The curve is smoothed over a few residues, the more the longer the sequence; a stretch is named by its
    strongest residue, counted from 1, as in T315.

    Args:
        sequence: n one-letter codes, n >= 1.
        weights: of each residue: above 0 it speaks for binding, below against it.
        title: above the picture.

    Returns:
        An SVG file, 10 by 3.6 inches.

    Raises:
        ValueError: no residue, or weights that are not one finite number a residue.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if not sequence:
        raise ValueError("the sequence is empty")
    strengths = _strengths(weights, len(sequence), "residues")
    figure = Figure((10, 3.6), facecolor="white")
    figure.text(0.06, 0.93, title, fontsize=NORMAL + 2, color=INK, parse_math=False)
    for right, text, colour in ((0.98, "against binding", BLUE), (0.86, "for binding", ORANGE)):
        figure.text(right, 0.93, f"\N{BLACK SQUARE} {text}", fontsize=SMALL, color=colour, ha="right")
    letters = figure.add_axes((0.06, 0.63, 0.92, 0.22))
    curve = figure.add_axes((0.06, 0.16, 0.92, 0.4))
    _draw_curve(curve, np.asarray(weights, dtype=np.float64))
    _draw_stretches(letters, curve, sequence, strengths)
    file = io.BytesIO()
    # Text stays text, so that residues can be searched for and copied; the same picture is the same bytes.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cnnapps"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _draw_curve(axes: Axes, weights: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter
    from scipy.ndimage import gaussian_filter1d

    count = len(weights)
    spread = max(1.0, count / 400)
    # Beyond the ends is nothing: there, the mean is over the residues there are.
    smooth, whole = (
        gaussian_filter1d(values, spread, mode="constant") for values in (weights, np.ones(count))
    )
    step = max(1, count // 1500)  # more points than that cannot be seen
    values, edges = (smooth / whole)[::step], np.append(np.arange(0, count, step), count) + 0.5
    axes.stairs(values.clip(min=0), edges, fill=True, color=ORANGE)
    axes.stairs(values.clip(max=0), edges, fill=True, color=BLUE)
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.set_xlim(edges[0], edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    scale_axes(axes, "residue", "")


def _strongest(strengths: np.ndarray) -> list[int]:
    """Return where the strongest stretches start, from 0, in the order of the sequence; none overlap."""
    width = min(WINDOW, len(strengths))
    bell = np.hanning(width + 2)[1:-1]  # puts what is strong into the middle of its stretch
    force = np.abs(np.convolve(strengths, bell, "valid"))
    least = FAINT * force.max()
    starts: list[int] = []
    while len(starts) < WINDOWS and force.max() > least:
        start = int(force.argmax())
        starts.append(start)
        force[max(0, start - width + 1) : start + width] = 0
    return sorted(starts)


def _draw_stretches(letters: Axes, curve: Axes, sequence: str, strengths: np.ndarray) -> None:
    """Draw the strongest stretches as rows of coloured letters, each tied to its place on the curve."""
    from matplotlib.patches import ConnectionPatch

    strip_axes(letters)
    letters.set(xticks=[], yticks=[], xlim=(0, ROW), ylim=(-0.4, 2.2))
    starts, width = _strongest(strengths), min(WINDOW, len(sequence))
    for start, left in zip(starts, _spread_out(starts, width, len(sequence)), strict=True):
        stretch = range(start, start + width)
        strongest = max(stretch, key=lambda place: abs(strengths[place]))
        name = f"{sequence[strongest]}{strongest + 1}"
        letters.text(left, 1.35, name, fontsize=NORMAL, color=INK, weight="bold")
        if width == WINDOW:
            ends = f"{start + 1}\N{EN DASH}{start + width}"
            letters.text(left + width, 1.35, ends, fontsize=SMALL, color=MUTED, ha="right")
        for place in stretch:
            _draw_letter(letters, left + place - start, sequence[place], strengths[place])
        curve.axvspan(start + 0.5, start + width + 0.5, color=LINE, alpha=0.6, lw=0, zorder=0)
        tie = (left + width / 2, -0.1), (start + (width + 1) / 2, curve.get_ylim()[1])
        letters.figure.add_artist(
            ConnectionPatch(*tie, coordsA=letters.transData, coordsB=curve.transData, color=MUTED, lw=0.8)
        )


def _draw_letter(axes: Axes, left: float, letter: str, strength: float) -> None:
    from matplotlib.patches import Rectangle

    depth = DEEPEST * abs(strength)
    colour = 1 - depth * (1 - rgb(ORANGE if strength > 0 else BLUE))
    axes.add_patch(Rectangle((left, 0), 1, 1, fc=colour, ec="white", lw=1))
    luminance = colour**2.2 @ (0.2126, 0.7152, 0.0722)
    ink = "white" if luminance < 0.2 else INK
    axes.text(left + 0.5, 0.47, letter, fontsize=SMALL, color=ink, ha="center", va="center")


def _spread_out(starts: Sequence[int], width: int, length: int) -> list[float]:
    """Return where rows of letters begin, each as near above its place in the sequence as the others let it."""
    lefts = [(start + width / 2) / length * ROW - width / 2 for start in starts]
    step = width + GAP
    for number in range(len(lefts)):
        lefts[number] = max(lefts[number], lefts[number - 1] + step if number else 0)
    for number in reversed(range(len(lefts))):
        lefts[number] = min(lefts[number], ROW - width - (len(lefts) - 1 - number) * step)
    return lefts
