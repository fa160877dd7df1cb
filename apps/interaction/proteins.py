"""Protein sequences: typed, or from FASTA, UniProt's flat text or a file with the bare letters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.data.encoding import read_text
from common.errors import InputError

__all__ = [
    "AMBIGUOUS",
    "AMINO_ACIDS",
    "Protein",
    "looks_like_name",
    "parse_sequence",
    "protein_of",
    "read_fasta",
]

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
AMBIGUOUS = "BJOUXZ"  # D or N; I or L; pyrrolysine; selenocysteine; any; E or Q
_NO_RESIDUE = re.compile(f"[^{AMINO_ACIDS}{AMBIGUOUS}]", re.IGNORECASE | re.ASCII)
_SYMBOLS = {"*": "'*' (a stop codon)", "-": "'-' (a gap)", ".": "'.' (a gap)"}
_NUCLEOTIDES = set("ACGTUN")
_LONGEST_ODDITY = 30  # a peptide of A, C, G, T and N alone is no longer than this
_SHORTEST = 10  # a single word below is a gene's name, not a protein


@dataclass(frozen=True)
class Protein:
    """A protein.

    Args:
        name: as its source gives it, "" where it gives none.
        sequence: one-letter codes of its residues, upper case: the 20 amino acids and ``BJOUXZ``.
    """

    name: str
    sequence: str


def parse_sequence(text: str, *, name: str = "") -> str:
    """Return a protein's one-letter codes in upper case.

    White space and the numbers of UniProt's and GenBank's layout go, and so does the ``*`` of a final stop codon.

    Args:
        text: the sequence as pasted.
        name: of the protein, for messages.

    Raises:
        InputError: nothing left, DNA or RNA, or a letter that is no residue; the position counts residues from 1.

    Example:
        >>> parse_sequence("  1 mktayiakqr 11 qisfvk*")
        'MKTAYIAKQRQISFVK'
    """
    whose = f"protein {name}" if name else "protein"
    residues = re.sub(r"[\s0-9]+", "", text).removesuffix("*")
    if not residues:
        raise InputError(f"{whose}: empty sequence", "give the one-letter codes of its residues")
    if strange := _NO_RESIDUE.search(residues):
        said = _SYMBOLS.get(strange[0], repr(strange[0]))
        raise InputError(
            f"{whose}: {said} at position {strange.start() + 1}", "no amino acid has that letter"
        )
    residues = residues.upper()
    if len(residues) > _LONGEST_ODDITY and _NUCLEOTIDES.issuperset(residues):
        acid = "RNA" if "U" in residues else "DNA"
        raise InputError(f"{whose}: looks like {acid}, not protein", "translate it first")
    return residues


def looks_like_name(text: str) -> bool:
    """Tell whether one word is the name of a protein, such as ``P00533`` or ``EGFR``, and no sequence."""
    word = text.strip()
    return len(word.split()) == 1 and (len(word) < _SHORTEST or any("0" <= letter <= "9" for letter in word))


def read_fasta(path: str | Path) -> list[Protein]:
    """Read the proteins of a file, plain or as ``.gz``, ``.xz``, ``.bz2``.

    Its content says what it is: FASTA, UniProt's flat text (``ID``, ``SQ``, ``//``), or one bare sequence,
    which takes the file's name.

    Raises:
        InputError: no such file, no sequence in it, or one that `parse_sequence` refuses.
    """
    path = Path(path)
    return _proteins(read_text(path).text, path.name, path.name.split(".")[0])


def protein_of(argument: str) -> Protein:
    """Return the protein that somebody typed: the path of a file that holds one, or a sequence itself.

    Raises:
        InputError: no such file, a file with several proteins (the message names them), a name instead of a
            sequence, or a sequence that `parse_sequence` refuses.
    """
    text = argument.strip()
    if os.path.exists(text):  # unlike Path.exists, no error for a name as long as a protein
        proteins = read_fasta(text)
    elif text.startswith(">"):
        proteins = _proteins(text, "the text", "")
    elif re.search(r"[/\\]|\.\w+$", text):
        raise InputError(f"{text[:200]}: no such file", "check the path, or give the sequence itself")
    elif text and looks_like_name(text):
        raise InputError(f"{text!r} is no file and no sequence", "give a FASTA file or the whole sequence")
    else:
        proteins = [Protein("", parse_sequence(text))]
    if len(proteins) > 1:
        names = [protein.name or "(no name)" for protein in proteins]
        listed = ", ".join(names[:10]) + ", ..." * (len(names) > 10)
        raise InputError(f"{text[:200]} has {len(proteins)} proteins: {listed}", "keep the one that is meant")
    return proteins[0]


def _proteins(text: str, source: str, name: str) -> list[Protein]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line and not line.startswith(";")]  # remarks of the oldest FASTA files
    if not lines:
        raise InputError(f"{source}: empty, no sequence", "give a FASTA file")
    if lines[0].startswith(">"):
        entries = _fasta_entries(lines)
    elif lines[0].startswith("ID   "):
        entries = _uniprot_entries(lines)
    else:
        entries = iter([(name, "".join(lines))])
    proteins = [
        Protein(name, parse_sequence(letters, name=f"{name} in {source}")) for name, letters in entries
    ]
    if not proteins:
        raise InputError(f"{source}: no sequence", "UniProt's text has it below a line that begins with SQ")
    return proteins


def _fasta_entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the first word of each header and the letters below it."""
    name, letters = "", ""
    for number, line in enumerate(lines):
        if line.startswith(">"):
            if number:
                yield name, letters
            name, letters = (line[1:].split() or [""])[0], ""
        else:
            letters += line
    yield name, letters


def _uniprot_entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the entry name and the letters of each ``SQ`` section, which ends with ``//``."""
    name, letters, inside = "", "", False
    for line in [*lines, "//"]:
        if line.startswith("ID   "):
            name = line.split()[1]
        elif line.startswith("SQ   "):
            inside = True
        elif line.startswith("//"):
            if inside:
                yield name, letters
            letters, inside = "", False
        elif inside:
            letters += line
