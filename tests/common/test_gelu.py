"""GELU with its own gradient: the same answer and the same gradient as the framework's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.layers import GELU


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_agrees_with_the_frameworks_gelu_forwards_and_back(precision):
    points = tf.constant(np.linspace(-6, 6, 401, dtype="float32"))
    layer = GELU(dtype=precision)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(points)
        ours, theirs = layer(points), keras.activations.gelu(points, approximate=False)
    tolerance = 1e-6 if precision == "float32" else 0.04
    np.testing.assert_allclose(tf.cast(ours, "float32"), theirs, atol=tolerance)
    np.testing.assert_allclose(tape.gradient(ours, points), tape.gradient(theirs, points), atol=tolerance)


def test_it_compiles_with_xla():
    points = tf.linspace(-3.0, 3.0, 7)
    compiled = tf.function(GELU(), jit_compile=True)
    np.testing.assert_allclose(compiled(points), GELU()(points), atol=1e-6)
