"""``cnnapps text`` from the file to the answer, on sentences made up by a small grammar."""

from __future__ import annotations

import csv
import json
from functools import partial

import numpy as np
import pytest

from apps.main import app
from apps.text import models
from apps.text.data import _spelled_out
from apps.text.explanation import explain
from apps.text.learning import _for_use
from apps.text.options import BLEND, NETWORK_OPTIONS
from apps.text.prediction import load
from apps.text.starting import started, weights_of
from apps.text.vectors import SHIPPED, Regions, WordVectors, given_vectors
from apps.text.vocabulary import AFFIXES
from common.cli import run
from common.data.tables import TextTable
from common.layers import in_floats
from common.predictor import load_network

GOOD, BAD = ("gorgeous", "witty", "moving", "splendid"), ("dull", "tedious", "clumsy", "dreadful")
THINGS = ("film", "plot", "actor", "score", "camera", "ending")


def sentences(count, seed=0):
    """Return (label, sentence) pairs; "not" turns the meaning, so single words do not decide."""
    draw = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        good, turned = draw.integers(0, 2, 2)
        word = draw.choice(GOOD if good else BAD)
        thing = draw.choice(THINGS)
        rows.append(("pos" if good ^ turned else "neg", f"the {thing} is {'not ' if turned else ''}{word}"))
    return rows


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("sentiment", "review"), *sentences(400)])
    return path


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    """A blend trained on the table."""
    out = tmp_path_factory.mktemp("runs") / "blend"
    options = ["--epochs", "6", "--embeddings", "none", "--out", str(out), "--quiet"]
    assert run(app, ["text", "train", str(table), *options]) == 0
    return out


def test_a_run_is_a_whole_artifact(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"card.json", "model.keras", "model.tflite", "vocabulary.npz", "report.html"} <= names
    assert "checkpoint.npz" not in names
    card = json.loads((trained / "card.json").read_text())
    assert card["metrics"]["test accuracy"]["value"] > 0.9 and card["classes"] == ["neg", "pos"]
    assert "Worst mistakes" in (trained / "report.html").read_text()


def test_lines_are_classified_in_order(trained, cnnapps, tmp_path):
    rows = sentences(50, seed=9)
    (tmp_path / "lines.txt").write_text("\n".join(text for _, text in rows) + "\n")
    code, out, _ = cnnapps("text", "classify", tmp_path / "lines.txt", "--model", trained)
    lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0 and [line[2] for line in lines] == [text for _, text in rows]
    assert np.mean([line[0] == label for line, (label, _) in zip(lines, rows, strict=True)]) > 0.9
    code, out, _ = cnnapps("text", "classify", "the plot is not dull", "", "\0", "--model", trained, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == 3 and answers[0]["labels"] == ["pos"]
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_evaluation_reads_the_test_split_again(trained, cnnapps, tmp_path):
    stored = json.loads((trained / "card.json").read_text())["metrics"]["test accuracy"]
    code, out, _ = cnnapps("text", "evaluate", "--model", trained, "--json")
    figures = json.loads(out)
    assert code == 0 and figures["accuracy"] == stored["value"] and figures["count"] == stored["count"]
    with (tmp_path / "other.csv").open("w") as file:
        csv.writer(file).writerows([("label", "text"), ("great", "x y z"), *sentences(20)])
    code, _, err = cnnapps("text", "evaluate", tmp_path / "other.csv", "--model", trained)
    assert code == 1 and "has the label 'great'" in err and err.count("\n") == 1


def test_labels_that_are_short_for_the_models_are_understood():
    table = TextTable(["a", "b", "c"], ["neg", "pos", "neg"], None, "one of K", "")
    spelled = _spelled_out(table, ("negative", "positive"))
    assert spelled.labels == ["negative", "positive", "negative"]
    for classes in (("neg", "pos"), ("negative", "neglected", "positive"), ("good", "bad")):
        assert _spelled_out(table, classes).labels == table.labels
    several = TextTable(["a"], [["po", "neg"]], None, "independent yes/no", "")
    assert _spelled_out(several, ("negative", "positive")).labels == [["positive", "negative"]]


def test_terms_and_bias_add_up_to_the_scores(trained):
    text = "the film is not dull, the film is witty and the zebra sings"
    found = explain(text, model=trained)
    expected = load(trained).scores([text])[0]
    np.testing.assert_allclose(found.bias + sum(term.scores for term in found.terms), found.scores, atol=1e-6)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-3)  # its filters are float16 in LiteRT
    np.testing.assert_allclose(found.heat.sum(), sum(map(found.leaning, found.terms)), atol=1e-6)
    assert {term.source == "n-gram" for term in found.terms} == {True, False}
    for term in found.terms:
        assert term.words == " ".join(found.tokens[term.start : term.start + term.length])


