"""Every layer: shapes, save and load, mixed precision; and each against an oracle that is not ours."""

import keras
import numpy as np
import pytest

from common import layers
from common.errors import UsageError

BLOCKS = {
    "conv_block": lambda x: layers.conv_block(x, 8, stride=2),
    "conv_block_plain": lambda x: layers.conv_block(x, 8, norm=False, activation="tanh"),
    "residual_block": lambda x: layers.residual_block(x, 8, stride=2, squeeze=0.25, drop_rate=0.2),
    "residual_identity": lambda x: layers.residual_block(x, 4),
    "squeeze_excite": lambda x: layers.squeeze_excite(x),
    "doubled": lambda x: layers.Doubled()(x),
    "channel_moments": lambda x: layers.ChannelMoments()(x),
    "adaptive_norm": lambda x: layers.AdaptiveInstanceNormalization()(x, *[layers.ChannelMoments()(x)] * 2),
    "content_distance": lambda x: layers.MapDistance("content")(x, x[:, ::-1]),
    "texture_distance": lambda x: layers.MapDistance("texture")(x[:1, 2:], x),
    "style_distance": lambda x: layers.MapDistance("style", 0.5)(x, x[:, 2:]),
    "modulated": lambda x: layers.modulated(x, keras.layers.GlobalMaxPooling2D()(x), "m"),
    "positive_distances": lambda x: layers.PositiveDistances(8.0)(x),
    "expected_distances": lambda x: layers.ExpectedDistances(8.0)(keras.layers.Reshape((-1, 2, 2))(x)),
    "max_pool": lambda x: layers.pool(x, "max"),
    "average_pool": lambda x: layers.pool(x, "average"),
    "global_max": lambda x: layers.global_pool(x, "max"),
    "fused_norm": lambda x: layers.FusedBatchNormalization()(x),
    "gelu": lambda x: layers.GELU()(x),
    "stochastic_depth": lambda x: layers.StochasticDepth(0.3, seed=1)(x),
    "depthwise_separable": lambda x: layers.depthwise_separable(x, 6, stride=2),
    "inverted_residual": lambda x: layers.inverted_residual(x, 4, drop_rate=0.2, name="inverted"),
    "inverted_residual_down": lambda x: layers.inverted_residual(x, 6, 5, stride=2, squeeze=0),
    "convnext_block": lambda x: layers.convnext_block(x, layer_scale=0.1, drop_rate=0.2),
    "layer_scale": lambda x: layers.LayerScale(0.5)(x),
    "patch_whitening": lambda x: layers.PatchWhitening(2)(x),
    "partial_identity": lambda x: keras.layers.Conv2D(6, 3, kernel_initializer=layers.PartialIdentity(1))(x),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_every_block_trains_saves_and_loads(name, policy, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((9, 7, 4))
        outputs = keras.layers.Flatten()(BLOCKS[name](inputs))
        model = keras.Model(inputs, keras.layers.Dense(3, dtype="float32")(outputs))
    finally:
        keras.config.set_dtype_policy(before)
    x = np.random.default_rng(0).normal(size=(6, 9, 7, 4)).astype("float32")
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(x, np.ones((6, 3)), verbose=0)
    expected = model.predict(x, verbose=0)
    assert np.isfinite(expected).all()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_the_backbone_starts_another_network():
    def network(filters, seed):
        keras.utils.set_random_seed(seed)
        picture = keras.Input((32, 48, 3))
        maps = layers.pyramid(picture, filters=filters)
        assert {stride: tuple(x.shape[1:]) for stride, x in maps.items()} == {
            stride: (32 // stride, 48 // stride, filters * stride // 4) for stride in (2, 4, 8, 16)
        }
        return keras.Model(picture, maps[16])

    first, second, wider = network(8, 0), network(8, 1), network(12, 2)
    x = np.random.default_rng(0).random((2, 32, 48, 3), np.float32)
    before = second.predict_on_batch(x)
    with pytest.raises(UsageError, match="no layer stage1 of this shape"):
        layers.backbone_weights(second, wider)
    np.testing.assert_array_equal(second.predict_on_batch(x), before)
    assert layers.backbone_weights(second, first) == first.count_params()
    np.testing.assert_allclose(second.predict_on_batch(x), first.predict_on_batch(x), rtol=1e-5)


@pytest.mark.parametrize("shape", [(5, 8, 6, 3), (5, 8, 3), (7, 3)])
def test_fused_normalisation_equals_keras(shape):
    x = np.random.default_rng(1).normal(2, 3, shape).astype("float32")
    ours = layers.FusedBatchNormalization(momentum=0.9, epsilon=1e-3)
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    for _ in range(3):
        np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=2e-5)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, atol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-4)
    np.testing.assert_allclose(ours(x), theirs(x), atol=2e-5)


def test_composed_normalisation_equals_fused():
    """What the other backends run gives the numbers that TensorFlow's fused operation gives."""
    x = keras.ops.convert_to_tensor(np.random.default_rng(2).normal(1, 2, (4, 5, 5, 3)).astype("float32"))
    layer = layers.FusedBatchNormalization()
    layer.build(x.shape)
    for training in (True, False):
        for fused, composed in zip(layer._fused(x, training), layer._composed(x, training), strict=True):
            if training or fused.shape == x.shape:
                np.testing.assert_allclose(fused, composed, atol=1e-5)


def test_fused_normalisation_gradient_equals_keras():
    import tensorflow as tf

    x = tf.constant(np.random.default_rng(3).normal(size=(4, 5, 5, 3)).astype("float32"))
    target = tf.constant(np.random.default_rng(4).normal(size=(4, 5, 5, 3)).astype("float32"))
    gradients = []
    for layer in (
        layers.FusedBatchNormalization(epsilon=1e-3),
        keras.layers.BatchNormalization(epsilon=1e-3),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) * target)
        gradients.append(tape.gradient(loss, x))
    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-4)


