"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from typing import Any

import keras
import tensorflow as tf

from common.registry import Registry

__all__ = ["OPTIMIZERS", "SGD", "AdamW", "RowwiseAdamW"]

# Functions of (rate, weight decay, multiples of the rate by variable).
OPTIMIZERS = Registry[Callable[..., keras.optimizers.Optimizer]]("optimizer")
OPTIMIZERS.register(
    "sgd",
    lambda rate, decay, multiples: SGD(
        rate, momentum=0.9, nesterov=True, weight_decay=decay or None, multiples=multiples
    ),
)
OPTIMIZERS.register(
    "nimble_sgd",  # forgets sooner: for runs of some hundred steps
    lambda rate, decay, multiples: SGD(
        rate, momentum=0.85, nesterov=True, weight_decay=decay or None, multiples=multiples
    ),
)
OPTIMIZERS.register(
    "adamw", lambda rate, decay, multiples: AdamW(rate, weight_decay=decay, multiples=multiples)
)
OPTIMIZERS.register(
    "rowwise_adamw",
    lambda rate, decay, multiples: RowwiseAdamW(rate, weight_decay=decay, multiples=multiples),
)


class _OwnRates:
    """An optimizer under which some variables have another rate than the rest.

    Args:
        multiples: of the rate, by pattern of the variable's path, such as ``{"stage1/*": 0.1, "*/beta": 64.0}``;
            the first that fits counts, and 1 where none does.
    """

    def __init__(self, *args, multiples: Mapping[str, float] | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.multiples = dict(multiples or {})

    def build(self, variables: list[keras.Variable]) -> None:
        """Find the rate of each variable by its path."""
        self._factors = [
            next((factor for pattern, factor in self.multiples.items() if fnmatch(v.path, pattern)), 1.0)
            for v in variables
        ]
        super().build(variables)  # type: ignore[misc]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move a variable at its own rate."""
        factor = self._factors[self._get_variable_index(variable)]  # type: ignore[attr-defined]
        super().update_step(gradient, variable, learning_rate * factor)  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        """Return plain values."""
        return super().get_config() | {"multiples": dict(self.multiples)}  # type: ignore[misc]


@keras.saving.register_keras_serializable(package="cnnapps")
class SGD(_OwnRates, keras.optimizers.SGD):
    """Keras' stochastic gradient descent, where variables may have rates of their own (``multiples``)."""


@keras.saving.register_keras_serializable(package="cnnapps")
class AdamW(_OwnRates, keras.optimizers.AdamW):
    """Keras' AdamW, where variables may have rates of their own (``multiples``)."""


@keras.saving.register_keras_serializable(package="cnnapps")
class RowwiseAdamW(AdamW):
    """AdamW, with Adagrad for the rows of tables of which a step sees only some.

    A batch of texts names a few thousand rows of a table of word vectors.  AdamW would move all rows each step,
    by the momentum of words that are not there, and cost as much as the network.  Adagrad touches the named rows
    only, and gives a rare word a large step when it comes (Duchi, Hazan and Singer, JMLR 2011, section 1.1).

    Args:
        row_rate: learning rate of rows, as a multiple of the rate.
        **kwargs: as of ``AdamW``.
    """

    def __init__(self, *args, row_rate: float = 50.0, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.row_rate = row_rate

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move a variable; one whose gradient names rows moves in these only."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        rows, place = tf.unique(gradient.indices)
        values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
        # The slot of AdamW's second moment holds Adagrad's sum of squares.
        squares = self._velocities[self._get_variable_index(variable)].value
        squares.scatter_add(tf.IndexedSlices(values**2, rows))
        step = values * tf.math.rsqrt(tf.gather(squares, rows) + 1e-16)
        variable.scatter_sub(
            tf.IndexedSlices(self.row_rate * tf.cast(learning_rate, step.dtype) * step, rows)
        )

    def get_config(self) -> dict[str, Any]:
        """Return plain values."""
        return super().get_config() | {"row_rate": self.row_rate}
