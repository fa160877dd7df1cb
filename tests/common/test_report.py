"""Reports: whole, escaped, self-contained and never half written."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np

from common import plots, report
from common.report import Section

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects the tags with their attributes and the texts, and checks that tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def example(**changes) -> str:
    png = plots.to_png_bytes(plots.maps_grid(np.ones((4, 4, 2))), dpi=40)
    values = {
        "title": "Digits <1 & 2>",
        "summary_rows": [("accuracy", "99.7 %"), ("wrong", 32)],
        "sections": [
            Section("Training", "First.\n\nSecond.", png),
            Section("Table", table=[("class", "count"), ("<script>alert(1)</script>", 7)]),
        ],
        "command": "cnnapps digits train --out 'a & b'",
        "next_command": "cnnapps digits predict page.jpg",
    }
    return report.render(**values | changes)


def test_a_page_holds_everything_in_order():
    page = Page(example())
    order = ["Digits <1 & 2>", "accuracy", "99.7 %", "Training", "First.", "Second.", "Table", "class", "7"]
    order += ["Made by", "cnnapps digits train --out 'a & b'", "Next", "cnnapps digits predict page.jpg"]
    places = [page.text.rindex(part) for part in order]
    assert places == sorted(places)
    assert [tag for tag, _ in page.tags].count("p") == 2 + 2
    assert [tag for tag, _ in page.tags].count("img") == 1


def test_what_users_wrote_is_escaped():
    html = example()
    assert "<script" not in html and "&lt;script&gt;alert(1)" in html and "Digits &lt;1 &amp; 2&gt;" in html


def test_pictures_are_inside_byte_for_byte():
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    page = Page(example(sections=[Section("Picture", figure=png)]))
    (image,) = [attributes for tag, attributes in page.tags if tag == "img"]
    head, _, data = image["src"].partition(",")
    assert head == "data:image/png;base64" and base64.b64decode(data, validate=True) == png
    assert image["alt"] == "Picture"


def test_a_page_asks_nothing_of_the_network_and_runs_nothing():
    html = example()
    tags = Page(html).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object"}
    sources = [
        value for _, attributes in tags for name, value in attributes.items() if name in ("src", "href")
    ]
    assert sources and all(source.startswith("data:") for source in sources)
    style = html[html.index("<style>") : html.index("</style>")]
    assert not re.search(r"url\(|@import|https?:", style)


def test_a_page_fits_phones_and_dark_rooms():
    html = example()
    metas = {
        attributes.get("name"): attributes.get("content")
        for tag, attributes in Page(html).tags
        if tag == "meta"
    }
    assert "width=device-width" in metas["viewport"] and metas["color-scheme"] == "light dark"
    assert "prefers-color-scheme: dark" in html and "max-width: 100%" in html


def test_what_is_absent_leaves_no_empty_frame():
    page = Page(example(summary_rows=[], sections=[], command="", next_command=""))
    assert not {tag for tag, _ in page.tags} & {"table", "section", "footer", "figure", "pre"}
