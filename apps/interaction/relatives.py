"""How alike a protein is to each of the known ones, by the short words of residues that both have.

What is known of a kinase tells about its relatives, and words find these without an alignment: the similarity is
Bhattacharyya's coefficient of two proteins' shares of words, the sum over words of sqrt(share * share), which is a
spectrum kernel.  Residues that replace each other count as one letter.  Proteins that are no relatives have a few
words in common too, so that only what goes beyond these counts.

References:
    Leslie, Eskin and Noble, "The spectrum kernel: a string kernel for SVM protein classification", PSB 2002.
    Murphy, Wallqvist and Levy, "Simplified amino acid alphabets for protein fold recognition and implications for
    folding", Protein Engineering 2000 (the alphabet of ten letters).
    Bhattacharyya, "On a measure of divergence between two multinomial populations", Sankhya 1946.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["References"]

# Selenocysteine and pyrrolysine go with what they are made of, letters for two residues with the class of both.
CLASSES = ("A", "CU", "DENQBZ", "FWY", "G", "H", "ILMVJ", "KRO", "P", "ST")
WORD = 5  # residues
MOST = 1024  # proteins that others are compared with
CHANCE = 0.05  # about the median coefficient of two human kinases


class References:
    """Known proteins that others are compared with.

    Args:
        sequences: of the known proteins, upper case, in any order and as often as may be.  Of more than ``MOST``
            different ones some are drawn, the same ones of the same proteins.
    """

    def __init__(self, sequences: Iterable[str]) -> None:
        self.sequences = sorted(set(sequences))
        if len(self.sequences) > MOST:
            drawn = np.random.default_rng(0).choice(len(self.sequences), MOST, replace=False)
            self.sequences = [self.sequences[number] for number in np.sort(drawn)]
        # By word: who has it, and the root of its share there.
        found = [_shares(sequence) for sequence in self.sequences]
        words = np.concatenate([np.zeros(0, np.int64), *(words for words, _ in found)])
        order = np.argsort(words, kind="stable")
        self._words = words[order]
        self._owner = np.repeat(np.arange(len(found)), [len(words) for words, _ in found])[order]
        self._root = np.sqrt(np.concatenate([np.zeros(0), *(shares for _, shares in found)]))[order]

    def __len__(self) -> int:
        return len(self.sequences)

    def similarities(self, sequences: Sequence[str]) -> np.ndarray:
        """Return how alike each sequence is to each reference, beyond chance.

        Returns:
            ``(n, len(self))`` float32, 0 for no relative, 1 for the same words in the same shares.
        """
        found = np.zeros((len(sequences), len(self)), np.float32)
        for row, sequence in enumerate(sequences):
            words, shares = _shares(sequence)
            first, behind = (np.searchsorted(self._words, words, side) for side in ("left", "right"))
            owners = behind - first
            asked = np.repeat(np.arange(len(words)), owners)
            places = np.arange(len(asked)) + (first - np.cumsum(owners) + owners)[asked]
            products = self._root[places] * np.sqrt(shares)[asked]
            found[row] = np.bincount(self._owner[places], products, minlength=len(self))
        return np.maximum(found - CHANCE, 0) / (1 - CHANCE)


def _shares(sequence: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the words in a sequence and their shares of all; words with unknown residues are none."""
    letter = np.full(128, -1, np.int64)
    for number, members in enumerate(CLASSES):
        letter[[ord(member) for member in members]] = number
    letters = letter[np.frombuffer(sequence.encode("ascii"), np.uint8)]
    if len(letters) < WORD:
        return np.zeros(0, np.int64), np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(letters, WORD)
    known = windows[(windows >= 0).all(axis=1)]
    words, counts = np.unique(known @ len(CLASSES) ** np.arange(WORD), return_counts=True)
    return words, counts / max(len(known), 1)
