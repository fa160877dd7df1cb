"""Text tables: guesses against handwritten expectations, parsing against the csv and json modules."""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.data.tables import read_table
from common.errors import InputError, UsageError

CORPORA = Path(__file__).parents[3] / "shared" / "data" / "text"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00"


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def corpus(name):
    if not CORPORA.exists():
        pytest.skip("no ../shared/data/text beside the checkout")
    path = CORPORA / name
    return path.read_bytes() if path.suffix != ".xz" else lzma.decompress(path.read_bytes())


@pytest.mark.parametrize(
    "name,rows,classes,encoding",
    [
        ("rt-polarity.all", 10662, 2, "cp1252"),
        ("subj.all", 10000, 2, "cp1252"),
        ("TREC.train.all", 5452, 6, "cp1252"),
        ("TREC.test.all", 500, 6, "utf-8"),
        ("custrev.all", 3775, 2, "utf-8"),
        ("mpqa.all", 10606, 2, "utf-8"),
        ("stsa.fine.train", 8544, 5, "utf-8"),
        ("stsa.fine.dev", 1101, 5, "utf-8"),
        ("stsa.fine.test", 2210, 5, "utf-8"),
        ("stsa.binary.train", 6920, 2, "utf-8"),
        ("stsa.binary.dev", 872, 2, "utf-8"),
        ("stsa.binary.test", 1821, 2, "utf-8"),
        ("stsa.fine.phrases.train.xz", 156817, 5, "utf-8"),
        ("stsa.binary.phrases.train.xz", 76961, 2, "utf-8"),
    ],
)
def test_corpora_of_label_and_text(name, rows, classes, encoding):
    lines = corpus(name).decode(encoding).split("\n")[:-1]
    table = read_table(CORPORA / name)
    assert len(table) == rows and len(set(table.labels)) == classes and table.kind == "one of K"
    assert table.texts == [line.split(" ", 1)[1] for line in lines]
    assert table.labels == [line.split(" ", 1)[0] for line in lines]
    assert f"{rows:,} rows" in table.note and encoding in table.note


@pytest.mark.parametrize("part,rows", [("train", 9600), ("dev", 1200), ("test", 1200)])
def test_chinese_reviews_keep_the_rows_that_hold_quotes(part, rows):
    name = f"chnsenticorp.{part}.tsv.xz"
    pairs = [line.split("\t") for line in corpus(name).decode().split("\n")[1:-1]]
    table = read_table(CORPORA / name)
    assert len(table) == rows and list(zip(table.labels, table.texts, strict=True)) == list(map(tuple, pairs))
    assert "text in column 'text', label in column 'label'" in table.note


def test_news_with_and_without_a_header():
    for name, rows, label, text in (
        ("ag_news.train8k.csv.xz", 8000, 0, 1),
        ("ag_news.test.csv.xz", 7600, 0, 2),
    ):
        expected = list(csv.reader(io.StringIO(corpus(name).decode(), newline="")))[-rows:]
        table = read_table(CORPORA / name)
        assert table.labels == [row[label] for row in expected]
        assert table.texts == [row[text] for row in expected] and ("no header" in table.note) == (text == 2)
    titles = read_table(CORPORA / "ag_news.test.csv.xz", text="2")
    assert titles.texts == [row[1] for row in expected] and len(set(titles.labels)) == 4


def test_imdb_with_its_splits_in_seconds():
    lines = corpus("imdb_labelled.tsv.xz").decode().split("\n")[:-1]
    begin = time.process_time()
    table = read_table(CORPORA / "imdb_labelled.tsv.xz")
    assert time.process_time() - begin < 8
    assert Counter(table.splits) == {"train": 25000, "test": 25000} and Counter(table.labels)["1"] == 25000
    assert table.texts[::997] == [line.split("\t", 2)[2] for line in lines][::997]


@pytest.mark.parametrize("name", ["imdb_unsupervised.txt.xz", "imdb_ratings.txt.xz"])
def test_corpora_without_labels(name):
    table = read_table(CORPORA / name) if corpus(name) else None
    assert (
        len(table) == 50000 and table.labels is None and table.kind == "none" and "plain text" in table.note
    )


