"""What measured values mean: a yes or no, a concentration, or minus its logarithm.

Kd, Ki and IC50 are concentrations at which half is bound or stopped: small means strong.  Models learn
``pKd = -log10(Kd / 1 mol/l) = 9 - log10(Kd / 1 nM)``, where large means strong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from apps.interaction.metrics import Kind
from common.errors import InputError, UsageError

__all__ = ["STRONGEST", "UNITS", "Scale", "number_of", "on_scale"]

UNITS = ("pM", "nM", "uM", "mM", "M", "pKd", "raw")
_NANOMOLES = {"pm": 1e-3, "nm": 1.0, "um": 1e3, "mm": 1e6, "m": 1e9}
_QUANTITIES = {"kd": "Kd", "ki": "Ki", "ic50": "IC50", "ec50": "EC50"}
_P_SCALES = {f"p{lower}": f"p{name}" for lower, name in _QUANTITIES.items()}
_CONCENTRATION = re.compile(r"(?<![A-Za-z])([pnumµμ]M|nm|um|M)(?![A-Za-z])")
STRONGEST = 20  # no p-scale and no KIBA score goes as far
_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True)
class Scale:
    """Values that a model can learn.

    Args:
        values: ``(n,)`` float64; NaN for a concentration of 0 or less, which has no logarithm.
        unit: ``"pKd"``, ``"pIC50"``, ``"KIBA score"``, ``"binds"``, ...
        kind: real values, or yes/no.
        remark: what was done to them, or "".
    """

    values: np.ndarray
    unit: str
    kind: Kind
    remark: str = ""


def number_of(cell: str) -> float:
    """Return the value in a cell of a table.

    Raises:
        InputError: an empty cell, or no number: a bound such as ``>10000`` is none.
    """
    word = cell.strip()
    if not word:
        raise InputError("no value", "leave the row out")
    try:
        number = _WORDS[word.lower()] if word.lower() in _WORDS else float(word)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{word[:40]!r} is no number", "write one such as 7.3")
    return number


def on_scale(values: np.ndarray, name: str, where: str, units: str = "") -> Scale:
    """Return the values on the scale that a model learns.

    Nothing is converted that was not asked for: an affinity taken for its logarithm would train without a word.

    Args:
        values: ``(n,)`` finite numbers as they were read.
        name: of their column, which says what was measured.
        where: they come from, for messages.
        units: a molar unit to convert from; ``pKd`` (or ``pKi``, ``pIC50``, ``pEC50``) for values that are
            logarithms already; ``raw`` for any other; "" to take 0 and 1 as no and yes, and to check the rest.

    Raises:
        InputError: values that cannot be a p-scale, while ``units`` does not say what they are.
        UsageError: unknown units.
    """
    asked = units.strip().replace("µ", "u").replace("μ", "u").lower()
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    seen = f"values from {low:g} to {high:g} in {name!r}"
    if asked in _NANOMOLES:
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.where(values > 0, 9 - np.log10(values * _NANOMOLES[asked]), np.nan)
        unit = f"p{_quantity(name)}"
        return Scale(scaled, unit, "real values", f"{unit} = -log10 of {units.strip()} in mol/l")
    if asked == "raw":
        return Scale(values, name, "real values", "values as they are")
    if asked and asked not in _P_SCALES:
        raise UsageError(f"unknown units {units!r}", f"one of {', '.join(UNITS)}")
    if not asked and np.isin(values, (0, 1)).all():
        return Scale(values, "binds", "independent yes/no", "0 and 1 are no and yes")
    concentration = not asked and _CONCENTRATION.search(name)
    if high > STRONGEST or concentration:
        why = f"{name!r} says {concentration[1]}" if concentration else f"{seen} are on no p-scale"
        unit = concentration[1] if concentration else "nM"
        raise InputError(
            f"{where}: {why}", f"--units {unit} to convert them, --units raw to take them as they are"
        )
    return Scale(values, _P_SCALES.get(asked) or _unit(name), "real values", f"{seen} taken as they are")


def _quantity(name: str) -> str:
    """Return what was measured, by the name of its column."""
    return next((quantity for lower, quantity in _QUANTITIES.items() if lower in name.lower()), "Affinity")


def _unit(name: str) -> str:
    """Return the unit of values on a p-scale or another scale of its size."""
    if "kiba" in name.lower():
        return "KIBA score"
    quantity = _quantity(name)
    return "affinity" if quantity == "Affinity" else f"p{quantity}"
