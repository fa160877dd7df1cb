"""Parting examples so that every class is in every part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["strata", "stratified_parts", "stratified_sample"]


def stratified_parts(labels: np.ndarray, shares: Sequence[float], seed: int) -> list[np.ndarray]:
    """Part examples at random, class by class.

    Each class gives every part its share, rounded, but at least one example; where a class has fewer examples than
    there are parts, the first parts get one each.

    Args:
        labels: number of the class of each example ``(n,)``.
        shares: of the second and further parts; the first gets the rest.
        seed: of the order.

    Returns:
        For each part the sorted positions of its examples.
    """
    random = np.random.default_rng(seed)
    parts: list[list[int]] = [[] for _ in range(len(shares) + 1)]
    for label in np.unique(labels):
        places = random.permutation(np.flatnonzero(labels == label))
        if len(places) < len(parts):
            sizes = [1] * len(places) + [0] * (len(parts) - len(places))
        else:
            later = [max(1, round(share * len(places))) for share in shares]
            sizes = [len(places) - sum(later), *later]
            while sizes[0] < 1:
                largest = int(np.argmax(sizes))
                sizes[largest], sizes[0] = sizes[largest] - 1, sizes[0] + 1
        ends = np.cumsum([0, *sizes])
        for part, start, stop in zip(parts, ends[:-1], ends[1:], strict=True):
            part += places[start:stop].tolist()
    return [np.array(sorted(part), np.int64) for part in parts]


def stratified_sample(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Return the sorted positions of ``size`` examples, of each class its share, rounded, but at least one.

    Args:
        labels: number of the class of each example ``(n,)``.
        size: at least the number of classes and at most n.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    classes, counts = np.unique(labels, return_counts=True)
    wanted = size * counts / len(labels)
    quotas = np.maximum(np.floor(wanted).astype(int), 1)
    while quotas.sum() != size:
        step = 1 if quotas.sum() < size else -1
        # Whoever is furthest from the exact share gives or takes; nobody gives the last example.
        lack = np.where((quotas + step < 1) | (quotas + step > counts), -np.inf, step * (wanted - quotas))
        quotas[lack.argmax()] += step
    chosen = [
        random.permutation(np.flatnonzero(labels == label))[:quota]
        for label, quota in zip(classes, quotas, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def strata(targets: np.ndarray) -> np.ndarray:
    """Return a class number for each example ``(n,)`` to part by.

    Of examples with several labels it is the rarest of theirs, so that rare labels are in every part; those without a
    label are a class of their own (Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data",
    ECML 2011, in its simplest form).

    Args:
        targets: class numbers ``(n,)``, or 0 and 1 by label ``(n, K)``.
    """
    if targets.ndim == 1:
        return targets
    frequency = np.where(targets > 0, targets.sum(axis=0), np.inf)
    return np.where(targets.any(axis=1), frequency.argmin(axis=1), targets.shape[1])
