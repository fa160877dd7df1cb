"""Why a string is no molecule, in words: what RDKit would print, and what it passes over in silence."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdkit import Chem

__all__ = ["foreign", "unreadable"]

_LONGEST = 10_000  # characters
_LOG = threading.Lock()  # RDKit's log is one for the whole process


def foreign(text: str) -> str:
    """Return what is no SMILES at first sight, or ""; RDKit stops at such a character without a word."""
    if len(text) > _LONGEST:
        return f"{len(text):,} characters; at most {_LONGEST:,} are read"
    if strange := re.search("[^!-~]", text):
        name = "white space" if strange[0].isspace() else repr(strange[0])
        return f"{name} at character {strange.start() + 1}"
    return ""


def unreadable(text: str) -> str:
    """Return in words why RDKit makes no molecule of the SMILES."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        raw = Chem.MolFromSmiles(text, sanitize=False)
        problems = [] if raw is None else list(Chem.DetectChemistryProblems(raw))
    if raw is None:
        return _syntax_fault(text)
    return _chemistry_fault(raw, problems[0]) if problems else "RDKit cannot sanitise it"


def _syntax_fault(text: str) -> str:
    from rdkit import Chem

    if unmatched := _unmatched(text):
        return unmatched
    with _rdkit_log() as lines:
        Chem.MolFromSmiles(text, sanitize=False)
    log = " ".join(lines)
    if "unclosed ring" in log:
        return "a ring is opened and never closed"
    if double := re.search(r"ring closure \S+ duplicates bond between atom \d+ and atom \d+", log):
        return double[0]
    if place := re.search(r"around position (\d+)", log):
        position = min(int(place[1]), len(text))
        return f"{text[position - 1]!r} at character {position} cannot stand there"
    return "RDKit cannot read it"


def _unmatched(text: str) -> str:
    """Name the first bracket without a partner, or return ""."""
    opened: list[tuple[str, int]] = []
    for position, character in enumerate(text, 1):
        if character in "([":
            opened.append((character, position))
        elif character in ")]" and (not opened or opened.pop()[0] + character not in ("()", "[]")):
            return f"{character!r} at character {position} closes nothing"
    return f"{opened[-1][0]!r} at character {opened[-1][1]} is never closed" if opened else ""


def _chemistry_fault(raw: Chem.Mol, problem: Any) -> str:
    kind, message = problem.GetType(), problem.Message()
    if kind == "AtomValenceException" and (bonds := re.search(r"(\d+), is greater", message)):
        atom = raw.GetAtomWithIdx(problem.GetAtomIdx())
        return f"atom {atom.GetIdx()} ({atom.GetSymbol()}) has {bonds[1]} bonds{_allowed(atom)}"
    if kind in ("KekulizeException", "AtomKekulizeException") and (
        atoms := re.search(r"atoms:([\d ]+)", message)
    ):
        return f"atoms {', '.join(atoms[1].split())} cannot all be aromatic (is an H missing, as in [nH]?)"
    return message.strip()


def _allowed(atom: Chem.Atom) -> str:
    """Say how many bonds the atom may have: as many as the neutral atom with as many electrons."""
    from rdkit import Chem

    most = max(Chem.GetPeriodicTable().GetValenceList(max(0, atom.GetAtomicNum() - atom.GetFormalCharge())))
    return f", {most} allowed" if most >= 0 else ""


@contextmanager
def _rdkit_log() -> Iterator[list[str]]:
    """Collect what RDKit logs while the block runs; nothing is printed."""
    from rdkit import rdBase

    lines: list[str] = []
    logger = logging.getLogger("rdkit")

    def keep(record: logging.LogRecord) -> bool:
        lines.append(record.getMessage())
        return False

    with _LOG:
        silent = re.findall(r"(\S+):disabled", rdBase.LogStatus())  # where the log goes to decides that anew
        logger.addFilter(keep)
        rdBase.LogToPythonLogger()
        try:
            yield lines
        finally:
            rdBase.LogToCppStreams()
            for name in silent:
                rdBase.DisableLog(name)
            logger.removeFilter(keep)
