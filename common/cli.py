"""What every command line of the project shares: options, errors, exit codes."""

from __future__ import annotations

import difflib
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from common.console import Console
from common.errors import CnnappsError

if TYPE_CHECKING:
    from common.export import Parity

__all__ = [
    "DeviceOption",
    "EpochsOption",
    "JsonOption",
    "OutOption",
    "QuietOption",
    "RateOption",
    "ResumeOption",
    "SeedOption",
    "StemOption",
    "command_line",
    "run",
    "show_exports",
    "show_models",
    "sub_app",
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Same seed, same machine: same numbers.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, gpu or gpu:N.")]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write.")]
StemOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="What the names of the files begin with; else those of the model."),
]
EpochsOption = Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the data.")]
RateOption = Annotated[float | None, typer.Option("--rate", help="Peak learning rate.")]
ResumeOption = Annotated[
    Path | None, typer.Option("--resume", help="Go on in this run folder with its own options.")
]


def sub_app(help: str, *, default: str = "") -> typer.Typer:
    """Return the Typer app of one of the seven apps.

    Args:
        help: one line.
        default: the verb that is meant where none is named; "" for none.
    """
    kind = type("Group", (_VerbImplied,), {"default": default}) if default else None
    return typer.Typer(
        help=help, cls=kind, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )


class _VerbImplied(TyperGroup):
    """A group of commands of which one is meant where the first word is none."""

    default = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "--help"
        # A verb with a slip of the pen is not the name of an input.
        slip = not Path(first).exists() and difflib.get_close_matches(first, self.commands, n=1, cutoff=0.75)
        if first not in (*self.commands, "--help") and not slip:
            args = [self.default, *args]
        return super().parse_args(ctx, args)


def command_line() -> str:
    """Return the command as typed, for cards and reports."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def show_models(app: str, console: Console) -> None:
    """Print the models that ship with one of the apps, and what they reach."""
    from common.artifact import read_card, resolve, shipped

    cards = {name: read_card(resolve(name)) for name in shipped() if name.startswith(f"{app}/")}
    rows = []
    for name, card in cards.items():
        reaches = next(iter(card.metrics.items()), None)
        # Errors may be above 1, and are no shares in any case.
        share = reaches and "error" not in reaches[0].lower() and not reaches[0].endswith("MSE")
        figure = f"{reaches[0]} {reaches[1].value:{'.2%' if share else '.3f'}}" if reaches else ""
        rows.append((name, card.network, f"{card.parameters:,}", figure, card.data["name"]))
    columns = ("model", "network", "weights", "reaches", "data")
    console.result(
        {name: card.to_json() for name, card in cards.items()}, lambda: Console.table(columns, rows)
    )


def show_exports(results: Sequence[Parity], console: Console) -> None:
    """Print how exported files compare, and how to run each."""
    columns = ("format", "file", "MB", "same answer", "largest difference", "inputs")
    rows = [
        (
            p.format,
            p.path,
            f"{p.bytes / 1e6:.2f}",
            f"{p.same_answer:.2%}",
            f"{p.largest_difference:.1e}",
            p.inputs,
        )
        for p in results
    ]
    console.result([p.to_json() for p in results], lambda: Console.table(columns, rows))
    console.note("\n\n".join(f"run {p.format} in its own runtime:\n{p.snippet}" for p in results))


def run(app: typer.Typer, arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    An error made on purpose is one line on stderr, with a hint; a traceback appears only with ``--debug``.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if debug:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
    try:
        code = typer.main.get_command(app).main(args=arguments, prog_name="cnnapps", standalone_mode=False)
        if code == 130:  # Typer turns Ctrl-C into a silent exit.
            _say("interrupted", "")
        return code if isinstance(code, int) else 0
    except CnnappsError as error:
        if debug:
            raise
        _say(error.message, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted", "")
        return 130
    except typer.Exit as exit_:
        return exit_.exit_code
    except BrokenPipeError:
        # The reader of a stream went away (head, less); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # wrong usage, found by Typer
            error.show()
            return error.exit_code
        if debug:
            raise
        _say(
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            "add --debug for more",
        )
        return 1


def _say(message: str, hint: str) -> None:
    print(f"error: {message}" + (f" ({hint})" if hint else ""), file=sys.stderr, flush=True)
