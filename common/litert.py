"""LiteRT: a network as one flat file, and the engine that runs it.

The engine imports in a tenth of a second; TensorFlow, which writes the file, takes many.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from common.devices import native_chatter_held

if TYPE_CHECKING:
    import keras

__all__ = ["Runner", "inference_network", "litert_runner", "to_litert"]

Runner = Callable[[Any], np.ndarray]  # on an array, or on several by name


def litert_runner(content: bytes, threads: int | None = None) -> Runner:
    """Return a function that runs a LiteRT model on batches of any size, and sequences of any length.

    A network with several inputs is run on a dict of them.
    """
    from ai_edge_litert.interpreter import Interpreter

    with native_chatter_held():
        interpreter = Interpreter(model_content=content, num_threads=threads or os.cpu_count() or 1)
        interpreter.allocate_tensors()
    places = {_plain(source["name"]): source["index"] for source in interpreter.get_input_details()}
    target = interpreter.get_output_details()[0]["index"]

    def run(inputs: np.ndarray | dict[str, np.ndarray]) -> np.ndarray:
        if isinstance(inputs, np.ndarray):
            inputs = dict.fromkeys(places, inputs)
        current = {_plain(d["name"]): tuple(d["shape"]) for d in interpreter.get_input_details()}
        if any(current[name] != inputs[name].shape for name in places):
            for name, index in places.items():
                interpreter.resize_tensor_input(index, inputs[name].shape)
            interpreter.allocate_tensors()
        for name, index in places.items():
            interpreter.set_tensor(index, inputs[name])
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return run


def _plain(name: str) -> str:
    """Return the name of an input as the network has it."""
    return name.removeprefix("serving_default_").partition(":")[0]


def to_litert(model: keras.Model, precision: str = "float32", samples: np.ndarray | None = None) -> bytes:
    """Return the network as a LiteRT flatbuffer.

    Args:
        model: the network.
        precision: ``float32``; ``float16`` (weights); ``int8-weights``, what goes in is rounded as it comes; ``int8``
            (weights and activations, float in and out).
        samples: ``(n, h, w, c)`` float32 for the ranges of int8.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    with native_chatter_held(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = inference_network(model)
        specs = {
            entry.name: tf.TensorSpec((None, *entry.shape[1:]), entry.dtype, name=entry.name)
            for entry in network.inputs
        }
        signature = specs if len(specs) > 1 else next(iter(specs.values()))
        function = tf.function(lambda inputs: network(inputs, training=False), input_signature=[signature])
        # Weights become constants of the graph: LiteRT has no variables here.
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(), lower_control_flow=False)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], network)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            if samples is None:
                raise ValueError("int8 needs samples: real pictures for the ranges of the activations")
            ranges = samples[:500]
            converter.representative_dataset = lambda: ([picture[None]] for picture in ranges)
        return converter.convert()


def inference_network(model: keras.Model) -> keras.Model:
    """Return the network in float32, whatever policy it was trained under; filters in 8 bits become floats."""
    import keras

    from common.layers import in_floats, is_in_eight_bits

    if is_in_eight_bits(model):
        model = in_floats(model, tables=False)
    if model.dtype_policy.compute_dtype == "float32":
        return model

    def in_float32(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(layer.get_config() | {"dtype": "float32"})

    copy = keras.models.clone_model(model, clone_function=in_float32)
    copy.set_weights(model.get_weights())
    return copy
