"""What reports on classifiers show."""

import numpy as np

from common.answer_sections import answer_sections, most_confused


def test_the_pairs_that_are_confused_most_often():
    confusion = np.array([[90, 4, 0], [9, 80, 1], [0, 0, 50]])
    assert most_confused(confusion, "abc") == [("b", "a", 9), ("a", "b", 4), ("b", "c", 1)]
    assert most_confused(confusion, "abc", limit=1) == [("b", "a", 9)]


def test_many_classes_are_a_table_and_few_a_picture():
    for count in (3, 60):
        confusion = np.eye(count, dtype=int)
        confusion[0, 1] = 2
        names = [f"class {number}" for number in range(count)]
        sections = answer_sections(
            names, confusion, np.full(10, 0.9), np.arange(10) > 0, [np.zeros((8, 8, 3), "uint8")], ["one"]
        )
        assert [section.title for section in sections] == ["Confusion", "Calibration", "Worst mistakes"]
        assert (sections[0].table is None) == (count == 3)
        assert sections[2].figure[:4] == b"\x89PNG"
    assert sections[0].table[1] == ("class 0", "class 1", 2)
    assert len(answer_sections("ab", np.eye(2, dtype=int), np.ones(3), np.ones(3, bool), [], [])) == 2
