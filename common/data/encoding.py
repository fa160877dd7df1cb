"""From bytes to text: compressed or not, in any encoding a person's file comes in.

Lines end at ``\\n`` and nowhere else: ``str.splitlines`` would also cut at U+0085 and ten more characters,
which stand inside sentences of well-known corpora.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from common.errors import InputError, UsageError

__all__ = ["Text", "decode", "decodes", "detect_encoding", "open_binary", "read_text", "stream_lines"]

_BUFFER = 1 << 20
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, OSError)
_BOMS = {  # UTF-32 begins as UTF-16 does
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
_BINARY = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive, or an Excel or Word file",
    b"\xd0\xcf\x11\xe0": "an Excel or Word file",
    b"PAR1": "a Parquet file",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
}
_WIDE = re.compile("utf[-_]?(16|32)", re.IGNORECASE)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_LEGACY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "mac_roman"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949", "latin_1"),
]
_TEXT_ONLY = "a text file: CSV, TSV, JSON lines or plain lines, also as .gz, .xz or .bz2"
_CONVERT = "save it as UTF-8, or name its encoding"


@dataclass(frozen=True)
class Text:
    """A whole file as text.

    Args:
        text: line ends as they were, without byte order mark and NULs.
        encoding: the one it was decoded with.
        remarks: what was mended on the way, each a few words, or nothing.
    """

    text: str
    encoding: str
    remarks: tuple[str, ...] = ()


@contextmanager
def open_binary(source: str | Path | BinaryIO) -> Iterator[tuple[io.BufferedReader, str]]:
    """Open a file, ``"-"`` (standard input) or a binary stream; what is compressed comes out plain.

    Compression (gzip, xz, bzip2) is told by the first bytes, not by the name.

    Yields:
        The stream and its name for messages.  A stream that was handed in stays open.

    Raises:
        InputError: no such file, a folder, no right to read it, or damaged compression.
    """
    name = "standard input" if source == "-" else str(source) if isinstance(source, str | Path) else "stream"
    with ExitStack() as stack:
        try:
            stream: Any
            if source == "-" or not isinstance(source, str | Path):
                stream = sys.stdin.buffer if source == "-" else source
                if not hasattr(stream, "peek"):
                    stream = io.BufferedReader(cast(Any, stream))
                    stack.callback(stream.detach)  # or it would close the caller's stream
            else:
                stream = stack.enter_context(open(source, "rb", buffering=_BUFFER))
            start = stream.peek(6)
            for magic, opener in _OPENERS.items():
                if start.startswith(magic):
                    plain = stack.enter_context(opener(stream))
                    stream = stack.enter_context(io.BufferedReader(plain, _BUFFER))
            yield stream, name
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise InputError(f"{name}: {str(error.strerror).lower()}", "check the path") from error
        except _DAMAGE as error:
            raise InputError(f"{name}: damaged file ({error})", "copy it again") from error


def read_text(path: str | Path, encoding: str = "") -> Text:
    """Read a whole text file, plain or compressed.

    Args and errors are those of `open_binary` and `decode`.
    """
    with open_binary(path) as (stream, name):
        data = stream.read()
    return decode(data, name, encoding)


def decode(data: bytes, name: str, encoding: str = "") -> Text:
    """Decode the bytes of a text file.

    Args:
        data: all of them, a byte order mark included.
        name: of the file, for messages.
        encoding: strictly this one; or "" to detect it, and to replace the odd damaged byte by U+FFFD.

    Raises:
        InputError: no text (a picture, say), bytes that ``encoding`` does not have, no encoding that fits.
        UsageError: an encoding that does not exist.
    """
    _refuse_binary(data[:_BUFFER], name, encoding)
    remarks = []
    if encoding:
        _require_codec(encoding)
        try:
            text = data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise _undecodable(name, line, encoding, error) from error
    else:
        encoding = detect_encoding(data)
        text = data.decode(encoding, "replace")
        damaged = 0 if decodes(data, encoding) else text.count("\ufffd")
        if damaged * 20 > len(text):
            raise InputError(f"{name}: no text in any known encoding", _TEXT_ONLY)
        if damaged:
            line = text.count("\n", 0, text.index("\ufffd")) + 1
            remarks.append(f"damaged bytes replaced: {damaged:,}, the first in line {line:,}")
    if nulls := text.count("\0"):
        text = text.replace("\0", "")
        remarks.append(f"{nulls:,} NUL byte{'s' * (nulls > 1)} dropped")
    return Text(text, encoding.removesuffix("-sig"), tuple(remarks))


def decodes(data: bytes, encoding: str) -> bool:
    """Tell whether the bytes are valid in this encoding."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def detect_encoding(data: bytes) -> str:
    """Return the name of the encoding: by byte order mark, as UTF-8, by UTF-16's zeros, or by its letters.

    Where several single-byte encodings fit equally well, it is Windows-1252: what most files that call
    themselves Latin-1 are written in.
    """
    if marked := _marked(data):
        return marked
    if decodes(data, "utf-8"):
        return "utf-8"
    high = len(data.translate(None, bytes(range(128))))
    if data.decode("utf-8", "replace").count("\ufffd") * 10 <= high:
        return "utf-8"  # with a few damaged bytes
    return _legacy(data)


