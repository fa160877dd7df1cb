"""Pooling of segments and convolution on graphs, against numpy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from common.layers import GraphConvolution, SegmentAttention, SegmentMax, SegmentMean

PART = np.array([0, 0, 0, -1, 2, 2, -1], np.int32)  # part 1 has no rows, two rows are gaps
LIKE = np.zeros((3, 1), np.float32)


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


def test_the_mean_and_the_maximum_are_those_of_each_part(rows):
    mean, highest = (
        np.asarray(SegmentMean()(rows, PART, LIKE)),
        np.asarray(SegmentMax()(abs(rows), PART, LIKE)),
    )
    for number, chosen in ((0, slice(0, 3)), (2, slice(4, 6))):
        np.testing.assert_allclose(mean[number], rows[chosen].mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(highest[number], abs(rows[chosen]).max(axis=0), atol=1e-6)
    assert not mean[1].any() and not highest[1].any()


def test_attention_is_a_softmax_over_the_rows_of_a_part(rows):
    layer = SegmentAttention(heads=2)
    layer.build(rows.shape, PART.shape, LIKE.shape)
    np.testing.assert_allclose(
        layer(rows, PART, LIKE), SegmentMean()(rows, PART, LIKE), atol=1e-6
    )  # at first
    inner, outer = (np.random.default_rng(1).normal(size=w.shape) for w in (layer.inner, layer.outer))
    layer.set_weights([inner, outer])
    pooled = np.asarray(layer(rows, PART, LIKE))
    for number, chosen in ((0, slice(0, 3)), (2, slice(4, 6))):
        score = np.exp(np.tanh(rows[chosen] @ inner) @ outer)
        weights = np.repeat(score / score.sum(axis=0), 2, axis=1)
        np.testing.assert_allclose(pooled[number], (rows[chosen] * weights).sum(axis=0), atol=1e-5)


def test_an_atom_sees_its_neighbours_and_the_kind_of_bond(rows):
    nodes = rows[:3]
    neighbours = np.array([[2, 0], [1, 3], [2, 0]], np.int32)  # a chain 0 - 1 - 2
    bonds = np.array([[1, 0], [1, 2], [2, 0]], np.int32)
    layer = GraphConvolution(5, kinds=2)
    layer.build(nodes.shape, neighbours.shape, bonds.shape)
    layer.set_weights([np.random.default_rng(2).normal(size=w.shape) for w in layer.weights])
    edge, own, others, bias = layer.get_weights()
    for place, around in enumerate(([(1, 1)], [(0, 1), (2, 2)], [(1, 2)])):
        gathered = sum(np.maximum(nodes[other] + edge[kind], 0) for other, kind in around)
        expected = np.maximum(nodes[place] @ own + gathered @ others + bias, 0)
        np.testing.assert_allclose(np.asarray(layer(nodes, neighbours, bonds))[place], expected, atol=1e-4)


def test_the_order_of_the_atoms_changes_nothing(rows):
    layer = GraphConvolution(3, kinds=1)
    chain = np.array([[2, 0], [1, 3], [2, 0]], np.int32)
    turned = np.array([[3, 2], [1, 0], [1, 0]], np.int32)  # atom 1 first, then 0 and 2
    first = np.asarray(layer(rows[:3], chain, (chain > 0).astype(np.int32)))
    second = np.asarray(layer(rows[[1, 0, 2]], turned, (turned > 0).astype(np.int32)))
    np.testing.assert_allclose(first[[1, 0, 2]], second, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_they_train_save_and_load(policy, rows, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        given = [
            keras.Input((4,)),
            keras.Input((2,), dtype="int32"),
            keras.Input((2,), dtype="int32"),
            keras.Input((), dtype="int32"),
            keras.Input((1,)),
        ]
        x = GraphConvolution(4, 1)(*given[:3])
        pooled = [
            layer(x, given[3], given[4]) for layer in (SegmentMean(), SegmentMax(), SegmentAttention(2))
        ]
        value = keras.layers.Dense(1, dtype="float32")(keras.layers.Concatenate()(pooled))
        model = keras.Model(given, value)
    finally:
        keras.config.set_dtype_policy(before)
    near = np.zeros((7, 2), np.int32)
    near[:2, 0] = 2, 1
    data = [rows, near, (near > 0).astype(np.int32), PART, LIKE]
    model.compile("sgd", "mse", jit_compile=False)
    model.train_on_batch(data, np.ones((3, 1)))
    expected = np.asarray(model(data))
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "m.keras")(data), expected, atol=1e-5)
