"""Tokens, n-grams and what they say, against counting by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.text.naive_bayes import learn_vocabulary, log_count_ratios
from apps.text.ngrams import choose_fit, fit_ngrams
from apps.text.prediction import scores_of
from apps.text.tokens import characters, tokenize
from apps.text.vocabulary import AFFIXES, COLUMNS, TextEncoder, ngram_hashes, word_hashes


@pytest.mark.parametrize(
    "text,tokens",
    [
        ("I don't, can't.", ["i", "do", "n't", ",", "ca", "n't", "."]),
        ("do n't it 's", ["do", "n't", "it", "'s"]),
        ("It’s 3.5/10!!! Why?", ["it", "'s", "3.5", "/", "10", "!!!", "why", "?"]),
        ("a<br /><br />b < c", ["a", "b", "<", "c"]),
        ("这部电影很好看 OK", ["这", "部", "电", "影", "很", "好", "看", "ok"]),
        ("カメラは良い", ["カ", "メ", "ラ", "は", "良", "い"]),
        ("Füße über Ñandú", ["füße", "über", "ñandú"]),
        ("so 😀😀 :-)", ["so", "😀", "😀", ":", "-", ")"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_tokens(text, tokens):
    assert tokenize(text) == tokens


def test_characters_keep_one_space():
    assert characters(" Ab \n c ") == ["a", "b", " ", "c"]


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_tokens_lose_nothing_but_white_space_and_markup(text):
    text = text.replace("<", "")
    kept = "".join(tokenize(text))
    expected = "".join(text.lower().replace("’", "'").split())
    assert Counter(kept) <= Counter(expected)
    assert not any(c.isalnum() for c in Counter(expected) - Counter(kept))


def test_a_text_becomes_words_affixes_and_first_ngrams():
    texts = ["good good film", "bad film", "a zzz"]
    encoder = learn_vocabulary(texts, np.eye(2)[[0, 1, 1]], least=1)
    encoded = encoder.encode(["good good film zzzz"])
    assert encoded.rows.shape == (4, COLUMNS) and encoded.lengths.tolist() == [4]
    words = encoded.rows[:, 0]
    assert words[0] == words[1] and words[3] == 1  # known twice, and unknown
    shapes = encoded.rows[:, 1:3]
    base = 2 + len(encoder.words)
    assert (shapes[:, 0] >= base).all() and (shapes[:, 0] < base + AFFIXES).all()
    assert (shapes[:, 1] >= base + AFFIXES).all() and shapes.max() < encoder.vector_rows
    # "zzzz" ends as "zzz" does: the unknown word keeps the shape of a known one.
    assert shapes[3, 1] == encoder.encode(["zzz"]).rows[0, 2]
    assert encoded.rows[0, 3] > 0 and encoded.rows[1, 3] == 0  # the second "good" says nothing new
    assert encoded.rows[2, 5] > 0  # "good good film" was seen
    assert encoded.rows[3, 4] == 0 == encoded.rows[3, 5]  # "film zzzz" was not


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_ngrams_never_reach_over_the_border_of_a_text(texts):
    words = word_hashes([word for text in texts for word in text])
    starts = np.cumsum([0, *map(len, texts)])
    for order, hashes in enumerate(ngram_hashes(words, starts), start=1):
        seen = {}
        for text, start in zip(texts, starts[:-1], strict=True):
            for end in range(len(text)):
                value = hashes[start + end]
                if end + 1 < order:
                    assert value == 0
                else:
                    gram = tuple(text[end + 1 - order : end + 1])
                    assert value > 0 and seen.setdefault(gram, value) == value
        assert len(set(seen.values())) == len(seen)


def test_ratios_are_the_formula():
    counts = np.array([[3.0, 1], [0, 2], [1, 1]])
    expected = [
        [math.log((4 / 7) / (2 / 7)), math.log((2 / 7) / (4 / 7))],
        [math.log((1 / 7) / (3 / 7)), math.log((3 / 7) / (1 / 7))],
        [0, 0],
    ]
    np.testing.assert_allclose(log_count_ratios(counts), expected, atol=1e-6)


def test_the_vocabulary_keeps_what_says_most():
    texts = ["very good", "so good", "very bad", "so bad"] * 5
    encoder = learn_vocabulary(texts, np.eye(2)[[0, 0, 1, 1] * 5], most_ngrams=2)
    kept = encoder.encode(["good", "bad", "very", "so"]).rows[:, 3]
    assert (kept[:2] > 0).all() and not kept[2:].any()
    assert set(encoder.words) == {"very", "good", "so", "bad"}


def test_counting_in_chunks_changes_nothing(monkeypatch):
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(list("abcdefgh"), 9)) for _ in range(60)]
    targets = np.eye(3)[draw.integers(0, 3, 60)]
    whole = learn_vocabulary(texts, targets)
    monkeypatch.setattr("apps.text.naive_bayes.CHUNK", 7)
    parts = learn_vocabulary(texts, targets)
    assert whole.words == parts.words
    np.testing.assert_array_equal(whole.ngrams, parts.ngrams)


def test_long_texts_lose_their_middle_and_batches_are_padded():
    encoder = TextEncoder(["a", "b", "c"], np.zeros(0, np.uint32), longest=4)
    encoded = encoder.encode(["a a b b b c c", "", "b"])
    assert encoded.rows[:4, 0].tolist() == [2, 2, 4, 4]
    batch = encoded.padded(np.array([2, 0, 1]), multiple=8)
    assert batch.shape == (3, 8, COLUMNS)
    assert batch[0, :, 0].tolist() == [3] + [0] * 7 and not batch[2].any()


def test_a_shortened_vocabulary_reads_rare_words_by_their_letters():
    whole = TextEncoder(("the", "film", "zygote"), np.zeros(0, np.uint32))
    short, rows = whole.shortened(2), whole.rows_kept(2)
    assert len(rows) == short.vector_rows == whole.vector_rows - 1
    before, after = whole.encode(["the film zygote"]).rows, short.encode(["the film zygote"]).rows
    table = np.arange(whole.vector_rows)
    assert (table[rows][after[:, :3]] == before[:, :3])[:2].all()
    assert after[2, 0] == 1 and (table[rows][after[2, 1:3]] == before[2, 1:3]).all()
    np.testing.assert_array_equal(whole.rows_kept(5), table)


def test_what_is_chosen_is_chosen_without_the_held_out_texts_which_are_learned_from_in_the_end():
    draw = np.random.default_rng(3)
    words = [f"w{number}" for number in range(40)]
    says = draw.normal(size=(40, 2))

    def drawn(count):
        chosen = draw.integers(0, 40, (count, 6))
        return [" ".join(words[n] for n in row) for row in chosen], np.eye(2, dtype=np.float32)[
            says[chosen].sum(axis=1).argmax(axis=1)
        ]

    (texts, targets), (held, held_targets), (test, truth) = drawn(300), drawn(150), drawn(400)
    encoder = learn_vocabulary(texts, targets)
    train, check = (encoder.encode(texts), targets), (encoder.encode(held), held_targets)
    fit = choose_fit(encoder.ngram_rows, train, check, "one of K")
    assert set(fit.penalties) == {"naive Bayes", "rarity"} and len(fit.shares) == 2 and min(fit.shares) > 0
    everything = (train[0].followed_by(check[0]), np.concatenate([targets, held_targets]))
    right = {}
    for name, known in (("some", train), ("all", everything)):
        network = fit_ngrams(encoder.ngram_rows, known, fit, "one of K")
        scores = scores_of(encoder.encode(test), network.predict_on_batch, 2)
        right[name] = (scores.argmax(axis=1) == truth.argmax(axis=1)).mean()
    assert 0.7 < right["some"] < right["all"]
