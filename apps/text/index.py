"""Lines that can be searched: their vectors and their words, in one file.

Every line is compared with the query, by its vector and by its words: exact, so there is no approximate index to tune.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from apps.text.data import texts_in
from apps.text.embedding import Embedder, load_embedder
from apps.text.shared_words import SharedWords, together
from common.errors import InputError, UsageError, UserError
from common.files import replacing

__all__ = ["Hit", "Index", "build_index", "open_index", "searcher"]


@dataclass(frozen=True)
class Hit:
    """A line that was found.

    Args:
        rank: from 1.
        likeness: of vectors and words, 1 for the same.
        line: its number in the source, from 1.
        text: of the line.
    """

    rank: int
    likeness: float
    line: int
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return vars(self)


@dataclass(frozen=True)
class Index:
    """Texts and their vectors.

    Args:
        texts: n of them.
        lines: number of each in the source ``(n,)``, from 1.
        vectors: of unit length ``(n, size)`` float32, as precise as float16, in which they are kept on disk.
        words: the texts as weighted words.
        model: that made the vectors, as named.
        fingerprint: of the model.
    """

    texts: list[str]
    lines: np.ndarray
    vectors: np.ndarray
    words: SharedWords
    model: str
    fingerprint: str

    def search(
        self, query: str, embedder: Embedder, k: int = 10, words_weight: float | None = None
    ) -> list[Hit]:
        """Return the k texts most like the query, best first.

        Args:
            query: any text.
            embedder: that made the index.
            k: texts to find.
            words_weight: of common words beside the likeness of the vectors; by default what suits the embedder.

        Raises:
            UserError: a model other than the one that made the index; a query without a word.
        """
        if embedder.fingerprint != self.fingerprint:
            raise UserError(
                f"the index was made with another model than {self.model} is now", "make it anew: text embed"
            )
        vector = embedder([query])[0]
        by_words = self.words.likeness([query])[0]
        if not vector.any() and not by_words.any():
            raise UserError("there is no word in the query", "give a sentence")
        weight = embedder.words_weight if words_weight is None else words_weight
        likeness = together(self.vectors @ vector, by_words, weight)
        k = min(k, len(likeness))
        best = np.argpartition(-likeness, k - 1)[:k]
        best = best[np.argsort(-likeness[best], kind="stable")]
        return [
            Hit(rank, float(likeness[row]), int(self.lines[row]), self.texts[row])
            for rank, row in enumerate(best, 1)
        ]

    def write(self, path: Path) -> None:
        """Write the index as one ``.npz``, nothing in it pickled; as ``.npy`` the vectors alone.

        Raises:
            UsageError: another suffix.
        """
        if path.suffix == ".npy":
            with replacing(path) as temporary:
                np.save(temporary, self.vectors)
            return
        if path.suffix != ".npz":
            raise UsageError(f"{path} is neither .npz nor .npy", "an index to search in is INDEX.npz")
        texts = [text.encode("utf-8", "surrogatepass") for text in self.texts]
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                texts=np.frombuffer(b"".join(texts), np.uint8),
                ends=np.cumsum([len(text) for text in texts], dtype=np.int64),
                lines=self.lines,
                vectors=self.vectors.astype(np.float16),
                words=np.frombuffer("\n".join(self.words.words).encode("utf-8", "surrogatepass"), np.uint8),
                idf=self.words.idf,
                weights=self.words.matrix.data.astype(np.float16),
                columns=self.words.matrix.indices.astype(np.int32),
                rows=self.words.matrix.indptr.astype(np.int64),
                model=np.array(self.model),
                fingerprint=np.array(self.fingerprint),
            )


def build_index(source: str | Path, *, model: str | Path) -> tuple[Index, Embedder]:
    """Return the index of the lines of a file, and what made it; empty lines are left out.

    Raises:
        InputError: no such file; no line with a word.
    """
    embedder = load_embedder(model)
    lines_of, _ = texts_in(str(source))
    found = [(number, line) for number, line in enumerate(lines_of, start=1) if line.strip()]
    if not found:
        raise InputError(f"{source} has no text", "a text a line")
    texts = [line for _, line in found]
    lines = np.array([number for number, _ in found])
    vectors = embedder(texts).astype(np.float16).astype(np.float32)
    words = SharedWords.of(texts, embedder.frequencies)
    return Index(texts, lines, vectors, words, str(model), embedder.fingerprint), embedder


def searcher(
    source: str | Path, model: str, *, default: str, words_weight: float | None = None
) -> Callable[[str, int], list[Hit]]:
    """Return what finds (query, k) in an index, or in a file with a text a line.

    Args:
        source: the file.
        model: that makes the vectors; "" for the index's own.
        default: the model for a file that is no index.
        words_weight: of common words beside the likeness of the vectors; by default what suits the model.

    Raises:
        InputError: no such file.
        ArtifactError: no such model.
    """
    if Path(source).suffix == ".npy":
        raise InputError(f"{source} holds vectors alone", "an index to search in is INDEX.npz")
    if Path(source).suffix == ".npz":
        index = open_index(source)
        embedder = load_embedder(model or index.model)
    else:
        index, embedder = build_index(source, model=model or default)
    return lambda query, k: index.search(query, embedder, k, words_weight)


def open_index(path: str | Path) -> Index:
    """Read an index.

    Raises:
        InputError: no such file, or a file that is no index.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            content, ends = stored["texts"].tobytes(), stored["ends"]
            starts = np.concatenate([[0], ends[:-1]])
            texts = [
                content[start:end].decode("utf-8", "surrogatepass")
                for start, end in zip(starts, ends, strict=True)
            ]
            return Index(
                texts,
                stored["lines"],
                stored["vectors"].astype(np.float32),
                _words(stored, len(ends)),
                str(stored["model"]),
                str(stored["fingerprint"]),
            )
    except FileNotFoundError as error:
        raise InputError(
            f"no such file: {path}", "make an index: cnnapps text embed FILE --out INDEX.npz"
        ) from error
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no index", "make one: cnnapps text embed FILE --out INDEX.npz"
        ) from error


def _words(stored: Mapping[str, np.ndarray], texts: int) -> SharedWords:
    content = stored["words"].tobytes().decode("utf-8", "surrogatepass")
    words = content.split("\n") if content else []
    parts = (stored["weights"].astype(np.float32), stored["columns"], stored["rows"])
    return SharedWords(words, stored["idf"], sparse.csr_matrix(parts, shape=(texts, len(words))))
