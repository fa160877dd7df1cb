"""Which pairs a training is asked to learn from, to choose on and to be tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.interaction.options import TrainOptions
from apps.interaction.pairs import Pairs, is_grid, published_folds, published_split, read_pairs
from apps.interaction.splits import Split, split

__all__ = ["pairs_and_parts"]


def pairs_and_parts(options: TrainOptions) -> tuple[Pairs, Split]:
    """Return the pairs, and the training, held-out and test part of them that the options ask for.

    Raises:
        InputError: pairs that cannot be read; no published split beside them.
        UsageError: a split that leaves nothing to train on.
    """
    if options.split == "published" and not is_grid(Path(options.data)):
        parts = published_split(options.data)
        train, held, test = np.split(np.arange(sum(map(len, parts))), np.cumsum([len(p) for p in parts[:2]]))
        return parts[0].followed_by(*parts[1:]), Split("published", train, held, test, 0)
    pairs = read_pairs(options.data, columns=options.columns, units=options.units, strict=options.strict)
    if options.split != "published":
        return pairs, split(pairs, options.split, seed=options.seed)
    folds, test = published_folds(options.data)
    # A fifth of the last fold is watched; the rest of all folds is trained on.
    draw = np.random.default_rng(options.seed).permutation(folds[-1])
    held, rest = draw[: len(draw) // 5], draw[len(draw) // 5 :]
    kept = np.concatenate([*folds[:-1], rest])
    return pairs, Split("published", np.sort(kept), np.sort(held), np.sort(test), 0)