cells = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n\t\v\f\x85")
    | st.sampled_from('",;\n'),
    max_size=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.sampled_from(["a", "b"]), cells), min_size=1, max_size=20),
    separator=st.sampled_from(",;"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_csv_round_trip(tmp_path, rows, separator, end):
    r"""Whatever the csv module writes comes back: separators, quotes, line ends, U+0085, lone ``"``."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator, lineterminator=end).writerows([("label", "text"), *rows])
    path = tmp_path / "t.csv"
    path.write_bytes(buffer.getvalue().encode())
    table = read_table(path, text="text", label="label")
    assert table.texts == [text for _, text in rows] and table.labels == [label for label, _ in rows]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.lists(st.sampled_from("xyz"), unique=True), cells), min_size=1, max_size=9))
def test_json_lines_round_trip(tmp_path, rows):
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"text": text, "tags": tags}) + "\n" for tags, text in rows))
    table = read_table(path, text="text", label="tags")
    assert table.texts == [text for _, text in rows]
    assert table.labels == [tags for tags, _ in rows] and table.kind == "independent yes/no"


REVIEWS = [("good", 'fine, "really"'), ("bad", "dull\nand long"), ("good", "grand"), ("bad", "so so")]


@pytest.mark.parametrize("pack", [None, gzip.compress, lzma.compress, bz2.compress])
@pytest.mark.parametrize("form", ["csv", "semicolons", "json", "jsonl", "utf-16", "bom", "pipe"])
def test_one_table_in_every_form(file, form, pack):
    records = [{"id": number, "class": c, "review": t} for number, (c, t) in enumerate(REVIEWS)]
    buffer = io.StringIO(newline="")
    separator = {"semicolons": ";", "pipe": "|", "utf-16": "\t"}.get(form, ",")
    csv.writer(buffer, delimiter=separator).writerows([list(records[0]), *map(dict.values, records)])
    content = {
        "json": json.dumps(records, indent=1).encode(),
        "jsonl": "\n".join(map(json.dumps, records)).encode(),
        "utf-16": buffer.getvalue().encode("utf-16"),
        "bom": buffer.getvalue().encode("utf-8-sig"),
    }.get(form, buffer.getvalue().encode())
    suffix = {"json": ".json", "jsonl": ".jsonl", "utf-16": ".tsv"}.get(form, ".csv")
    packed = {None: "", gzip.compress: ".gz", lzma.compress: ".xz", bz2.compress: ".bz2"}[pack]
    table = read_table(file(f"t{suffix}{packed}", pack(content) if pack else content))
    assert list(zip(table.labels, table.texts, strict=True)) == REVIEWS
    assert "text in column 'review', label in column 'class' (one of 2)" in table.note


@pytest.mark.parametrize(
    "content,labels,texts",
    [
        ("ham\tGo now\nspam\tWin cash\nham\tOk\n", ["ham", "spam", "ham"], ["Go now", "Win cash", "Ok"]),
        ("pos it 's\nneg no !\n", ["pos", "neg"], ["it 's", "no !"]),
        ("0 a\x85b\n1\n1 c \r\n", ["0", "1", "1"], ["a\x85b", "", "c "]),
        ("label,text\n1,so\n0,no\n", ["1", "0"], ["so", "no"]),
        ('"3","T","Longer, text"\n"4","U","Other text"\n', ["3", "4"], ["Longer, text", "Other text"]),
        ('{"text": "a", "label": 1}\n\n{"text": "b", "label": 0}', ["1", "0"], ["a", "b"]),
        ('[\n{"text": "a", "label": true}, {"text": "b", "label": false}]', ["true", "false"], ["a", "b"]),
        ("__label__a x y\n__label__b z\n", ["a", "b"], ["x y", "z"]),
        ("__label__a __label__b x y\n__label__b z\n", [["a", "b"], ["b"]], ["x y", "z"]),
        (
            "DESC:def What is it ?\nHUM:ind Who was he ?\n" * 2,
            ["DESC:def", "HUM:ind"] * 2,
            ["What is it ?", "Who was he ?"] * 2,
        ),
        ("What is it ?\nHow is it ?\n" * 20, None, ["What is it ?", "How is it ?"] * 20),
        (
            "1999 was good\n2003 was bad\n1987 was cold\n",
            None,
            ["1999 was good", "2003 was bad", "1987 was cold"],
        ),
        ("Hello, world\nGood day\n", None, ["Hello, world", "Good day"]),
        ('"No," she said.\n"Yes."\n', None, ['"No," she said.', '"Yes."']),
        ("1 first\n2 second\n3 third\n4 fourth\n", None, ["1 first", "2 second", "3 third", "4 fourth"]),
        ("[garbus] discards\n[more] of it\n", None, ["[garbus] discards", "[more] of it"]),
        ("old\rmac\r", None, ["old", "mac"]),
    ],
)
def test_content_decides_where_the_suffix_says_nothing(file, content, labels, texts):
    table = read_table(file("examples.txt", content))
    assert table.texts == texts and table.labels == labels


@pytest.mark.parametrize(
    "rows,text,label",
    [
        (
            ["id,url,stars,summary,reviewText", "7,http://a.b/long/link,5,Nice,I liked it", "8,,1,Bad,Awful"],
            4,
            2,
        ),
        (
            [
                "v1,v2,,,",
                "ham,Go until jurong point,,,",
                "ham,Ok lar,,,",
                "spam,Free entry,,,",
                "spam,Win,,,",
            ],
            1,
            0,
        ),
        (["1,7,one text", "2,7,two texts", "3,9,three texts", "4,9,four"], 2, 1),
        (
            ["Satz;Klasse", "Das ist gut genug;x", "Das ist schlecht;y", "Sehr gut gemacht;x", "Na ja gut;y"],
            0,
            1,
        ),
        (["y,so good", "n,so bad", "y,fine enough"], 1, 0),
        (
            [
                "review_id,user_review,airline_sentiment",
                "qqqqqqqqqqqqqqq1,ok then,x",
                "qqqqqqqqqqqqqqq2,no no,y",
            ],
            1,
            2,
        ),
        (["title,text,Class Index", "Longer title than text,it,3", "Another long title,is,4"], 0, 2),
    ],
)
def test_columns_are_guessed(file, rows, text, label):
    separator = ";" if ";" in rows[0] else ","
    cells = [row.split(separator) for row in rows]
    header = not cells[0][0].isdigit() and rows[0] != "y,so good"
    table = read_table(file("t.csv", "\n".join(rows)))
    assert table.texts == [row[text] for row in cells[header:]]
    assert table.labels == [row[label] for row in cells[header:]]
    assert ("no header" in table.note) == (not header)


def test_columns_are_taken_as_asked(file):
    path = file("t.csv", "Long,label,Short\nlong text,a,s\nlonger text,b,t\n")
    assert read_table(path, text="short").texts == ["s", "t"]
    assert read_table(path, text="3", label="1").labels == ["long text", "longer text"]
    assert read_table(path, label=None).labels is None
    for wanted, nearest in (("shrot", "did you mean 'Short'?"), ("4", ""), ("0", "")):
        with pytest.raises(InputError, match="no column") as caught:
            read_table(path, text=wanted)
        assert nearest in caught.value.message and caught.value.hint == "columns: Long, label, Short"
    with pytest.raises(UsageError, match="both text and label"):
        read_table(path, text="Short", label="3")
    bare = file("u.csv", "1,a b\n0,c d\n")
    with pytest.raises(InputError, match="no column 'review'") as caught:
        read_table(bare, text="review")
    assert caught.value.hint == "2 columns and no header: give a number from 1 to 2"


def test_a_name_asked_for_makes_the_first_row_a_header(file):
    path = file("t.csv", "avis,note\ntrès bien,3\nbof,x\n")
    assert read_table(path, text="avis", label="note").labels == ["3", "x"]


def test_labels_that_are_measurements(file):
    draw = random.Random(0)
    scores = [round(draw.uniform(-1, 1), 3) for _ in range(40)]
    path = file("t.tsv", "sentence\tscore\n" + "".join(f"text {n}\t{s}\n" for n, s in enumerate(scores)))
    table = read_table(path)
    assert table.kind == "real values" and table.labels == scores
    stars = [draw.choice(["0.5", "1.0", "4.5", "5.0"]) for _ in range(40)]
    path = file("u.tsv", "sentence\tstars\n" + "".join(f"text {n}\t{s}\n" for n, s in enumerate(stars)))
    assert read_table(path).kind == "one of K" and read_table(path).labels == stars


def test_several_labels_a_text_only_when_asked(file):
    path = file("t.csv", 'text,tags\nfirst text,"a, b"\nsecond text,\nthird text,b\n')
    table = read_table(path, several=",")
    assert table.labels == [["a", "b"], [], ["b"]] and table.kind == "independent yes/no"
    assert read_table(path).labels == ["a, b", "b"] and "1 row without a label" in read_table(path).note


def test_a_column_for_every_label(file):
    path = file("t.csv", "id,comment_text,toxic,insult\n1,you fool,1,1\n2,thank you,0,0\n3,what a mess,1,0\n")
    table = read_table(path, label="toxic,insult")
    assert table.labels == [["toxic", "insult"], [], ["toxic"]] and table.texts[1] == "thank you"
    with pytest.raises(InputError, match="'you fool' in column 'comment_text' is no yes or no"):
        read_table(path, text="id", label="comment_text,toxic")


def test_tsv_that_quotes_every_cell(file):
    path = file("t.tsv", '"label"\t"text"\n"a"\t"one ""two"""\n"b"\t"x\ny"\n')
    assert read_table(path).texts == ['one "two"', "x\ny"]
    text_quotes = file("u.tsv", 'label\ttext\na\t"open\nb\t"all"\na\tclose"\n')
    assert read_table(text_quotes).texts == ['"open', '"all"', 'close"']
    assert "quotes are text" in read_table(text_quotes).note


def test_odd_bytes_are_dropped_and_counted(file):
    path = file("t.csv", b"label,text\n\n1,a\x00b\n   \n0,c\n,\n")
    table = read_table(path)
    assert table.texts == ["ab", "c"] and "1 NUL byte dropped" in table.note and "3 empty lines" in table.note
    damaged = file("u.txt", "é".encode() * 40 + b"\n" + b"x\xc3y\n")
    assert read_table(damaged).texts == ["é" * 40, "x\ufffdy"]
    assert "damaged bytes replaced: 1, the first in line 2" in read_table(damaged).note


def test_a_line_of_five_megabytes_leaves_the_csv_module_as_it_was(file):
    limit = csv.field_size_limit()
    long = "many words " * 480_000
    assert read_table(file("t.csv", f'label,text\n1,"{long}"\n0,short\n')).texts == [long, "short"]
    assert read_table(file("t.txt", f"1 {long}\n0 short\n")).texts == [long, "short"]
    assert csv.field_size_limit() == limit


def test_rows_without_a_label_are_left_out_unless_all_texts_are_wanted(file):
    path = file("t.csv", "text,label\na a,x\nb b,\nc c,y\nd d,x\n")
    assert read_table(path).texts == ["a a", "c c", "d d"]
    assert read_table(path, label=None).texts == ["a a", "b b", "c c", "d d"]
    first = read_table(path, limit=2)
    assert first.labels == ["x", "y"] and "the first of 3" in first.note


def test_folders_of_classes_and_of_splits(file, tmp_path):
    for name in ("neg/1.txt", "neg/2.txt", "pos/1.txt", "pos/1.png"):
        file(f"plain/{name}", PNG if name.endswith("png") else f"text of {name}\n")
        file(f"split/train/{name}", f"train {name}")
        file(f"split/test/{name}", "caf\xe9 noir, tr\xe8s bon".encode("latin-1"))
    table = read_table(tmp_path / "plain")
    assert table.texts == ["text of neg/1.txt", "text of neg/2.txt", "text of pos/1.txt"]
    assert table.labels == ["neg", "neg", "pos"] and table.splits is None
    table = read_table(tmp_path / "split")
    assert table.splits == ["test"] * 3 + ["train"] * 3 and table.labels == ["neg", "neg", "pos"] * 2
    assert table.texts[0] == "café noir, très bon"
    with pytest.raises(InputError, match="no class folders"):
        read_table(tmp_path / "plain" / "neg")


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("t.csv", "", "empty"),
        ("t.csv", " \n\n", "empty"),
        ("t.csv", "label,text\n", "no row below the header"),
        ("t.csv", "label,text\n1,a\n0\n", "row 3 has 1 cell, those above have 2"),
        ("t.csv", "label,text\n1,a\n0,b,c\n", "row 3 has 3 cells"),
        ("t.csv", 'label,text\n1,"a\n0,b,c\n1,d\n', "row 2: unexpected end of data"),
        ("t.tsv", "label\ttext\n1\ta\n\n0\n", "row 4 has 1 cell"),
        ("t.jsonl", '{"text": "a"}\n{"text": \n', "row 2: broken JSON"),
        ("t.jsonl", '{"text": "a"}\n[1]\n', "record 2 is no JSON object"),
        ("t.json", "[" * 100_000, "broken JSON"),
        ("t.json", "{}", "no JSON object with a field"),
        ("t.csv", PNG, "not text but a PNG picture"),
        ("t.txt", bytes(range(256)) * 50, "binary data"),
        ("t.csv.gz", gzip.compress(b"label,text\n" * 500, mtime=0)[:-20], "damaged file"),
        ("t.txt.gz", gzip.compress(PNG, mtime=0), "a PNG picture"),
        ("t.csv", "label,stars\n1,2\n1,2\n", "no column looks like text"),
        ("folder/cat/a.png", PNG, "a.png: not text"),
    ],
)
def test_bad_input_is_one_line_that_names_the_file(file, name, content, message):
    path = file(name, content)
    path = path.parents[1] if name.startswith("folder") else path
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(path) in caught.value.message and caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


def test_a_missing_file():
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        read_table("nowhere.csv")
