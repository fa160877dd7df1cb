"""Conversion to other runtimes, each checked on real inputs against the network it came from."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.errors import MissingExtra, UserError
from common.files import replacing
from common.litert import Runner, inference_network, litert_runner, to_litert
from common.registry import Registry

if TYPE_CHECKING:
    import keras

__all__ = ["FORMATS", "Parity", "export"]

Inputs = np.ndarray | dict[str, np.ndarray]


@dataclass(frozen=True)
class Parity:
    """How an exported file compares with the network on the same inputs.

    Args:
        format: of the file.
        path: of the file or folder.
        bytes: size on disk.
        inputs: compared.
        same_answer: share with the same argmax.
        largest_difference: of any raw output.
        snippet: Python that runs the file in that runtime alone.
    """

    format: str
    path: str
    bytes: int
    inputs: int
    same_answer: float
    largest_difference: float
    snippet: str

    def to_json(self) -> dict:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Format:
    suffix: str
    write: Callable[[keras.Model, Path, Inputs], None]
    open: Callable[[Path], Runner]
    snippet: str


FORMATS = Registry[_Format]("format")


def export(model: keras.Model, name: str, out: Path, inputs: Inputs, example: str) -> Parity:
    """Write ``model`` as format ``name`` and compare it on ``inputs``.

    Args:
        model: the network.
        name: one of ``FORMATS``.
        out: stem of the file or folder to write; the suffix is the format's.
        inputs: n real inputs, such as pictures ``(n, h, w, c)`` float32; where int8 is asked for they give
            the ranges of the activations.  Of a network with several, a dict of them.
        example: a line of Python that sets ``inputs`` for the snippet.

    Returns:
        The comparison.

    Raises:
        UserError: the target exists already.
        MissingExtra: ONNX without its packages.
    """
    kind = FORMATS.get(name)
    path = out.with_name(out.name + kind.suffix)
    if path.exists():
        raise UserError(f"{path} exists", "remove it or choose another --out")
    with replacing(path) as temporary:
        kind.write(inference_network(model), temporary, inputs)
        run = kind.open(temporary)
        batches = [inputs] if isinstance(inputs, dict) else np.split(inputs, range(256, len(inputs), 256))
        theirs = np.concatenate([run(batch) for batch in batches])
    ours = np.concatenate([np.asarray(model(batch, training=False)) for batch in batches])
    return Parity(
        format=name,
        path=str(path),
        bytes=sum(
            file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()
        ),
        inputs=len(ours),
        same_answer=float((ours.argmax(axis=-1) == theirs.argmax(axis=-1)).mean()),
        largest_difference=float(np.abs(ours - theirs).max()),
        snippet=kind.snippet.format(path=path, example=example, **_CALLS[isinstance(inputs, dict)]),
    )


def _write_saved_model(model: keras.Model, path: Path, inputs: Inputs) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


def _open_saved_model(path: Path) -> Runner:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda inputs: loaded.serve(tf.nest.map_structure(tf.constant, inputs)).numpy()


def _write_onnx(model: keras.Model, path: Path, inputs: Inputs) -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtra("export to ONNX", "onnx") from error
    model(inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx asks numpy for a name that numpy no longer has
        model.export(path, format="onnx", verbose=False)


def _open_onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda inputs: session.run(None, inputs if isinstance(inputs, dict) else {name: inputs})[0]


def _litert_writer(precision: str) -> Callable[[keras.Model, Path, Inputs], None]:
    return lambda model, path, inputs: _write_bytes(
        path, to_litert(model, precision, inputs if isinstance(inputs, np.ndarray) else None)
    )


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _open_litert(path: Path) -> Runner:
    return litert_runner(path.read_bytes(), os.cpu_count())


# How a snippet calls a network with one input, which answers with classes, and one with several, which gives values.
_CALLS = {
    False: {
        "named": "{next(iter(run.get_input_details())): inputs}",
        "fed": "{session.get_inputs()[0].name: inputs}",
        "answer": ".argmax(axis=1)",
    },
    True: {"named": "inputs", "fed": "inputs", "answer": ""},
}
_LITERT_SNIPPET = """\
# pip install ai-edge-litert numpy
import numpy as np
from ai_edge_litert.interpreter import Interpreter
run = Interpreter("{path}").get_signature_runner()
{example}
print(next(iter(run(**{named}).values())){answer})"""

FORMATS.register(
    "savedmodel",
    _Format("_savedmodel", _write_saved_model, _open_saved_model, """\
# pip install tensorflow
import numpy as np, tensorflow as tf
model = tf.saved_model.load("{path}")
{example}
print(model.serve(inputs).numpy(){answer})"""),
)  # fmt: skip
FORMATS.register(
    "onnx",
    _Format(".onnx", _write_onnx, _open_onnx, """\
# pip install onnxruntime numpy
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession("{path}")
{example}
print(session.run(None, {fed})[0]{answer})"""),
)  # fmt: skip
for _precision, _suffix in (("float32", ".tflite"), ("float16", "_float16.tflite"), ("int8", "_int8.tflite")):
    FORMATS.register(
        "litert" if _precision == "float32" else f"litert-{_precision}",
        _Format(_suffix, _litert_writer(_precision), _open_litert, _LITERT_SNIPPET),
    )
