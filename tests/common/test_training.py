"""fit(): learns, repeats, resumes after kill -9, stops at NaN with the last good weights."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from common.data.augment import Augmentation
from common.data.datasets import Split
from common.data.distortion import Geometry
from common.data.stream import TrainingStream
from common.errors import TrainingDiverged, UsageError
from common.schedules import RateSchedule
from common.training import Recipe, fit

AUGMENTATION = Augmentation(Geometry(shift=0.1, rotate=5, elastic=0.3))
RECIPE = Recipe(epochs=6, batch=32, rate=5e-3, average=0.9, augmentation=AUGMENTATION)


def bars(count=200):
    """Return pictures of an upright or a flat bar: two classes a convolution tells apart at once."""
    draw = np.random.default_rng(0)
    images = np.zeros((count, 10, 10, 1), "uint8")
    targets = draw.integers(0, 2, count)
    for image, target in zip(images, targets, strict=True):
        place = draw.integers(2, 8)
        image[(slice(None), place) if target else (place, slice(None))] = 255
    return Split(images, targets)


def network():
    from common.layers import conv_block, global_pool

    keras.utils.set_random_seed(0)
    inputs = keras.Input((10, 10, 1))
    x = keras.layers.Dropout(0.2)(global_pool(conv_block(inputs, 8), "max"))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def trained(run, recipe=RECIPE, **options):
    run.mkdir(exist_ok=True)
    model = network()
    stream = TrainingStream(bars(), 2, recipe.batch, recipe.seed, recipe.augmentation)
    state = fit(model, stream, recipe, run, **options)
    return model, state


def test_it_learns_and_writes_its_history(tmp_path):
    split = bars()
    model, state = trained(
        tmp_path, replace(RECIPE, epochs=30), validate=lambda m: {"weights": m.count_params()}
    )
    accuracy = (model.predict(split.images / 255.0, verbose=0).argmax(1) == split.targets).mean()
    assert accuracy > 0.95
    history = json.loads((tmp_path / "history.json").read_text())
    assert len(history) == 30 and history[-1]["loss"] < history[0]["loss"] / 2
    assert history[0]["weights"] == model.count_params() and state.step == state.steps == 180


def test_same_seed_same_numbers_other_seed_others(tmp_path):
    first, again = (trained(tmp_path / name)[0].get_weights() for name in "ab")
    other = trained(tmp_path / "c", replace(RECIPE, seed=1))[0].get_weights()
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(np.abs(one - two).max() > 1e-4 for one, two in zip(first, other, strict=True))


class Stop(Exception):
    pass


@pytest.mark.parametrize("at", [1, 6, 7, 17, 35])
def test_resumed_from_any_step_it_ends_as_the_uninterrupted_run(tmp_path, at):
    expected = trained(tmp_path / "whole")[0].get_weights()

    def stop(state):
        if state.step == at:
            raise Stop

    with pytest.raises(Stop):
        trained(tmp_path / "cut", progress=stop, checkpoint_seconds=0.0)
    model, state = trained(tmp_path / "cut", resume=True)
    assert state.step == 36 and len(state.history) == 6
    for one, two in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, two)


def test_ctrl_c_saves_and_the_run_can_go_on(tmp_path):
    expected = trained(tmp_path / "whole")[0].get_weights()

    def press(state):
        if state.step == 9:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", progress=press)
    model, state = trained(tmp_path / "cut", resume=True)
    assert [row["epoch"] for row in state.history] == [1, 2, 3, 4, 5, 6]
    for one, two in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, two)


def test_another_recipe_is_not_resumed(tmp_path):
    trained(tmp_path)
    with pytest.raises(UsageError, match="other options"):
        trained(tmp_path, replace(RECIPE, rate=1e-3), resume=True)


def test_nan_stops_with_the_last_good_weights(tmp_path):
    tmp_path.mkdir(exist_ok=True)
    model = network()
    good = []

    def poison(state):
        if state.step == 12:
            good.extend(w.copy() for w in model.get_weights())
        if state.step == 14:
            model.layers[-1].set_weights([np.full((8, 2), np.nan), np.zeros(2)])

    stream = TrainingStream(bars(), 2, 32, 0)
    with pytest.raises(TrainingDiverged, match="step 15.*step 12"):
        fit(model, stream, replace(RECIPE, augmentation=Augmentation()), tmp_path, progress=poison)
    for kept, now in zip(good, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_schedule_rises_to_its_peak_and_falls_to_its_floor():
    schedule = RateSchedule(0.5, 100, warmup=0.2, shape="cosine", floor=0.01)
    rates = np.array([float(schedule(step)) for step in range(101)])
    assert rates.argmax() in (19, 20) and rates.max() == pytest.approx(0.5)
    assert (np.diff(rates[:20]) > 0).all() and (np.diff(rates[20:]) <= 0).all()
    assert rates[-1] == pytest.approx(0.005) and rates[60] == pytest.approx(0.5 * (0.01 + 0.99 / 2), rel=1e-3)


def test_the_triangular_schedule_is_three_straight_lines():
    schedule = RateSchedule(2.0, 100, warmup=0.25, shape="linear", start=0.2, floor=0.1)
    rates = np.array([float(schedule(step)) for step in range(100)])
    corners = np.interp(np.arange(100), [-1, 24, 25, 100], [0.4, 2.0, 2.0, 0.2])
    np.testing.assert_allclose(rates, corners, rtol=1e-4)


def test_lookahead_goes_on_from_the_average(tmp_path):
    """Against the same steps written out, with a decay that rises with the cube of the progress."""
    recipe = replace(
        RECIPE, optimizer="sgd", epochs=2, rate=0.05, average=0.9, lookahead=3, weight_decay=0.0,
        schedule="constant", warmup=0.0, augmentation=Augmentation(),
    )  # fmt: skip

    def small():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((10, 10, 1))
        return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))

    stream = TrainingStream(bars(), 2, 32, 0)
    model, plain = small(), small()
    slow = [np.array(w) for w in plain.get_weights()]
    fit(model, stream, recipe, tmp_path)
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)
    plain.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True))
    for step, (images, targets) in enumerate(stream.steps(0, 12), start=1):
        plain.train_on_batch(images, targets)
        if step % 3 == 0:
            keep = 0.9**3 * (step / 12) ** 3
            slow = [keep * s + (1 - keep) * w for s, w in zip(slow, plain.get_weights(), strict=True)]
            plain.set_weights(slow)
    for found, expected in zip(model.get_weights(), slow, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_alternating_flip_shows_both_sides_in_two_passes():
    images = np.zeros((40, 4, 4, 1), "uint8")
    images[:, 0, 0] = 255
    stream = TrainingStream(Split(images, np.arange(40)), 40, 10, 3, Augmentation(flip="alternating"))
    seen = np.zeros((4, 40), bool)
    for step, (pictures, targets) in enumerate(stream.steps(0, 16)):
        seen[step // 4, targets.numpy().argmax(1)] = pictures.numpy()[:, 0, 3, 0] == 1
    assert seen[0].sum() == 20
    np.testing.assert_array_equal(seen[1:], [~seen[0], seen[0], ~seen[0]])


def test_stream_visits_every_example_once_an_epoch_in_new_orders():
    split = Split(np.arange(64, dtype="uint8").reshape(64, 1, 1, 1), np.arange(64))
    stream = TrainingStream(split, 64, 16, seed=3)
    epochs = np.array([t.numpy().argmax(1) for _, t in stream.steps(0, 8)]).reshape(2, 64)
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(64))
    assert (epochs[0] != epochs[1]).any() and (epochs[0] != np.arange(64)).any()
    late = [t.numpy().argmax(1) for _, t in stream.steps(5, 6)][0]
    np.testing.assert_array_equal(late, epochs[1].reshape(4, 16)[1])


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.common.test_training import *
run = Path(sys.argv[1])
again = (run / "checkpoint.npz").exists()
model, state = trained(run, replace(RECIPE, epochs=60), resume=again, checkpoint_seconds=0.0)
np.savez(run / "end.npz", *model.get_weights())
"""


@pytest.mark.parametrize("wanted", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_the_same(tmp_path, wanted):
    """Kill -9, as a power cut would; the checkpoint is replaced as a whole or not at all."""
    root = str(Path(__file__).parents[2])

    def start(run):
        run.mkdir(exist_ok=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        return subprocess.Popen([sys.executable, "-c", CHILD, str(run), root], env=os.environ, **quiet)

    assert start(tmp_path / "whole").wait() == 0
    draw = random.Random(0)
    kills = 0
    while kills < wanted:
        child = start(tmp_path / "killed")
        checkpoint = tmp_path / "killed" / "checkpoint.npz"
        before = checkpoint.stat().st_mtime if checkpoint.exists() else 0
        while child.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime == before):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.3))
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            kills += 1
        child.wait()
        if (tmp_path / "killed" / "end.npz").exists():
            break
    assert kills >= wanted / 2, "the run ended before it could be killed often enough"
    if not (tmp_path / "killed" / "end.npz").exists():
        assert start(tmp_path / "killed").wait() == 0
    with np.load(tmp_path / "whole" / "end.npz") as whole, np.load(tmp_path / "killed" / "end.npz") as killed:
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], killed[name])
