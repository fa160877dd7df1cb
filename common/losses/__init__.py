"""The loss layer: one table of losses, got by name.

    losses.get("softmax_cross_entropy", label_smoothing=0.1)   -> keras.losses.Loss
    losses.CATALOGUE                                            -> the table, one ``LossSpec`` a row
    losses.check_pairing("euclidean", "one of K")              -> UsageError where it cannot be right

The classic three: softmax cross-entropy (pick one of K), sigmoid cross-entropy (independent yes/no),
Euclidean (real values).  All take raw outputs.  The table itself imports no framework.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from common.errors import UsageError, nearest
from common.losses.catalogue import CATALOGUE, LossSpec, check_pairing

if TYPE_CHECKING:
    import keras

__all__ = ["CATALOGUE", "LossSpec", "check_pairing", "get"]


def get(name: str, **parameters: Any) -> keras.losses.Loss:
    """Return the loss ``name`` with its parameters.

    Class numbers ``(batch,)`` are turned into one-hot rows for the families that pick classes.

    Args:
        name: a name of ``CATALOGUE``.
        **parameters: those of the function of that name, such as ``label_smoothing`` or ``delta``.

    Raises:
        UsageError: an unknown name or parameter; the line lists those that exist.
    """
    from common.losses.function_loss import FunctionLoss, function

    CATALOGUE.get(name)
    known = list(inspect.signature(function(name)).parameters)[2:]
    for parameter in parameters:
        if parameter not in known:
            raise UsageError(
                f"loss {name!r} has no parameter {parameter!r}{nearest(parameter, known)}",
                f"it takes {', '.join(known) or 'none'}",
            )
    return FunctionLoss(name, parameters)
