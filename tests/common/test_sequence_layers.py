"""Embeddings and layers over time, against numpy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.data.sequences import NeighbourStream, PairStream
from common.layers import (
    BiasedSum,
    ConvMaxOverTime,
    EightBitEmbedding,
    MaxOverTime,
    MeanOverTime,
    RealPositions,
    SummedEmbedding,
    conv1d_block,
    in_eight_bits,
    in_floats,
    is_in_eight_bits,
    pyramid_block,
)


@pytest.fixture
def network():
    inputs = keras.Input((None, 3), dtype="int32")
    x = SummedEmbedding(20, 4, (0, 2), name="vectors")(inputs)
    x = MaxOverTime()(conv1d_block(x, 6, 3), RealPositions()(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def ids(shape=(2, 5, 3)):
    return np.random.default_rng(0).integers(1, 20, shape).astype(np.int32)


def test_rows_named_by_the_columns_are_added_and_padding_is_zero():
    layer = SummedEmbedding(20, 4, (0, 2))
    rows = ids()
    rows[0, 3:] = 0
    out = np.asarray(layer(rows))
    table = np.array(layer.table)
    expected = table[rows[..., 0]] + table[rows[..., 2]]
    expected[0, 3:] = 0
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_padding_changes_no_score(network):
    rows = ids((3, 6, 3))
    longer = np.concatenate([rows, np.zeros((3, 9, 3), np.int32)], axis=1)
    np.testing.assert_allclose(network(rows), network(longer), atol=1e-5)


def test_sum_over_time_has_a_bias():
    layer = BiasedSum()
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    layer.build(x.shape)
    layer.bias.assign([1, 2, 3])
    np.testing.assert_allclose(layer(x), x.sum(axis=1) + [1, 2, 3], atol=1e-5)


def test_mean_over_time_counts_real_positions_only():
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    real = np.array([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], np.float32)[..., None]
    np.testing.assert_allclose(MeanOverTime()(x, real), [x[0, :2].mean(axis=0), np.zeros(3)], atol=1e-6)


def test_pairs_come_together_and_every_pair_once_a_pass():
    class Numbers:
        lengths = np.ones(12, np.int64)

        def padded(self, indices):
            return np.asarray(indices, np.int32)[:, None, None]

    pairs = np.arange(12).reshape(6, 2)
    stream = PairStream(Numbers(), pairs, 4, 0)
    assert stream.steps_per_epoch == 3
    seen = []
    for numbers, groups in stream.steps(0, 3):
        first, second = np.asarray(numbers)[:, 0, 0].reshape(2, 2)
        assert (second == first + 1).all() and np.asarray(groups).ravel().tolist() == [0, 1, 0, 1]
        seen += first.tolist()
    assert sorted(seen) == pairs[:, 0].tolist()
    again = [np.asarray(numbers) for numbers, _ in stream.steps(1, 2)]
    np.testing.assert_array_equal(again[0], [np.asarray(x) for x, _ in stream.steps(0, 3)][1])


def test_neighbours_stand_outside_the_region_and_within_reach():
    words = np.concatenate([np.arange(1, 41), np.zeros(8, int), np.arange(41, 81)]).astype(np.int32)
    keep = np.arange(81).clip(max=1)  # padding is never foretold
    stream = NeighbourStream(words, keep, 3, 2, 2, 4, 10, 0, 1.0)
    (rows, target), (again, _) = next(iter(stream.steps(5, 6))), next(iter(stream.steps(5, 6)))
    np.testing.assert_array_equal(rows, again)
    rows, told = np.asarray(rows), np.asarray(target)[..., 0].reshape(4, 10, 2) > 0
    own, near = rows[..., :1], rows[..., 1:]
    assert told.any() and not told[(near == 0) | np.broadcast_to(own == 0, near.shape)].any()
    distance = np.abs(near - own)[told]
    assert set(distance) <= {2, 3}


def test_eight_bits_are_near_and_come_back(network, tmp_path):
    rows = ids()
    small = in_eight_bits(network)
    assert any(isinstance(layer, EightBitEmbedding) for layer in small.layers)
    np.testing.assert_allclose(network(rows), small(rows), atol=0.02)
    again = in_floats(small)
    np.testing.assert_allclose(again(rows), small(rows), atol=1e-5)
    assert again.get_layer("vectors").trainable
    small.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded(rows), small(rows))


def test_strides_dilations_and_dense_layers_in_eight_bits_come_back_too():
    places = keras.Input((None, 6))
    x = keras.layers.Conv1D(8, 9, strides=4, padding="same", activation="relu", name="far")(places)
    x = keras.layers.Conv1D(8, 5, dilation_rate=2, padding="same", name="wide")(x)
    network = keras.Model(
        places, keras.layers.Dense(3, "relu", name="out")(keras.layers.GlobalMaxPooling1D()(x))
    )
    given = np.random.default_rng(3).normal(size=(4, 21, 6)).astype(np.float32)
    small = in_eight_bits(network, dense=True)
    assert {str(small.get_layer(name).kernel.dtype) for name in ("far", "wide", "out")} == {"int8"}
    assert small.get_layer("far").compute_output_shape((4, 21, 6)) == (4, 6, 8)
    np.testing.assert_allclose(network(given), small(given), atol=0.05)
    np.testing.assert_allclose(in_floats(small)(given), small(given), atol=1e-5)
    assert any(isinstance(layer, keras.layers.Dense) for layer in in_eight_bits(network).layers)


def test_networks_in_a_network_go_to_eight_bits_and_come_back_too():
    places = keras.Input((6,), name="given")
    both = [
        keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "relu")], name=f"member{number}")
        for number in (1, 2)
    ]
    network = keras.Model(places, keras.layers.Add()([member(places) for member in both]))
    given = np.random.default_rng(3).normal(size=(4, 6)).astype(np.float32)
    small = in_eight_bits(network, dense=True)
    assert is_in_eight_bits(small) and not is_in_eight_bits(network)
    np.testing.assert_allclose(network(given), small(given), atol=0.05)
    again = in_floats(small)
    assert not is_in_eight_bits(again)
    np.testing.assert_allclose(again(given), small(given), atol=1e-5)


def test_a_pyramid_block_halves_the_length():
    x = np.random.default_rng(0).normal(size=(2, 9, 4)).astype(np.float32)
    inputs = keras.Input((None, 4))
    block = keras.Model(inputs, pyramid_block(inputs, 4, name="block"))
    assert block(x).shape == (2, 5, 4)


def test_only_the_winning_windows_are_taken_back_and_the_gradients_are_the_same():
    keras.utils.set_random_seed(0)
    x = keras.random.normal((3, 9, 4))
    real = np.ones((3, 9, 1), np.float32)
    real[1, 5:] = 0
    inputs, places = keras.Input((None, 4)), keras.Input((None, 1))
    quick = keras.Model([inputs, places], ConvMaxOverTime(6, 4, name="filters")(inputs, places))
    answers = MaxOverTime()(conv1d_block(inputs, 6, 4, name="filters"), places)
    plain = keras.Model([inputs, places], answers)
    quick.get_layer("filters").set_weights([keras.random.normal((4, 4, 6)), keras.random.normal((6,))])
    plain.get_layer("filters").set_weights(quick.get_layer("filters").get_weights())
    found = []
    for network in (quick, plain):
        with tf.GradientTape() as tape:
            given = tf.convert_to_tensor(x)
            tape.watch(given)
            pooled = network([given, tf.constant(real)])
            loss = tf.reduce_sum(pooled**2)
        found.append((pooled, *tape.gradient(loss, [given, *network.trainable_variables])))
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(tf.convert_to_tensor(ours), expected, atol=1e-4)
