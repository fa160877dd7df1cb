"""Parts, recipes, balance, transfer and figures of recognition, each against something that is not ours."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from apps.objects import data, recipes, transfer
from apps.objects.data import Source, open_pictures, pictures_to_test
from apps.objects.evaluation import Evaluation, evaluate
from apps.objects.models import NETWORKS
from apps.objects.options import TrainOptions
from apps.objects.training import train
from common.artifact import Card
from common.data.augment import Augmentation
from common.data.datasets import Split
from common.errors import InputError, UsageError, UserError
from common.predictor import Predictor, load_network
from tests.apps.drawn_pictures import KINDS, drawn, folder_of


@pytest.fixture
def folder(tmp_path):
    return folder_of(tmp_path / "set", {"across": 20, "up": 20, "ring": 10})


def test_a_folder_is_parted_seeded_and_stratified(folder):
    pictures = open_pictures(Source(str(folder)))
    assert pictures.spec.classes == ("across", "ring", "up") and pictures.spec.shape == (32, 32, 3)
    assert pictures.spec.counts == {"train": 32, "validation": 8, "test": 10}
    assert np.bincount(pictures.test.targets).tolist() == [4, 2, 4]
    names = [name for part in pictures.names.values() for name in part]
    assert len(set(names)) == 50 and not pictures.failures and not pictures.alike
    for part, split in (("train", pictures.train), ("test", pictures.test)):
        for name, image in zip(pictures.names[part], split.images, strict=True):
            np.testing.assert_array_equal(np.asarray(Image.open(folder / name)), image)
    again, other = open_pictures(Source(str(folder))), open_pictures(Source(str(folder)), seed=1)
    assert again.spec.fingerprint == pictures.spec.fingerprint != other.spec.fingerprint
    few = open_pictures(Source(str(folder)), train_size=9)
    assert few.spec.counts["train"] == 9 and few.names["test"] == pictures.names["test"]
    assert np.bincount(few.train.targets).min() >= 1


def test_copies_in_two_parts_and_broken_files_are_named(folder):
    pictures = open_pictures(Source(str(folder)))
    original, copied = pictures.names["train"][0], pictures.names["test"][0]
    (folder / copied).write_bytes((folder / original).read_bytes())
    (folder / "up" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    found = open_pictures(Source(str(folder)))
    assert found.alike == (f"{copied} (test) looks like {original} (train)",)
    assert [reason for _, reason in found.failures] and found.failures[0][0].endswith("broken.png")
    assert "1 could not be read" in found.note and "1 in two parts" in found.note


def test_parts_of_the_folder_are_kept(tmp_path):
    folder_of(tmp_path / "train", {"up": 20, "ring": 20})
    folder_of(tmp_path / "val", {"up": 3, "ring": 4}, seed=1)
    pictures = open_pictures(Source(str(tmp_path)))
    # The only part that is not for training is the test; some training pictures are held out to choose on.
    assert pictures.spec.counts["test"] == 7 and pictures.spec.counts["train"] == 34
    assert all(name.startswith("val") for name in pictures.names["test"])


def test_a_class_with_one_picture_is_learned_and_said_not_to_be_tested(folder):
    folder_of(folder, {"spots": 1})
    pictures = open_pictures(Source(str(folder)))
    assert pictures.class_counts.tolist()[2] == 1
    assert "1 too few of a class to test it: spots" in pictures.note


def test_what_cannot_be_trained_on_is_one_line(folder, tmp_path):
    for path in (folder / "ring").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="no picture of class 'ring'"):
        open_pictures(Source(str(folder)))
    two = folder_of(tmp_path / "two", {"up": 1, "ring": 1})
    with pytest.raises(InputError, match="2 pictures are too few"):
        open_pictures(Source(str(two)))
    with pytest.raises(InputError, match="no such file or folder"):
        open_pictures(Source("no/where"))
    with pytest.raises(UserError, match="--train-size 1"):
        open_pictures(Source(str(folder_of(tmp_path / "more", {"up": 9, "ring": 9}))), train_size=1)


def test_a_model_is_judged_on_what_it_has_not_seen(folder, tmp_path):
    pictures = open_pictures(Source(str(folder)), seed=3)
    spec, source = pictures.spec, Source(str(folder), 32)
    split, names, note = pictures_to_test(source, spec.classes, "one of K", spec.fingerprint, 3)
    assert names == pictures.names["test"] and "the test part of the data that it was trained on" in note
    np.testing.assert_array_equal(split.images, pictures.test.images)
    other = folder_of(tmp_path / "other", {"up": 2, "ring": 3}, seed=5)
    split, names, note = pictures_to_test(
        Source(str(other), 32), spec.classes, "one of K", spec.fingerprint, 3
    )
    assert split.targets.tolist() == [1, 1, 1, 2, 2] and "all of it" in note
    with pytest.raises(UserError, match="does not know: ring"):
        pictures_to_test(Source(str(other), 32), ("up", "across"), "one of K", "", 0)


@pytest.mark.slow
def test_mnist_comes_as_colour_squares_with_its_own_test_part(mnist, monkeypatch):
    monkeypatch.setattr(data, "alike_across", lambda parts: [])
    pictures = open_pictures(Source("mnist"))
    assert pictures.spec.shape == (32, 32, 3) and pictures.spec.counts["test"] == 10_000
    assert sum(pictures.spec.counts.values()) == 70_000
    assert (pictures.train.images[..., 0] == pictures.train.images[..., 2]).all()


def test_recipes_follow_the_number_of_pictures():
    few, many = (recipes.recipe_for("pyramid", count, "one of K") for count in (150, 100_000))
    assert few.epochs > many.epochs and few.batch < many.batch
    assert not few.augmentation.cutmix and many.augmentation.cutmix and few.augmentation.geometry.crop
    tuned = recipes.recipe_for("pyramid", 150, "one of K", fine_tuned=True)
    assert tuned.rate < few.rate and tuned.epochs < few.epochs
    assert recipes.recipe_for("pyramid", 9, "one of K", augmentation="none").augmentation == Augmentation()
    labels = recipes.recipe_for("pyramid", 150, "independent yes/no")
    assert labels.loss == "sigmoid_cross_entropy" and not labels.loss_parameters
    cifar = recipes.recipe_for("airbench", 45_000, "one of K")
    assert (cifar.batch, cifar.epochs, cifar.lookahead) == (1024, 24, 5)
    assert cifar.augmentation.flip == "alternating" and cifar.augmentation.cutout
    short = recipes.recipe_for("airbench", 45_000, "one of K", epochs=4)
    assert short.epochs == 4 and not short.augmentation.cutout  # nothing is learned by heart so fast
    half = recipes.recipe_for("airbench", 45_000, "one of K", batch=512)
    assert half.rate == pytest.approx(cifar.rate / 2)


def test_weights_of_classes_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    targets = np.repeat([0, 1, 2], [70, 20, 10])
    counts = np.bincount(targets).astype(float)
    recipe = recipes.balanced(recipes.recipe_for("pyramid", 100, "one of K"), "weights", counts, "one of K")
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    np.testing.assert_allclose(recipe.loss_parameters["class_weights"], theirs, rtol=1e-5)
    assert recipes.balance_of("", counts)[0] == "weights" and "10 to 70" in recipes.balance_of("", counts)[1]
    assert recipes.balance_of("", np.array([30.0, 10.0])) == ("none", "")
    assert recipes.balance_of("focal", counts) == ("focal", "")
    assert recipes.balanced(recipe, "focal", counts, "one of K").loss == "focal"
    assert recipes.balanced(recipe, "focal", counts, "independent yes/no").loss == "sigmoid_focal"


def pictures_of(kinds, count, seed):
    draw = np.random.default_rng(seed)
    targets = np.arange(count) % len(kinds)
    return Split(np.stack([drawn(kinds[target], 32, draw) for target in targets]), targets.astype(np.int64))


@pytest.mark.parametrize("kinds", [KINDS, KINDS[:2]])
def test_the_head_is_logistic_regression_on_frozen_features(kinds):
    """Against scikit-learn's answers on the same features, for two classes too."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    keras.utils.set_random_seed(0)
    network = NETWORKS.get("pyramid")((32, 32, 3), len(kinds), filters=8)
    before = network.get_layer("stage1").get_weights()
    train, held = pictures_of(kinds, 80, 0), pictures_of(kinds, 40, 1)
    loss = transfer.fit_head(network, train, held)
    np.testing.assert_array_equal(network.get_layer("stage1").get_weights()[0], before[0])
    scores = network.predict(held.images / np.float32(255), verbose=0)
    accuracy = (scores.argmax(axis=1) == held.targets).mean()
    assert accuracy > 0.7
    losses = []
    for strength in (0.01, 0.1, 1.0):
        theirs = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
        theirs.fit(transfer.features_of(network, train.images), train.targets)
        chances = theirs.predict_proba(transfer.features_of(network, held.images))
        losses.append(-np.log(chances[np.arange(40), held.targets]).mean())
    assert loss == pytest.approx(min(losses), rel=0.05)


