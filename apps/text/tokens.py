"""From text to tokens, in any script, without a language pack.

Words are taken as the Penn Treebank takes them (``do n't``, ``it 's``), so that a corpus that is already
tokenised and one that is not give the same tokens.  Scripts that put no spaces between words are read
character by character: the n-grams above them are their words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from common.registry import Registry

__all__ = ["TOKENIZERS", "characters", "tokenize"]

TOKENIZERS = Registry[Callable[[str], list[str]]]("unit")

# Chinese, Japanese, Thai, Lao, Khmer, Burmese.
_UNSPACED = re.compile(
    "[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\U00020000-\U0003ffff]"
)
_MARKUP = re.compile(r"<[a-zA-Z/][^<>]{0,80}>")
_TOKEN = re.compile(
    r"n't(?![^\W\d_])|'(?:s|re|ve|ll|d|m)(?![^\W\d_])"  # what English hangs on to its words
    r"|[^\W\d_]+|\d+(?:[.,]\d+)*"
    r"|!+|\?+|\.\.+|_+|[^\w\s]"
)


@TOKENIZERS.named("words")
def tokenize(text: str) -> list[str]:
    """Return lower-case words, numbers and symbols; a character each where words are not spaced.

    Example:
        >>> tokenize("I don't think it's 3.5 stars!!<br />好看")
        ['i', 'do', "n't", 'think', 'it', "'s", '3.5', 'stars', '!!', '好', '看']
    """
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    text = text.lower().replace("’", "'").replace("n't", " n't")
    if not text.isascii():
        text = _UNSPACED.sub(r" \g<0> ", text)
    return _TOKEN.findall(text)


@TOKENIZERS.named("characters")
def characters(text: str) -> list[str]:
    """Return the characters, lower-case, runs of white space as one space."""
    return list(" ".join(text.lower().split()))
