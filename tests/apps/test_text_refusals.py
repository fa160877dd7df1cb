"""What ``cnnapps text`` refuses: one line, the right exit code, nothing written."""

import pytest


@pytest.mark.parametrize(
    "content,arguments,code,message",
    [
        ("label,text\n" + "a,some words here\n" * 30, [], 1, "one class only"),
        ("label,text\na,b c\nb,c d\n", [], 1, "give at least 10"),
        ("just a line of words\n" * 30, [], 1, "which column holds the labels cannot be told"),
        (
            "label,text\n" + "".join(f"a{n},word {n}\n" for n in range(40)),
            [],
            1,
            "40 different labels for 40 texts",
        ),
        ("label,text\na,b c\nb,c d\n", ["--text", "review"], 1, "review"),
        ("", [], 1, "empty"),
    ],
)
def test_wrong_files_are_one_line(cnnapps, tmp_path, content, arguments, code, message):
    (tmp_path / "data.csv").write_text(content)
    got, out, err = cnnapps("text", "train", tmp_path / "data.csv", "--out", tmp_path / "run", *arguments)
    assert got == code and message in err and err.count("\n") == 1 and not out
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments,code,message",
    [
        (["train"], 2, "name the labelled texts"),
        (["train", "nowhere.csv"], 1, "nowhere.csv"),
        (["train", "x.csv", "--network", "lstm"], 2, "known: blend, kim"),
        (["train", "x.csv", "--network", "ngram", "--vectors", "both"], 2, "no option 'vectors'"),
        (["train", "x.csv", "--network", "char", "--embeddings", "v.txt"], 2, "leave out --embeddings"),
        (["train", "x.csv", "--network", "ngram", "--epochs", "3"], 2, "solved exactly"),
        (["classify", ""], 1, "an empty text"),
        (["classify", "a text", "made.txt"], 2, "made.txt is a file, and one of 2"),
        (["explain", "made.txt"], 2, "made.txt is a file"),
        (["explain", "words", "--out", "why.png"], 2, "--out why.html"),
        (["evaluate"], 1, "tested on are not here"),
        (["classify", "words", "--model", "digits/cnn"], 1, "is a model of digits"),
        (["classify", "words", "--model", "nowhere"], 1, "no model 'nowhere'"),
    ],
)
def test_wrong_requests_are_one_line(cnnapps, tmp_path, arguments, code, message):
    (tmp_path / "made.txt").write_text("a line\n")
    got, out, err = cnnapps("text", *arguments)
    assert got == code and message in err and err.count("\n") == 1 and not out
