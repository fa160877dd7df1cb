"""Prediction speed of the shipped digit network beside PyTorch, and the wait for a first answer.

    make bench-digits            (about 5 minutes on 2 cores; nothing else may run on them)

Each measurement is MNIST's 10,000 test pictures at batch 256 through ``Predictor.logits``, warm.  The cold starts are
whole processes, from the shell's view.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from common import artifact, predictor
from common.data.datasets import load
from common.devices import import_tensorflow
from tests.benchmarks.peer import TORCH_SCRIPT, Peer, torch_python
from tests.benchmarks.results import alternate, conditions, publish, spread, table

PICTURES = 10_000


def predict_ours(model: predictor.Predictor, images: np.ndarray) -> Callable[[], float]:
    """Return a measurement: images a second of a warm predictor."""

    def measure() -> float:
        model.logits(images[: model.batch])
        start = time.perf_counter()
        scores = model.logits(images)
        seconds = time.perf_counter() - start
        assert scores.shape == (len(images), 10)
        return len(images) / seconds

    return measure


def cold_start(command: list[str]) -> Callable[[], float]:
    """Return a measurement: seconds that a command takes from nothing."""

    def measure() -> float:
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1:] or done.returncode)
        return time.perf_counter() - start

    return measure


def draw_one(path: Path) -> None:
    """Write a picture with the digit 1 in dark ink."""
    picture = Image.new("L", (120, 120), 245)
    ImageDraw.Draw(picture).line([(50, 35), (62, 22), (62, 98)], fill=25, width=7)
    picture.save(path)


def main() -> None:
    """Measure, print, and keep the section ``digits-prediction``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="digits/cnn", help="a shipped model or a run folder, of width 32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    import_tensorflow()
    # Real digits: noise would be looked at twice, each of it.
    images = load("mnist").test.images[:PICTURES].astype(np.float32) / 255
    network = artifact.read_card(artifact.resolve(options.model)).network
    contenders = {
        f"cnnapps, {name}": predict_ours(
            predictor.load(options.model, engine=engine, batch=options.batch), images
        )
        for name, engine in (
            ("LiteRT in 8-bit integers", "litert-int8"),
            ("LiteRT", "litert"),
            ("Keras", "keras"),
        )
    }
    kinds = itertools.product(
        ("eager", "compile"), ("float32", "bfloat16"), ("channels_first", "channels_last")
    )
    with Peer(torch_python(), TORCH_SCRIPT) as peer:
        version = peer.ask(what="about", network=network)["version"]
        for mode, precision, layout in kinds:
            request = {"mode": mode, "precision": precision, "layout": layout, "network": network}

            def measure(request: dict = request) -> float:
                return peer.ask(what="predict", batch=options.batch, **request)["rate"]

            contenders[f"PyTorch {mode}, {precision}, {layout.replace('_', ' ')}"] = measure
        rates = alternate(contenders, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "one.png"
        draw_one(picture)
        ours = str(Path(sys.executable).with_name("cnnapps"))
        starts = alternate(
            {
                "cnnapps --help": cold_start([ours, "--help"]),
                "cnnapps digits predict one.png": cold_start(
                    [ours, "digits", "predict", str(picture), "--model", options.model]
                ),
                "PyTorch: import, build, answer one": cold_start(
                    [str(torch_python()), str(TORCH_SCRIPT), "--once", network]
                ),
            },
            options.rounds,
        )
    text = (
        "## Prediction speed, digits\n\n"
        f"`tests/benchmarks/bench_digits_prediction.py`: network `{network}`, MNIST's {PICTURES:,} test pictures at "
        f"batch {options.batch}, warm; median of {options.rounds} alternated measurements (lowest to highest).\n\n"
        + table(
            ("contender", "images a second"), [(name, spread(figures)) for name, figures in rates.items()]
        )
        + "\n\nFrom a cold start, whole process:\n\n"
        + table(("command", "seconds"), [(name, spread(figures, 2)) for name, figures in starts.items()])
        + f"\n\n{conditions(('tensorflow', 'keras', 'ai-edge-litert', 'numpy'), {'torch': version})}"
    )
    publish("digits-prediction", text, options.rounds)


if __name__ == "__main__":
    main()
