"""Every loss against a formula in numpy, and its gradient against finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

from common import losses
from common.errors import UsageError
from tests.common import plain_detection
from tests.common.plain_detection import task_aligned

RANDOM = np.random.default_rng(0)
Z = RANDOM.normal(size=(6, 4)).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[[0, 1, 2, 3, 1, 0]]
YES_NO = (RANDOM.random((6, 4)) > 0.5).astype("float32")
SOFT = RANDOM.random((6, 4)).astype("float32")
REAL = RANDOM.normal(size=(6, 4)).astype("float32")
COLUMN_Z, COLUMN_T = Z[:, :1], REAL[:, :1]


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def bce(t, z):
    p = sigmoid(z.astype("float64"))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


D = Z - REAL


def concordance(t, z, scale=1.0):
    rows = []
    for i in range(len(t)):
        others = [np.log1p(np.exp(-(z[i, 0] - z[j, 0]) / scale)) for j in range(len(t)) if t[j, 0] < t[i, 0]]
        rows.append(np.mean(others) if others else 0.0)
    return np.array(rows)


CENSORED = REAL[:, :1].clip(0)  # half of it at the floor
LATENT = np.concatenate([Z[:, :1], Z[:, 1:2] / 2 - 1], axis=1)


def tobit(t, output):
    rows = []
    for (value,), (mean, log_spread) in zip(t, output.astype("float64"), strict=True):
        behind = norm(mean, np.exp(log_spread))
        rows.append(-behind.logcdf(0) if value == 0 else -behind.logpdf(value))
    return np.array(rows)


GROUPS = np.array([[0], [1], [0], [2], [1], [0]], "float32")


def cosines(z):
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    return unit @ unit.T


def contrastive(t, z, temperature):
    rows = []
    for i in range(len(t)):
        others = [j for j in range(len(t)) if j != i]
        friends = [j for j in others if t[j, 0] == t[i, 0]]
        scores = cosines(z)[i] / temperature
        total = np.log(np.exp(scores[others]).sum())
        rows.append(np.mean([total - scores[j] for j in friends]) if friends else 0.0)
    return np.array(rows)


def triplet(t, z, margin):
    rows = []
    for i in range(len(t)):
        distances = 2 - 2 * cosines(z)[i]
        near = [distances[j] for j in range(len(t)) if j != i and t[j, 0] == t[i, 0]]
        far = [distances[j] for j in range(len(t)) if t[j, 0] != t[i, 0]]
        rows.append(max(0, margin + max(near) - min(far)) if near else 0.0)
    return np.array(rows)


EDGES = RANDOM.uniform(0.5, 3, (6, 4)).astype("float32")
FOUND = RANDOM.uniform(0.5, 3, (6, 4)).astype("float32")
PLACES = np.concatenate(
    [RANDOM.integers(-1, 2, (2, 3, 3, 1)), RANDOM.uniform(0.5, 3, (2, 3, 3, 4))], -1
).astype("f4")
MAP = np.concatenate([RANDOM.normal(size=(2, 3, 3, 1)), RANDOM.uniform(0.5, 3, (2, 3, 3, 4))], -1).astype(
    "f4"
)


def edges(d):
    """Left, top, right, bottom of the box around the origin."""
    return -d[0], -d[1], d[2], d[3]


def overlap_and_hull(a, b):
    (al, at, ar, ab), (bl, bt, br, bb) = edges(a), edges(b)
    shared = max(0, min(ar, br) - max(al, bl)) * max(0, min(ab, bb) - max(at, bt))
    union = (ar - al) * (ab - at) + (br - bl) * (bb - bt) - shared
    return shared / union, union, (max(ar, br) - min(al, bl), max(ab, bb) - min(at, bt))


def giou(t, z):
    rows = []
    for a, b in zip(t.astype("f8"), z.astype("f8"), strict=True):
        overlap, union, (wide, high) = overlap_and_hull(a, b)
        rows.append(1 - overlap + (wide * high - union) / (wide * high))
    return np.array(rows)


def ciou(t, z):
    rows = []
    for a, b in zip(t.astype("f8"), z.astype("f8"), strict=True):
        overlap, _, (wide, high) = overlap_and_hull(a, b)
        apart = ((a[2] - a[0] - b[2] + b[0]) ** 2 + (a[3] - a[1] - b[3] + b[1]) ** 2) / 4
        v = (
            4
            / np.pi**2
            * (np.arctan((a[0] + a[2]) / (a[1] + a[3])) - np.arctan((b[0] + b[2]) / (b[1] + b[3]))) ** 2
        )
        rows.append(1 - overlap + apart / (wide**2 + high**2) + v**2 / (1 - overlap + v))
    return np.array(rows)


def box_map(t, z):
    rows = []
    for target, found in zip(t.astype("f8"), z.astype("f8"), strict=True):
        total, places = 0.0, 0
        for place, output in zip(target.reshape(-1, 5), found.reshape(-1, 5), strict=True):
            if place[0] < 0:
                continue
            quality = overlap_and_hull(place[1:], output[1:])[0] if place[0] == 1 else 0.0
            total += abs(quality - sigmoid(output[0])) ** 2 * bce(quality, output[0])
            if place[0] == 1:
                places += 1
                total += 2 * giou(place[None, 1:], output[None, 1:])[0]
        rows.append(total / max(places, 1))
    return np.array(rows)


OBJECTS = np.array(
    [
        [[0, 5, 9, 40, 33], [2, 30, 20, 60, 62], [2, 12, 50, 15, 52]],
        [[1, 3, 3, 28, 60], [-1, 0, 0, 0, 0], [-1, 0, 0, 0, 0]],
    ],
    "float32",
)
PLACED = np.concatenate([RANDOM.normal(-1, 1.5, (2, 84, 3)), RANDOM.uniform(3, 30, (2, 84, 4))], -1).astype(
    "f4"
)
MAPS = RANDOM.normal(size=(2, 4, 5, 3)).astype("float32")
OTHER = RANDOM.normal(size=(2, 4, 5, 3)).astype("float32")


def gram(t, z):
    def matrix(m):
        return np.einsum("hwi,hwj->ij", m, m) / (m.shape[0] * m.shape[1])

    return np.array([((matrix(a) - matrix(b)) ** 2).sum() / (4 * 9) for a, b in zip(t, z, strict=True)])


def relative_gram(t, z):
    grams = [np.einsum("bhwi,bhwj->bij", x, x) / (x.shape[1] * x.shape[2]) for x in (t, z)]
    return ((grams[1] - grams[0]) ** 2).sum(axis=(1, 2)) / (grams[0] ** 2).sum(axis=(1, 2))


def normalized_content(t, z):
    t, z = (
        (x - x.mean(axis=(1, 2), keepdims=True)) / np.sqrt(x.var(axis=(1, 2), keepdims=True) + 1e-3)
        for x in (t, z)
    )
    return ((z - t) ** 2).mean(axis=(1, 2, 3))


def sliced_wasserstein(t, z, directions, seed):
    axes = np.asarray(keras.random.normal((3, directions), seed=seed))
    axes = axes / np.linalg.norm(axes, axis=0)
    rows = []
    for a, b in zip(t.reshape(2, -1, 3), z.reshape(2, -1, 3), strict=True):
        rows.append(np.mean([(np.sort(a @ v) - np.sort(b @ v)) ** 2 for v in axes.T]))
    return np.array(rows)


def total_variation(z):
    return np.array([np.abs(np.diff(one, axis=0)).mean() + np.abs(np.diff(one, axis=1)).mean() for one in z])


CASES = {
    "softmax_cross_entropy": (ONE_HOT, Z, {}, -(ONE_HOT * np.log(softmax(Z))).sum(1)),
    "focal": (ONE_HOT, Z, {"gamma": 2.0}, -(ONE_HOT * (1 - softmax(Z)) ** 2 * np.log(softmax(Z))).sum(1)),
    "multiclass_hinge": (
        ONE_HOT,
        Z,
        {},
        np.maximum(0, 1 + np.where(ONE_HOT == 1, -np.inf, Z).max(1) - (Z * ONE_HOT).sum(1)),
    ),
    "sigmoid_cross_entropy": (YES_NO, Z, {}, bce(YES_NO, Z).sum(1)),
    "sigmoid_focal": (
        YES_NO,
        Z,
        {"gamma": 2.0, "alpha": 0.25},
        (np.where(YES_NO == 1, 0.25, 0.75) * np.abs(YES_NO - sigmoid(Z)) ** 2 * bce(YES_NO, Z)).sum(1),
    ),
    "quality_focal": (SOFT, Z, {"beta": 2.0}, (np.abs(SOFT - sigmoid(Z)) ** 2 * bce(SOFT, Z)).sum(1)),
    "hinge": (YES_NO, Z, {}, np.maximum(0, 1 - np.where(YES_NO == 1, 1, -1) * Z).sum(1)),
    "perceptron": (YES_NO, Z, {}, np.maximum(0, -np.where(YES_NO == 1, 1, -1) * Z).sum(1)),
    "euclidean": (REAL, Z, {}, 0.5 * np.linalg.norm(D, axis=1) ** 2),
    "mean_absolute": (REAL, Z, {}, np.abs(D).sum(1)),
    "huber": (REAL, Z, {"delta": 0.7}, np.where(abs(D) <= 0.7, D**2 / 2, 0.7 * (abs(D) - 0.35)).sum(1)),
    "log_cosh": (REAL, Z, {}, np.log(np.cosh(D)).sum(1)),
    "quantile": (REAL, Z, {"q": 0.9}, np.where(D <= 0, 0.9 * -D, 0.1 * D).sum(1)),
    "concordance": (COLUMN_T, COLUMN_Z, {}, concordance(COLUMN_T, COLUMN_Z)),
    "tobit": (CENSORED, LATENT, {"floor": 0.0}, tobit(CENSORED, LATENT)),
    "contrastive": (GROUPS, Z, {"temperature": 0.3}, contrastive(GROUPS, Z, 0.3)),
    "triplet": (GROUPS, Z, {"margin": 0.2}, triplet(GROUPS, Z, 0.2)),
    "giou": (EDGES, FOUND, {}, giou(EDGES, FOUND)),
    "ciou": (EDGES, FOUND, {}, ciou(EDGES, FOUND)),
    "box_map": (PLACES, MAP, {}, box_map(PLACES, MAP)),
    "task_aligned": (OBJECTS, PLACED, {"side": 64, "most": 5}, task_aligned(OBJECTS, PLACED, 64, most=5)),
    "gram": (OTHER, MAPS, {}, gram(OTHER, MAPS)),
    "relative_gram": (OTHER, MAPS, {}, relative_gram(OTHER, MAPS)),
    "normalized_content": (MAPS[::-1], MAPS, {}, normalized_content(MAPS[::-1], MAPS)),
    "sliced_wasserstein": (OTHER, MAPS, {"directions": 7, "seed": 3}, sliced_wasserstein(OTHER, MAPS, 7, 3)),
    "total_variation": (OTHER, MAPS, {}, total_variation(MAPS)),
}


def test_class_weights_count_samples_and_labels_as_often():
    weights = (0.5, 2.0, 1.0, 4.0)
    softmax_loss = -(ONE_HOT * np.log(softmax(Z))).sum(1) * (ONE_HOT @ weights)
    yes_no_loss = (np.where(YES_NO == 1, weights, 1) * bce(YES_NO, Z)).sum(1)
    for name, target, expected in (
        ("softmax_cross_entropy", ONE_HOT, softmax_loss),
        ("sigmoid_cross_entropy", YES_NO, yes_no_loss),
    ):
        found = losses.get(name, class_weights=weights).call(target, Z)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_every_loss_of_the_table_has_a_case():
    assert set(CASES) == set(losses.CATALOGUE.names())


@pytest.mark.parametrize("name", CASES)
def test_loss_equals_its_formula(name):
    target, z, parameters, expected = CASES[name]
    loss = losses.get(name, **parameters)
    np.testing.assert_allclose(loss(target, z), expected.mean(), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("box_map", "task_aligned")])
def test_gradient_equals_finite_differences(name):
    target, z, parameters, _ = CASES[name]
    loss = losses.get(name, **parameters)
    variable = tf.Variable(z)
    with tf.GradientTape() as tape:
        value = loss(target, variable)
    gradient = tape.gradient(value, variable).numpy()
    step = 1e-2
    for place in (0, z.size // 2, z.size - 1):
        index = np.unravel_index(place, z.shape)
        up, down = z.copy(), z.copy()
        up[index] += step
        down[index] -= step
        slope = (float(loss(target, up)) - float(loss(target, down))) / (2 * step)
        assert gradient[index] == pytest.approx(slope, abs=2e-3)


@pytest.mark.parametrize("name", CASES)
def test_loss_survives_serialisation_and_extreme_outputs(name):
    target, z, parameters, _ = CASES[name]
    loss = losses.get(name, **parameters)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(target, z)) == float(loss(target, z))
    assert np.isfinite(float(loss(target, z * 1e4)))


def test_keras_agrees_on_the_classic_three():
    k = keras.losses
    pairs = [
        (
            losses.get("softmax_cross_entropy", label_smoothing=0.1),
            k.CategoricalCrossentropy(True, 0.1),
            ONE_HOT,
            1,
        ),
        (losses.get("sigmoid_cross_entropy"), k.BinaryCrossentropy(True), YES_NO, 4),
        (losses.get("euclidean"), k.MeanSquaredError(), REAL, 2),
    ]
    for ours, theirs, target, factor in pairs:
        assert float(ours(target, Z)) == pytest.approx(factor * float(theirs(target, Z)), rel=1e-5)


def test_class_numbers_equal_one_hot_rows():
    loss = losses.get("softmax_cross_entropy")
    assert float(loss(ONE_HOT.argmax(1), Z)) == pytest.approx(float(loss(ONE_HOT, Z)))


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: losses.get("softmax_crossentropy"), "did you mean 'softmax_cross_entropy'"),
        (lambda: losses.get("huber", detla=1), "did you mean 'delta'"),
        (lambda: losses.check_pairing("softmax_cross_entropy", "multi-hot"), "multi-hot"),
        (lambda: losses.check_pairing("huber", "one of K"), "one of K"),
        (lambda: losses.check_pairing("euclidean", "real", head="softmax"), "ends in 'softmax'"),
    ],
)
def test_wrong_requests_are_one_line_that_names_the_right_one(call, message):
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert caught.value.hint and "\n" not in str(caught.value)


def test_gradient_of_the_scores_of_a_box_map():
    """The IoU that a score is to tell is taken as given: a box is not made worse to please its score."""
    loss = losses.get("box_map", box_weight=0.0)
    variable = tf.Variable(MAP)
    with tf.GradientTape() as tape:
        value = loss(PLACES, variable)
    gradient = tape.gradient(value, variable).numpy()
    assert not gradient[..., 1:].any()
    for place in np.ndindex(MAP.shape[:3]):
        up, down = MAP.copy(), MAP.copy()
        up[(*place, 0)] += 1e-2
        down[(*place, 0)] -= 1e-2
        slope = (float(loss(PLACES, up)) - float(loss(PLACES, down))) / 2e-2
        assert gradient[(*place, 0)] == pytest.approx(slope, abs=1e-3)


def test_gradients_of_task_alignment():
    """What a place shall say is taken as given; a box is drawn to its object in proportion to its fit."""
    loss = losses.get("task_aligned", side=64, most=5)
    variable = tf.Variable(PLACED)
    with tf.GradientTape() as tape:
        value = loss(OBJECTS, variable)
    gradient = tape.gradient(value, variable).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[..., :3] != 0).all()  # every score is taught
    taught = (gradient[..., 3:] != 0).any(axis=-1).sum(axis=1)
    assert taught.tolist() == [sum(count > 0 for count in row) for row in learners()]
    emptied = tf.Variable(PLACED)
    with tf.GradientTape() as tape:
        value = loss(np.full((2, 1, 5), -1, "float32"), emptied)
    gradient = tape.gradient(value, emptied).numpy()
    assert not gradient[..., 3:].any() and (gradient[..., :3] > 0).all()


def test_task_alignment_draws_distributions_to_the_edges():
    likely = RANDOM.normal(size=(*PLACED.shape[:2], 4, 5)).astype("float32")
    output = np.concatenate([PLACED, likely.reshape(*PLACED.shape[:2], 20)], axis=-1)
    expected = task_aligned(OBJECTS, PLACED, 64, most=5, likely=likely).mean()
    assert float(losses.get("task_aligned", side=64, most=5, bins=5)(OBJECTS, output)) == pytest.approx(
        expected, rel=2e-5
    )
    assert expected > task_aligned(OBJECTS, PLACED, 64, most=5).mean()


def learners():
    """Of each picture and place the fit, by plain loops."""
    places = plain_detection.middles(64)
    rows = []
    for target, output in zip(OBJECTS.astype(float), PLACED.astype(float), strict=True):
        boxes = [
            (x - d[0], y - d[1], x + d[2], y + d[3]) for (x, y), d in zip(places, output[:, 3:], strict=True)
        ]
        _, quality = plain_detection.assign(target, sigmoid(output[:, :3]), boxes, places, 5, 1.0, 6.0)
        rows.append(list(quality.values()))
    return rows


def test_perceptual_losses_compare_pictures_of_different_sizes():
    """Half of the places of a texture are the same texture."""
    texture = np.tile(RANDOM.normal(size=(1, 4, 4, 3)), (1, 4, 4, 1)).astype("float32")
    for name in ("gram", "sliced_wasserstein"):
        loss = losses.get(name)
        assert float(loss(texture, texture[:, :8])) == pytest.approx(0, abs=1e-6)
        assert float(loss(texture, 2 * texture[:, :8])) > 0.1
