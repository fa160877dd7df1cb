"""Measured pairs as people bring them: tables, grids, units, published splits."""

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

from apps.interaction.pairs import published_folds, published_split, read_pairs
from apps.interaction.proteins import Protein
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


def written(path: Path, text: str) -> Path:
    pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(text.encode()))
    return path


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
