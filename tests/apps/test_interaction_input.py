"""Molecules, proteins and pairs as people bring them: files of all kinds, slips of the pen, units."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDLogger

from apps.interaction.affinity import number_of, on_scale
from apps.interaction.molecules import (
    MoleculeRecord,
    canonical,
    parse_molecule,
    read_library,
    scaffold,
    skeleton,
)
from apps.interaction.pairs import published_folds, published_split, read_pairs
from apps.interaction.proteins import AMBIGUOUS, AMINO_ACIDS, Protein, parse_sequence, protein_of, read_fasta
from common.errors import InputError, UsageError

DATA = Path(__file__).parents[2].parent / "shared/data/interaction"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data/interaction is not here")

LCK = "MGCGCSSHPEDDWMENIDVCENCHYPIVPLDGKGTLLIRNGSEVRDPLVTYEGSNPPASPLQDNLVIALHSYEPSHDGDLGFEKGEQLRILEQ"
SRC = "MGSNKSKPKDASQRRRSLEPAENVHGAGGGAFPASQTPSKPASADGHRGPSAAFAPAAAEPKLFGGFNSSDTVTSPQRAGPLAGGVTTFVALYDYES"


def test_reading_input_loads_no_framework_and_no_rdkit():
    modules = "molecules, pairs, proteins, splits"
    heavy = "{'rdkit', 'tensorflow', 'keras', 'scipy', 'pandas'}"
    code = f"import sys; from apps.interaction import {modules}; print({heavy} & set(sys.modules))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


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
        ("a.smi.gz", gzip.compress(b"CCO\n" * 5000)[:-12], "damaged file"),
        ("a.sdf.gz", gzip.compress(sdf_record("CCO", "a").encode() * 50)[:150], "damaged file"),
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


# --- proteins ----------------------------------------------------------------------------------------------------


residues = st.text(alphabet=AMINO_ACIDS + AMBIGUOUS, min_size=1, max_size=200).filter(
    lambda letters: not set(letters) <= set("ACGTUN")
)


@given(residues, st.randoms())
@settings(deadline=None)
def test_the_layout_of_a_sequence_does_not_matter(letters, chance):
    genbank = "\n".join(
        f"{start + 1:9} " + " ".join(letters[start + at : start + at + 10] for at in range(0, 60, 10))
        for start in range(0, len(letters), 60)
    )
    mixed = "".join(chance.choice([letter.lower(), letter]) for letter in genbank)
    assert parse_sequence(genbank) == letters
    assert parse_sequence(mixed + "*\n") == letters


@given(residues, residues, st.sampled_from("*-?É1ſı>"))
@settings(deadline=None)
def test_what_is_no_residue_is_named_with_its_position(before, after, strange):
    if strange == "1":  # a number of the layout
        assert parse_sequence(before + strange + after) == before + after
        return
    with pytest.raises(InputError) as caught:
        parse_sequence(before + strange + after, name="KIN1")
    assert f"protein KIN1: {strange!r}" in caught.value.message
    assert caught.value.message.endswith(f"at position {len(before) + 1}")


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "empty sequence"),
        (" \n12 *", "empty sequence"),
        ("MKT-LLV", "'-' (a gap) at position 4"),
        ("MKT*LLV*", "'*' (a stop codon) at position 4"),
        ("ACGT" * 8, "looks like DNA"),
        ("acgn" * 8, "looks like DNA"),
        ("ACGU" * 8, "looks like RNA"),
    ],
)
def test_no_protein(text, message):
    with pytest.raises(InputError) as caught:
        parse_sequence(text)
    assert message in caught.value.message


def test_short_oddities_are_proteins():
    assert parse_sequence("ACGT" * 7) == "ACGT" * 7


UNIPROT = f"""ID   LCK_HUMAN               Reviewed;         92 AA.
AC   P06239; D3DPP8;
SQ   SEQUENCE   92 AA;  58001 MW;  12AB CRC64;
     {LCK[:30]} {LCK[30:60]}
     {LCK[60:]}
