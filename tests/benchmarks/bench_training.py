"""Training speed of networks, beside the same networks in PyTorch.

    python -m tests.benchmarks.bench_training digits      (about 20 minutes on 2 cores; nothing else may run on them)
    python -m tests.benchmarks.bench_training objects

Ours is ``common.training.fit`` as a user gets it, on pictures of the usual size in memory, without augmentation
and without the moving average of the weights, which the peer does not have either.  Every measurement
starts after tracing or compiling and some warm steps.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np

from apps.digits import models as digits
from apps.objects import models as objects
from common import devices
from common.data.datasets import Split
from common.data.stream import TrainingStream
from common.training import Recipe, TrainingState, fit
from tests.benchmarks.peer import TORCH_SCRIPT, Peer, torch_python
from tests.benchmarks.results import alternate, conditions, publish, spread, table

WARM_STEPS = 10
PEERS = [
    ("float32", "channels_first"),
    ("float32", "channels_last"),
    ("bfloat16", "channels_last"),
]


# By app: the networks, and the shape of their pictures.
APPS = {
    "digits": ({name: digits.NETWORKS.get(name) for name in ("cnn", "lenet")}, (28, 28, 1)),
    "objects": ({"airbench": objects.NETWORKS.get("airbench")}, (32, 32, 3)),
}


class Enough(Exception):
    """The clock has run out: raised out of ``fit`` by the progress callback."""


def train_ours(
    build: Callable[..., keras.Model], shape: tuple[int, int, int], batch: int, seconds: float
) -> float:
    """Return training images a second of ``fit``, once its graph is traced."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60_000, *shape), np.uint8)
    split = Split(images, random.integers(0, 10, 60_000))
    keras.utils.set_random_seed(0)
    model = build(shape, 10)
    start = count = 0

    def watch(state: TrainingState) -> None:
        nonlocal start, count
        if state.step == WARM_STEPS:
            start = time.perf_counter()
        elif state.step > WARM_STEPS and time.perf_counter() - start > seconds:
            count = state.step - WARM_STEPS
            raise Enough

    recipe = Recipe(rate=1e-3, batch=batch, epochs=1000, average=0.0)
    with tempfile.TemporaryDirectory() as run:
        try:
            fit(model, TrainingStream(split, 10, batch, 0), recipe, Path(run), progress=watch)
        except Enough:
            return count * batch / (time.perf_counter() - start)
    raise RuntimeError("the run ended before the clock")


def parameters(network: keras.Model) -> int:
    """Return the number of trainable weights."""
    return sum(int(np.prod(w.shape)) for w in network.trainable_weights)


def main() -> None:
    """Measure, print, and keep the section ``APP-training``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("app", choices=list(APPS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    policy = devices.precision(devices.select("auto"))  # as the command line does
    keras.config.set_dtype_policy(policy)
    rows = []
    with Peer(torch_python(), TORCH_SCRIPT) as peer:
        builders, shape = APPS[options.app]
        for network, build in builders.items():
            about, count = peer.ask(what="about", network=network), parameters(build(shape, 10))
            if about["parameters"] != count:
                raise SystemExit(f"{network}: {count} weights here, {about['parameters']} there")
            ours = partial(train_ours, build, shape, options.batch, options.seconds)
            contenders = {f"cnnapps, {policy}": ours}
            for mode, (kind, layout) in itertools.product(("eager", "compile"), PEERS):
                request = {"mode": mode, "precision": kind, "layout": layout, "network": network}

                def measure(request: dict = request) -> float:
                    return peer.ask(what="train", batch=options.batch, seconds=options.seconds, **request)[
                        "rate"
                    ]

                contenders[f"PyTorch {mode}, {kind}, {layout.replace('_', ' ')}"] = measure
            figures = alternate(contenders, options.rounds)
            for name, rates in figures.items():
                rows.append((network, f"{about['parameters']:,}", name, spread(rates)))
    text = (
        f"## Training speed, {options.app}\n\n"
        f"`tests/benchmarks/bench_training.py {options.app}`: images a second at batch {options.batch}, median of "
        f"{options.rounds} alternated measurements of {options.seconds:g} s (lowest to highest).\n\n"
        + table(("network", "weights", "contender", "images a second"), rows)
        + f"\n\n{conditions(('tensorflow', 'keras', 'numpy'), {'torch': about['version']})}"
    )
    publish(f"{options.app}-training", text, options.rounds)


if __name__ == "__main__":
    main()
