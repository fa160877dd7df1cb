"""Figures and properties, against their plain definitions and RDKit."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.interaction.alignment import nearest_protein, sequence_identity
from apps.interaction.doubt import Doubt
from apps.interaction.evaluation import screening_figures
from apps.interaction.metrics import (
    aupr,
    auroc,
    bedroc,
    concordance_index,
    enrichment_factor,
    expected_normalized_calibration_error,
    interval_coverage,
    mean_squared_error,
    negative_log_likelihood,
    pearson,
    r2m,
    root_mean_squared_error,
    scores_of,
    spearman,
)
from apps.interaction.properties import PROPERTIES, pains, properties
from apps.interaction.similarity import nearest_molecule

REAL, YES_NO = "real values", "independent yes/no"


@pytest.fixture
def affinities():
    draw = np.random.default_rng(0)
    observed = draw.normal(6, 1, 200).round(1)
    return observed + draw.normal(0, 0.7, 200), observed


@pytest.fixture
def screen():
    """Distinct scores of 500 molecules, best first, 30 of them active and rather at the top."""
    draw = np.random.default_rng(1)
    active = np.zeros(500, bool)
    active[np.unique((draw.beta(0.6, 2, 30) * 500).astype(int))] = True
    return np.linspace(1, 0, 500), active


def pairs_in_order(predicted, observed):
    """The definition, pair by pair."""
    right, pairs = 0.0, 0
    for one, other in itertools.permutations(range(len(observed)), 2):
        if observed[one] > observed[other]:
            pairs += 1
            right += 1.0 if predicted[one] > predicted[other] else 0.5 * (predicted[one] == predicted[other])
    return right / pairs if pairs else float("nan")


few = st.integers(-3, 3).map(float)


@settings(deadline=None)
@given(st.lists(st.tuples(few, few), min_size=1, max_size=25))
def test_the_concordance_index_counts_pairs_in_the_right_order(rows):
    predicted, observed = np.array(rows).T
    assert concordance_index(predicted, observed) == pytest.approx(
        pairs_in_order(predicted, observed), nan_ok=True
    )


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30, unique=True))
def test_the_concordance_index_of_the_truth_is_exactly_one(values):
    observed = np.array(values)
    assert concordance_index(observed, observed) == 1
    assert concordance_index(-observed, observed) == 0
    assert concordance_index(np.zeros(len(values)), observed) == 0.5


def test_the_concordance_index_is_fast():
    draw = np.random.default_rng(0)
    predicted, observed = draw.normal(size=(2, 20_000))
    start = time.perf_counter()
    assert concordance_index(predicted, observed) == pytest.approx(0.5, abs=0.01)
    assert time.perf_counter() - start < 1


def test_the_figures_of_real_values_follow_their_definitions(affinities):
    from scipy.stats import rankdata

    predicted, observed = affinities
    squares = [(one - other) ** 2 for one, other in zip(predicted, observed, strict=True)]
    assert mean_squared_error(predicted, observed) == pytest.approx(sum(squares) / len(squares))
    assert root_mean_squared_error(predicted, observed) == pytest.approx(
        math.sqrt(sum(squares) / len(squares))
    )
    assert pearson(predicted, observed) == pytest.approx(np.corrcoef(predicted, observed)[0, 1])
    ranks = [rankdata(values) for values in (predicted, observed)]
    assert spearman(predicted, observed) == pytest.approx(np.corrcoef(*ranks)[0, 1])
    scores = scores_of(predicted, observed, REAL)
    assert list(scores) == ["mse", "rmse", "ci", "r2m", "pearson", "spearman"]
    assert scores["ci"] == concordance_index(predicted, observed)


def test_r2m_is_computed_as_in_deepdta(affinities):
    predicted, observed = affinities
    mean_p, mean_o = sum(predicted) / len(predicted), sum(observed) / len(observed)
    joint = sum((p - mean_p) * (o - mean_o) for p, o in zip(predicted, observed, strict=True))
    total = sum((o - mean_o) ** 2 for o in observed)
    r2 = joint**2 / (sum((p - mean_p) ** 2 for p in predicted) * total)
    slope = sum(o * p for p, o in zip(predicted, observed, strict=True)) / sum(p * p for p in predicted)
    r02 = 1 - sum((o - slope * p) ** 2 for p, o in zip(predicted, observed, strict=True)) / total
    assert r2m(predicted, observed) == pytest.approx(r2 * (1 - math.sqrt(abs(r2 * r2 - r02 * r02))))
    assert r2m(observed, observed) == pytest.approx(1, abs=1e-6)


def test_figures_of_constants_are_not_numbers():
    constant, varied = np.ones(3), np.arange(3.0)
    for measure in (pearson, spearman, r2m):
        assert math.isnan(measure(constant, varied)) and math.isnan(measure(varied, constant))
    assert math.isnan(concordance_index(varied, constant))
    for measure in (auroc, aupr, bedroc):
        assert math.isnan(measure(varied, constant))
    assert math.isnan(enrichment_factor(varied, np.zeros(3)))
    assert enrichment_factor(varied, constant) == 1


def test_the_figures_of_answers_follow_their_definitions(screen):
    scores, active = screen
    assert auroc(scores, active) == pytest.approx(pairs_in_order(scores, active))
    found = np.flatnonzero(active)  # best first: the k-th active stands at rank found[k] + 1
    assert aupr(scores, active) == pytest.approx(np.mean(np.arange(1, len(found) + 1) / (found + 1)))
    assert scores_of(scores, active, YES_NO) == {
        "auroc": auroc(scores, active),
        "aupr": aupr(scores, active),
        "accuracy": np.mean([(score >= 0.5) == bool(answer) for score, answer in zip(*screen, strict=True)]),
    }


def test_early_recognition_agrees_with_rdkit(screen):
    from rdkit.ML.Scoring.Scoring import CalcBEDROC, CalcEnrichment

    scores, active = screen
    rows = [(bool(answer),) for answer in active]
    shuffled = np.random.default_rng(2).permutation(len(scores))
    scores, active = scores[shuffled], active[shuffled]
    for alpha in (5.0, 20.0, 100.0):
        assert bedroc(scores, active, alpha) == pytest.approx(CalcBEDROC(rows, 0, alpha))
    for fraction in (0.01, 0.052, 0.2):
        assert enrichment_factor(scores, active, fraction) == pytest.approx(
            CalcEnrichment(rows, 0, [fraction])[0]
        )
    assert bedroc(active, active) == pytest.approx(1) and bedroc(~active, active) == pytest.approx(0)
    assert bedroc(scores, active, 5000.0) >= 0  # no overflow


def test_ties_earn_the_mean_over_their_orders():
    scores, active = np.array([3, 2, 2, 2, 1]), np.array([0, 1, 0, 1, 0])
    for measure in (lambda s, a: enrichment_factor(s, a, 0.4), bedroc):
        orders = [
            measure(scores + np.array([0, *order, 0]) / 10, active)
            for order in itertools.permutations(range(3))
        ]
        assert measure(scores, active) == pytest.approx(np.mean(orders))
    assert enrichment_factor(np.zeros(100), np.arange(100) < 5, 0.07) == pytest.approx(1)


def test_a_fraction_is_not_rounded_up_by_the_last_bit():
    active = np.arange(100) < 7
    assert 0.07 * 100 > 7
    assert enrichment_factor(-np.arange(100.0), active, 0.07) == pytest.approx(100 / 7)


def test_a_true_spread_covers_what_it_says():
    draw = np.random.default_rng(3)
    spread = draw.uniform(0.2, 2, 20_000)
    predicted = draw.normal(size=20_000)
    observed = predicted + draw.normal(0, spread)
    for level in (0.5, 0.9, 0.95):
        assert interval_coverage(predicted, spread, observed, level) == pytest.approx(level, abs=0.01)
    assert expected_normalized_calibration_error(predicted, spread, observed) < 0.03
    assert expected_normalized_calibration_error(predicted, spread / 2, observed) == pytest.approx(
        1, abs=0.05
    )


def test_the_calibration_error_is_the_mean_over_bins():
    predicted, observed = np.zeros(6), np.array([1.0, -1, 2, 2, -6, 0])
    spread = np.array([1.0, 1, 4, 4, 2, 2])
    bins = [abs(1 - 1) / 1, abs(2 - math.sqrt(18)) / 2, abs(4 - 2) / 4]
    assert expected_normalized_calibration_error(predicted, spread, observed, 3) == pytest.approx(
        np.mean(bins)
    )
    assert expected_normalized_calibration_error(
        predicted, np.abs(observed) + 1e-9, observed, 99
    ) == pytest.approx(1 / 6)


def test_doubt_is_found_again_in_errors_that_it_made():
    draw = np.random.default_rng(5)
    disagreement = np.append(
        draw.gamma(2, 0.2, 30_000), np.zeros(10_000)
    )  # a fourth agrees to the last digit
    made = Doubt(noise=0.3, factor=1.7)
    errors = draw.normal(0, made.of(disagreement))
    found = Doubt.fitted(disagreement, errors)
    assert found.noise == pytest.approx(0.3, rel=0.02) and found.factor == pytest.approx(1.7, rel=0.03)
    assert Doubt(**found.to_json()) == found
    assert np.isfinite(Doubt.fitted(np.zeros(3), np.zeros(3)).of(np.zeros(1))).all()
    assert not Doubt().of(disagreement).any()


def test_the_likelihood_is_scipys():
    from scipy.stats import norm

    draw = np.random.default_rng(4)
    predicted, observed = draw.normal(size=(2, 50))
    spread = draw.uniform(0.1, 3, 50)
    loss = negative_log_likelihood(predicted, spread, observed)
    assert loss == pytest.approx(-norm.logpdf(observed, predicted, spread).mean())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mean_squared_error(np.zeros(2), np.zeros(3)), r"predicted \(2,\) and observed \(3,\)"),
        (lambda: mean_squared_error(np.zeros((2, 1)), np.zeros((2, 1))), "one length"),
        (lambda: concordance_index(np.zeros(0), np.zeros(0)), "predicted is empty"),
        (lambda: pearson(np.zeros(3), np.array([0, 1, np.nan])), r"observed\[2\]"),
        (lambda: r2m(np.array([np.inf, 1]), np.zeros(2)), r"predicted\[0\]"),
        (lambda: auroc(np.zeros(2), np.array([0, 2])), "0 and 1"),
        (lambda: enrichment_factor(np.zeros(2), np.ones(2), 0.0), "fraction"),
        (lambda: bedroc(np.zeros(2), np.ones(2), 0), "alpha"),
        (lambda: interval_coverage(np.zeros(2), np.ones(2), np.zeros(2), 95), "level"),
        (lambda: negative_log_likelihood(np.zeros(2), np.array([1, 0]), np.zeros(2)), "positive"),
        (lambda: expected_normalized_calibration_error(np.zeros(2), np.ones(2), np.zeros(2), 0), "bins"),
        (lambda: scores_of(np.array([0.5, 1.5]), np.array([0, 1]), YES_NO), "probabilities"),
        (lambda: scores_of(np.zeros(2), np.zeros(2), "regression"), "'real values'"),
        (lambda: sequence_identity("", "MK"), "empty"),
        (lambda: nearest_protein("MK", []), "no sequences"),
        (lambda: nearest_molecule(np.zeros((1, 8), bool), np.zeros((0, 8), bool)), "empty"),
        (lambda: nearest_molecule(np.zeros((1, 64), bool), np.zeros((1, 128), bool)), "length"),
        (lambda: nearest_molecule(np.zeros((1, 8)), np.zeros((1, 8), bool)), "float64"),
    ],
)
def test_what_cannot_be_compared_is_said(call, said):
    with pytest.raises(ValueError, match=said):
        call()


# Nuisances of several families, drugs, and the odd ones: an ion, a salt, a peptide, a fused ring.
SMILES = [
    "O=C1C=CC(=O)C=C1",
    "O=C1CSC(=S)N1",
    "Oc1ccccc1O",
    "c1ccc(N=Nc2ccccc2)cc1",
    "COc1cc(C=CC(=O)CC(=O)C=Cc2ccc(O)c(OC)c2)ccc1O",
    "O=C1C(=Cc2ccc(N(C)C)cc2)SC(=S)N1CC(=O)O",
    "N#CC(C#N)=Cc1ccc(N(C)C)cc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "[Mg+2]",
    "CC(=O)[O-].[Na+]",
    "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC(=O)O",
    "NCC(=O)NCC(=O)NCC(=O)NCC(=O)NCC(=O)NCC(=O)NCC(=O)NCC(=O)NCC(=O)O",
    "c1ccc2cc3ccccc3cc2c1",
    "Oc1ccc2ccccc2c1CN1CCCCC1",
]


@pytest.fixture(scope="module")
def molecules():
    from rdkit.Chem import MolFromSmiles

    return [MolFromSmiles(text) for text in SMILES]


def test_properties_are_rdkits(molecules):
    from rdkit.Chem import QED, Crippen, Descriptors

    for mol in molecules:
        columns = properties(mol)
        assert tuple(columns) == PROPERTIES
        assert columns["weight"] == pytest.approx(Descriptors.MolWt(mol))
        assert columns["logp"] == pytest.approx(Crippen.MolLogP(mol))
        assert columns["tpsa"] == pytest.approx(Descriptors.TPSA(mol))
        assert columns["qed"] == pytest.approx(QED.qed(mol))


def test_lipinski_counts_broken_limits(molecules):
    found = {text: properties(mol) for text, mol in zip(SMILES, molecules, strict=True)}
    assert found["CC(=O)Oc1ccccc1C(=O)O"]["lipinski"] == 0
    fat = found[SMILES[12]]
    assert fat["weight"] > 500 and fat["logp"] > 5 and fat["lipinski"] == 2
    peptide = found[SMILES[13]]
    assert (peptide["donors"], peptide["acceptors"], peptide["lipinski"]) == (11, 19, 3)


def test_pains_are_those_of_rdkits_catalogue(molecules):
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    catalogue = FilterCatalog(FilterCatalogParams(FilterCatalogParams.FilterCatalogs.PAINS))
    alerts = [pains(mol) for mol in molecules]
    for mol, alert in zip(molecules, alerts, strict=True):
        expected = {entry.GetDescription() for entry in catalogue.GetMatches(mol)}
        assert alert in expected if expected else alert == ""
    assert alerts[0] == "quinone_A(370)" and alerts[10] == ""
    assert sum(alert != "" for alert in alerts) >= 5


def test_a_screen_is_judged_protein_by_protein():
    draw = np.random.default_rng(4)
    protein = np.repeat([0, 1, 2, 3], [20, 30, 15, 5])
    active = np.zeros(70, bool)
    active[[0, 3, 25, 66]] = True  # the third protein has none, the fourth too few molecules
    predicted = draw.normal(size=70)
    found = screening_figures(predicted, active, protein)
    own = [(predicted[part], active[part]) for part in (slice(0, 20), slice(20, 50))]
    assert found["proteins screened"] == 2
    assert found["BEDROC"] == pytest.approx(np.mean([bedroc(*one) for one in own]))
    assert found["enrichment factor at 1 %"] == pytest.approx(
        np.mean([enrichment_factor(*one) for one in own])
    )
    assert screening_figures(predicted, np.zeros(70, bool), protein) == {"proteins screened": 0.0}
