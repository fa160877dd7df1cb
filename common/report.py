"""report.html: what was done and what came out, as one file that needs nothing else.

Pictures are embedded, there is no script and no outside resource; the page follows the reader's light or
dark setting and fits a phone.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Section", "render"]

Row = Sequence[object]


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Args:
        title: its heading.
        text: what the reader should see in it; blank lines part paragraphs.
        figure: bytes of a PNG file.
        table: rows of cells, the first row being the heads.
        marked: words in their order, each with a number from -1 (blue) over 0 (plain) to 1 (orange).
    """

    title: str
    text: str = ""
    figure: bytes | None = None
    table: Sequence[Row] | None = None
    marked: Sequence[tuple[str, float]] | None = None

    @property
    def paragraphs(self) -> list[str]:
        """The text, paragraph by paragraph."""
        return [part.strip() for part in self.text.split("\n\n") if part.strip()]

    @property
    def figure_uri(self) -> str:
        """The figure as a ``data:`` URI."""
        return "data:image/png;base64," + base64.b64encode(self.figure or b"").decode("ascii")


def render(
    title: str, summary_rows: Sequence[Row], sections: Sequence[Section], command: str, next_command: str
) -> str:
    """Return the page.

    Args:
        title: of the page.
        summary_rows: (name, value) pairs for the table on top.
        sections: in order.
        command: what was typed; "" leaves it out.
        next_command: what to type next; "" leaves it out.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=title,
        summary_rows=summary_rows,
        sections=sections,
        command=command,
        next_command=next_command,
    )
