"""What was asked of a training: checked early, and kept in the run folder so that it can be gone on with."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from common.errors import Interrupted, UsageError, UserError, nearest
from common.files import write_text
from common.registry import Registry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["check_arguments", "new_run", "options_of_run", "resumable", "stored_run"]

Options = TypeVar("Options", bound="DataclassInstance")


def check_arguments(network: str, arguments: Iterable[str], known: Registry[tuple[str, ...]]) -> None:
    """Check the options of a network's function by name, without importing a framework.

    Args:
        network: its name.
        arguments: names of the options.
        known: the options of each network.

    Raises:
        UsageError: an unknown network or option.
    """
    options = known.get(network)
    for name in arguments:
        if name not in options:
            raise UsageError(
                f"network {network!r} has no option {name!r}{nearest(name, options)}",
                f"it takes {', '.join(options) or 'none'}",
            )


def new_run(out: Path | None, name: str, options: DataclassInstance, command: str) -> Path:
    """Make the folder of a run, with the options in it.

    Args:
        out: the folder; None for ``runs/NAME-TIME``.
        name: such as ``digits-cnn``.
        options: a dataclass of plain values.
        command: as typed.

    Raises:
        UserError: it is in use.
    """
    run = out or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    if run.exists() and any(run.iterdir()):
        raise UserError(f"{run} is not empty", "choose another --out, or go on there with --resume")
    run.mkdir(parents=True, exist_ok=True)
    stored = {"options": asdict(options), "command": command}
    write_text(run / "options.json", json.dumps(stored, indent=1) + "\n")
    return run


@contextlib.contextmanager
def resumable(run: Path, verb: str) -> Iterator[None]:
    """Turn Ctrl-C in the block into the line that says how to go on.

    Args:
        run: where the state is saved.
        verb: the command, such as ``cnnapps digits train``.

    Raises:
        Interrupted: instead of KeyboardInterrupt.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            f"interrupted; the state is saved in {run}", f"go on with: {verb} --resume {run}"
        ) from interrupt


def stored_run(run: Path | None, kind: type[Options]) -> tuple[Path, Options, str]:
    """Return folder, options and command of a run that was interrupted.

    Args:
        run: its folder.
        kind: the dataclass of its options.

    Raises:
        UserError: there is none.
    """
    if run is None or not (run / "options.json").is_file():
        raise UserError(f"nothing to resume in {run}", "name the run folder of an interrupted training")
    if (run / "card.json").is_file():
        raise UserError(f"{run} is finished", f"evaluate it with --model {run}")
    stored = _read(run)
    return run, kind(**stored["options"]), stored["command"]


def options_of_run(model: str | Path, kind: type[Options]) -> Options | None:
    """Return the options that a run folder was made with; None for a shipped model."""
    if not (Path(model) / "options.json").is_file():
        return None
    return kind(**_read(Path(model))["options"])


def _read(run: Path) -> dict[str, Any]:
    try:
        return json.loads((run / "options.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{run / 'options.json'} is damaged", "train anew in another folder") from error
