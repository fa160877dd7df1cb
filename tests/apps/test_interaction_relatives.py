"""How alike proteins are by the words of residues that both have."""

from collections import Counter
from math import sqrt

import numpy as np
import pytest

from apps.interaction import relatives
from apps.interaction.relatives import CHANCE, CLASSES, WORD, References

ONE, OTHER = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ", "GSHMKTAYIAKQRNISFVKTHFARQLEDRLGLWW"


def by_definition(first: str, second: str) -> float:
    """Bhattacharyya's coefficient of the shares of words, word by word, beyond chance."""

    def shares(sequence: str) -> dict[tuple[int, ...], float]:
        letters = [
            next((n for n, group in enumerate(CLASSES) if letter in group), None) for letter in sequence
        ]
        words = [tuple(letters[i : i + WORD]) for i in range(len(letters) - WORD + 1)]
        known = Counter(word for word in words if None not in word)
        return {word: count / known.total() for word, count in known.items()}

    one, other = shares(first), shares(second)
    coefficient = sum(sqrt(share * other[word]) for word, share in one.items() if word in other)
    return max(0, coefficient - CHANCE) / (1 - CHANCE)


def test_similarities_are_those_of_the_definition():
    known = References([OTHER, ONE, ONE[:12] * 3, OTHER])
    assert len(known) == 3 and known.sequences == sorted({OTHER, ONE, ONE[:12] * 3})
    asked = [ONE, OTHER[::-1], ONE[:20] + "X" + OTHER, "W" * 40]
    expected = [[by_definition(query, reference) for reference in known.sequences] for query in asked]
    np.testing.assert_allclose(known.similarities(asked), expected, atol=1e-6)
    assert by_definition(ONE, OTHER) > 0.3 > 0 == by_definition(ONE, OTHER[::-1])


def test_a_protein_is_itself_and_residues_that_replace_each_other_are_one_letter():
    known = References([ONE])
    same = ONE.translate(str.maketrans("IKSEF", "VRTDY"))
    assert known.similarities([ONE, same]).ravel() == pytest.approx([1, 1])
    assert known.similarities(["PPPPPP", "MKT", "X" * 50, ""]).ravel().tolist() == [0, 0, 0, 0]


def test_references_without_words_and_no_references():
    assert References(["MKT", ONE]).similarities([ONE, "MKT"]).tolist() == [[0, 1], [0, 0]]
    assert References([]).similarities([ONE]).shape == (1, 0)


def test_of_many_proteins_the_same_ones_are_drawn(monkeypatch):
    monkeypatch.setattr(relatives, "MOST", 3)
    sequences = [ONE[i:] + OTHER for i in range(9)]
    drawn = References(sequences).sequences
    assert len(drawn) == 3 and drawn == sorted(drawn) and set(drawn) < set(sequences)
    assert References(sequences[::-1] * 2).sequences == drawn