//
ID   SRC_HUMAN               Reviewed;         97 AA.
SQ   SEQUENCE   97 AA;
     {SRC}
//
"""


@pytest.mark.parametrize(
    "name,text,expected",
    [
        (
            "k.fasta",
            f">sp|P06239|LCK_HUMAN Kinase\n{LCK[:50]}\n{LCK[50:]}*\n\n>SRC\r\n{SRC.lower()}\n",
            [("sp|P06239|LCK_HUMAN", LCK), ("SRC", SRC)],
        ),
        ("k.fa.gz", f"; old remark\n>\n{LCK}", [("", LCK)]),
        ("lck.seq.xz", f"{LCK[:40]}\n{LCK[40:]}\n", [("lck", LCK)]),
        ("both.txt", UNIPROT, [("LCK_HUMAN", LCK), ("SRC_HUMAN", SRC)]),
        ("mac.fa", f">LCK\r{LCK}\r", [("LCK", LCK)]),
    ],
)
def test_files_of_proteins(tmp_path, name, text, expected):
    path = written(tmp_path / name, text)
    assert read_fasta(path) == [Protein(*protein) for protein in expected]


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "k.fa: empty"),
        (">LCK\n>SRC\nMKT", "protein LCK in k.fa: empty sequence"),
        (">LCK\nMKT1-L", "protein LCK in k.fa: '-' (a gap) at position 4"),
        ("ID   LCK\nAC   P06239;\n//\n", "k.fa: no sequence"),
    ],
)
def test_files_without_a_protein(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        read_fasta(written(tmp_path / "k.fa", text))
    assert message in caught.value.message


def test_what_the_user_typed_is_a_file_or_a_sequence(tmp_path):
    path = written(tmp_path / "lck.fasta", f">LCK\n{LCK}")
    assert protein_of(str(path)) == Protein("LCK", LCK)
    assert protein_of(f" {LCK} ") == Protein("", LCK)
    assert protein_of(f">LCK human\n{LCK}") == Protein("LCK", LCK)
    assert protein_of(LCK * 100) == Protein("", LCK * 100)  # longer than a path may be


@pytest.mark.parametrize(
    "argument,message",
    [
        ("kinases/no.fasta", "no such file"),
        ("no.fa", "no such file"),
        ("EGFR", "'EGFR' is no file and no sequence"),
        ("P00533", "'P00533' is no file and no sequence"),
        ("", "empty sequence"),
        ("MKTAYIAKQR-QISF", "'-' (a gap) at position 11"),
        (f">A\n{LCK}\n>B\n{SRC}", "2 proteins: A, B"),
    ],
)
def test_what_the_user_mistyped(argument, message):
    with pytest.raises(InputError) as caught:
        protein_of(argument)
    assert message in caught.value.message


# --- values and units --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units,factor", [("nM", 1), ("uM", 1e3), ("µM", 1e3), ("M", 1e9), ("pM", 1e-3)])
def test_concentrations_become_minus_their_logarithm(units, factor):
    nanomoles = np.array([1, 10, 1000, 10_000, 0.016])
    scale = on_scale(nanomoles / factor, "IC50", "a.csv", units)
    np.testing.assert_allclose(scale.values, [9, 8, 6, 5, 10.795880017])
    assert (scale.unit, scale.kind) == ("pIC50", "real values")


@pytest.mark.parametrize(
    "values,name,units,unit,kind",
    [
        ([5, 10.8], "Kd", "", "pKd", "real values"),
        ([5, 10.8], "Y", "", "affinity", "real values"),
        ([5, 10.8], "Y", "pKi", "pKi", "real values"),
        ([0, 17.2], "KIBA_score", "", "KIBA score", "real values"),
        ([0, 100], "inhibition", "raw", "inhibition", "real values"),
        ([0, 1, 1], "Y", "", "binds", "independent yes/no"),
        ([0, 1, 1], "Y", "raw", "Y", "real values"),
    ],
)
def test_other_values_stay_as_they_are(values, name, units, unit, kind):
    scale = on_scale(np.array(values, float), name, "a.csv", units)
    np.testing.assert_array_equal(scale.values, values)
    assert (scale.unit, scale.kind) == (unit, kind)


@pytest.mark.parametrize(
    "values,name,units,message,hint",
    [
        ([0.5, 10_000], "Kd", "", "values from 0.5 to 10000 in 'Kd' are on no p-scale", "--units nM"),
        ([0.5, 19], "Kd (nM)", "", "'Kd (nM)' says nM", "--units nM"),
        ([0.5, 19], "ic50_uM", "", "'ic50_uM' says uM", "--units uM"),
        ([5, 10_000], "pKd", "pKd", "on no p-scale", "--units raw"),
    ],
)
def test_units_must_be_told_where_values_do_not_say_them(values, name, units, message, hint):
    with pytest.raises(InputError) as caught:
        on_scale(np.array(values, float), name, "a.csv", units)
    assert message in caught.value.message and hint in caught.value.hint


def test_unknown_units_are_a_wrong_use():
    with pytest.raises(UsageError, match="unknown units 'nanogram'"):
        on_scale(np.array([1.0]), "Kd", "a.csv", "nanogram")


@pytest.mark.parametrize("cell", ["", " ", ">10000", "7,5", "nan", "inf", "-", "n/a"])
def test_cells_without_a_number(cell):
    with pytest.raises(InputError, match="no value|is no number"):
        number_of(cell)


# --- pairs in tables ---------------------------------------------------------------------------------------------


def table(path: Path, *rows) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows(rows)
    return path


def as_rows(pairs):
    """The pairs without the indirection over tables."""
    return [
        (pairs.drugs[drug], pairs.proteins[protein].sequence, value)
        for drug, protein, value in zip(pairs.drug, pairs.protein, pairs.value.tolist(), strict=True)
    ]


def test_a_table_of_pairs(tmp_path):
    path = table(
        tmp_path / "tdc.tsv",
        ["Drug_ID", "Drug", "Target_ID", "Target", "Y"],
        ["a", "CCO", "LCK", LCK, "7.5"],
        ["b", "c1ccccc1", "SRC", SRC.lower(), "5"],
        ["a", "CCO", "SRC", SRC, "6.25"],
    )
    pairs = read_pairs(path)
    assert pairs.drugs == ("CCO", "c1ccccc1") and pairs.drug_names == ("a", "b")
    assert pairs.proteins == (Protein("LCK", LCK), Protein("SRC", SRC))
    assert as_rows(pairs) == [("CCO", LCK, 7.5), ("c1ccccc1", SRC, 5.0), ("CCO", SRC, 6.25)]
    assert (pairs.unit, pairs.kind, len(pairs)) == ("affinity", "real values", 3)
    assert (pairs.drug.dtype, pairs.protein.dtype, pairs.value.dtype) == (np.int32, np.int32, np.float32)
    taken = pairs.take(np.array([2, 0]))
    assert as_rows(taken) == [("CCO", SRC, 6.25), ("CCO", LCK, 7.5)] and taken.drugs == pairs.drugs


@pytest.mark.parametrize(
    "header",
    [
        ["SMILES", "Protein", "pKd"],
        ["compound_iso_smiles", "target_sequence", "affinity"],
        ["Ligand SMILES", "BindingDB Target Chain Sequence", "Kd"],
        ["compound", "fasta", "label"],
    ],
)
def test_usual_names_of_columns(tmp_path, header):
    pairs = read_pairs(table(tmp_path / "a.csv", header, ["CCO", LCK, "7.5"]))
    assert as_rows(pairs) == [("CCO", LCK, 7.5)]


def test_columns_can_be_named_or_numbered(tmp_path):
    path = table(tmp_path / "a.csv", ["s1", "SMILES", "x", "n"], [LCK, "CCO", "8", "LCK"])
    asked = {"sequence": "1", "value": "X", "protein": "n"}
    pairs = read_pairs(path, columns=asked)
    assert as_rows(pairs) == [("CCO", LCK, 8.0)] and pairs.proteins[0].name == "LCK"
    with pytest.raises(InputError, match="no column 'y'"):
        read_pairs(path, columns={**asked, "value": "y"})
    with pytest.raises(UsageError, match="did you mean 'value'"):
        read_pairs(path, columns={"values": "x"})
    with pytest.raises(UsageError, match="one column for two"):
        read_pairs(path, columns={**asked, "value": "1"})
    with pytest.raises(InputError, match="no column of sequences") as caught:
        read_pairs(path)
    assert caught.value.hint == "columns: s1, SMILES, x, n"


@pytest.mark.parametrize("beside", ["proteins.csv", "proteins.fasta"])
@pytest.mark.parametrize("header", ["target", "uniprot_id"])
def test_proteins_by_name(tmp_path, beside, header):
    if beside.endswith("csv"):
        table(tmp_path / beside, ["id", "sequence"], ["P06239", LCK], ["SRC", SRC])
    else:
        written(tmp_path / beside, f">P06239\n{LCK}\n>SRC\n{SRC}\n")
    path = table(
        tmp_path / "a.csv", ["smiles", header, "y"], ["C", "P06239", 7], ["C", "SRC", 6], ["C", "P0", 6]
    )
    pairs = read_pairs(path)
    assert pairs.proteins == (Protein("P06239", LCK), Protein("SRC", SRC))
    assert "1 skipped (row 4: no sequence of protein 'P0')" in pairs.note


def test_a_name_is_not_taken_for_a_sequence(tmp_path):
    path = table(tmp_path / "a.csv", ["smiles", "target", "y"], ["C", "EGFR", 7], ["C", "P00533", 7])
    with pytest.raises(InputError, match="no usable row") as caught:
        read_pairs(path)
    assert "row 2: no sequence of protein 'EGFR'" in caught.value.hint


BROKEN = [
    (["C1CC", LCK, "7"], "a ring is opened and never closed"),
    (["", LCK, "7"], "empty SMILES"),
    (["C", "MKTAYIAK-RQISF", "7"], "'-' (a gap) at position 9"),
    (["C", "", "7"], "empty sequence"),
    (["C", LCK, ""], "no value"),
    (["C", LCK, ">10"], "'>10' is no number"),
    (["C"], "no value"),
]


@pytest.mark.parametrize("row,fault", BROKEN)
def test_a_row_that_cannot_be_used(tmp_path, row, fault):
    path = table(tmp_path / "a.csv", ["smiles", "sequence", "y"], ["CCO", LCK, "7"], [], row, ["N", SRC, "6"])
    pairs = read_pairs(path)
    assert as_rows(pairs) == [("CCO", LCK, 7.0), ("N", SRC, 6.0)]
    assert "1 skipped (row 4: " in pairs.note and fault in pairs.note
    with pytest.raises(InputError) as caught:
        read_pairs(path, strict=True)
    assert "a.csv: row 4: " in caught.value.message and fault in caught.value.message


def test_many_broken_rows_are_counted_and_the_first_are_shown(tmp_path):
    path = table(
        tmp_path / "a.csv", ["smiles", "sequence", "y"], ["CCO", LCK, "7"], *[row for row, _ in BROKEN]
    )
    assert "7 skipped (row 3: " in read_pairs(path).note and "row 5: " in read_pairs(path).note


def test_nanomoles(tmp_path):
    path = table(
        tmp_path / "a.csv", ["smiles", "sequence", "Ki (nM)"], ["C", LCK, 10], ["N", LCK, 0], ["O", LCK, 1e4]
    )
    with pytest.raises(InputError, match="a.csv: 'Ki \\(nM\\)' says nM"):
        read_pairs(path)
    pairs = read_pairs(path, units="nM")
    assert as_rows(pairs) == [("C", LCK, 8.0), ("O", LCK, 5.0)] and pairs.unit == "pKi"
    assert "1 skipped (row 3: 0 is no concentration)" in pairs.note
    with pytest.raises(InputError, match="row 3: 0 is no concentration"):
        read_pairs(path, units="nM", strict=True)
    assert as_rows(read_pairs(path, units="raw"))[2] == ("O", LCK, 1e4)


def test_repeated_pairs_become_one(tmp_path):
    rows = [
        ["C", LCK, 5],
        ["N", SRC, 6],
        ["C", LCK, 5],
        ["C", LCK, 8],
        ["N", SRC, 6],
        ["C", LCK, 6],
        ["C", SRC, 7],
    ]
    pairs = read_pairs(table(tmp_path / "a.csv", ["smiles", "sequence", "pkd"], *rows))
    assert as_rows(pairs) == [("C", LCK, 6.0), ("N", SRC, 6.0), ("C", SRC, 7.0)]
    assert "2 repeated rows dropped, 1 pair with several values: their median" in pairs.note


@given(
    st.lists(st.tuples(st.sampled_from("CNO"), st.sampled_from([LCK, SRC]), st.integers(4, 9)), min_size=1)
)
@settings(max_examples=30, deadline=None)
def test_merging_agrees_with_a_dictionary(tmp_path_factory, rows):
    path = table(tmp_path_factory.mktemp("pairs") / "a.csv", ["smiles", "sequence", "pkd"], *rows)
    expected: dict = {}
    for smiles, sequence, value in rows:
        expected.setdefault((smiles, sequence), set()).add(value)
    assert as_rows(read_pairs(path)) == [
        (*pair, float(np.median([*seen]))) for pair, seen in expected.items()
    ]


def test_yes_and_no(tmp_path):
    rows = [["C", LCK, "1"], ["N", LCK, "0"], ["C", LCK, "1.0"], ["O", LCK, "false"]]
    pairs = read_pairs(table(tmp_path / "a.csv", ["smiles", "sequence", "y"], *rows))
    assert as_rows(pairs) == [("C", LCK, 1.0), ("N", LCK, 0.0), ("O", LCK, 0.0)]
    assert (pairs.unit, pairs.kind) == ("binds", "independent yes/no")
    path = table(tmp_path / "b.csv", ["smiles", "sequence", "y"], *rows, ["N", LCK, "1"])
    with pytest.raises(InputError, match="row 3 and row 6 say both yes and no"):
        read_pairs(path)


@pytest.mark.parametrize(
    "content,message",
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"smiles,sequence,y\n", "no usable row"),
        (b"PK\x03\x04\0\0", "ZIP"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_pairs(tmp_path / "a.csv")
    assert message in caught.value.message


# --- grids and published splits ----------------------------------------------------------------------------------


def grid(
    folder: Path, matrix, smiles=("C[C@H](N)O", "CC(N)O"), sequences=(LCK, LCK, SRC), folds=None
) -> Path:
    folder.mkdir()
    table(
        folder / "drugs.csv",
        ["id", "smiles_canonical", "smiles_isomeric"],
        *(["d", "CC(N)O", s] for s in smiles),
    )
    table(folder / "proteins.csv", ["id", "sequence"], *([f"P{n}", s] for n, s in enumerate(sequences)))
    np.savez(folder / "affinity.npz", Y=np.array(matrix, float))
    if folds is not None:
        (folder / "folds.json").write_text(json.dumps(folds))
    return folder


def test_a_grid_keeps_its_tables_and_the_order_of_its_cells(tmp_path):
    folder = grid(
        tmp_path / "g",
        [[10, np.nan, 10_000], [1, 1, np.nan]],
        folds={"train_folds": [[3], [0, 1]], "test": [2]},
    )
    pairs = read_pairs(folder)
    assert pairs.drugs == ("C[C@H](N)O", "CC(N)O") and pairs.drug_names == ("d", "d")
    assert [protein.name for protein in pairs.proteins] == ["P0", "P1", "P2"]
    assert pairs.drug.tolist() == [0, 0, 1, 1] and pairs.protein.tolist() == [0, 2, 0, 1]
    np.testing.assert_allclose(pairs.value, [8, 5, 9, 9])
    assert (pairs.unit, pairs.kind) == ("pKd", "real values")
    assert "1 protein with the sequence of another" in pairs.note
    assert read_pairs(folder, columns={"smiles": "smiles_canonical"}).drugs == ("CC(N)O", "CC(N)O")
    assert read_pairs(folder, units="raw").value.tolist() == [10, 10_000, 1, 1]
    folds, test = published_folds(folder)
    assert [fold.tolist() for fold in folds] == [[3], [0, 1]] and test.tolist() == [2]


def test_a_grid_on_a_scale_stays_on_it(tmp_path):
    pairs = read_pairs(grid(tmp_path / "my_kiba", [[0, 11.5, np.nan], [17.2, 12, 12]]))
    np.testing.assert_allclose(pairs.value, [0, 11.5, 17.2, 12, 12])
    assert pairs.unit == "KIBA score"
    assert read_pairs(grid(tmp_path / "answers", [[0, 1, np.nan], [0, 0, 1]])).unit == "binds"


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"matrix": [[1, 2, 3]]}, "2 molecules and 3 proteins, but Y is 1 x 3"),
        ({"smiles": ("CC", "C1CC")}, "drugs.csv row 3: not a molecule"),
        ({"sequences": (LCK, "MKT*LLV", SRC)}, "proteins.csv row 3: protein P1: '*'"),
        ({"matrix": [[np.nan] * 3] * 2}, "no known cell"),
        ({"matrix": [[0, 1, 2], [3, 4, 10_000]]}, "on no p-scale"),
        ({"matrix": [[5, 6, 7], [8, 9, np.inf]]}, "infinite values"),
    ],
)
def test_grids_that_cannot_be_read(tmp_path, changes, message):
    with pytest.raises(InputError) as caught:
        read_pairs(grid(tmp_path / "g", **{"matrix": [[5, 6, 7], [8, 9, 10]], **changes}))
    assert message in caught.value.message


def test_a_damaged_matrix(tmp_path):
    folder = grid(tmp_path / "g", [[5, 6, 7], [8, 9, 10]])
    (folder / "affinity.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(InputError, match="no matrix Y"):
        read_pairs(folder)
    with (folder / "affinity.npz").open("wb") as file:
        np.save(file, np.zeros((2, 3)))
    with pytest.raises(InputError, match="no matrix Y"):
        read_pairs(folder)
    np.savez(folder / "affinity.npz", X=np.zeros(3))
    with pytest.raises(InputError, match="no matrix Y"):
        read_pairs(folder)


@pytest.mark.parametrize(
    "folds,message",
    [
        (None, "no such file"),
        ({"train_folds": [[0, 1]], "test": [6]}, "beyond the 6 known cells"),
        ({"train_folds": [[0, 1], [1]], "test": [2]}, "an index twice"),
        ({"train": []}, "no DeepDTA folds"),
        ([1, 2], "no DeepDTA folds"),
    ],
)
def test_folds_that_do_not_fit(tmp_path, folds, message):
    folder = grid(tmp_path / "g", [[5, 6, 7], [8, 9, 10]], folds=folds)
    with pytest.raises(InputError) as caught:
        published_folds(folder)
    assert message in caught.value.message


def test_a_published_split_shares_its_tables(tmp_path):
    header = ["SMILES", "Protein", "Y"]
    table(tmp_path / "train.csv", header, ["C", LCK, 1], ["C", LCK, 1], ["N", LCK, 0])
    table(tmp_path / "valid.csv", header, ["C", LCK, 1], ["C1", LCK, 0])
    table(tmp_path / "test.csv", header, ["O", SRC, 1], ["C", LCK, 1])
    parts = published_split(tmp_path)
    assert [as_rows(part) for part in parts] == [
        [("C", LCK, 1.0), ("N", LCK, 0.0)],
        [("C", LCK, 1.0)],
        [("O", SRC, 1.0), ("C", LCK, 1.0)],
    ]
    assert all(part.drugs == ("C", "N", "O") and len(part.proteins) == 2 for part in parts)
    assert "1 repeated row dropped" in parts[0].note and "valid.csv row 3: not a molecule" in parts[0].note
    assert as_rows(read_pairs(tmp_path)) == [("C", LCK, 1.0), ("N", LCK, 0.0), ("O", SRC, 1.0)]


def test_a_folder_of_something_else_says_where_to_look(tmp_path):
    (tmp_path / "random").mkdir()
    table(tmp_path / "random/train.csv", ["SMILES", "Protein", "Y"], ["C", LCK, 1])
    with pytest.raises(InputError, match="no table 'train'") as caught:
        read_pairs(tmp_path)
    assert str(tmp_path / "random") in caught.value.hint


def published(folder):
    """The loading snippet of the data's own README."""
    drugs, proteins = (
        list(csv.DictReader((folder / f"{name}.csv").open(encoding="utf-8")))
        for name in ("drugs", "proteins")
    )
    matrix = np.load(folder / "affinity.npz")["Y"]
    if folder.name == "davis":
        matrix = -np.log10(matrix / 1e9)
    rows, columns = np.where(~np.isnan(matrix))
    return drugs, proteins, rows, columns, matrix[rows, columns]


