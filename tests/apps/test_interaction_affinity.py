"""Values of binding and their units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apps.interaction.affinity import number_of, on_scale
from common.errors import InputError, UsageError

DATA = Path(__file__).parents[2].parent / "shared/data/interaction"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data/interaction is not here")

LCK = "MGCGCSSHPEDDWMENIDVCENCHYPIVPLDGKGTLLIRNGSEVRDPLVTYEGSNPPASPLQDNLVIALHSYEPSHDGDLGFEKGEQLRILEQ"
SRC = "MGSNKSKPKDASQRRRSLEPAENVHGAGGGAFPASQTPSKPASADGHRGPSAAFAPAAAEPKLFGGFNSSDTVTSPQRAGPLAGGVTTFVALYDYES"


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
