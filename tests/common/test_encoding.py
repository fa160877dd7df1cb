"""Bytes to text: encodings against Python's own codecs, lines as they come."""

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data.encoding import decode, detect_encoding, read_text, stream_lines
from common.errors import InputError, UsageError

SAMPLES = {
    "cp1252": "It’s a lovely café – naïve, but “good” … très cher!\nÜber schöne Straßen.\n",
    "cp1250": "Bardzo dobry film, polecam każdemu. Świetna gra aktorów, zły scenariusz i mało śmiechu.\n",
    "cp1251": "Это очень хороший фильм, мне понравилось. Актёры играют плохо, сюжет скучный.\n",
    "koi8_r": "Это очень хороший фильм, мне понравилось. Актёры играют плохо, сюжет скучный.\n",
    "gb18030": "这个宾馆比较陈旧了，特价的房间也很一般。总体来说一般，服务员的态度还可以。\n",
    "big5": "這間酒店環境和服務態度亦算不錯,但房間空間太小,早餐的點心不太好吃。\n",
    "cp932": "この映画はとても面白かったです。俳優の演技も素晴らしい。\n",
    "cp949": "이 영화는 정말 재미있었습니다. 배우들의 연기가 훌륭했다.\n",
}


@pytest.mark.parametrize("encoding", SAMPLES)
def test_what_is_not_unicode_is_told_by_its_letters(encoding):
    text = SAMPLES[encoding] * 5
    assert decode(text.encode(encoding), "t").text == text
    assert list(stream_lines(io.BytesIO(text.encode(encoding)))) == text.split("\n")[:-1]


@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs", "Cc"]), min_size=1))
def test_every_text_survives_utf_8_and_byte_order_marks(text):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        expected = text.removeprefix("\ufeff") if encoding == "utf-8" else text
        found = decode(text.encode(encoding), "t")
        assert found.text == expected and not found.remarks


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(encoding):
    text = "label\ttext\n1\tvery good, naïve\n"
    assert detect_encoding(text.encode(encoding)) == encoding
    assert list(stream_lines(io.BytesIO(text.encode(encoding)))) == ["label\ttext", "1\tvery good, naïve"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_lines_end_at_line_feeds_only(tmp_path, encoding):
    data = "one\x85b\u2028c\x0bd\r\n\n\rla\0st\x0c".encode(encoding)
    expected = ["one\x85b\u2028c\x0bd", "", "\rlast\x0c"]
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress(data, mtime=0))
    asked = encoding if encoding == "utf-16-le" else ""
    assert list(stream_lines(path, encoding=asked)) == expected
    assert list(stream_lines(io.BytesIO(data), encoding=encoding)) == expected


def test_no_line_at_all():
    assert list(stream_lines(io.BytesIO(b""))) == []
    assert list(stream_lines(io.BytesIO(b"\n"))) == [""]


def test_the_first_line_that_is_not_ascii_decides(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"plain line\n" * 200_000 + "déjà vu\n".encode("cp1252") * 3)
    assert list(stream_lines(path))[-3:] == ["déjà vu"] * 3
    path.write_bytes(b"plain line\n" * 200_000 + "déjà vu\n".encode() + b"caf\xe9\n")
    lines = stream_lines(path)
    assert [next(lines) for _ in range(200_001)][-1] == "déjà vu"
    with pytest.raises(InputError, match=r"t\.txt: line 200,002 is not utf-8 \(byte 0xe9\)"):
        next(lines)


def test_an_encoding_that_is_asked_for_is_kept_to(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"ok\ncaf\xe9\n")
    assert read_text(path, "latin-1").text == read_text(path, "cp1252").text == "ok\ncafé\n"
    assert read_text(path, "cp1253").text == "ok\ncafι\n"
    for read in (lambda: read_text(path, "utf-8"), lambda: list(stream_lines(path, encoding="utf-8"))):
        with pytest.raises(InputError, match="line 2 is not utf-8"):
            read()
    for read in (lambda: read_text(path, "utf-9"), lambda: list(stream_lines(path, encoding="hex"))):
        with pytest.raises(UsageError, match="unknown encoding"):
            read()


def test_a_pipe_gives_its_lines_as_they_come():
    inward, outward = os.pipe()
    with os.fdopen(inward, "rb") as reading, os.fdopen(outward, "wb", buffering=0) as writing:
        lines = stream_lines(reading)
        for line in ("first", "zweite – Zeile", ""):
            writing.write(f"{line}\n".encode())
            assert next(lines) == line
        writing.close()
        assert list(lines) == [] and not reading.closed


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("été\n\n".encode())))
    assert list(stream_lines("-")) == ["été", ""]
    assert not sys.stdin.buffer.closed


@pytest.mark.parametrize(
    "data,message",
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "stream: not text but a PNG picture"),
        (gzip.compress(b"one line\n" * 900, mtime=0)[:-9], "stream: damaged file"),
        ("ab".encode("utf-16") + b"\x00", "damaged utf-16 after line 0"),
    ],
)
def test_streams_that_cannot_be_read(data, message):
    with pytest.raises(InputError, match=message):
        list(stream_lines(io.BytesIO(data)))


def test_files_that_cannot_be_read(tmp_path):
    for path, message in ((tmp_path, "is a directory"), (tmp_path / "none.txt", "no such file")):
        with pytest.raises(InputError, match=message):
            list(stream_lines(path))


def test_lines_of_a_large_file_take_little_memory(tmp_path):
    path = tmp_path / "t.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(300):
            stream.write(b"one more line of text that is not very long\n" * 5000)
    code = (
        "import resource, sys; from common.data.encoding import stream_lines\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"before = peak(); count = sum(1 for _ in stream_lines({str(path)!r})); print(count, peak() - before)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    lines, kilobytes = map(int, done.stdout.split())
    assert lines == 1_500_000 and kilobytes < 20_000
