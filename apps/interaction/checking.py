"""Looking at measured pairs before anything is trained on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from apps.interaction.options import SPLIT_NAMES
from apps.interaction.pairs import located, read_pairs
from apps.interaction.splits import leaks, split
from common.console import Console
from common.errors import UsageError

__all__ = ["Checked", "check"]


@dataclass(frozen=True)
class Checked:
    """What a table of pairs holds.

    Args:
        note: what was read, guessed, merged and left out.
        pairs, molecules, proteins: counts.
        filled: share of the cells of molecules by proteins that are known.
        unit: of the values.
        values: quantiles by name.
        splits: by name the sizes of train, held, test and what is left out, and the leaks.
    """

    note: str
    pairs: int
    molecules: int
    proteins: int
    filled: float
    unit: str
    values: dict[str, float]
    splits: dict[str, dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def print(self) -> None:
        """Print two tables."""
        Console.table((self.unit, ""), [(name, f"{value:.3g}") for name, value in self.values.items()])
        columns = ("split", "train", "held", "test", "left out", "leaks")
        rows = [
            (
                name,
                *(f"{found[part]:,}" for part in ("train", "held", "test", "left out")),
                "; ".join(found["leaks"]),
            )
            if "error" not in found
            else (name, "", "", "", "", found["error"])
            for name, found in self.splits.items()
        ]
        Console.table(columns, rows)


def check(
    source: str,
    *,
    columns: dict[str, str] | None = None,
    units: str = "",
    strict: bool = False,
    seed: int = 0,
) -> Checked:
    """Read pairs and try every split on them.

    Raises:
        InputError, UsageError: as of ``read_pairs``.
    """
    pairs = read_pairs(located(source), columns=columns or {}, units=units, strict=strict)
    marks = {"lowest": 0.0, "quarter": 0.25, "half": 0.5, "three quarters": 0.75, "highest": 1.0}
    splits: dict[str, dict[str, Any]] = {}
    for name in SPLIT_NAMES:
        if name == "published":
            continue
        try:
            parts = split(pairs, name, seed=seed)
        except UsageError as error:  # too few groups for it
            splits[name] = {"error": error.message}
            continue
        sizes = {part: len(getattr(parts, part)) for part in ("train", "held", "test")}
        splits[name] = sizes | {"left out": parts.dropped, "leaks": leaks(pairs, parts)}
    molecules, proteins = len(np.unique(pairs.drug)), len(np.unique(pairs.protein))
    return Checked(
        note=pairs.note,
        pairs=len(pairs),
        molecules=molecules,
        proteins=proteins,
        filled=len(pairs) / (molecules * proteins),
        unit=pairs.unit,
        values={name: float(np.quantile(pairs.value, mark)) for name, mark in marks.items()},
        splits=splits,
    )
