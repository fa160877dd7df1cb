"""The ``cnnapps`` command: the list of apps.  Imports no framework."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from apps.digits.cli import app as digits
from apps.interaction.cli import app as interaction
from apps.objects.cli import app as objects
from apps.style.cli import app as style
from apps.text.cli import app as text
from apps.texture.cli import app as texture
from apps.track.cli import app as track
from common import doctor
from common.cli import JsonOption, run
from common.console import Console
from common.losses.catalogue import CATALOGUE

__all__ = ["app", "main"]

app = typer.Typer(
    help="Convolutional networks at work: each app does one job, with one command.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(digits, name="digits")
app.add_typer(objects, name="objects")
app.add_typer(track, name="track")
app.add_typer(text, name="text")
app.add_typer(texture, name="texture")
app.add_typer(style, name="style")
app.add_typer(interaction, name="interaction")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and all logs (any command).")
    ] = False,
) -> None:
    """Convolutional networks at work: each app does one job, with one command."""
    if version:
        from importlib.metadata import version as installed

        print(f"cnnapps {installed('cnnapps')}")
        raise typer.Exit()


@app.command("losses")
def list_losses(json: JsonOption = False) -> None:
    """Print the loss layer: every loss, what it is for and its formula."""
    rows = [(s.name, s.family, s.activation, s.formula, s.reference) for s in CATALOGUE]
    value = [spec.__dict__ for spec in CATALOGUE]
    columns = ("loss", "family", "output", "formula", "reference")
    Console(json=json).result(value, lambda: Console.table(columns, rows))


@app.command("doctor")
def examine(json: JsonOption = False) -> None:
    """Check the installation; every line says what to do if it is red."""
    checks = doctor.examine()
    Console(json=json).result([check.to_json() for check in checks], lambda: doctor.show(checks))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(app))


if __name__ == "__main__":
    main()
