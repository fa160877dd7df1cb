"""Parts that are disjoint, whole, seeded, and have every class in them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.splitting import strata, stratified_parts, stratified_sample


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 1000),
)
def test_every_class_is_in_every_part_if_there_are_enough_of_it(sizes, second, third, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    parts = stratified_parts(labels, [second, third], seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    counts = np.array([[int((labels[part] == label).sum()) for part in parts] for label in range(len(sizes))])
    for size, row in zip(sizes, counts, strict=True):
        if size < 3:
            assert row.tolist() == [1] * size + [0] * (3 - size)
        else:
            assert row.min() >= 1
            wanted = np.array([1 - second - third, second, third]) * size
            assert np.abs(row - wanted).max() <= 2
    again = stratified_parts(labels, [second, third], seed)
    assert all((one == two).all() for one, two in zip(parts, again, strict=True))


def test_another_seed_draws_other_parts():
    labels = np.repeat([0, 1], 50)
    one, two = (stratified_parts(labels, [0.3], seed)[1] for seed in (0, 1))
    assert one.tolist() != two.tolist()


def test_examples_with_several_labels_are_parted_by_the_rarest():
    targets = np.zeros((20, 3))
    targets[:, 0] = 1
    targets[:6, 1] = 1
    targets[:2, 2] = 1
    targets[19] = 0
    assert strata(targets).tolist() == [2, 2, 1, 1, 1, 1, *[0] * 13, 3]
    np.testing.assert_array_equal(strata(np.array([2, 0, 1])), [2, 0, 1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.floats(0, 1), st.integers(0, 1000))
def test_a_sample_has_the_size_asked_for_and_every_class(sizes, share, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    size = round(len(sizes) + share * (len(labels) - len(sizes)))
    chosen = stratified_sample(labels, size, seed)
    assert len(set(chosen)) == size and (np.diff(chosen) > 0).all()
    counts = np.bincount(labels[chosen], minlength=len(sizes))
    assert counts.min() >= 1
    if min(sizes) * size >= len(labels):  # no class needs to be helped to its one example
        assert np.abs(counts - size * np.array(sizes) / len(labels)).max() < 1.01
    assert stratified_sample(labels, size, seed).tolist() == chosen.tolist()
