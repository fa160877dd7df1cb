"""What the digit networks reach on MNIST, and how soon.

    TFDS_DATA_DIR=… python -m tests.benchmarks.bench_digits_accuracy [--networks cnn lenet …]

Trains each network by its default command in a process of its own, and evaluates the shipped one.  The time to
accuracy is the training time up to the first epoch whose held-out accuracy (3,000 training digits that were not
trained on) reaches 99.4 %.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.results import conditions, publish, table

TARGET = 0.994


def command(*arguments: str) -> dict:
    """Run ``cnnapps`` and return its JSON document."""
    words = [sys.executable, "-m", "apps.main", "digits", *arguments, "--json", "--quiet"]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def train(network: str, folder: Path) -> list[str]:
    """Train one network and return its row."""
    run = folder / network
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result = command("train", "--network", network, "--data", "mnist", "--out", str(run))
    memory = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1e6
    seconds, reached = 0.0, "-"
    for row in json.loads((run / "history.json").read_text()) if network != "perceptron" else []:
        seconds += row["seconds"]
        if row["validation accuracy"] >= TARGET:
            reached = f"{seconds:.0f} s"
            break
    low, high = result["test"]["accuracy_interval_95"]
    return [
        f"`digits train --network {network} --data mnist`",
        f"{result['parameters']:,}",
        f"{result['test']['accuracy']:.2%} ({low:.2%} to {high:.2%})",
        f"{result['seconds']:.0f} s",
        reached,
        f"{memory:.1f} GB",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=["perceptron", "mlp", "lenet", "cnn"])
    networks = parser.parse_args().networks
    with tempfile.TemporaryDirectory() as folder:
        rows = [train(network, Path(folder)) for network in networks]
    head = (
        "command",
        "weights",
        "MNIST test accuracy (95 % interval)",
        "training",
        f"first {TARGET:.1%}",
        "peak memory",
    )
    shipped = command("evaluate", "--data", "mnist", "--robust")
    whole_numbers = command("evaluate", "--data", "mnist", "--engine", "litert-int8")
    low, high = shipped["accuracy_interval_95"]
    text = (
        f"{table(head, rows)}\n\n"
        "Peak memory is that of the largest child process so far, as the operating system counts it.\n\n"
        f"The shipped network, `digits evaluate --data mnist --robust`: **{shipped['accuracy']:.2%}** "
        f"({low:.2%} to {high:.2%}), {shipped['errors']} of {shipped['count']} wrong, calibration error "
        f"{shipped['calibration_error']:.4f}.  With `--engine litert-int8`: {whole_numbers['accuracy']:.2%}, "
        f"{whole_numbers['errors']} wrong.\n\n"
        + table(
            ("disturbance (polarity and frame are not mended)", "accuracy"),
            [(name, f"{value:.2%}") for name, value in shipped["robust"].items()],
        )
    )
    print(text)
    publish("digits accuracy", f"{text}\n\n{conditions(['tensorflow', 'keras'])}")


if __name__ == "__main__":
    main()
