"""The words that go are found where they are, and nowhere else."""

from pathlib import Path

import pytest

from tests.support import words


def found(path, text):
    return [(finding.line, finding.word) for finding in words.find(path, text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One deed.\nMany Doors.", [(1, "deed"), (2, "Doors")]),
        ("It reckoned with strangers.", [(1, "reckoned"), (1, "strangers")]),
        ("What is put\n    # right is right.", [(1, "put\n    # right")]),
        ("It lets go by the clock.", [(1, "by the clock"), (1, "lets go")]),
        ("outdoor indeed adoor", []),
        ("A link on the page; the rest; people look.", []),
    ],
)
def test_prose_is_searched_for_the_words_that_go_everywhere(text, expected):
    assert found("docs/page.md", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def test_a_link_is_made(person): pass", [(1, "person"), (1, "test_a_link_is_made")]),
        ("class OrderLink: pass", [(1, "OrderLink")]),
        ("a = 1\nb = f'{a.how}'", [(2, "how")]),
        ("from a.links import b as told", [(1, "links"), (1, "told")]),
        ("columns = ('linked_quantity', 'how far')", [(1, "linked_quantity")]),
        ("os.link(a, b); file.tell(); pytest.param(1, marks=())", []),
        ("options.backorder_email.on_link", []),
        ("forest = blinker.linkify(teller)", []),
        ("# The rest of the figures.", []),
    ],
)
def test_python_is_searched_by_name(text, expected):
    assert found("erp/some.py", text) == expected


def test_templates_are_searched_in_their_expressions():
    text = "<link rel='icon'>How people look\n{{ order.link }}{% if told == 'link' %}{{ 'rest'|upper }}{% endif %}"
    assert found("erp/templates/erp/some.html", text) == [(2, "link"), (2, "told")]


def test_javascript_is_searched_without_its_texts_and_comments():
    text = "// the rest\nconst figures = 'link'; /* how\npeople */\nopenLink(`told`);"
    assert found("erp/static/erp.js", text) == [(2, "figures"), (4, "openLink")]


@pytest.mark.parametrize("path", ["tests/sales/test_links.py", "modules/sales/figures.py"])
def test_files_are_searched_by_name(path):
    assert found(path, "") == [(1, f"file {Path(path).name}")]


def test_findings_are_printed_by_place_or_counted_by_file(tmp_path, capsys):
    (tmp_path / "page.md").write_text("One deed.\nAnother deed.\n")
    (tmp_path / "clean.md").write_text("One action.\n")
    assert words.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{tmp_path}/page.md:1: deed\n{tmp_path}/page.md:2: deed\n"
    assert words.main(["--count", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"    2 {tmp_path}/page.md\n    2 in all\n"
    assert words.main([str(tmp_path / "clean.md")]) == 0
