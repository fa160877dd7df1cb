"""What classifiers and detectors reach: few pictures a class, CIFAR-10 against the clock, blood cells.

    python -m tests.benchmarks.bench_objects few --data DTD ../shared/data/folders/flowers CELLS …
    python -m tests.benchmarks.bench_objects cifar10          (TFDS_DATA_DIR names where it is prepared)
    python -m tests.benchmarks.bench_objects detection        (../shared/data/detection/bccd; an hour and more)

``few`` trains on 5, 20 and 50 pictures a class of kinds that the general model has not seen: from random weights, from
that model, and its head alone (a linear probe).  ``CELLS`` are blood cells cut out by their boxes, which
``prepare_cells`` writes.  Each classifier's figures are kept in ``measured/objects.json`` here, and the detector's run
in ``--out``, so that a benchmark can be stopped and goes on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from apps import objects
from apps.objects.data import Source, open_pictures
from apps.objects.options import DEFAULT, GENERAL
from common import artifact, devices
from common.data.images import decode
from common.detector import Detector
from tests.benchmarks.results import alternate, conditions, kept, publish, spread, table

SHARED = Path(__file__).parents[3] / "shared" / "data"
SHOTS = (5, 20, 50)
LEARNED = 0.65  # share of a class that is neither for testing nor for choosing
SEEDS = (0, 1, 2)
SIDE = 64
CELL_SIDE, CELL_PASSES = 480, 85
# CIFAR-10 for 90 %, and for 94 %: epochs, and a factor of the widths.
CIFAR10 = ((7, 0.5), (24, 1.0))


def few(folders: list[Path], general: str) -> str:
    """Return the section on learning from few pictures."""
    rows = []
    for folder in folders:
        sizes = [sum(1 for _ in path.iterdir()) for path in folder.iterdir() if path.is_dir()]
        classes = len(sizes)
        for shots in (shots for shots in SHOTS if shots <= LEARNED * min(sizes)):
            asked = {"data": str(folder), "side": SIDE, "train_size": shots * classes}
            found = []
            for way, learn in WAYS.items():
                scores = [
                    kept(
                        "objects",
                        f"{folder.name}, {shots}, {way}, seed {seed}",
                        partial(learn, asked | {"seed": seed}, general),
                    )
                    for seed in SEEDS
                ]
                found.append(f"{100 * np.mean(scores):.1f} ± {100 * np.std(scores):.1f}")
            rows.append((folder.name, classes, shots, *found))
    return (
        "## Few pictures a class\n\n"
        f"`tests/benchmarks/bench_objects.py few`: test accuracy in % on kinds that the general model has not learned "
        f"from, {SIDE} pixels, mean ± standard deviation of {len(SEEDS)} drawings; small classes have "
        "fewer rows.\n\n" + table(("pictures", "classes", "a class", *WAYS), rows)
    )


def from_scratch(asked: dict[str, Any], general: str) -> float:
    """Return the test accuracy of a training from random weights."""
    return _trained(asked | {"network": DEFAULT, "weights": "none"})


def from_general(asked: dict[str, Any], general: str) -> float:
    """Return the test accuracy of a training that starts from the general model, as users get it."""
    return _trained(asked | {"weights": general})


def linear_probe(asked: dict[str, Any], general: str) -> float:
    """Return the test accuracy of logistic regression on the features of the general model."""
    devices.select("auto")
    from apps.objects.models import HEAD, NETWORKS
    from apps.objects.transfer import features_of, fit_head, start_from

    pictures = open_pictures(
        Source(asked["data"], asked["side"]), seed=asked["seed"], train_size=asked["train_size"]
    )
    card = artifact.read_card(artifact.resolve(general))
    network = NETWORKS.get(card.network)(pictures.spec.shape, len(pictures.spec.classes), **card.arguments)
    start_from(network, general)
    fit_head(network, pictures.train, pictures.validation)
    kernel, bias = network.get_layer(HEAD).get_weights()
    answers = (features_of(network, pictures.test.images) @ kernel + bias).argmax(axis=1)
    return float((answers == pictures.test.targets).mean())


WAYS: dict[str, Callable[[dict[str, Any], str], float]] = {
    "from scratch": from_scratch,
    "linear probe": linear_probe,
    "from the general model": from_general,
}


def _trained(asked: dict[str, Any]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        result = objects.train(objects.TrainOptions(**asked), out=Path(folder) / "run")
    return result.evaluation.measures["accuracy"].value


def cifar10() -> str:
    """Return the section on CIFAR-10: minutes of a short and of a long training, and the test accuracy after each."""
    rows = []
    for epochs, width in CIFAR10:
        found = kept(
            "objects", f"cifar10, airbench {width:g}, {epochs} epochs", partial(_cifar10, epochs, width)
        )
        rows.append(
            (
                epochs,
                f"{width:g}",
                f"{found['seconds'] / 60:.1f}",
                f"{found['validation']:.2%}",
                f"{found['test']:.2%}",
            )
        )
    return (
        "## CIFAR-10 against the clock\n\n"
        "`tests/benchmarks/bench_objects.py cifar10`: `objects train cifar10 --network airbench --epochs N "
        "--width W`, each with a schedule of its own; accuracy on held-out pictures, looked at once, and on the test "
        "part, looked at again as the model does by itself.\n\n"
        + table(("epochs", "width", "minutes of training", "held out", "test"), rows)
    )


def _cifar10(epochs: int, width: float) -> dict[str, Any]:
    options = objects.TrainOptions("cifar10", network="airbench", arguments={"width": width}, epochs=epochs)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        result = objects.train(options, out=run)
        history = json.loads((run / "history.json").read_text())
    return {
        "seconds": sum(row["seconds"] for row in history),
        "validation": history[-1]["validation accuracy"],
        "test": result.evaluation.measures["accuracy"].value,
    }


def detection(backbone: str, out: Path, rounds: int) -> str:
    """Return the section on blood cells: what a detector from our backbone reaches, and how fast it is."""
    data, run = SHARED / "detection" / "bccd", out / "general"
    if not (run / "card.json").exists():
        options = objects.DetectorOptions(
            str(data), backbone=backbone, side=CELL_SIDE, turns=True, trainval=True, epochs=CELL_PASSES
        )
        objects.train_detector(options, out=run)
    minutes = sum(row["seconds"] for row in json.loads((run / "history.json").read_text())) / 60
    rows = []
    for looks, again in (("once", False), ("in four turns, `--again`", True)):
        found = objects.evaluate_detector(data, model=run, again=again)
        rows.append((looks, *map(_with_interval, (found.mean_ap, found.ap50))))
    pictures = [decode(file).pixels for file in sorted((data / "JPEGImages").glob("*.jpg"))[:64]]
    detectors = {f"{side} px": objects.open_detector(run, side=side) for side in (416, CELL_SIDE, 640)}
    speeds = alternate(
        {name: lambda detector=detector: _rate(detector, pictures) for name, detector in detectors.items()},
        rounds,
    )
    return (
        "## Detection\n\n"
        "`tests/benchmarks/bench_objects.py detection`: BCCD, its own test part, `objects train-detector --turns "
        f"--trainval --size {CELL_SIDE} --epochs {CELL_PASSES}` from the general model in {minutes:.0f} minutes; "
        "YOLO's smaller networks report an AP50 of 0.88 to 0.93 there.  In brackets 95 % intervals over pictures.\n\n"
        + table(("looks at a picture", "mAP", "AP50"), rows)
        + "\n\nPictures a second from decoded pictures to boxes, looking once: "
        + ", ".join(f"{name} {spread(found, 1)}" for name, found in speeds.items())
        + "."
    )


def _with_interval(measure: artifact.Measure) -> str:
    return f"{measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"


def _rate(detector: Detector, pictures: list[np.ndarray]) -> float:
    started = time.perf_counter()
    for pixels in pictures:
        detector(pixels)
    return len(pictures) / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", choices=("few", "cifar10", "detection"))
    parser.add_argument("--data", nargs="*", type=Path, default=[SHARED / "folders" / "flowers"])
    parser.add_argument(
        "--general", default=GENERAL, help="the general model: a shipped name or a run folder"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench-objects"), help="where the detector is kept"
    )
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    text = {
        "few": lambda: few(asked.data, asked.general),
        "cifar10": cifar10,
        "detection": lambda: detection(asked.general, asked.out, asked.rounds),
    }[asked.part]()
    publish(f"objects {asked.part}", f"{text}\n\n{conditions(('tensorflow', 'keras', 'numpy'))}")


if __name__ == "__main__":
    main()
