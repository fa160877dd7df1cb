"""``cnnapps doctor``: what is installed, what there is to compute on, what can be written."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from common import devices

__all__ = ["Check", "examine", "show"]

_NEEDED = (
    "tensorflow",
    "keras",
    "tensorflow-datasets",
    "ai-edge-litert",
    "typer",
    "rich",
    "scikit-learn",
    "av",
    "rdkit",
)
_OPENCV_WHEELS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, whether it is well, what was found, what to do if not."""

    name: str
    ok: bool
    found: str
    remedy: str = ""

    def to_json(self) -> dict:
        """Return plain values."""
        return asdict(self)


def examine() -> list[Check]:
    """Run all checks; none of them raises."""
    return [check for examination in _EXAMINATIONS for check in _guarded(examination)]


def show(checks: list[Check]) -> None:
    """Print the checks for people."""
    for check in checks:
        print(f"{'ok ' if check.ok else 'BAD'}  {check.name:<22} {check.found}")
        if not check.ok:
            print(f"     {'':<22} -> {check.remedy}")


def _guarded(examination: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from examination()
    except Exception as error:
        yield Check(
            examination.__name__.strip("_"),
            False,
            f"{type(error).__name__}: {error}",
            "reinstall: make setup",
        )


def _packages() -> Iterator[Check]:
    yield Check("python", True, platform.python_version())
    for name in _NEEDED:
        try:
            yield Check(name, True, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, False, "not installed", f"pip install {name}")


def _opencv() -> Iterator[Check]:
    wheels = [name for name in _OPENCV_WHEELS if _installed(name)]
    if len(wheels) != 1:
        yield Check(
            "opencv",
            False,
            f"{len(wheels)} wheels: {', '.join(wheels) or 'none'}",
            f"pip uninstall -y {' '.join(_OPENCV_WHEELS)} && pip install opencv-python",
        )
        return
    import cv2

    yield Check("opencv", True, f"{wheels[0]} {cv2.__version__}")


def _data() -> Iterator[Check]:
    from common.data.datasets import data_directory, is_prepared

    folder = data_directory()
    ready = (
        sorted(path.name for path in folder.iterdir() if is_prepared(path.name)) if folder.is_dir() else []
    )
    yield Check(
        "data (TFDS_DATA_DIR)",
        True,
        f"{folder}: {', '.join(ready) or 'nothing prepared; embedded data serve'}",
    )


def _disk() -> Iterator[Check]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield Check("disk", free > 1, f"{free:.1f} GB free here", "free some space: runs and caches want 1 GB")
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            pass
        yield Check("write rights", True, str(Path.cwd()))
    except OSError as error:
        yield Check("write rights", False, str(error), "change to a folder you may write to, or use --out")


def _compute() -> Iterator[Check]:
    tf = devices.import_tensorflow()
    for device in devices.list_devices():
        with tf.device(device.name):
            images, kernel = tf.ones((8, 64, 64, 16)), tf.ones((3, 3, 16, 16))
            tf.nn.conv2d(images, kernel, 1, "SAME")
            started = time.perf_counter()
            value = float(tf.nn.conv2d(images, kernel, 1, "SAME")[0, 5, 5, 0])
            seconds = time.perf_counter() - started
        yield Check(
            device.name,
            value == 144,
            f"{device.description}; a convolution takes {seconds * 1e3:.1f} ms; "
            f"trains in {devices.precision(device.name)}",
            "the device computes wrongly: update its driver",
        )
    if os.path.exists("/dev/nvidia0") and not tf.config.list_physical_devices("GPU"):
        yield Check("gpu", False, "a GPU is there, TensorFlow does not see it", "pip install 'cnnapps[gpu]'")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


_EXAMINATIONS = (_packages, _opencv, _data, _disk, _compute)
