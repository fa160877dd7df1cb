"""Row-wise steps against Adagrad by hand, and AdamW for everything else."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.layers import SampledScores, SummedEmbedding
from common.metrics import first_hits, mean_reciprocal_rank, recall_at
from common.optimizers import OPTIMIZERS, RowwiseAdamW


def test_only_named_rows_move_and_as_adagrad_moves_them():
    table = keras.Variable(np.ones((4, 2), "float32"))
    optimizer = RowwiseAdamW(0.01, weight_decay=0.0, row_rate=10.0)
    optimizer.build([table])
    expected, squares = np.ones((4, 2)), np.zeros((4, 2))
    for rows, values in (([1, 3, 1], [[1, 2], [3, 4], [5, 6]]), ([1], [[1, -1]])):
        values = np.array(values, "float32")
        optimizer.apply([tf.IndexedSlices(tf.constant(values), tf.constant(rows))], [table])
        total = np.zeros((4, 2))
        np.add.at(total, rows, values)
        squares += total**2
        expected -= np.where(total != 0, 0.1 * total / np.sqrt(np.maximum(squares, 1e-16)), 0)
    np.testing.assert_allclose(np.asarray(table), expected, rtol=1e-5)
    assert (np.asarray(table)[[0, 2]] == 1).all()


def test_a_whole_gradient_is_adamws():
    start, gradient = np.array([[1.0, -2.0]], "float32"), np.array([[0.3, 0.1]], "float32")
    both = []
    for optimizer in (RowwiseAdamW(0.1, weight_decay=0.01), keras.optimizers.AdamW(0.1, weight_decay=0.01)):
        variable = keras.Variable(start)
        optimizer.build([variable])
        optimizer.apply([tf.constant(gradient)], [variable])
        both.append(np.asarray(variable))
    np.testing.assert_array_equal(*both)


@pytest.mark.parametrize("name", ["sgd", "nimble_sgd", "adamw"])
def test_variables_move_at_their_own_rates(name):
    """A multiple of the rate for one variable is the same optimizer at that rate, decay left out."""
    gradients = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")

    def moved(multiples, rate):
        layers = [keras.layers.Dense(3, name=f"part{number}") for number in range(3)]
        for layer in layers:
            layer.build((None, 1))
        variables = [layer.bias for layer in layers]
        optimizer = OPTIMIZERS.get(name)(rate, 0.0, multiples)
        assert type(optimizer).from_config(optimizer.get_config()).multiples == multiples
        optimizer.build(variables)
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)] * 3, variables)
        return [np.asarray(variable) for variable in variables]

    first, second, third = moved({"part0/*": 0.1, "*2/bias": 5.0, "part*": 1.0}, 0.1)
    for found, rate in ((first, 0.01), (second, 0.1), (third, 0.5)):
        np.testing.assert_allclose(found, moved({}, rate)[0], rtol=1e-5)


def test_the_gradient_of_a_table_names_rows():
    inputs = keras.Input((None, 2), dtype="int32")
    network = keras.Model(inputs, SummedEmbedding(50, 3, (0, 1))(inputs))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(np.array([[[1, 2], [0, 2]]], "int32")))
    assert isinstance(tape.gradient(loss, network.trainable_variables)[0], tf.IndexedSlices)


def test_sampled_scores_are_of_the_row_and_of_the_drawn_rows():
    draw = np.random.default_rng(0)
    features, rows = (
        draw.normal(size=(2, 3, 4)).astype("float32"),
        draw.integers(0, 20, (2, 3, 2)).astype("int32"),
    )
    chances = draw.random(20)
    layer = SampledScores(20, chances, drawn=100_000)
    layer.build(features.shape, rows.shape)
    table, bias = draw.normal(size=(20, 4)).astype("float32"), draw.normal(size=20).astype("float32")
    layer.set_weights([table, bias])
    found = np.asarray(layer(features, rows)).reshape(2, 3, 2, 2)
    every = features @ table.T + bias
    np.testing.assert_allclose(found[..., 0], np.take_along_axis(every, rows, -1), rtol=1e-4, atol=1e-5)
    expected = np.log(100_000 * (np.exp(every) * chances / chances.sum()).sum(-1))
    np.testing.assert_allclose(found[..., 1], np.broadcast_to(expected[..., None], (2, 3, 2)), atol=0.03)


def test_ranks_count_ties_against_us():
    scores = np.array([[-np.inf, 0.9, 0.5, 0.5], [0.1, -np.inf, 0.1, 0.1], [0.3, 0.2, -np.inf, 0.1]])
    relevant = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool)
    ranks = first_hits(scores, relevant)
    assert ranks.tolist() == [3, 3, np.inf]
    assert mean_reciprocal_rank(ranks) == pytest.approx(2 / 9)
    assert recall_at(ranks, 3).value == pytest.approx(2 / 3) and recall_at(ranks, 2).value == 0
