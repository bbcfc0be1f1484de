"""The documents say what the program does."""

import re
from pathlib import Path

import pytest

from erp import reference
from erp.module_reference import shipped_modules
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


def test_every_event_has_a_docstring(app):
    events = reference.announced(app)
    assert {"RunEnded", "LinesServed"} <= {event.__name__ for event in events}
    # A dataclass without a docstring is given one that repeats its signature.
    assert [event for event in events if event.__doc__.startswith(f"{event.__name__}(")] == []


def test_every_hook_has_a_docstring(app):
    hooks = reference.asked(app)
    assert {"products_in_use", "pack_refusals"} <= {hook.__name__ for hook in hooks}
    assert [hook.__name__ for hook in hooks if not hook.__doc__] == []


def test_events_and_hooks_name_who_takes_part(app):
    page = reference.events(app) + reference.hooks(app)
    assert "### inventory_lots: GoodsArrived\n\n`GoodsArrived(product_ids, are_free)`" in page
    assert "Published by procurement.\n\n- **sales**: " in page
    assert "`pack_refusals(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, ErpError]`" in page
    assert "Asked by sales.\n\n- **preorder**: " in page


def test_what_a_shipped_module_offers_names_classes_columns_screens_and_functions(app):
    page = shipped_modules(app)
    assert "- `sales_customer` `Customer`: " in page and "`sku` (String)" in page
    assert re.search(r"- `inventory_lots.product`: Products, at `[^`]+`, of rows of `Product`\.", page)
    assert re.search(r"- `pack_order\(session: Session, order_id: int.*?`: \w", page)


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
