"""Molecules and libraries of them as people bring them: files of all kinds, slips of the pen."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDLogger

from apps.interaction.molecules import (
    MoleculeRecord,
    canonical,
    parse_molecule,
    read_library,
    scaffold,
    skeleton,
)
from common.errors import InputError

DATA = Path(__file__).parents[2].parent / "shared/data/interaction"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data/interaction is not here")

LCK = "MGCGCSSHPEDDWMENIDVCENCHYPIVPLDGKGTLLIRNGSEVRDPLVTYEGSNPPASPLQDNLVIALHSYEPSHDGDLGFEKGEQLRILEQ"
SRC = "MGSNKSKPKDASQRRRSLEPAENVHGAGGGAFPASQTPSKPASADGHRGPSAAFAPAAAEPKLFGGFNSSDTVTSPQRAGPLAGGVTTFVALYDYES"


# --- molecules ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "smiles,fault",
    [
        ("C(C)(C)(C)(C)C", "atom 0 (C) has 5 bonds, 4 allowed"),
        ("CC[NH4]", "atom 2 (N) has 5 bonds, 3 allowed"),
        ("C[N+](C)(C)(C)C", "atom 1 (N) has 5 bonds, 4 allowed"),
        ("CS(C)(C)(C)(C)(C)C", "atom 1 (S) has 7 bonds, 6 allowed"),
        ("c1cccc1", "atoms 0, 1, 2, 3, 4 cannot all be aromatic (is an H missing, as in [nH]?)"),
        ("cc", "non-ring atom 0 marked aromatic"),
        ("C1CC", "a ring is opened and never closed"),
        ("C12CC12", "ring closure 2 duplicates bond between atom 0 and atom 2"),
        ("CC(", "'(' at character 3 is never closed"),
        ("CC)C", "')' at character 3 closes nothing"),
        ("C[N(C)]", "'(' at character 4 cannot stand there"),
        ("C[N", "'[' at character 2 is never closed"),
        ("C(C]", "']' at character 4 closes nothing"),
        ("C[Xx]", "'X' at character 3 cannot stand there"),
        ("CC=", "'=' at character 3 cannot stand there"),
        ("aspirin", "'a' at character 1 cannot stand there"),
        ("CCO ethanol", "white space at character 4"),
        ("CCÖ", "'Ö' at character 3"),
        ("C\0C", "'\\x00' at character 2"),
        ("C*", "atom 1 (*) is no element"),
        ("C" * 1001, "1,001 atoms; from 1 to 1,000 are read"),
        ("C" * 10_001, "10,001 characters; at most 10,000 are read"),
    ],
)
def test_no_molecule_is_one_line_that_names_the_fault(smiles, fault, capfd):
    with pytest.raises(InputError) as caught:
        parse_molecule(smiles)
    assert caught.value.message.startswith("not a molecule: ")
    assert caught.value.message.endswith(fault)
    assert "\n" not in caught.value.message and len(caught.value.message) < 250
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("empty", ["", "  \t\n"])
def test_an_empty_smiles_is_no_molecule(empty):
    with pytest.raises(InputError, match="empty SMILES"):
        parse_molecule(empty)


def test_the_fault_is_named_where_rdkit_is_silenced_and_it_stays_silenced(capfd):
    RDLogger.DisableLog("rdApp.*")
    try:
        with pytest.raises(InputError, match="character 3"):
            parse_molecule("CC$")
        Chem.MolFromSmiles("CC$")
        assert capfd.readouterr() == ("", "")
    finally:
        RDLogger.EnableLog("rdApp.error")
        RDLogger.EnableLog("rdApp.warning")


def test_rdkit_speaks_again_after_a_fault(capfd):
    with pytest.raises(InputError):
        parse_molecule("CC$")
    Chem.MolFromSmiles("CC$")
    assert "SMILES Parse Error" in capfd.readouterr().err


@given(st.text(alphabet="CNOclnos()[]=#123%+-@H/\\.* \né", max_size=15))
@settings(max_examples=300, deadline=None)
def test_any_string_is_a_molecule_or_an_input_error(text):
    try:
        molecule = parse_molecule(text)
    except InputError as error:
        assert "\n" not in error.message
        return
    assert canonical(parse_molecule(canonical(molecule))) == canonical(molecule)


def test_stereo_is_kept_and_the_skeleton_has_none():
    left, right = parse_molecule("C[C@H](N)C(=O)O"), parse_molecule("C[C@@H](N)C(=O)O")
    assert canonical(left) != canonical(right)
    assert skeleton(left) == skeleton(right) == canonical(parse_molecule("CC(N)C(=O)O"))
    assert skeleton(parse_molecule("F/C=C/F")) == skeleton(parse_molecule("F/C=C\\F"))
    assert skeleton(parse_molecule("[13CH4]")) == "C"


def test_salts_go_when_asked():
    salt = " CC(=O)[O-].[Na+].O "
    assert canonical(parse_molecule(salt)) == "CC(=O)[O-].O.[Na+]"
    assert canonical(parse_molecule(salt, strip_salts=True)) == "CC(=O)[O-]"
    assert canonical(parse_molecule("CN.OS(=O)(=O)O", strip_salts=True)) == "CN"
    assert canonical(parse_molecule("[Mg+2]", strip_salts=True)) == "[Mg+2]"


def test_scaffolds_are_rings_and_what_joins_them():
    # Phenyl-methyl-pyridine with its substituents taken off.
    assert scaffold(parse_molecule("Cc1ccc(C[C@H](F)c2ccncc2)cc1O")) == canonical(
        parse_molecule("c1ccc(CCc2ccncc2)cc1")
    )
    assert scaffold(parse_molecule("CCO")) == ""


# --- libraries ---------------------------------------------------------------------------------------------------


def written(path: Path, text: str) -> Path:
    pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(text.encode()))
    return path


@pytest.mark.parametrize("packed", ["", ".gz", ".xz"])
def test_a_smi_library(tmp_path, packed):
    path = written(tmp_path / f"a.smi{packed}", "\nCCO ethanol 96 %\n\nC1CC\tbroken ring\r\n  \nc1ccccc1")
    assert list(read_library(path)) == [
        MoleculeRecord(2, "ethanol 96 %", "CCO"),
        MoleculeRecord(4, "broken ring", "C1CC"),
        MoleculeRecord(6, "", "c1ccccc1"),
    ]


def test_a_smi_header_is_no_molecule_but_only_on_top(tmp_path):
    path = written(tmp_path / "a.smi", "SMILES zinc_id\nCCO 1\nsmiles 2\n")
    assert list(read_library(path)) == [MoleculeRecord(2, "1", "CCO"), MoleculeRecord(3, "2", "smiles")]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("ID,Smiles\n7,CCO\n8,C\n", [(2, "7", "CCO"), (3, "8", "C")]),
        ("canonical_smiles;mass\nCCO;46\n\nC;16\n", [(2, "", "CCO"), (4, "", "C")]),
        ('name\tSMILES\n"a\tb"\tCCO\nshort\n', [(2, "a\tb", "CCO"), (3, "short", "")]),
        ("\nLigand SMILES,chembl_id\nCCO,CHEMBL545\n,x\n", [(3, "CHEMBL545", "CCO"), (4, "x", "")]),
        ("\ufeffsmiles\nCCO\n", [(2, "", "CCO")]),
    ],
)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_csv_library(tmp_path, text, expected, packed):
    path = written(tmp_path / f"a.CSV{packed}", text)
    assert list(read_library(path)) == [MoleculeRecord(*record) for record in expected]


def sdf_record(smiles, name, *, sanitize=True):
    molecule = Chem.MolFromSmiles(smiles, sanitize=sanitize)
    molecule.SetProp("_Name", name)
    return Chem.MolToMolBlock(molecule, kekulize=sanitize) + "> <PRICE>\n12\n\n$$$$\n"


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_an_sdf_library_reports_broken_records_and_goes_on(tmp_path, packed, capfd):
    good = sdf_record("C[C@H](N)O", "good")
    path = written(
        tmp_path / f"a.sdf{packed}",
        good
        + sdf_record("C(C)(C)(C)(C)C", "valence", sanitize=False)
        + "junk\n$$$$\n"
        + good.replace(" C  ", " Zz ", 1)
        + good[: len(good) // 3]
        + "\n$$$$\n"
        + sdf_record("", "no atoms")
        + good.replace("\n", "\r\n")
        + "\n\n",
    )
    assert list(read_library(path)) == [
        MoleculeRecord(1, "good", "C[C@H](N)O"),
        MoleculeRecord(2, "valence", ""),
        MoleculeRecord(3, "junk", ""),
        MoleculeRecord(4, "good", ""),
        MoleculeRecord(5, "good", ""),
        MoleculeRecord(6, "no atoms", ""),
        MoleculeRecord(7, "good", "C[C@H](N)O"),
    ]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("no.smi", None, "no such file"),
        ("a.xlsx", b"", "unknown kind of library '.xlsx'"),
        ("a.smi", b"", "no molecule in it"),
        ("a.smi", b"\n \n", "no molecule in it"),
        ("a.smi", b"smiles name\n", "no molecule in it"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"smiles\n", "no molecule in it"),
        ("a.csv", b"x,y\n1,2\n", "no column of SMILES"),
        ("a.sdf", b"\n", "no molecule in it"),
        ("a.smi.gz", gzip.compress(b"CCO\n" * 5000, mtime=0)[:-12], "damaged file"),
        ("a.sdf.gz", gzip.compress(sdf_record("CCO", "a").encode() * 50, mtime=0)[:150], "damaged file"),
        ("a.smi", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not text but a PNG picture"),
        ("a.csv", b'smiles\n"CCO\n' + b"C" * 140_000, "row 3: field larger than"),
    ],
)
def test_libraries_that_cannot_be_read(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_library(path))
    assert message in caught.value.message and name in caught.value.message


def test_a_missing_library_is_told_before_the_first_molecule_is_asked_for(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_library(tmp_path / "no.smi")
    with pytest.raises(InputError, match="a folder"):
        read_library(tmp_path)


@needs_data
def test_the_whole_of_moses_is_streamed():
    rows = [record.row for record in read_library(DATA / "library.smi.gz")]
    assert rows == list(range(1, 176_075))
