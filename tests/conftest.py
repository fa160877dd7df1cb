"""Shared fixtures.  Framework chatter is held back before anything imports TensorFlow."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from apps.main import app
from common.cli import run
from common.data.datasets import is_prepared


@pytest.fixture(autouse=True)
def no_working_directory_litter(tmp_path, monkeypatch):
    """Commands write below the working directory by default: give each test its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cnnapps(capsys):
    """Run a command line in this process; returns (exit code, stdout, stderr)."""

    def call(*arguments):
        capsys.readouterr()
        code = run(app, [str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def mnist():
    """The prepared MNIST, or skip."""
    if not is_prepared("mnist"):
        pytest.skip("MNIST is not prepared: set TFDS_DATA_DIR")
    return _mnist()


_CACHE = {}


def _mnist():
    if "mnist" not in _CACHE:
        from common.data.datasets import load

        _CACHE["mnist"] = load("mnist")
    return _CACHE["mnist"]
