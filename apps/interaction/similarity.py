"""How far a molecule lies from what was learned: the most similar known one.

Predictions are worth less the less a molecule resembles those of the training data (Sheridan et al.,
"Similarity to molecules in the training set is a good discriminator for prediction accuracy in QSAR",
J. Chem. Inf. Comput. Sci. 2004).
"""

from __future__ import annotations

import numpy as np

__all__ = ["nearest_molecule"]

QUERIES, LIBRARY = 64, 4096  # molecules compared at a time; these blocks stay in the processor's cache


def nearest_molecule(query: np.ndarray, library: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each query the number of the most similar molecule, the first of equals, and their similarity.

    Args:
        query: fingerprints, bool ``(q, bits)``, or uint8 ``(q, bytes)`` as ``np.packbits`` makes them.
        library: the same for n molecules, n >= 1.

    Returns:
        ``(q,)`` int64, and Tanimoto's coefficient ``(q,)`` float64: bits in common by bits in either, 0 where
        neither has any.

    Raises:
        ValueError: other types or shapes, or an empty library.
    """
    queries, known = _words_of(query), _words_of(library)
    if queries.shape[1] != known.shape[1]:
        raise ValueError(f"fingerprints differ in length: query {query.shape}, library {library.shape}")
    if not len(known):
        raise ValueError("the library is empty")
    index, similarity = np.zeros(len(queries), np.int64), np.full(len(queries), -1.0)
    for start in range(0, len(known), LIBRARY):
        block = known[start : start + LIBRARY]
        for first in range(0, len(queries), QUERIES):
            rows = slice(first, first + QUERIES)
            tanimoto = _tanimoto(queries[rows], block)
            best = tanimoto.argmax(axis=1)
            value = tanimoto[np.arange(len(best)), best]
            better = value > similarity[rows]
            index[rows] = np.where(better, best + start, index[rows])
            similarity[rows] = np.where(better, value, similarity[rows])
    return index, similarity


def _words_of(fingerprints: np.ndarray) -> np.ndarray:
    """Return fingerprints as ``(n, words)`` uint64."""
    if fingerprints.ndim != 2 or fingerprints.dtype not in (np.bool_, np.uint8):
        raise ValueError(
            "fingerprints must be bool (n, bits) or packed uint8 (n, bytes), "
            f"not {fingerprints.dtype} {fingerprints.shape}"
        )
    packed = np.packbits(fingerprints, axis=1) if fingerprints.dtype == np.bool_ else fingerprints
    packed = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))
    return packed.view(np.uint64)


def _tanimoto(queries: np.ndarray, library: np.ndarray) -> np.ndarray:
    """Return Tanimoto's coefficients ``(q, n)`` of fingerprints ``(q, words)`` and ``(n, words)``."""
    common = np.zeros((len(queries), len(library)), np.uint16)
    columns = np.ascontiguousarray(library.T)
    for word, column in enumerate(columns):  # word by word: nothing larger than (q, n) is made
        common += np.bitwise_count(queries[:, word, None] & column)
    sizes = [np.bitwise_count(side).sum(axis=1, dtype=np.int64) for side in (queries, library)]
    either = sizes[0][:, None] + sizes[1] - common
    return common / np.maximum(either, 1)
