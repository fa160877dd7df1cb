"""Word vectors from outside: our own, or a file in the format of GloVe, word2vec or fastText."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from apps.text.tokens import tokenize
from common.artifact import require
from common.errors import InputError
from common.files import replacing

__all__ = ["SHIPPED", "Regions", "WordVectors", "given_vectors", "name_of", "read_vectors"]

SHIPPED = Path(__file__).parent / "weights" / "vectors" / "vectors.npz"
_OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


@dataclass(frozen=True)
class Regions:
    """A convolution over word vectors that was learned together with them.

    Args:
        kernel: ``(width, D, features)`` float32.
        bias: ``(features,)`` float32.
    """

    kernel: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors.

    Args:
        words: n of them, most frequent first where that is known.
        table: ``(n, D)`` float32.
        regions: the convolution above them; None for vectors from elsewhere.
    """

    words: tuple[str, ...]
    table: np.ndarray
    regions: Regions | None = None

    @property
    def dim(self) -> int:
        """Length D of a vector."""
        return self.table.shape[1]

    def rows_of(self, words: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return (places in ``words``, vectors) of those words that have one."""
        place = {word: number for number, word in enumerate(self.words)}
        found = [(row, place[word]) for row, word in enumerate(words) if word in place]
        rows, numbers = np.array(found, np.int64).reshape(-1, 2).T
        return rows, self.table[numbers]

    def save(self, path: Path) -> None:
        """Write the vectors in 8 bits a number, each vector with a scale of its own."""
        scale = np.abs(self.table).max(axis=1, keepdims=True) / 127
        whole = np.rint(self.table / np.maximum(scale, 1e-12)).astype(np.int8)
        content = io.BytesIO()
        words = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        arrays = {"words": words, "table": whole, "scale": scale.astype(np.float32)}
        if self.regions:
            arrays |= {"kernel": self.regions.kernel.astype(np.float16), "bias": self.regions.bias}
        np.savez_compressed(content, **arrays)
        with replacing(path) as temporary:
            temporary.write_bytes(content.getvalue())


def given_vectors(asked: str, texts: Sequence[str]) -> WordVectors | None:
    """Return the word vectors that a training starts from.

    Args:
        asked: a file; "none"; or "" for those that ship, if they know most of the words of the texts.
        texts: to be trained on.

    Raises:
        InputError: as of ``read_vectors``.
    """
    if asked == "none":
        return None
    if asked:
        return read_vectors(asked)
    if not SHIPPED.is_file():
        return None
    vectors = read_vectors(SHIPPED)
    known = set(vectors.words)
    tokens = [token for text in texts[:1_000] for token in tokenize(text[:2_000])]
    return vectors if sum(token in known for token in tokens) > 0.7 * len(tokens) else None


def name_of(start: object | None, asked: str) -> str:
    """Return what a card says of the vectors, or the weights, that a training started from."""
    return "none" if start is None else asked or "text/vectors"


def read_vectors(path: str | Path, wanted: Collection[str] | None = None) -> WordVectors:
    """Read word vectors; of a foreign file only the wanted words are kept, line by line.

    Args:
        path: our own ``.npz``; GloVe's or fastText's text (``word number number …``, with or without a
            first line of sizes), word2vec's binary; each also compressed with gzip, bzip2 or xz.
        wanted: words to keep; None for all.

    Raises:
        InputError: no such file; a file that is none of these; none of the wanted words in it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such file: {path}", "word vectors in the format of GloVe, word2vec or fastText")
    if path.suffix == ".npz":
        vectors = _read_own(path)
    else:
        with _opened(path) as stream:
            vectors = _collected(path, _records(stream, path), wanted)
    if not vectors.words:
        raise InputError(f"{path} has a vector for none of the words", "is it in the language of the texts?")
    return vectors


def _read_own(path: Path) -> WordVectors:
    try:
        with np.load(require(path.parent, path.name), allow_pickle=False) as stored:
            words = stored["words"].tobytes().decode().split("\n")
            regions = None
            if "kernel" in stored:
                regions = Regions(stored["kernel"].astype(np.float32), stored["bias"])
            return WordVectors(tuple(words), stored["table"] * stored["scale"], regions)
    except (ValueError, KeyError, OSError) as error:
        raise InputError(
            f"{path} holds no word vectors", "give a file that WordVectors.save wrote"
        ) from error


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        start = file.read(2)
    for magic, opener in _OPENERS.items():
        if start == magic:
            return cast(BinaryIO, opener(path, "rb"))
    return path.open("rb")


def _records(stream: BinaryIO, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (word, vector) in the order of the file."""
    first = stream.readline()
    head = first.split()
    if len(head) == 2 and all(part.isdigit() for part in head):
        count, dim = map(int, head)
        buffered = cast(io.BufferedReader, io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20))
        if _is_binary(buffered.peek(4096)[:4096]):
            yield from _binary_records(buffered, count, dim, path)
            return
        stream = cast(BinaryIO, buffered)
    else:
        dim = len(head) - 1
        yield _text_record(first, dim, path, 1)
    for number, line in enumerate(stream, start=2):
        if line.strip():
            yield _text_record(line, dim, path, number)


def _is_binary(sample: bytes) -> bool:
    line = sample.split(b"\n", 1)[0]
    try:
        [float(part) for part in line.split()[1:]]
    except ValueError:
        return True
    return len(line.split()) < 2


def _binary_records(
    stream: io.BufferedReader, count: int, dim: int, path: Path
) -> Iterator[tuple[str, np.ndarray]]:
    for _ in range(count):
        word = bytearray()
        while (byte := stream.read(1)) != b" ":
            if not byte:
                raise InputError(f"{path} ends after fewer words than its first line says", "copy it again")
            if byte != b"\n":
                word += byte
        content = stream.read(4 * dim)
        if len(content) < 4 * dim:
            raise InputError(f"{path} ends inside a vector", "copy it again")
        yield word.decode("utf-8", "replace"), np.frombuffer(content, "<f4")


def _text_record(line: bytes, dim: int, path: Path, number: int) -> tuple[str, np.ndarray]:
    # A word may hold spaces (GloVe's 840B has ". . ."), so the numbers are counted from the end.
    parts = line.rstrip().split(b" ")
    if dim < 2 or len(parts) <= dim:
        raise InputError(
            f"{path}, line {number}: expected a word and {max(dim, 2)} numbers", "GloVe, word2vec or fastText"
        )
    try:
        vector = np.array(parts[-dim:], np.float32)
    except ValueError as error:
        raise InputError(
            f"{path}, line {number}: {parts[-1][:20]!r} is no number", "GloVe, word2vec or fastText"
        ) from error
    return b" ".join(parts[:-dim]).decode("utf-8", "replace"), vector


def _collected(
    path: Path, records: Iterator[tuple[str, np.ndarray]], wanted: Collection[str] | None
) -> WordVectors:
    wanted = None if wanted is None else set(wanted)
    kept: dict[str, np.ndarray] = {}
    for word, vector in records:
        word = word.lower()
        if (wanted is None or word in wanted) and word not in kept:
            kept[word] = vector
    if not kept:
        return WordVectors((), np.zeros((0, 1), np.float32))
    return WordVectors(tuple(kept), np.stack(list(kept.values())).astype(np.float32))
