"""Pictures of molecules and sequences: readable files, true colours, the right residues named."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rdkit.Chem import MolFromSmiles, MolToMolBlock

from apps.interaction import drawing
from apps.interaction.drawing import draw_molecule, draw_sequence, molecule_grid

SVG = "{http://www.w3.org/2000/svg}"
PEPTIDE = "N[C@@H](Cc1ccccc1)C(=O)" * 9 + "O"  # 101 atoms
MOLECULES = {
    "drug": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "ion": "[Mg+2]",
    "carbon": "C",
    "salt": "CC(=O)[O-].[Na+]",
    "peptide": PEPTIDE,
}


def pixels(mol, weights, size=(300, 240)):
    """The picture as floats, without the strip that explains the colours."""
    picture = Image.open(io.BytesIO(draw_molecule(mol, weights, size=size, kind="png")))
    assert picture.size == size and picture.mode == "RGB"
    return np.asarray(picture, float)[: size[1] - min(size) // drawing.KEY]


def shares(picture):
    """Shares of pixels that are orange, and that are blue."""
    warmth = picture[..., 0] - picture[..., 2]
    return (warmth > 25).mean(), (warmth < -25).mean()


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", MOLECULES)
@pytest.mark.parametrize("weighted", [False, True])
def test_any_molecule_can_be_drawn(name, weighted):
    mol = MolFromSmiles(MOLECULES[name])
    before = MolToMolBlock(mol)
    weights = np.linspace(-1, 2, mol.GetNumAtoms()) if weighted else None
    svg = draw_molecule(mol, weights, size=(400, 300))
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg" and root.get("viewBox") == "0 0 400 300"
    assert len(root.findall(f"{SVG}image")) == weighted
    assert len(root.findall(f"{SVG}path")) >= 1
    assert (pixels(mol, weights) < 100).all(axis=2).any()  # black lines or letters
    assert mol.GetNumConformers() == 0 and MolToMolBlock(mol) == before
    assert draw_molecule(mol, weights, size=(400, 300)) == svg


def test_orange_is_for_and_blue_against():
    mol = MolFromSmiles("CCCCCC")
    plain = shares(pixels(mol, None))
    assert plain == (0, 0)
    assert shares(pixels(mol, np.zeros(6))) == (0, 0)
    orange, blue = shares(pixels(mol, np.ones(6)))
    assert orange > 0.05 and blue == 0
    orange, blue = shares(pixels(mol, -np.ones(6)))
    assert blue > 0.05 and orange == 0
    orange, blue = shares(pixels(mol, [1, 0, 0, 0, 0, -0.8]))
    assert orange > blue > 0.005


def test_an_atom_glows_where_it_is_and_by_its_share_of_the_strongest():
    from rdkit.Chem.rdDepictor import Compute2DCoords

    mol = MolFromSmiles("C" * 12)
    Compute2DCoords(mol, canonOrient=True)
    across = [mol.GetConformer().GetAtomPosition(atom).x for atom in range(12)]
    side = slice(150, None) if across[0] > across[11] else slice(0, 150)  # half of the picture with atom 0
    one_end = pixels(mol, [5, *[0] * 11])
    assert shares(one_end[:, side])[0] == pytest.approx(2 * shares(one_end)[0])
    assert (one_end == pixels(mol, [1, *[0] * 11])).all()
    assert shares(pixels(mol, [1, *[0] * 10, 0.1]))[0] == pytest.approx(shares(one_end)[0], rel=0.1)


def test_colours_are_told_apart_without_red_and_green():
    # Machado et al. 2009: what a deuteranope sees; blue and orange stay far apart.
    sight = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
    assert np.abs(sight @ (drawing.rgb(drawing.ORANGE) - drawing.rgb(drawing.BLUE))).max() > 0.4


def test_a_sequence_names_its_strongest_stretches():
    sequence = "MKTAYIAKQR" * 32
    weights = np.zeros(320)
    weights[310:317] = [0.1, 0.2, 0.5, 0.8, 1, 0.4, 0.2]
    weights[100] = -0.9
    names = texts(draw_sequence(sequence, weights, title="ABL1 & <imatinib> $x$"))
    assert "ABL1 & <imatinib> $x$" in names
    bold = [name for name in names if re.fullmatch(r"[A-Z]\d+", name)]
    assert bold == ["M101", "Y315"]
    assert sequence[314] == "Y" and sequence[100] == "M"
    assert "309\N{EN DASH}319" in names and "96\N{EN DASH}106" in names


def test_a_long_sequence_keeps_its_picture_small_and_its_stretches_apart():
    draw = np.random.default_rng(0)
    sequence = "".join(draw.choice(list("ACDEFGHIKLMNPQRSTVWY"), 5000))
    weights = draw.normal(0, 0.1, 5000)
    for middle in (1000, 1012, 1024, 4990, 3):
        weights[middle - 3 : middle + 4] += 1
    svg = draw_sequence(sequence, weights)
    assert len(svg) < 400_000
    ranges = [re.fullmatch(r"(\d+)\N{EN DASH}(\d+)", name) for name in texts(svg)]
    spans = [(int(found[1]), int(found[2])) for found in ranges if found]
    assert len(spans) == drawing.WINDOWS and spans == sorted(spans)
    assert all(last < first for (_, last), (first, _) in zip(spans, spans[1:], strict=False))
    for middle in (1001, 1013, 1025, 4991, 4):
        assert any(first <= middle <= last for first, last in spans)
    assert draw_sequence(sequence, weights) == svg


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40))
def test_any_weights_of_any_short_sequence_can_be_drawn(weights):
    names = texts(draw_sequence("M" * len(weights), weights))
    places = [int(name[1:]) for name in names if re.fullmatch(r"M\d+", name)]
    assert all(1 <= place <= len(weights) for place in places)
    if any(weights) and len(weights) <= drawing.WINDOW and abs(np.mean(weights)) > 1e-9:
        assert places == [int(np.argmax(np.abs(weights))) + 1]


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=drawing.WINDOWS, unique=True),
    st.integers(300, 5000),
)
def test_rows_of_letters_do_not_overlap_nor_leave_the_picture(places, length):
    starts = sorted(place * (length - drawing.WINDOW) // 20 for place in places)
    lefts = drawing._spread_out(starts, drawing.WINDOW, length)
    step = drawing.WINDOW + drawing.GAP
    assert min(lefts) >= -1e-9 and max(lefts) <= drawing.ROW - drawing.WINDOW + 1e-9
    assert all(second - first >= step - 1e-9 for first, second in zip(lefts, lefts[1:], strict=False))
    if len(starts) == 1 and length // 4 < starts[0] < 3 * length // 4:
        assert lefts[0] + drawing.WINDOW / 2 == pytest.approx(
            (starts[0] + drawing.WINDOW / 2) / length * drawing.ROW
        )


def test_a_grid_shows_every_molecule_above_its_legend():
    mols = [MolFromSmiles(text) for text in MOLECULES.values()]
    legends = ["1. pKd 8.2 \N{PLUS-MINUS SIGN} 0.4", "<b>&", "two\nlines", "x" * 40, ""]
    root = ElementTree.fromstring(molecule_grid(mols, legends, columns=3))
    width, height = drawing.CELL[0], drawing.CELL[1] + 2.5 * drawing.LEADING
    assert root.get("viewBox") == f"0 0 {3 * width} {2 * height:.0f}"
    written = {element.text: element for element in root.iter(f"{SVG}text")}
    assert set(written) == {*legends[:2], "two", "lines", "x" * 31 + "\N{HORIZONTAL ELLIPSIS}", None}
    assert int(written["lines"].get("x")) == 2.5 * width
    assert height < int(written["x" * 31 + "\N{HORIZONTAL ELLIPSIS}"].get("y")) < 2 * height
    # Each cell holds lines: the start of every path lies in one.
    starts = [re.match(r"M ([\d.]+)[ ,]([\d.]+)", path.get("d")) for path in root.iter(f"{SVG}path")]
    cells = {(int(float(start[1]) // width), int(float(start[2]) // height)) for start in starts if start}
    assert cells == {(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: draw_molecule(MolFromSmiles("")), "no atom"),
        (lambda: draw_molecule(MolFromSmiles("CC"), [1]), "each of 2 atoms"),
        (lambda: draw_molecule(MolFromSmiles("CC"), [1, float("nan")]), "weight at 1"),
        (lambda: draw_molecule(MolFromSmiles("CC"), kind="gif"), "'gif'"),
        (lambda: draw_sequence("", []), "empty"),
        (lambda: draw_sequence("MK", [1]), "each of 2 residues"),
        (lambda: draw_sequence("MK", [float("inf"), 1]), "weight at 0"),
        (lambda: molecule_grid([], []), "0 molecules"),
        (lambda: molecule_grid([MolFromSmiles("C")], []), "0 legends"),
        (lambda: molecule_grid([MolFromSmiles("C")], ["methane"], columns=0), "0 columns"),
    ],
)
def test_what_cannot_be_drawn_is_said(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_nothing_heavy_is_imported_before_it_is_needed():
    modules = ", ".join(
        f"apps.interaction.{name}" for name in ("alignment", "drawing", "metrics", "properties", "similarity")
    )
    code = f"import sys, {modules}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=drawing.__file__.rsplit("/apps/", 1)[0],
    ).stdout.split()  # fmt: skip
    assert not {"rdkit", "tensorflow", "keras", "scipy", "sklearn", "matplotlib", "PIL"}.intersection(loaded)