def test_the_head_of_independent_labels():
    keras.utils.set_random_seed(0)
    network = NETWORKS.get("pyramid")((32, 32, 3), 3, filters=8)
    train, held = pictures_of(KINDS, 80, 0), pictures_of(KINDS, 40, 1)

    def labelled(split):
        striped = np.isin(split.targets, (0, 3))
        return Split(
            split.images, np.stack([striped, ~striped, np.ones_like(striped)], axis=1).astype("float32")
        )

    transfer.fit_head(network, labelled(train), labelled(held), balanced=True)
    answers = network.predict(held.images / np.float32(255), verbose=0) > 0
    assert (answers[:, 2]).all() and (answers == (labelled(held).targets > 0.5)).mean() > 0.8


def test_normalization_keeps_its_statistics_in_training():
    keras.utils.set_random_seed(0)
    network = NETWORKS.get("pyramid")((32, 32, 3), 3, filters=8)
    pixels = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
    body = keras.Model(network.inputs, network.get_layer("stage4_norm").output)
    assert not np.allclose(body(pixels, training=True), body(pixels, training=False), atol=1e-3)
    transfer.freeze_normalization(network)
    before = network.get_weights()
    np.testing.assert_array_equal(body(pixels, training=True), body(pixels, training=False))
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))


@pytest.mark.parametrize(("good", "share"), [("start", 0.0), ("end", 1.0), ("middle", 0.5)])
def test_the_weights_settle_where_held_out_pictures_are_answered_best(good, share):
    network = NETWORKS.get("pyramid")((32, 32, 3), len(KINDS), filters=8)
    held = pictures_of(KINDS, 40, 1)
    transfer.fit_head(network, held, held)
    right = network.get_weights()
    draw = np.random.default_rng(0)
    off = [draw.normal(0, 1, w.shape) if w.shape[-1:] == (len(KINDS),) else 0 * w for w in right]
    start, end = {"start": (0, 1), "end": (1, 0), "middle": (-1, 1)}[good]
    network.set_weights([w + end * o for w, o in zip(right, off, strict=True)])
    settled = transfer.settle_between(network, [w + start * o for w, o in zip(right, off, strict=True)], held)
    assert settled == share
    for found, wanted in zip(network.get_weights(), right, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_rates_rise_with_depth_and_reach_every_variable():
    network = NETWORKS.get("pyramid")((32, 32, 3), 3, filters=8)
    rates = transfer.rates_by_depth(network)
    assert list(rates.values()) == sorted(rates.values())
    assert rates["stage1/*"] == pytest.approx(0.1) and rates["scores/*"] == 1
    names = {pattern.removesuffix("*") for pattern in rates}
    assert all(variable.path.startswith(tuple(names)) for variable in network.trainable_variables)


def card(activation="softmax", classes=tuple("abcdefg")):
    return Card(
        app="objects", network="pyramid", arguments={}, classes=classes, input_shape=(4, 4, 3), preprocessing="",
        activation=activation, calibration={"temperature": 1.5}, metrics={}, data={}, command="", seed=0,
    )  # fmt: skip


def judged(scores, targets, **about) -> Evaluation:
    images = np.zeros((len(scores), 4, 4, 3), np.uint8)
    rows = iter(np.split(scores, range(256, len(scores), 256)))
    return evaluate(Predictor(card(**about), lambda batch: next(rows)), Split(images, targets))


def test_figures_are_scikit_learns():
    from sklearn import metrics

    draw = np.random.default_rng(0)
    targets = draw.integers(0, 7, 400)
    scores = draw.normal(size=(400, 7)) + 1.5 * np.eye(7)[targets]
    found = judged(scores, targets)
    answers = scores.argmax(axis=1)
    assert found.measures["accuracy"].value == metrics.accuracy_score(targets, answers)
    assert found.measures["top-5 accuracy"].value == metrics.top_k_accuracy_score(targets, scores, k=5)
    assert found.figures["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(targets, answers)
    )
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(targets, answers))
    assert set(found.mistakes) == set(np.flatnonzero(answers != targets))
    assert (np.diff(found.confidence[found.mistakes]) <= 0).all()
    assert found.to_json()["top5_accuracy"] == found.measures["top-5 accuracy"].value


