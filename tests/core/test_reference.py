"""The documents say what the program does."""

from pathlib import Path

import pytest

from erp import reference
from erp.options import OptionTable, example_ini

ROOT = Path(__file__).parents[2]
SOURCE = "run `python -m erp.reference`"


@pytest.fixture
def registry(app):
    return app.extensions["erp"]


def test_the_example_file_is_current(registry):
    text = (ROOT / reference.EXAMPLE).read_text(encoding="utf-8")
    assert text == example_ini(registry.option_table.by_section()), SOURCE


def test_the_example_file_is_accepted_and_changes_nothing(registry):
    table = OptionTable(registry.option_table.by_section(), ROOT / reference.EXAMPLE)
    assert {found.source for found in table.effective({}).values()} == {"default"}


@pytest.mark.parametrize("path", reference.DOCUMENTS, ids=str)
def test_a_document_is_current(app, path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text == reference.current(app, text), SOURCE
    assert any(f"<!-- {part} -->" in text for part in reference.PARTS)


def test_writing_makes_them_current(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (reference.EXAMPLE, *reference.DOCUMENTS):
        path.parent.mkdir(exist_ok=True)
        path.write_text("# A page\n<!-- options -->\nstale words\n<!-- end of options -->\nEnd.\n")
    reference.write()
    text = reference.DOCUMENTS[0].read_text()
    assert "stale words" not in text
    assert "| `sales.backorders` | `yes` |" in text
    assert text.startswith("# A page\n")
    assert text.endswith("\nEnd.\n")