@needs_data
@pytest.mark.parametrize(
    "name,unit,sizes,mean",
    [
        ("davis", "pKd", [5010, 5009, 5009, 5009, 5009, 5010], 5.4516),
        ("kiba", "KIBA score", [19709] * 6, 11.7192),
    ],
)
def test_davis_and_kiba_are_read_as_published(name, unit, sizes, mean):
    pairs = read_pairs(DATA / name)
    drugs, proteins, rows, columns, values = published(DATA / name)
    assert pairs.drugs == tuple(drug["smiles_isomeric"] for drug in drugs)
    assert [protein.sequence for protein in pairs.proteins] == [protein["sequence"] for protein in proteins]
    np.testing.assert_array_equal(pairs.drug, rows)
    np.testing.assert_array_equal(pairs.protein, columns)
    np.testing.assert_allclose(pairs.value, values, rtol=1e-6)
    folds, test = published_folds(DATA / name)
    assert [len(part) for part in (*folds, test)] == sizes
    np.testing.assert_array_equal(np.sort(np.concatenate([*folds, test])), np.arange(len(pairs)))
    assert (pairs.unit, pairs.kind) == (unit, "real values")
    assert pairs.take(test).value.mean() == pytest.approx(mean, abs=5e-5)


@needs_data
@pytest.mark.parametrize(
    "name,rows",
    [
        ("random", [(4197, 1846, 2152, 1719), (600, 251, 465, 474), (1200, 536, 840, 777)]),
        ("cold", [(3453 - 394, None, 1494, 1233), (155 - 5, None, 128, 123), (311 - 7, None, 238, 207)]),
    ],
)
def test_human_is_read_as_published(name, rows):
    for part, (count, positive, drugs, proteins) in zip(
        published_split(DATA / "human" / name), rows, strict=True
    ):
        assert len(part) == count
        assert positive is None or part.value.sum() == positive
        assert (len(np.unique(part.drug)), len(np.unique(part.protein))) == (drugs, proteins)
        assert (part.unit, part.kind) == ("binds", "independent yes/no")
