"""What there is to compute on, and how to set it up."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from common.errors import UsageError, UserError

__all__ = [
    "Device",
    "cpu_features",
    "free_memory",
    "import_tensorflow",
    "list_devices",
    "native_chatter_held",
    "one_blas_thread",
    "precision",
    "precision_policy",
    "select",
]

_FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8", "asimd", "bf16")


@dataclass(frozen=True)
class Device:
    """One device: its short name (``cpu``, ``gpu:0``) and a description for people."""

    name: str
    description: str


def cpu_features() -> tuple[str, ...]:
    """Return the instruction sets that matter for convolutions, as the kernel names them."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return ()
    flags = next(
        (line for line in info.read_text().splitlines() if line.startswith(("flags", "Features"))), ""
    )
    return tuple(feature for feature in _FEATURES if feature in flags.split())


def free_memory() -> int:
    """Return the bytes of memory that can be taken without pushing others out."""
    info = Path("/proc/meminfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    # Elsewhere half of what there is, of which others hold an unknown part.
    return (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 4 << 30
    )


def precision(device: str = "cpu") -> str:
    """Return the Keras policy that is fastest here without losing accuracy.

    bfloat16 pays where matrix units multiply it (AMX, GPUs); on plain AVX-512 it was measured slower than
    float32 (tests/benchmarks/README.md).
    """
    if device.startswith("gpu") or "amx_bf16" in cpu_features():
        return "mixed_bfloat16"
    return "float32"


@contextlib.contextmanager
def precision_policy(name: str) -> Iterator[None]:
    """Build layers under a Keras precision policy, and leave the global one as it was."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def native_chatter_held() -> Iterator[None]:
    """Hold back what native libraries write to file descriptor 2; replay it if the block fails.

    ``TF_CPP_MIN_LOG_LEVEL`` alone does not silence them while they load.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:  # Ctrl-C is no failure of theirs
            os.fsync(held.fileno())
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def one_blas_thread() -> contextlib.AbstractContextManager:
    """Return a context in which numpy uses one thread, for many small sums between the answers of a network.

    Threads that spin while they wait for the next sum take the cores away from the network's.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def import_tensorflow() -> ModuleType:
    """Import TensorFlow without its chatter and return it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # On by default only where the CPU has VNNI.  On AVX2 alone (AMD Zen 3) a training step of the digits' network took
    # 0.23 s with it and 0.33 s without.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with native_chatter_held(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow

        tensorflow.config.list_physical_devices()  # a driver without a GPU complains when it is first asked
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return tensorflow


def list_devices() -> list[Device]:
    """Return the CPU and the GPUs that TensorFlow can use."""
    tf = import_tensorflow()
    processor = platform.processor() or platform.machine()
    devices = [
        Device(
            "cpu",
            f"{processor}, {os.cpu_count()} cores, {' '.join(cpu_features()) or 'no vector flags known'}",
        )
    ]
    for number, gpu in enumerate(tf.config.list_physical_devices("GPU")):
        details = tf.config.experimental.get_device_details(gpu)
        devices.append(Device(f"gpu:{number}", details.get("device_name", "GPU")))
    return devices


def select(request: str = "auto") -> str:
    """Set up the device for this process and return its name.

    Memory growth is on, so that a GPU is shared.

    Args:
        request: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.

    Raises:
        UsageError: none of these.
        UserError: a GPU was asked for and there is none; never a silent run on the CPU.
    """
    kind, _, number = request.partition(":")
    if kind not in ("auto", "cpu", "gpu") or (number and not number.isdigit()):
        raise UsageError(f"--device {request!r} is not a device", "one of auto, cpu, gpu, gpu:N")
    if kind == "cpu":
        import_tensorflow().config.set_visible_devices([], "GPU")
        return "cpu"
    tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    wanted = int(number or 0)
    if kind == "gpu" and wanted >= len(gpus):
        raise UserError(
            f"--device {request}: TensorFlow sees {len(gpus) or 'no'} GPU{'s' if len(gpus) > 1 else ''}",
            "pip install 'cnnapps[gpu]' and see cnnapps doctor, or use --device cpu",
        )
    if not gpus:
        return "cpu"
    if kind == "gpu":
        tf.config.set_visible_devices(gpus[wanted], "GPU")
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    return f"gpu:{wanted}"