def test_frozen_normalisation_uses_and_keeps_moving_statistics():
    layer = layers.FusedBatchNormalization()
    layer.build((None, 4, 4, 2))
    layer.trainable = False
    x = np.full((2, 4, 4, 2), 5.0, "float32")
    np.testing.assert_allclose(layer(x, training=True), x / np.sqrt(1 + 1e-3), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean, [0, 0])


def test_stochastic_depth_keeps_the_mean_and_drops_whole_samples():
    layer = layers.StochasticDepth(0.4, seed=7)
    out = np.asarray(layer(np.ones((4000, 3)), training=True))
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.6], rtol=1e-6)
    assert (out.min(axis=1) == out.max(axis=1)).all()
    assert abs(out.mean() - 1) < 0.05
    np.testing.assert_array_equal(layer(np.ones((5, 3)), training=False), np.ones((5, 3)))
    with pytest.raises(ValueError, match="rate"):
        layers.StochasticDepth(1.0)


def test_squeeze_excite_scales_each_map_by_one_gate():
    inputs = keras.Input((6, 6, 8))
    model = keras.Model(inputs, layers.squeeze_excite(inputs))
    x = np.random.default_rng(5).uniform(1, 2, (2, 6, 6, 8)).astype("float32")
    gate = model.predict(x, verbose=0) / x
    assert (gate > 0).all() and (gate < 1).all()
    np.testing.assert_allclose(gate, np.broadcast_to(gate[:, :1, :1], gate.shape), rtol=1e-5)


def test_whitened_patches_are_uncorrelated_and_of_unit_variance():
    draw = np.random.default_rng(0)
    mixed = draw.normal(size=(200, 9, 8, 3)) @ draw.normal(size=(3, 3))
    smooth = (mixed + np.roll(mixed, 1, axis=1) + np.roll(mixed, 1, axis=2)).astype("float32")
    kernel = layers.whitening_kernel(smooth, 2, epsilon=0)
    assert kernel.shape == (2, 2, 3, 24)
    np.testing.assert_array_equal(kernel[..., :12], -kernel[..., 12:])
    maps = np.asarray(keras.ops.conv(smooth, kernel, padding="valid")).reshape(-1, 24)[:, :12]
    np.testing.assert_allclose(np.cov(maps, rowvar=False), np.eye(12), atol=2e-3)


def test_a_network_is_given_its_whitening_of_what_the_layer_sees():
    picture = keras.Input((8, 8, 3))
    x = layers.PatchWhitening(2, name="white")(keras.layers.Rescaling(4.0, offset=-2.0)(picture))
    model = keras.Model(picture, keras.layers.Dense(2)(layers.global_pool(x)))
    pictures = np.random.default_rng(1).random((300, 8, 8, 3)).astype("float32")
    layers.fit_whitening(model, pictures)
    white = model.get_layer("white")
    np.testing.assert_allclose(white.kernel, layers.whitening_kernel(4 * pictures - 2), atol=1e-3)
    before = np.array(white.kernel)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(pictures, np.ones((300, 2)), verbose=0)
    np.testing.assert_array_equal(white.kernel, before)
    assert np.abs(white.bias).max() > 0


def test_a_partial_identity_passes_its_input_on():
    conv = keras.layers.Conv2D(8, 3, padding="same", kernel_initializer=layers.PartialIdentity(0))
    x = np.random.default_rng(2).random((2, 6, 7, 5)).astype("float32")
    out = np.asarray(conv(x))
    np.testing.assert_allclose(out[..., :5], x, atol=1e-6)
    # He's uniform initialisation as PyTorch has it: within one over the root of the fan-in.
    rest = np.asarray(conv.kernel)[..., 5:]
    assert 0.8 / 45**0.5 < np.abs(rest).max() <= 1 / 45**0.5


def test_a_convnext_block_starts_as_the_identity():
    x = np.random.default_rng(3).normal(size=(2, 9, 9, 4)).astype("float32")
    inputs = keras.Input((9, 9, 4))
    model = keras.Model(inputs, layers.convnext_block(inputs))
    np.testing.assert_allclose(model.predict(x, verbose=0), x, atol=1e-4)


