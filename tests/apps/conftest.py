"""What several tests of apps share: drawn shapes, and a small detector that has learned them."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.main import app
from common.cli import run
from tests.apps.shapes import write_shapes


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    """A COCO data set of drawn shapes."""
    return write_shapes(tmp_path_factory.mktemp("shapes") / "shapes", {"train": 48, "val": 12, "test": 16})


@dataclass(frozen=True)
class Trained:
    """What the command gave: the run folder, and what it said."""

    run: Path
    result: dict
    remarks: str


@pytest.fixture(scope="session")
def shape_detector(shapes, tmp_path_factory):
    """A small detector that has learned them."""
    out = tmp_path_factory.mktemp("run") / "shapes"
    options = ["--size", 64, "--filters", 16, "--epochs", 24, "--batch", 8, "--rate", 4e-3, "--device", "cpu"]
    words = ["objects", "train-detector", shapes, *options, "--out", out, "--json"]
    said, remarks = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(remarks):
        assert run(app, [str(word) for word in words]) == 0
    return Trained(out, json.loads(said.getvalue()), remarks.getvalue())
