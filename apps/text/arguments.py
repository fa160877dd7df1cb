"""What the commands of ``cnnapps text`` are given: options that several have, texts typed or in a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["LabelColumn", "ModelOption", "SeveralOption", "TextColumn", "VectorsOption", "given_texts"]

TextColumn = Annotated[str, typer.Option("--text", help="Column of the texts: name or number.")]
LabelColumn = Annotated[str, typer.Option("--label", help="Column of the labels: name or number.")]
SeveralOption = Annotated[
    str, typer.Option(help="What stands between several labels of one text, such as '|'.")
]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped name or a run folder.")]
VectorsOption = Annotated[
    str,
    typer.Option(
        "--embeddings",
        help="Word vectors: GloVe, word2vec, fastText, our own; none; else those that ship, if any.",
    ),
]


def given_texts(texts: list[str], column: str = "") -> tuple[Iterable[str], str]:
    """Return the texts themselves or those of the one file they name, and what was guessed of its columns.

    Args:
        texts: as typed.
        column: of the texts, where the file is a table; "" to guess it.

    Raises:
        InputError: what looks like a file is none; a folder; an empty text.
        UsageError: a file among several texts.
    """
    from apps.text.data import texts_in
    from common.errors import InputError, UsageError

    if len(texts) > 1:
        for text in texts:
            if _is_file(text):
                raise UsageError(
                    f"{text} is a file, and one of {len(texts)}", "name one file, or texts alone"
                )
        return texts, ""
    (only,) = texts
    path = Path(only)
    if only == "-" or _is_file(only):
        return texts_in(only, column)
    if not only.strip():
        raise InputError("an empty text", "type one, or name a file with a text a line")
    if len(only) < 1024 and path.is_dir():
        raise InputError(f"{only} is a folder", "name a file with a text a line")
    if " " not in only and path.suffix.lower() in (".txt", ".csv", ".tsv", ".jsonl", ".json", ".md"):
        raise InputError(f"no such file: {only}", "a text that ends like a file name can be given through -")
    return texts, ""


def _is_file(text: str) -> bool:
    """Tell whether a text is the name of a file; a long one would be too long a name to ask for."""
    return bool(text) and len(text) < 1024 and Path(text).exists() and not Path(text).is_dir()
