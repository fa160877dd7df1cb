"""Proteins as people bring them: FASTA, UniProt, a bare sequence, slips of the pen."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.interaction.proteins import AMBIGUOUS, AMINO_ACIDS, Protein, parse_sequence, protein_of, read_fasta
from common.errors import InputError

DATA = Path(__file__).parents[2].parent / "shared/data/interaction"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data/interaction is not here")

LCK = "MGCGCSSHPEDDWMENIDVCENCHYPIVPLDGKGTLLIRNGSEVRDPLVTYEGSNPPASPLQDNLVIALHSYEPSHDGDLGFEKGEQLRILEQ"
SRC = "MGSNKSKPKDASQRRRSLEPAENVHGAGGGAFPASQTPSKPASADGHRGPSAAFAPAAAEPKLFGGFNSSDTVTSPQRAGPLAGGVTTFVALYDYES"


def written(path: Path, text: str) -> Path:
    pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(text.encode()))
    return path


# --- proteins ----------------------------------------------------------------------------------------------------


residues = st.text(alphabet=AMINO_ACIDS + AMBIGUOUS, min_size=1, max_size=200).filter(
    lambda letters: not set(letters) <= set("ACGTUN")
)


@given(residues, st.randoms())
@settings(deadline=None)
def test_the_layout_of_a_sequence_does_not_matter(letters, chance):
    genbank = "\n".join(
        f"{start + 1:9} " + " ".join(letters[start + at : start + at + 10] for at in range(0, 60, 10))
        for start in range(0, len(letters), 60)
    )
    mixed = "".join(chance.choice([letter.lower(), letter]) for letter in genbank)
    assert parse_sequence(genbank) == letters
    assert parse_sequence(mixed + "*\n") == letters


@given(residues, residues, st.sampled_from("*-?É1ſı>"))
@settings(deadline=None)
def test_what_is_no_residue_is_named_with_its_position(before, after, strange):
    if strange == "1":  # a number of the layout
        assert parse_sequence(before + strange + after) == before + after
        return
    with pytest.raises(InputError) as caught:
        parse_sequence(before + strange + after, name="KIN1")
    assert f"protein KIN1: {strange!r}" in caught.value.message
    assert caught.value.message.endswith(f"at position {len(before) + 1}")


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "empty sequence"),
        (" \n12 *", "empty sequence"),
        ("MKT-LLV", "'-' (a gap) at position 4"),
        ("MKT*LLV*", "'*' (a stop codon) at position 4"),
        ("ACGT" * 8, "looks like DNA"),
        ("acgn" * 8, "looks like DNA"),
        ("ACGU" * 8, "looks like RNA"),
    ],
)
def test_no_protein(text, message):
    with pytest.raises(InputError) as caught:
        parse_sequence(text)
    assert message in caught.value.message


def test_short_oddities_are_proteins():
    assert parse_sequence("ACGT" * 7) == "ACGT" * 7


UNIPROT = f"""ID   LCK_HUMAN               Reviewed;         92 AA.
AC   P06239; D3DPP8;
SQ   SEQUENCE   92 AA;  58001 MW;  12AB CRC64;
     {LCK[:30]} {LCK[30:60]}
     {LCK[60:]}
//
ID   SRC_HUMAN               Reviewed;         97 AA.
SQ   SEQUENCE   97 AA;
     {SRC}
//
"""


@pytest.mark.parametrize(
    "name,text,expected",
    [
        (
            "k.fasta",
            f">sp|P06239|LCK_HUMAN Kinase\n{LCK[:50]}\n{LCK[50:]}*\n\n>SRC\r\n{SRC.lower()}\n",
            [("sp|P06239|LCK_HUMAN", LCK), ("SRC", SRC)],
        ),
        ("k.fa.gz", f"; old remark\n>\n{LCK}", [("", LCK)]),
        ("lck.seq.xz", f"{LCK[:40]}\n{LCK[40:]}\n", [("lck", LCK)]),
        ("both.txt", UNIPROT, [("LCK_HUMAN", LCK), ("SRC_HUMAN", SRC)]),
        ("mac.fa", f">LCK\r{LCK}\r", [("LCK", LCK)]),
    ],
)
def test_files_of_proteins(tmp_path, name, text, expected):
    path = written(tmp_path / name, text)
    assert read_fasta(path) == [Protein(*protein) for protein in expected]


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "k.fa: empty"),
        (">LCK\n>SRC\nMKT", "protein LCK in k.fa: empty sequence"),
        (">LCK\nMKT1-L", "protein LCK in k.fa: '-' (a gap) at position 4"),
        ("ID   LCK\nAC   P06239;\n//\n", "k.fa: no sequence"),
    ],
)
def test_files_without_a_protein(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        read_fasta(written(tmp_path / "k.fa", text))
    assert message in caught.value.message


def test_what_the_user_typed_is_a_file_or_a_sequence(tmp_path):
    path = written(tmp_path / "lck.fasta", f">LCK\n{LCK}")
    assert protein_of(str(path)) == Protein("LCK", LCK)
    assert protein_of(f" {LCK} ") == Protein("", LCK)
    assert protein_of(f">LCK human\n{LCK}") == Protein("LCK", LCK)
    assert protein_of(LCK * 100) == Protein("", LCK * 100)  # longer than a path may be


@pytest.mark.parametrize(
    "argument,message",
    [
        ("kinases/no.fasta", "no such file"),
        ("no.fa", "no such file"),
        ("EGFR", "'EGFR' is no file and no sequence"),
        ("P00533", "'P00533' is no file and no sequence"),
        ("", "empty sequence"),
        ("MKTAYIAKQR-QISF", "'-' (a gap) at position 11"),
        (f">A\n{LCK}\n>B\n{SRC}", "2 proteins: A, B"),
    ],
)
def test_what_the_user_mistyped(argument, message):
    with pytest.raises(InputError) as caught:
        protein_of(argument)
    assert message in caught.value.message
