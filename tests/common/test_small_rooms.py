"""Registry, console, devices, doctor, metrics, command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binomtest

from apps.main import app
from common import devices, doctor
from common.cli import run
from common.console import Console
from common.errors import UsageError, UserError
from common.metrics import (
    class_scores,
    confusion_matrix,
    expected_calibration_error,
    fit_temperature,
    proportion,
)
from common.registry import Registry


def test_registry_names_the_nearest_and_refuses_doubles():
    things = Registry("thing")
    things.register("hammer", 1)
    assert things.get("hammer") == 1 and "hammer" in things and list(things) == [1]
    with pytest.raises(UsageError, match="unknown thing 'hamer'; did you mean 'hammer'"):
        things.get("hamer")
    with pytest.raises(UsageError, match="did you mean 'hammer'"):
        things.get("HAMER")
    with pytest.raises(ValueError, match="twice"):
        things.register("hammer", 2)


@pytest.mark.parametrize("right,count", [(0, 10), (10, 10), (9975, 10000), (37, 80)])
def test_interval_is_wilson_s(right, count):
    theirs = binomtest(right, count).proportion_ci(method="wilson")
    ours = proportion(right, count)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_confusion_against_scikit_learn():
    from sklearn.metrics import confusion_matrix as theirs

    draw = np.random.default_rng(0)
    truth, answers = draw.integers(0, 5, 300), draw.integers(0, 5, 300)
    np.testing.assert_array_equal(confusion_matrix(truth, answers, 5), theirs(truth, answers))


def test_precision_recall_and_f1_against_scikit_learn():
    from sklearn.metrics import precision_recall_fscore_support as theirs

    draw = np.random.default_rng(1)
    truth, answers = draw.integers(0, 4, 200), draw.integers(0, 3, 200)  # class 3 is never answered
    counts = confusion_matrix(truth, answers, 4)
    ours = class_scores(np.diag(counts), counts.sum(axis=0), counts.sum(axis=1))
    expected = theirs(truth, answers, labels=range(4), zero_division=0)
    for figure, other in zip((ours.precision, ours.recall, ours.f1, ours.count), expected, strict=True):
        np.testing.assert_allclose(figure, other)
    assert ours.to_json(("a", "b", "c", "d"))["d"]["recall"] == 0


def test_temperature_recovers_what_was_applied():
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 2, (20_000, 5))
    powers = np.exp(logits)
    shares = powers / powers.sum(1, keepdims=True)
    targets = np.array([draw.choice(5, p=row) for row in shares])
    assert fit_temperature(logits * 3, targets) == pytest.approx(3, rel=0.05)


def test_temperature_of_independent_labels_recovers_what_was_applied():
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 2, (20_000, 3))
    targets = (draw.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    assert fit_temperature(logits * 3, targets) == pytest.approx(3, rel=0.05)


def test_calibration_error_of_known_cases():
    confidence = np.full(1000, 0.8)
    assert expected_calibration_error(confidence, np.arange(1000) < 800) == pytest.approx(0, abs=1e-9)
    assert expected_calibration_error(confidence, np.zeros(1000)) == pytest.approx(0.8)


def test_console_keeps_result_and_remarks_apart(capsys):
    console = Console(json=True)
    console.note("by the way")
    console.next("cnnapps x")
    console.result({"a": 1}, "not this")
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": 1} and err == "by the way\n"
    with Console(quiet=True).progress("work") as advance:
        advance(1, 2, "")
    assert capsys.readouterr() == ("", "")


def test_progress_without_a_terminal_is_plain_lines(capsys):
    with Console().progress("work") as advance:
        for step in range(1, 501):
            advance(step, 500, "loss 1")
    assert capsys.readouterr().err == "work: 500/500, 0 s left loss 1\n"


def test_the_time_left_is_that_of_this_run_and_this_part(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("common.console.time.monotonic", lambda: now)
    with Console().progress("work") as advance:
        parts = (100.0, 20, 20), (110.0, 801, 1000), (160.0, 851, 1000), (600.0, 1, 1000), (640.0, 81, 1000)
        for second, done, total in parts:
            now = second
            advance(done, total, "")
    lines = capsys.readouterr().err.splitlines()
    # The first part was over at once; the second goes on at step 801 and makes one step a second; another of the same
    # size makes two.
    assert lines == ["work: 20/20", "work: 851/1000, 149 s left", "work: 1/1000", "work: 81/1000, 460 s left"]


def test_progress_towards_an_unknown_end(capsys, monkeypatch):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr("common.console.time.monotonic", lambda: float(next(clock)))
    with Console().progress("work") as advance:
        for step in range(1, 5):
            advance(step, 0, "fine")
    assert capsys.readouterr().err == "work: 2 done fine\nwork: 4 done fine\n"


def test_devices_refuse_what_is_not_there():
    assert devices.list_devices()[0].name == "cpu"
    assert devices.select("cpu") == "cpu"
    with pytest.raises(UsageError, match="not a device"):
        devices.select("gpu:x")
    with pytest.raises(UserError, match="GPU"):
        devices.select("gpu:7")


def test_chatter_is_replayed_when_the_block_fails():
    script = (
        "import os; from common.devices import native_chatter_held as held\n"
        "with held(): os.write(2, b'silent ')\n"
        "try:\n  with held():\n    os.write(2, b'reason'); 1 / 0\nexcept ZeroDivisionError: pass"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == "reason"


def test_doctor_finds_this_installation_well_and_a_bad_one_ill(monkeypatch, capsys):
    assert run(app, ["doctor", "--json"]) == 0
    names = {check["name"] for check in json.loads(capsys.readouterr().out)}
    assert {"tensorflow", "opencv", "cpu", "write rights"} <= names
    monkeypatch.setattr(doctor, "_installed", lambda name: "opencv" in name)
    assert run(app, ["doctor"]) == 1
    assert "pip uninstall -y opencv-python" in capsys.readouterr().out


def test_version_and_losses(capsys):
    assert run(app, ["--version"]) == 0 and capsys.readouterr().out.startswith("cnnapps ")
    assert run(app, ["losses"]) == 0
    assert "softmax_cross_entropy" in capsys.readouterr().out


def test_an_unforeseen_error_is_one_line_unless_debug(monkeypatch, capsys):
    def burst():
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(doctor, "examine", burst)
    assert run(app, ["doctor"]) == 1
    assert capsys.readouterr().err == "error: RuntimeError: first (add --debug for more)\n"
    with pytest.raises(RuntimeError):
        run(app, ["doctor", "--debug"])


def test_common_never_imports_apps_and_apps_not_each_other():
    import re
    from pathlib import Path

    root = Path(__file__).parents[2]
    for file in root.glob("common/**/*.py"):
        assert not re.search(r"^\s*(from|import) apps", file.read_text(), re.M), file
    for file in root.glob("apps/*/*.py"):
        others = set(re.findall(r"^\s*(?:from|import) apps\.(\w+)", file.read_text(), re.M)) - {
            file.parent.name
        }
        assert not others, file