def test_explained_for_the_terminal_for_scripts_and_as_a_page(trained, cnnapps, tmp_path):
    command = ["text", "explain", "the ending is not clumsy <b>", "--model", trained]
    code, out, _ = cnnapps(*command, "--out", tmp_path / "why.html")
    assert code == 0 and "pos (" in out and "not clumsy" in out
    html = (tmp_path / "why.html").read_text()
    assert "clumsy</span>" in html and "<b>" not in html and "score of pos" in html
    code, out, _ = cnnapps(*command, "--json")
    facts = json.loads(out)
    assert code == 0 and facts["answer"] == "pos" and len(facts["heat"]) == len(facts["tokens"])
    assert facts["labels"] == ["pos"]
    code, _, err = cnnapps("text", "explain", " \n", "--model", trained)
    assert code == 1 and "no word" in err


@pytest.mark.parametrize("network", ["ngram", "kim", "dpcnn", "char"])
def test_every_network_learns_that_not_turns_the_meaning(network, table, cnnapps, tmp_path):
    start = ["--embeddings", "none"] if network in ("kim", "dpcnn") else []
    steps = [] if network == "ngram" else ["--epochs", 8]
    command = ["text", "train", table, "--network", network, *steps, *start, "--out", tmp_path / network]
    code, out, err = cnnapps(*command, "--json")
    assert code == 0, err
    assert json.loads(out)["test"]["accuracy"] > 0.8


@pytest.mark.skipif(not SHIPPED.is_file(), reason="no word vectors ship")
def test_the_vectors_that_ship_are_taken_where_they_know_the_words(table, cnnapps, tmp_path):
    command = ["text", "train", table, "--network", "kim", "--epochs", 1, "--out", tmp_path / "known", "-q"]
    assert cnnapps(*command)[0] == 0
    card = json.loads((tmp_path / "known" / "card.json").read_text())
    assert card["data"]["embeddings"] == "text/vectors"
    assert given_vectors("", ["zxq vbnm qwrt plkj"] * 9) is None


def test_several_labels_a_text(cnnapps, tmp_path):
    path = tmp_path / "tags.jsonl"
    draw = np.random.default_rng(0)
    with path.open("w") as file:
        for _ in range(300):
            tags = [tag for tag in ("red", "round") if draw.random() < 0.5]
            words = [*tags, *draw.choice(["a", "thing", "of", "some"], 4)]
            file.write(json.dumps({"text": " ".join(draw.permutation(words)), "labels": tags}) + "\n")
    code, out, err = cnnapps("text", "train", path, "--network", "ngram", "--out", tmp_path / "run", "--json")
    assert code == 0, err
    figures = json.loads(out)["test"]
    assert figures["micro_f1"] > 0.95 and set(figures["by_class"]["red"]) == {
        "precision", "recall", "f1", "count",
    }  # fmt: skip
    code, out, _ = cnnapps(
        "text", "classify", "red round thing", "some of a thing", "--model", tmp_path / "run"
    )
    assert [line.split("\t")[0] for line in out.splitlines()] == ["red, round", "none"]
    code, out, _ = cnnapps("text", "explain", "red round thing", "--model", tmp_path / "run")
    assert code == 0 and out.startswith("red (") and ", round (" in out.splitlines()[0]


def test_real_values(cnnapps, tmp_path):
    path, draw = tmp_path / "scores.csv", np.random.default_rng(0)
    with path.open("w") as file:
        file.write("score,text\n")
        for _ in range(300):
            words = draw.choice(["up", "down", "flat"], 8)
            value = (words == "up").sum() - (words == "down").sum() + draw.normal(0, 0.01)
            file.write(f"{value:.4f},{' '.join(words)}\n")
    code, out, err = cnnapps(
        "text",
        "train",
        path,
        "--network",
        "kim",
        "--epochs",
        8,
        "--embeddings",
        "none",
        "--out",
        tmp_path / "run",
        "--json",
    )
    assert code == 0, err
    assert json.loads(out)["test"]["correlation"] > 0.5