def stream_lines(source: str | Path | BinaryIO, *, encoding: str = "") -> Iterator[str]:
    r"""Yield the lines of a file of any size as they come, one text for every line, empty ones included.

    Args:
        source: a file, plain or compressed; ``"-"`` for standard input; or a binary stream.
        encoding: of the text, or "" to detect it from the beginning, at the latest from the first line
            that is not ASCII.

    Yields:
        Lines without ``\n`` and one ``\r`` before it, without NULs and byte order mark.

    Raises:
        InputError: with the first line or the one at fault: no such file, no text, a line that is not in
            the encoding.
        UsageError: an encoding that does not exist.
    """
    if encoding:
        _require_codec(encoding)
    with open_binary(source) as (stream, name):
        head = stream.peek(_BUFFER)
        _refuse_binary(head, name, encoding)
        start = head[: head.rfind(b"\n") + 1]  # whole lines
        chosen = encoding or _marked(head) or detect_encoding(start)
        if _WIDE.match(chosen):
            lines = _wide_lines(stream, name, chosen)
        else:
            lines = _byte_lines(stream, name, chosen, undecided=not encoding and start.isascii())
        for line in lines:
            yield line.removesuffix("\n").removesuffix("\r").replace("\0", "")


def _byte_lines(stream: io.BufferedReader, name: str, encoding: str, *, undecided: bool) -> Iterator[str]:
    """Yield decoded lines; ``undecided``: the first line that is not ASCII decides on the encoding."""
    encoding = encoding.removesuffix("-sig")
    for number, line in enumerate(stream, 1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if undecided and not line.isascii():
            undecided = False
            if not decodes(line, encoding):
                encoding = _legacy(line)
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            raise _undecodable(name, number, encoding, error) from error


def _wide_lines(stream: io.BufferedReader, name: str, encoding: str) -> Iterator[str]:
    """Yield decoded lines where a line end is more than one byte."""
    wrapper = io.TextIOWrapper(stream, encoding, newline="\n")
    number = 0
    try:
        for line in wrapper:
            number += 1
            yield line
    except UnicodeError as error:
        raise InputError(f"{name}: damaged {encoding} after line {number:,}", _CONVERT) from error
    finally:
        wrapper.detach()


def _undecodable(name: str, line: int, encoding: str, error: UnicodeDecodeError) -> InputError:
    byte = error.object[error.start]
    return InputError(f"{name}: line {line:,} is not {encoding} (byte 0x{byte:02x})", _CONVERT)


def _require_codec(encoding: str) -> None:
    try:
        b"a".decode(encoding)
    except UnicodeDecodeError:  # half a letter of UTF-16
        return
    except LookupError as error:
        raise UsageError(
            f"unknown encoding {encoding!r}", "such as utf-8, utf-16, cp1252, latin-1, gb18030 or cp932"
        ) from error


def _marked(data: bytes) -> str:
    """Return the Unicode encoding that a byte order mark or the place of zero bytes shows, or ""."""
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return encoding
    even, odd = data[: 1 << 16 : 2], data[1 : 1 << 16 : 2]
    zeros = even.count(0) / max(1, len(even)), odd.count(0) / max(1, len(odd))
    if max(zeros) > 0.4 and min(zeros) < 0.05:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return ""


def _refuse_binary(head: bytes, name: str, encoding: str) -> None:
    if _WIDE.match(encoding) or _marked(head):
        return  # their zeros are no sign
    kind = next((kind for magic, kind in _BINARY.items() if head.startswith(magic)), "")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if kind or controls > max(8, len(head) // 20) or head[257:262] == b"ustar":
        raise InputError(f"{name}: not text but {kind or 'binary data'}", _TEXT_ONLY)


def _legacy(data: bytes) -> str:
    """Return the likeliest encoding that is not Unicode."""
    from charset_normalizer import from_bytes

    sample, size = [], 0
    for line in data.split(b"\n"):
        if not line.isascii():
            sample.append(line)
            size += len(line)
            if size > 1 << 16:
                break
    matches = list(from_bytes(b"\n".join(sample), cp_isolation=_LEGACY, enable_fallback=False))
    if not matches:
        return "cp1252" if decodes(data, "cp1252") else "latin_1"
    best = matches[0]
    for match in matches:
        kana = len(re.findall("[\u3041-\u3096]", str(match)))
        if match.encoding == "cp932" and kana * 10 > len(str(match)):
            return "cp932"  # else taken for Korean
    for match in matches:
        close = match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.02
        if close and "cp1252" in (match.encoding, *match.could_be_from_charset):
            return "cp1252"
    return best.encoding