def test_figures_of_independent_labels_are_scikit_learns():
    from sklearn import metrics

    draw = np.random.default_rng(1)
    targets = (draw.random((300, 7)) < 0.3).astype("float32")
    targets[:, 6] = 0  # a label that no picture has
    scores = draw.normal(size=(300, 7)) + 2 * targets - 1
    found = judged(scores, targets, activation="sigmoid")
    answers = scores >= 0
    mean = metrics.average_precision_score(targets[:, :6], scores[:, :6], average="macro")
    assert found.figures["mean_average_precision"] == pytest.approx(mean)
    for average in ("macro", "micro"):
        theirs = metrics.f1_score(targets, answers, average=average, zero_division=0)
        assert found.figures[f"{average}_f1"] == pytest.approx(theirs)
    assert found.measures["accuracy"].value == metrics.accuracy_score(targets, answers)
    assert set(found.per_class) == set("abcdef") and found.confusion is None


def test_options_are_completed_without_a_framework():
    options = TrainOptions("x")
    assert (
        options.completed().network == "pyramid"
        and replace(options, network="mobile").completed().arguments == {}
    )
    assert replace(options, network="keras:ResNet50").completed().is_keras


def test_a_network_learns_on_windows_and_is_asked_whole_pictures(folder, tmp_path):
    options = TrainOptions(
        str(folder), network="vgg", arguments={"filters": 4}, side=32, window=16, epochs=2, weights="none"
    )
    result = train(options, out=tmp_path / "run")
    assert result.card.input_shape == (32, 32, 3)
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["augmentation"]["window"] == 16 and recipe["augmentation"]["geometry"]["crop"] == 0
    assert load_network(tmp_path / "run").input_shape == (None, 32, 32, 3)
    with pytest.raises(UsageError, match="more than pictures of 32 pixels have"):
        train(replace(options, window=48), out=tmp_path / "other")
    for wrong, message in (
        ({"window": 20}, "does not fit"),
        ({"network": "airbench", "arguments": {}}, "learns on whole pictures"),
    ):
        with pytest.raises(UsageError, match=message):
            replace(options, **wrong).completed()