def test_tables_are_classified_by_their_texts_and_blank_lines_get_no_class(trained, cnnapps, tmp_path):
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("id", "review"), (1, "the plot is\nnot dull"), (2, "the film, is clumsy")]
        )
    code, out, err = cnnapps("text", "classify", "new.csv", "--model", trained)
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0 and "text in column 'review'" in err
    assert [(row[0], row[2]) for row in rows] == [
        ("pos", "the plot is not dull"),
        ("neg", "the film, is clumsy"),
    ]
    code, out, err = cnnapps("text", "classify", "new.csv", "--model", trained, "--text", "id", "-q")
    assert code == 0 and [line.split("\t")[2] for line in out.splitlines()] == ["1", "2"] and not err
    (tmp_path / "lines.txt").write_text("the film is witty\n \nthe film is dull\n")
    code, out, _ = cnnapps("text", "classify", "lines.txt", "--model", trained)
    assert [line.split("\t")[0] for line in out.splitlines()] == ["pos", "-", "neg"]


def test_what_was_guessed_is_said_before_the_training(table, cnnapps, tmp_path):
    arguments = ("--network", "ngram", "--out", tmp_path / "r")
    code, _, err = cnnapps("text", "train", table, *arguments)
    assert code == 0 and err.index("label in column 'sentiment'") < err.index("next:")
    (tmp_path / "moved.csv").write_text(table.read_text())
    assert cnnapps("text", "train", "moved.csv", "--network", "ngram", "--out", "s", "-q")[0] == 0
    (tmp_path / "moved.csv").unlink()
    code, _, err = cnnapps("text", "evaluate", "--model", "s")
    assert code == 1 and "moved.csv, which s was made with, is not here" in err


def test_a_file_that_is_not_there_is_no_text(trained, cnnapps, tmp_path):
    for name, message in (("nofile.txt", "no such file"), (str(tmp_path), "is a folder")):
        code, out, err = cnnapps("text", "classify", name, "--model", trained)
        assert (code, out, err.count("\n")) == (1, "", 1) and message in err
    code, out, _ = cnnapps("text", "classify", "the film is witty.txt", "--model", trained)
    assert code == 0 and out.count("\n") == 1


@pytest.mark.parametrize("network", ["kim", "dpcnn"])
def test_two_channels_of_vectors_become_one_with_the_same_scores(network):
    build = partial(models.NETWORKS.get(network), 60, 2, dim=8, filters=6)
    two = build(vectors="both")
    rows = np.random.default_rng(0).integers(0, 60, (3, 17, 6)).astype(np.int32)
    one = _for_use(two, build, np.arange(60))
    assert one.count_params() == two.count_params() - 60 * 8
    np.testing.assert_allclose(one(rows), two(rows), atol=1e-5)


def test_given_word_vectors_are_known_for_words_no_training_text_holds(table, cnnapps, tmp_path):
    draw, path = np.random.default_rng(0), tmp_path / "vectors.txt"
    good, bad = draw.normal(size=(2, 20))
    words = [*((word, good) for word in (*GOOD, "lovely")), *((word, bad) for word in (*BAD, "awful"))]
    path.write_text("".join(f"{word} {' '.join(f'{x:.4f}' for x in vector)}\n" for word, vector in words))
    kim = ["--network", "kim", "--epochs", 12, "--embeddings", path]
    code, _, err = cnnapps("text", "train", table, *kim, "--out", tmp_path / "run", "--quiet")
    assert code == 0, err
    _, out, _ = cnnapps(
        "text", "classify", "the film is lovely", "the film is awful", "--model", tmp_path / "run"
    )
    assert [line.split("\t")[0] for line in out.splitlines()] == ["pos", "neg"]


def test_a_convolution_that_was_learned_before_stays_as_it_is(table, cnnapps, tmp_path):
    draw = np.random.default_rng(0)
    words = [*GOOD, *BAD, *THINGS, "the", "is", "not"]
    regions = Regions(
        draw.normal(size=(3, 8, 12)).astype(np.float32), draw.normal(size=12).astype(np.float32)
    )
    vectors = WordVectors(tuple(words), draw.normal(size=(len(words), 8)).astype(np.float32), regions)
    vectors.save(tmp_path / "vectors.npz")
    kim = ["--network", "kim", "--epochs", 6, "--embeddings", "vectors.npz", "--out", "run", "-q"]
    code, _, err = cnnapps("text", "train", table, *kim)
    assert code == 0, err
    kernel, bias = in_floats(load_network("run")).get_layer("regions").get_weights()
    for found, given in ((kernel, regions.kernel), (bias, regions.bias)):
        # Up to a factor: vectors and features are made as long as random vectors would be.
        factor = (found * given).sum() / (given**2).sum()
        assert factor > 0
        np.testing.assert_allclose(found, factor * given, atol=0.01 * np.abs(found).max())  # 8 bits
    explanation = explain("the film is not dull", model="run")
    total = explanation.bias + sum(term.scores for term in explanation.terms)
    np.testing.assert_allclose(total, load("run").scores(["the film is not dull"])[0], rtol=2e-3)


