"""``cnnapps interaction`` from the table to the answer, on pairs whose value follows from what they are made of."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import keras
import numpy as np
import pytest

from apps.interaction import models
from apps.interaction.features import FINGERPRINT, Features, molecules_of, proteins_of
from apps.interaction.molecules import parse_molecule
from apps.interaction.options import NETWORK_OPTIONS
from apps.interaction.prediction import load, predict
from apps.interaction.relatives import References
from apps.main import app
from common.cli import run
from common.data.grid import GridStream

ACIDS, AMINES = ("CC(=O)O", "CCC(=O)O", "CCCC(=O)O", "c1ccccc1C(=O)O"), ("CCN", "CCCN", "CCCCN", "c1ccccc1CN")
PLAIN = ("CCC", "CCCC", "c1ccccc1", "C1CCCCC1")
BASIC, ACIDIC = "MKRKLAKRKGVKKRLAKKRHKAGKLVKR" * 3, "MDEEDLAEDDGVEEDLAEEDHEAGDLVEE" * 3


def proteins():
    draw = np.random.default_rng(0)
    for number in range(10):
        letters = list(BASIC if number % 2 else ACIDIC)
        for place in draw.integers(1, len(letters), 8):
            letters[place] = "S"
        yield number % 2, "".join(letters)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Acids bind basic proteins and amines acidic ones."""
    path = tmp_path_factory.mktemp("data") / "pairs.csv"
    draw = np.random.default_rng(0)
    rows = [
        (smiles, sequence, f"{7 + 2 * (1 if basic else -1) * charge + 0.1 * draw.normal():.3f}")
        for basic, sequence in proteins()
        for charge, group in ((1, ACIDS), (-1, AMINES), (0, PLAIN))
        for smiles in group
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("smiles", "sequence", "pKd"), *rows])
    return path


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    """Two networks trained on the table."""
    out = tmp_path_factory.mktemp("runs") / "run"
    options = ["--members", "2", "--epochs", "40", "--batch", "32", "--rate", "0.003", "--no-cold"]
    assert run(app, ["interaction", "train", str(table), *options, "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "basic.fasta"
    path.write_text(f">basic\n{BASIC}\n")
    return path


def test_a_run_is_a_whole_artifact_that_has_learned(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"card.json", "model.keras", "model.tflite", "known.npz", "report.html"} <= names
    assert not list(trained.rglob("checkpoint.npz"))
    card = json.loads((trained / "card.json").read_text())
    assert card["metrics"]["random MSE"]["value"] < 0.5 and card["classes"] == ["pKd"]  # the variance is 2.7
    # No value is a floor: Huber's loss, which bends at half of their deviation.
    assert card["recipe"]["loss"] == "huber"
    assert card["recipe"]["loss_parameters"]["delta"] == pytest.approx(1.65 / 2, abs=0.1)


def test_acids_bind_basic_proteins(trained, fasta, cnnapps):
    code, out, _ = cnnapps(
        "interaction", "predict", "CCCC(=O)O", "CCCCN", fasta, "--model", trained, "--json"
    )
    first, second = json.loads(out)
    assert code == 0 and first["smiles"] == "CCCC(=O)O" and first["value"] > second["value"] + 1.5


def test_a_protein_that_was_trained_on_is_known_by_its_name(tmp_path, cnnapps):
    rows = [
        (smiles, sequence, f"P{number}")
        for number, (_, sequence) in enumerate(proteins())
        for smiles in ACIDS
    ]
    table, fasta = tmp_path / "pairs.csv", tmp_path / "proteins.fasta"
    fasta.write_text("".join(f">P{number}\n{sequence}\n" for number, (_, sequence) in enumerate(proteins())))
    values = np.random.default_rng(0).uniform(5, 9, len(rows))
    lines = [f"{smiles},{name},{value:.2f}" for (smiles, _, name), value in zip(rows, values, strict=True)]
    table.write_text("smiles,protein,pKd\n" + "\n".join(lines) + "\n")
    options = (
        "--members",
        1,
        "--epochs",
        1,
        "--no-cold",
        "--network",
        "fingerprint",
        "--out",
        tmp_path / "run",
    )
    code, _, err = cnnapps("interaction", "train", table, *options)
    assert code == 0, err
    predictor = load(tmp_path / "run")
    assert predictor.protein("p3").sequence == list(proteins())[3][1]
    code, _, err = cnnapps("interaction", "predict", "CCN", "P33", "--model", tmp_path / "run")
    assert code == 1 and "none of the 10 proteins" in err and "did you mean" in err


def test_values_on_a_floor_are_read_as_no_higher_than_it(tmp_path, cnnapps):
    table = tmp_path / "pairs.csv"
    with table.open("w", newline="") as file:
        rows = [
            (smiles, sequence, 8.0 if basic and group is ACIDS else 5.0)
            for basic, sequence in proteins()
            for group in (ACIDS, AMINES, PLAIN)
            for smiles in group
        ]
        csv.writer(file).writerows([("smiles", "sequence", "pKd"), *rows])
    options = (
        "--members",
        1,
        "--epochs",
        60,
        "--batch",
        32,
        "--rate",
        0.003,
        "--no-cold",
        "--out",
        tmp_path / "run",
    )
    code, _, err = cnnapps("interaction", "train", table, "--network", "fingerprint", *options)
    assert code == 0, err
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["recipe"]["loss"] == "tobit" and card["recipe"]["loss_parameters"] == {"floor": 5.0}
    acid, amine = sorted(
        predict(["CCCC(=O)O", "CCCCN"], BASIC, model=tmp_path / "run"), key=lambda b: -b.value
    )
    assert acid.smiles == "CCCC(=O)O" and acid.value > 7 and 5 <= amine.value < 5.5
    code, _, err = cnnapps(
        "interaction", "train", table, *options[:-1], tmp_path / "other", "--loss", "euclidean"
    )
    assert code == 0, err
    card = json.loads((tmp_path / "other" / "card.json").read_text())
    assert card["recipe"]["loss"] == "euclidean" and card["arguments"]["floor"] is None


def test_what_is_unlike_the_training_data_is_said(trained):
    (known,) = predict(["CCCN"], BASIC, model=trained)
    (strange,) = predict(["O=S(=O)(c1ccc(Br)cc1)N1CCOCC1"], "WWHHYYCCMMPPQQNN" * 6, model=trained)
    assert known.warnings == [] and known.similarity == 1
    assert len(strange.warnings) == 2


def test_evaluate_takes_the_test_part_of_the_run(trained, cnnapps):
    code, out, _ = cnnapps("interaction", "evaluate", "--model", trained, "--json")
    figures = json.loads(out)
    card = json.loads((trained / "card.json").read_text())
    assert code == 0 and figures["mse"] == pytest.approx(card["metrics"]["random MSE"]["value"], abs=0.01)
    assert "BEDROC" not in figures
    code, out, _ = cnnapps("interaction", "evaluate", "--model", trained, "--active", 6, "--json")
    assert code == 0 and "proteins screened" in json.loads(out)


def test_explain_finds_the_acid_group(trained, fasta, cnnapps, tmp_path):
    command = (
        "interaction",
        "explain",
        "CCCC(=O)O",
        fasta,
        "--model",
        trained,
        "--out",
        tmp_path / "why",
        "--json",
    )
    code, out, _ = cnnapps(*command)
    atoms = np.array(json.loads(out)["atoms"])
    assert code == 0 and atoms[3:].max() > atoms[:2].max()  # the carboxyl group, not the chain
    assert (tmp_path / "why.molecule.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "why.protein.svg").read_text().lstrip().startswith("<")


def test_screening_ranks_and_reports_what_is_no_molecule(trained, fasta, cnnapps, tmp_path):
    library = tmp_path / "library.smi"
    library.write_text(
        "\n".join([*(f"{s} m{i}" for i, s in enumerate((*AMINES, *ACIDS, *PLAIN))), "C(C)(C)(C)(C)C bad"])
    )
    code, out, err = cnnapps(
        "interaction", "screen", library, "--protein", fasta, "--model", trained, "--json"
    )
    result = json.loads(out)
    assert code == 1 and result["scored"] == 12 and result["skipped"] == 1
    with (tmp_path / "library.smi.screened.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["name"] for row in rows[:4]} == {"m4", "m5", "m6", "m7"}
    values = [float(row["value"]) for row in rows]
    assert values == sorted(values, reverse=True)
    faults = (tmp_path / "library.smi.screened.faults.csv").read_text()
    assert "13," in faults and "5 bonds" in faults
    assert not (tmp_path / "library.smi.screened.csv.parts").exists()
    code, _, err = cnnapps("interaction", "screen", library, "--protein", fasta, "--model", trained)
    assert code == 1 and "exists" in err


def test_a_stopped_screening_goes_on(trained, fasta, tmp_path, monkeypatch):
    from apps.interaction import screening

    monkeypatch.setattr(screening, "PART", 3)
    library = tmp_path / "library.smi"
    library.write_text("\n".join((*AMINES, *ACIDS, *PLAIN)))
    written = screening._write

    def stop(part, parts, number):
        if number == 2:
            raise KeyboardInterrupt
        written(part, parts, number)

    monkeypatch.setattr(screening, "_write", stop)
    with pytest.raises(KeyboardInterrupt):
        screening.screen(library, str(fasta), model=trained, workers=1)
    monkeypatch.setattr(screening, "_write", written)
    result = screening.screen(library, str(fasta), model=trained, workers=1, resume=True)
    with result.table.open() as file:
        rows = [row["row"] for row in csv.DictReader(file)]
    assert result.scored == 12 and sorted(map(int, rows)) == list(range(1, 13))


def test_over_ray_a_killed_worker_loses_and_doubles_nothing(trained, fasta, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("needs /proc to find a worker")
    from apps.interaction import screening

    monkeypatch.setattr(screening, "PART", 100)
    library = tmp_path / "library.smi"
    library.write_text("\n".join((*AMINES, *ACIDS, *PLAIN) * 100))
    killed = []

    def kill(done, total, remark):
        """Kill a process that is scoring, once, after the first part has come back."""
        scoring = [
            p for p in Path("/proc").glob("[0-9]*") if (p / "cmdline").read_bytes().startswith(b"ray::score")
        ]
        if scoring and not killed:
            killed.append(int(scoring[0].name))
            os.kill(killed[0], signal.SIGKILL)

    result = screening.screen(library, str(fasta), model=trained, ray="local", top=5_000, progress=kill)
    assert killed and not ray.is_initialized()
    with result.table.open() as file:
        rows = [int(row["row"]) for row in csv.DictReader(file)]
    assert result.scored == 1200 and sorted(rows) == list(range(1, 1201))


@pytest.mark.parametrize("name", models.NETWORKS.names())
def test_every_network_encodes_once_what_is_in_many_pairs(name):
    """The value of a pair is the same alone and in a batch, wherever its molecule and protein stand."""
    references = References([BASIC, ACIDIC])
    network = models.NETWORKS.get(name)(relatives=len(references))
    mols = [parse_molecule(smiles) for smiles in (*ACIDS, "[Mg+2]")]
    features = Features(molecules_of(mols, (*ACIDS, "[Mg+2]")), proteins_of([BASIC, ACIDIC * 2], references))
    names = [entry.name for entry in network.inputs]
    drug, protein = np.array([0, 4, 2, 2]), np.array([1, 0, 1, 0])
    together = np.asarray(network(features.inputs(drug, protein, names), training=False))
    alone = [
        np.asarray(network(features.inputs(drug[i : i + 1], protein[i : i + 1], names)))[0] for i in range(4)
    ]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert set(NETWORK_OPTIONS.get(name)) == set(
        models.NETWORKS.get(name).__kwdefaults__
    )  # all but the references


@pytest.mark.parametrize("name, start", models.STARTS.items())
def test_a_network_begins_with_the_answers_of_what_it_was_trained_as(name, start):
    keras.utils.set_random_seed(0)
    references = References([BASIC, ACIDIC])
    begun, network = (models.NETWORKS.get(part)(relatives=len(references)) for part in (start, name))
    for layer in begun.layers:
        network.get_layer(layer.name).set_weights(layer.get_weights())
    mols = [parse_molecule(smiles) for smiles in ACIDS]
    features = Features(molecules_of(mols, ACIDS), proteins_of([BASIC, ACIDIC * 2], references))
    drug, protein = np.array([0, 1, 2, 3]), np.array([1, 0, 1, 0])
    before, after = (
        np.asarray(part(features.inputs(drug, protein, [entry.name for entry in part.inputs])))
        for part in (begun, network)
    )
    assert np.ptp(before) > 0.01
    np.testing.assert_allclose(after, before, atol=0.1 * np.ptp(before))


def test_a_pass_has_every_pair_once_and_few_of_each_side_in_a_batch():
    rows, columns = (side.ravel() for side in np.meshgrid(np.arange(60), np.arange(40), indexing="ij"))
    stream = GridStream(
        rows, columns, np.arange(2400, dtype=np.float32)[:, None], lambda r, c: {"r": r, "c": c}, 100, seed=3
    )
    seen, wide = [], []
    for inputs, targets in stream.steps(0, stream.steps_per_epoch).as_numpy_iterator():
        seen += targets[:, 0].tolist()
        wide.append(len(np.unique(inputs["r"])) + len(np.unique(inputs["c"])))
    assert sorted(seen) == list(range(2400))
    assert np.mean(wide) < 50  # of 200 that random batches would come close to


def test_a_molecule_is_read_as_its_graph():
    molecules = molecules_of([parse_molecule("OCC=O"), parse_molecule("[Mg+2]")], ["OCC=O", "[Mg+2]"])
    names = ("atoms", "neighbours", "bonds", "molecule_of", "fingerprint")
    batch = molecules.batch(np.array([1, 0]), names)
    assert set(batch) == set(names)
    assert batch["molecule_of"].tolist() == [0, 1, 1, 1, 1]
    # O-C-C=O behind the one atom of magnesium: neighbours are rows plus 1.
    assert [sorted(row[row > 0].tolist()) for row in batch["neighbours"]] == [[], [3], [2, 4], [3, 5], [4]]
    assert [sorted(row[row > 0].tolist()) for row in batch["bonds"]] == [[], [1], [1, 1], [1, 2], [2]]
    assert batch["fingerprint"].shape == (2, FINGERPRINT) and batch["fingerprint"].sum() > 0


def test_slips_of_the_pen_are_one_line(table, cnnapps):
    code, _, err = cnnapps("interaction", "train", table, "--split", "cold-durg")
    assert code == 2 and "cold-drug" in err
    code, _, err = cnnapps("interaction", "train", table, "--network", "cmn")
    assert code == 2 and "cnn" in err
    code, _, err = cnnapps("interaction", "predict", "C(C)(C)(C)(C)C", BASIC)
    assert code == 1 and "not a molecule" in err


def test_the_likelihood_of_a_floor_needs_one(table, cnnapps, tmp_path):
    code, _, err = cnnapps("interaction", "train", table, "--loss", "tobit", "--out", tmp_path / "run")
    assert code == 2 and "leave --loss out" in err


def test_data_are_found_by_name(table, cnnapps, tmp_path, monkeypatch):
    code, _, err = cnnapps("interaction", "data", "pairs.csv")
    assert code == 1 and "CNNAPPS_DATA_DIR" in err
    monkeypatch.setenv("CNNAPPS_DATA_DIR", str(table.parent))
    code, out, _ = cnnapps("interaction", "data", "pairs.csv", "--json")
    assert code == 0 and json.loads(out)["pairs"] == 120


def test_the_model_of_another_app_is_refused():
    from common.errors import ArtifactError

    with pytest.raises(ArtifactError, match="digits"):
        load("digits/cnn")


@pytest.mark.parametrize("format", ["savedmodel", "onnx", "litert-float16"])
def test_other_runtimes_give_the_same_values(trained, cnnapps, format):
    code, out, err = cnnapps(
        "interaction", "export", "--model", trained, "-f", format, "--out", "x", "--json"
    )
    assert code == 0, err
    (parity,) = json.loads(out)
    assert parity["inputs"] == 64 and parity["largest_difference"] < (0.02 if "16" in format else 1e-3)