def test_pooling_against_numpy():
    x = np.random.default_rng(6).normal(size=(1, 4, 6, 2)).astype("float32")
    blocks = x.reshape(1, 2, 2, 3, 2, 2)
    np.testing.assert_allclose(layers.pool(x, "max"), blocks.max(axis=(2, 4)))
    np.testing.assert_allclose(layers.pool(x, "average"), blocks.mean(axis=(2, 4)), rtol=1e-5)
    with pytest.raises(ValueError, match="kind"):
        layers.pool(x, "median")


@pytest.mark.parametrize("map_shape,units", [((3, 3, 5), 4096), ((4, 4, 50), 500), ((1, 1, 7), 3)])
def test_fully_connected_layer_is_a_convolution(map_shape, units):
    x = np.random.default_rng(7).normal(size=(2, *map_shape)).astype("float32")
    dense = keras.layers.Dense(units, activation="tanh")
    expected = dense(x.reshape(2, -1))
    conv = layers.dense_as_conv(dense, map_shape)
    assert conv.kernel.shape == (*map_shape, units)
    np.testing.assert_allclose(np.asarray(conv(x))[:, 0, 0], expected, atol=1e-5)
    np.testing.assert_allclose(layers.conv_as_dense(conv)(x.reshape(2, -1)), expected, atol=1e-5)
    with pytest.raises(ValueError, match="inputs"):
        layers.dense_as_conv(dense, (2, *map_shape[1:]))


def test_shared_weights_make_a_convolution_follow_a_shift():
    """One kernel for the whole picture: what moves in the input moves in the feature map."""
    inputs = keras.Input((12, 12, 1))
    model = keras.Model(inputs, layers.conv_block(inputs, 3, 5, padding="valid"))
    x = np.zeros((1, 12, 12, 1), "float32")
    x[0, 3:6, 3:6] = 1
    still, moved = model.predict(x, verbose=0), model.predict(np.roll(x, 2, axis=2), verbose=0)
    assert still.shape == (1, 8, 8, 3)
    np.testing.assert_allclose(moved[:, :, 2:], still[:, :, :-2], atol=1e-6)


class TestPerceptronRule:
    """The three cases of the rule, by hand, and Novikoff's theorem."""

    def step(self, weights, bias, target, rate=0.5):
        w, b = np.array(weights, float)[:, None], np.array([bias], float)
        wrong = layers.perceptron_rule(w, b, np.array([1.0, 2.0]), np.array([target]), rate)
        return w[:, 0].tolist(), b[0], wrong

    def test_target_one_output_zero_adds_the_input(self):
        assert self.step([-1, 0], 0.0, 1) == ([-0.5, 1.0], 0.5, 1)

    def test_target_zero_output_one_subtracts_the_input(self):
        assert self.step([1, 1], 0.0, 0) == ([0.5, 0.0], -0.5, 1)

    @pytest.mark.parametrize("weights,target", [([1, 1], 1), ([-1, -1], 0)])
    def test_right_answers_change_nothing(self, weights, target):
        assert self.step(weights, 0.25, target) == (weights, 0.25, 0)

    def test_converges_on_separable_data(self):
        random = np.random.default_rng(8)
        x = random.normal(size=(300, 2)).astype("float32")
        y = (x @ [1.0, -2.0] > 0).astype(int)
        x += np.where(y, 1, -1)[:, None] * np.float32([0.2, -0.4])
        unit = layers.Perceptron(2)
        unit.build((None, 2))
        mistakes = layers.train_perceptron(unit, x, y, rate=1.0, epochs=50, seed=0)
        assert mistakes[0] > 0 and mistakes[-1] == 0
        fired = np.asarray(unit.fires(x))
        np.testing.assert_array_equal(fired, np.eye(2)[y])


def test_doubled_repeats_every_place_in_any_size():
    from common.litert import litert_runner, to_litert

    picture = keras.Input((None, None, 3))
    run = litert_runner(to_litert(keras.Model(picture, layers.Doubled()(picture))))
    for shape in ((2, 4, 5, 3), (1, 7, 2, 3)):
        x = np.random.default_rng(0).random(shape, np.float32)
        expected = x.repeat(2, axis=1).repeat(2, axis=2)
        np.testing.assert_array_equal(layers.Doubled()(x), expected)
        np.testing.assert_array_equal(run(x), expected)


def test_a_texture_is_compared_by_the_batch_as_a_whole():
    whole = np.random.default_rng(5).normal(size=(1, 8, 6, 3)).astype(np.float32)
    halves = np.concatenate([whole[:, :4], whole[:, 4:]])
    np.testing.assert_allclose(layers.MapDistance("texture")(whole, halves), np.zeros((2, 1)), atol=1e-5)
    assert (np.asarray(layers.MapDistance("style")(whole, halves)) > 0.01).all()