def test_texts_without_labels_are_learned_from(table, cnnapps, tmp_path):
    (tmp_path / "more.txt").write_text("\n".join(text for _, text in sentences(200, seed=7)) + "\n")
    arguments = [
        "--unlabelled",
        "more.txt",
        "--train-size",
        60,
        "--epochs",
        6,
        "--embeddings",
        "none",
        "--out",
        "run",
        "--json",
        "-q",
    ]
    code, out, err = cnnapps("text", "train", table, *arguments)
    assert code == 0, err
    assert json.loads(out)["test"]["accuracy"] > 0.8
    assert (tmp_path / "run" / "student" / "history.json").is_file()
    assert not list((tmp_path / "run").rglob("checkpoint.npz"))
    assert json.loads((tmp_path / "run" / "card.json").read_text())["data"]["unlabelled"] == "more.txt"
    code, _, err = cnnapps("text", "train", table, "--network", "ngram", "--unlabelled", "more.txt")
    assert code == 2 and "leave out --unlabelled" in err


def test_what_speaks_for_each_class_is_kept(trained, cnnapps):
    code, out, err = cnnapps("text", "explain", "--model", trained, "--json")
    assert code == 0, err
    said = {name: [phrase["words"] for phrase in found] for name, found in json.loads(out).items()}
    assert any(f"not {word}" in phrase for word in BAD for phrase in said["pos"])
    assert any(f"is {word}" in phrase for word in BAD for phrase in said["neg"])
    assert "What speaks for each class" in (trained / "report.html").read_text()
    code, out, _ = cnnapps("text", "explain", "--model", trained)
    assert code == 0 and "what speaks for it" in out


@pytest.mark.parametrize("format", ["savedmodel", "onnx", "litert"])
def test_other_runtimes_give_the_same_scores(trained, cnnapps, format):
    code, out, err = cnnapps("text", "export", "--model", trained, "-f", format, "--out", "x", "--json")
    assert code == 0, err
    (parity,) = json.loads(out)
    assert parity["same_answer"] == 1 and parity["largest_difference"] < 1e-4
    assert "TextEncoder.from_file" in parity["snippet"]
    code, _, err = cnnapps("text", "export", "--model", trained, "-f", "pickle")
    assert code == 2 and "choose" in err


def test_folds_test_every_text_once(table, cnnapps, tmp_path):
    command = ["text", "train", table, "--network", "ngram", "--folds", 4]
    code, out, _ = cnnapps(*command, "--out", tmp_path / "folds.json", "--json")
    found = json.loads(out)
    assert code == 0 and found["count"] == 400 and len(found["folds"]) == 4
    assert found["mean"] == pytest.approx(np.mean(found["folds"])) and found["mean"] > 0.85
    assert json.loads((tmp_path / "folds.json").read_text()) == found
    code, _, err = cnnapps(*command, "--test", table)
    assert code == 2 and "leave out" in err


def test_names_of_the_networks_are_kept_in_two_places_but_agree():
    assert set(NETWORK_OPTIONS.names()) == {BLEND, *models.NETWORKS.names()}


def test_a_training_goes_on_from_another_model(trained, tmp_path, cnnapps):
    """Forty sentences with other words are too few alone; the model knows that "not" turns the meaning."""
    small = tmp_path / "few.csv"
    with small.open("w", newline="") as file:
        csv.writer(file).writerows([("sentiment", "review"), *sentences(40, seed=5)])
    weights = weights_of(str(trained))
    assert weights.arguments["filters"] == 100 and weights.arguments["widths"] == [3, 4, 5]
    network = started(
        models.kim(2 + 3 + 2 * AFFIXES, 2, **weights.arguments), weights, ("not", "gorgeous", "zzz")
    )
    place = 2 + weights.words.index("gorgeous")
    table = np.asarray(network.get_layer("vectors").table)
    np.testing.assert_array_equal(table[3], weights.table[place])
    np.testing.assert_array_equal(table[4], weights.table[1])  # a new word starts as the unknown one
    out = tmp_path / "tuned"
    command = ("text", "train", small, "--weights", trained, "--epochs", "2", "--out", out, "--json")
    code, said, _ = cnnapps(*command)
    assert code == 0 and json.loads((out / "card.json").read_text())["data"]["embeddings"] == str(trained)
    assert json.loads(said)["test"]["accuracy"] >= 0.75
    code, _, err = cnnapps("text", "train", small, "--weights", trained, "--network", "char")
    assert code == 2 and "--weights" in err
