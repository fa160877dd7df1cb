"""The errors a person can do something about.

    CnnappsError
    ├── UserError            exit 1: an input or a request that cannot be served; one line and a way out
    │   ├── InputError       a file or value that cannot be read
    │   ├── ArtifactError    a model folder that is missing, damaged or from a newer version
    │   └── MissingExtra     an optional dependency that is not installed
    ├── UsageError           exit 2: an option or a combination of options that makes no sense
    ├── TrainingDiverged     exit 1: the loss is no longer a number; the last good state is kept
    └── Interrupted          exit 130: Ctrl-C; what was done so far is kept

The command line prints ``message`` and ``hint`` on one line each and ends with ``exit_code``; a
traceback appears only with ``--debug``.  Library callers catch ``CnnappsError``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ArtifactError",
    "CnnappsError",
    "InputError",
    "Interrupted",
    "MissingExtra",
    "TrainingDiverged",
    "UsageError",
    "UserError",
    "nearest",
]


class CnnappsError(Exception):
    """Base of every error raised on purpose.

    Args:
        message: one line that names the file, row or option at fault.
        hint: one line that says what to do, or "".
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UserError(CnnappsError):
    """A request that cannot be served as it stands."""


class InputError(UserError):
    """A file or a value that cannot be read or is not what it claims to be."""


class ArtifactError(UserError):
    """A model folder that is missing, damaged, or made by a newer version."""


class MissingExtra(UserError):
    """An optional dependency is absent; the hint is the exact install line.

    Args:
        what: what the user asked for.
        extra: the name of the extra in ``pip install 'cnnapps[extra]'``.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package", f"pip install 'cnnapps[{extra}]'")


class UsageError(CnnappsError):
    """Options that contradict each other or name something that does not exist."""

    exit_code = 2


class Interrupted(CnnappsError):
    """Ctrl-C, after what was done so far was saved."""

    exit_code = 130


class TrainingDiverged(CnnappsError):
    """The loss became NaN or infinite; weights of the last good step were restored."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of ``choices``, whatever the case, or ""."""
    spelled = {choice.casefold(): choice for choice in choices}
    match = difflib.get_close_matches(word.casefold(), list(spelled), n=1, cutoff=0.5)
    return f"; did you mean {spelled[match[0]]!r}?" if match else ""
