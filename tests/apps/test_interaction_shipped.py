"""What ships for molecules and proteins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from apps.interaction.training import COLD
from common.artifact import read_card, resolve

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
CAFFEINE, ASPIRIN = "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "CC(=O)Oc1ccccc1C(=O)O"
DATA = Path(__file__).parents[3] / "shared" / "data" / "interaction"


def test_imatinib_binds_its_kinase_and_decoys_do_not(cnnapps):
    code, out, err = cnnapps("interaction", "predict", ASPIRIN, IMATINIB, CAFFEINE, "ABL1", "--json")
    assert code == 0, err
    first, *decoys = json.loads(out)
    assert first["smiles"] == IMATINIB and first["value"] > 6.5
    # ABL1 binds most inhibitors of the data, so that what is unlike them gets more than the 5 of no binding.
    assert all(decoy["value"] < first["value"] - 0.8 and decoy["warnings"] for decoy in decoys)
    assert all(decoy["spread"] > 2 * first["spread"] for decoy in decoys)


@pytest.mark.parametrize("name", ["davis", "kiba"])
def test_what_it_is_not_for_is_on_the_card(name):
    card = read_card(resolve(f"interaction/{name}"))
    assert "no substitute for a measurement" in card.limits
    assert {f"{split} MSE" for split in ("published", *COLD)} <= set(card.metrics)
    assert "/" + "work" not in card.command


def test_the_explanation_draws_what_makes_imatinib_bind(cnnapps, tmp_path):
    code, out, err = cnnapps("interaction", "explain", IMATINIB, "ABL1", "--out", tmp_path / "why", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert len(found["atoms"]) == 37 and np.mean(found["atoms"]) > 0.02
    assert (tmp_path / "why.molecule.svg").exists()


def test_both_together_are_small():
    folders = [resolve(f"interaction/{name}") for name in ("davis", "kiba")]
    assert sum(file.stat().st_size for folder in folders for file in folder.iterdir()) < 8e6


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/interaction")
@pytest.mark.parametrize("name, error, order", [("davis", 0.207, 0.9), ("kiba", 0.128, 0.902)])
def test_it_reaches_on_the_published_test_part_what_the_card_says(cnnapps, monkeypatch, name, error, order):
    monkeypatch.setenv("CNNAPPS_DATA_DIR", str(DATA))
    model = f"interaction/{name}"
    code, out, err = cnnapps("interaction", "evaluate", "--dataset", name, "--model", model, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["mse"] == pytest.approx(read_card(resolve(model)).metrics["published MSE"].value, abs=0.003)
    assert found["mse"] < error and found["ci"] > order


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/interaction")
def test_data_of_the_other_scale_name_the_model_for_it(cnnapps):
    code, _, err = cnnapps("interaction", "evaluate", DATA / "kiba")
    assert code == 1 and "--model interaction/kiba" in err
