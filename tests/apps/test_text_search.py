"""Vectors of texts: learned without labels, with labels, and searched in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from apps.text.embedding import embed
from apps.text.index import build_index, open_index
from apps.text.options import EncoderOptions
from apps.text.passages import open_likeness, sentences
from apps.text.shared_words import SharedWords, counted
from apps.text.tokens import tokenize
from apps.text.vectors import read_vectors

TOPICS = {
    "sea": ("harbour", "sailor", "anchor", "tide", "gull", "mast"),
    "kitchen": ("oven", "flour", "butter", "spoon", "recipe", "kettle"),
    "garden": ("rose", "spade", "hedge", "seed", "lawn", "beetle"),
    "court": ("judge", "verdict", "lawyer", "witness", "appeal", "jury"),
}


def sentence(draw, topic):
    first, second = draw.choice(TOPICS[topic], 2, replace=False)
    return f"{draw.choice(['today', 'later', 'then'])} the {first} was {draw.choice(['near', 'with'])} the {second} ."


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """Documents of six sentences, each about one thing."""
    draw = np.random.default_rng(0)
    lines = [
        " ".join(sentence(draw, topic) for _ in range(6)) for topic in draw.choice(list(TOPICS), 150).tolist()
    ]
    path = tmp_path_factory.mktemp("texts") / "documents.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    draw = np.random.default_rng(1)
    rows = [f"{topic}\t{sentence(draw, topic)}" for topic in draw.choice(list(TOPICS), 300).tolist()]
    path = tmp_path_factory.mktemp("texts") / "lines.tsv"
    path.write_text("label\ttext\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def encoder(documents, tmp_path_factory):
    from apps.text.encoder_training import train_encoder

    out = tmp_path_factory.mktemp("runs") / "encoder"
    options = EncoderOptions(str(documents), size=16, embeddings="none", epochs=20, batch=64, rate=3e-3)
    return train_encoder(options, out=out)


def test_sentences_are_parted_and_short_ones_kept_together():
    english, chinese = (
        'It was late. "No!" he said, and nobody answered him.',
        "好看的电影，我很喜欢这部片子真的很好看。",
    )
    parts = sentences(f"{english} {chinese}{chinese}<br /><br />The end came after two hours.")
    assert parts == [
        'It was late. "No!" he said, and nobody answered him.',
        chinese,
        chinese,
        "The end came after two hours.",
    ]


def test_neighbours_are_of_one_document_and_documents_are_not_parted(documents):
    likeness = open_likeness(EncoderOptions(str(documents)))
    assert (likeness.groups[likeness.pairs[:, 0]] == likeness.groups[likeness.pairs[:, 1]]).all()
    kept, test = likeness.halves(0.2, 0)
    assert len(kept.texts) + len(test.texts) == len(likeness.texts)
    assert not set(kept.groups) & set(test.groups)
    first, second = test.pairs[0]
    assert (
        test.relevant()[first, second]
        and test.relevant()[second, first]
        and not test.relevant()[first, first]
    )


def test_an_encoder_finds_what_belongs_together_without_labels(encoder):
    """Sentences of one topic that need not share a word get vectors that point the same way."""
    draw = np.random.default_rng(5)
    topics = np.repeat(list(TOPICS), 10)
    vectors = embed([sentence(draw, topic) for topic in topics.tolist()], model=encoder.run)
    likeness = vectors @ vectors.T - 2 * np.eye(len(topics))
    assert (topics[likeness.argmax(axis=1)] == topics).mean() > 0.9
    assert {"card.json", "model.tflite", "vocabulary.npz", "frequencies.npy"} <= {
        path.name for path in encoder.run.iterdir()
    }


def test_three_ways_to_search_are_compared_on_texts_not_trained_on(encoder):
    found = encoder.comparison
    assert found.both.searched == found.vectors.searched == found.words.searched == found.both.queries
    # Neighbours are of one topic, and so are a quarter of all texts.
    chance = 10 * 2 / found.both.searched
    assert min(found.vectors.recall[10].value, found.words.recall[10].value) > 1.5 * chance
    assert found.to_json()["words_weight"] == found.words_weight >= 0


@pytest.mark.parametrize("loss", ["contrastive", "triplet"])
def test_an_encoder_learns_from_labels(labelled, cnnapps, tmp_path, loss):
    arguments = ("--loss", loss, "--size", 8, "--embeddings", "none", "--epochs", 12, "--json", "-q")
    code, out, err = cnnapps("text", "train-encoder", labelled, *arguments, "--out", tmp_path / "run")
    assert code == 0, err
    assert json.loads(out)["test"]["recall_at_1"] > 0.9


def test_lines_are_found_by_meaning(encoder, cnnapps, tmp_path):
    draw = np.random.default_rng(2)
    lines = [sentence(draw, topic) for topic in TOPICS for _ in range(5)]
    (tmp_path / "lines.txt").write_text("\n".join(["", *lines]) + "\n")
    code, out, err = cnnapps("text", "embed", "lines.txt", "-m", encoder.run, "-o", "index.npz", "-q")
    assert code == 0 and "20 texts, 16 numbers" in out, err
    query = "the lawyer and the appeal"
    code, out, err = cnnapps("text", "search", "index.npz", query, "-k", 5, "--json")
    hits = json.loads(out)[query]
    assert code == 0 and [hit["rank"] for hit in hits] == [1, 2, 3, 4, 5], err
    assert all(hit["text"] == lines[hit["line"] - 2] for hit in hits)  # the empty first line is counted
    assert sum(hit["line"] > 16 for hit in hits) >= 4
    code, out, _ = cnnapps("text", "search", "lines.txt", query, "-m", encoder.run, "-k", 5, "--json")
    again = json.loads(out)[query]
    assert [hit["line"] for hit in again] == [hit["line"] for hit in hits]
    code, out, _ = cnnapps("text", "search", "index.npz", query)
    assert code == 0 and "likeness" in out and query in out
    assert cnnapps("text", "embed", "lines.txt", "-m", encoder.run, "-o", "v.npy")[0] == 0
    assert np.load("v.npy").shape == (20, 16)


def test_a_name_is_found_by_its_letters(encoder, tmp_path):
    """What no vector knows: a word that was never seen, by which two lines are told apart."""
    (tmp_path / "lines.txt").write_text(
        "the oven was near the Zborowski spoon\nthe oven was near the butter spoon\n" * 3
    )
    index, embedder = build_index("lines.txt", model=encoder.run)
    by_words = index.search("Zborowski", embedder, 3, words_weight=2.0)
    assert [hit.line for hit in by_words] == [1, 3, 5]


def test_common_words_weigh_little_where_other_texts_say_so():
    texts = ["the judge", "the oven", "a judge"]
    alone = SharedWords.of(texts)
    informed = SharedWords.of(
        texts, counted(["the sea", "the rose", "the spoon", "judge"], ["the", "judge", "x"])
    )
    assert alone.idf[alone.words.index("the")] == alone.idf[alone.words.index("judge")]
    assert informed.idf[informed.words.index("the")] < informed.idf[informed.words.index("judge")]
    likeness = informed.likeness(["the judge", "JUDGE", "nothing known"])
    assert likeness[0].argmax() == 0 and likeness[0, 0] == pytest.approx(1, abs=1e-3)
    assert likeness[1, 2] > 0 and not likeness[2].any()
    assert SharedWords.of(["", " "]).likeness(["the judge"]).tolist() == [[0.0, 0.0]]


def test_words_weigh_as_scikit_learn_weighs_them():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["the judge saw the oven", "the oven", "a judge, a judge"]
    theirs = TfidfVectorizer(sublinear_tf=True, analyzer=tokenize).fit_transform(texts)
    assert SharedWords.of(texts).matrix.toarray() == pytest.approx(theirs.toarray(), abs=1e-3)


def test_an_index_is_read_as_it_was_written(encoder, tmp_path):
    (tmp_path / "lines.txt").write_text("the judge\n\nthe oven é 好\n")
    index, embedder = build_index("lines.txt", model=encoder.run)
    index.write(tmp_path / "i.npz")
    again = open_index(tmp_path / "i.npz")
    assert again.search("judge", embedder) == index.search("judge", embedder)
    assert again.texts == index.texts == ["the judge", "the oven é 好"] and again.lines.tolist() == [1, 3]
    assert (again.vectors == index.vectors).all() and again.fingerprint == embedder.fingerprint
    norms = np.linalg.norm(embed(["the judge", "", "zzz"], model=encoder.run), axis=1)
    assert norms[0] == pytest.approx(1, abs=1e-5) and norms[1] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    "arguments,code,message",
    [
        (("train-encoder",), 2, "name the texts"),
        (("train-encoder", "few.txt"), 1, "give at least 20"),
        (("train-encoder", "few.txt", "--loss", "euclidean"), 2, "use 'contrastive'"),
        (("embed", "few.txt", "-m", "RUN", "-o", "x.csv"), 2, "neither .npz nor .npy"),
        (("embed", "empty.txt", "-m", "RUN"), 1, "has no text"),
        (("search", "no.npz", "x"), 1, "no such file"),
        (("search", "bad.npz", "x"), 1, "is no index"),
        (("search", "few.txt", " ", "-m", "RUN"), 1, "an empty text"),
        (("search", "vectors.npy", "x"), 1, "holds vectors alone"),
        (("classify", "x", "-m", "RUN"), 1, "is an encoder"),
        (("pretrain",), 2, "name the texts"),
        (("pretrain", "few.txt"), 1, "give more text"),
    ],
)
def test_wrong_requests_are_one_line(encoder, cnnapps, tmp_path, arguments, code, message):
    (tmp_path / "few.txt").write_text("one line\nand another\n")
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    arguments = [str(encoder.run) if argument == "RUN" else argument for argument in arguments]
    found, out, err = cnnapps("text", *arguments)
    assert (found, err.count("\n"), out) == (code, 1, ""), err
    assert message in err


def test_forty_lines_are_enough_to_begin_with(cnnapps, tmp_path):
    draw = np.random.default_rng(1)
    words = [f"word{number}" for number in range(30)]
    (tmp_path / "notes.txt").write_text("".join(f"{' '.join(draw.choice(words, 6))}\n" for _ in range(40)))
    code, out, err = cnnapps(
        "text", "train-encoder", "notes.txt", "--epochs", 1, "--out", "e", "--json", "-q"
    )
    assert code == 0, err
    found = json.loads(out)["test"]
    assert 0 < found["queries"] <= found["searched"] < 40
    (tmp_path / "labelled.csv").write_text(
        "label,text\n" + "".join(f"{'ab'[n % 2]},{' '.join(draw.choice(words, 5))}\n" for n in range(39))
    )
    code, _, err = cnnapps("text", "train-encoder", "labelled.csv", "-q")
    assert code == 1 and "39 labelled texts (give at least 40)" in err


def test_vectors_learned_from_neighbours_know_what_words_are_alike(documents, cnnapps, tmp_path):
    arguments = ("--size", 16, "--regions", 16, "--width", 3, "--passes", 400, "--out", tmp_path / "v", "-q")
    (tmp_path / "more.txt").write_text(
        documents.read_text() + " ".join(f"w{i} " * 6 for i in range(100)) + "\n"
    )
    code, out, err = cnnapps("text", "pretrain", "more.txt", *arguments)
    assert code == 0, err
    vectors = read_vectors(tmp_path / "v" / "vectors.npz")
    assert vectors.regions and vectors.regions.kernel.shape == (3, 16, 16)
    table = vectors.table / np.linalg.norm(vectors.table, axis=1, keepdims=True)
    place = {word: number for number, word in enumerate(vectors.words)}
    groups = [[place[word] for word in words] for words in TOPICS.values()]
    inside = np.mean([table[a] @ table[b] for group in groups for a in group for b in group if a != b])
    across = np.mean([table[a] @ table[b] for a in groups[0] for b in groups[1]])
    assert inside > across + 0.2
