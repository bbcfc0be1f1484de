"""Columns that are not attributes: a set of them is read once a page, in lists, exports and tables of lines."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from erp.admin import ExtraColumn, ExtraColumns, by_ids, of_each
from erp.admin.declarations import column_heads, read_columns
from erp.admin.site import current_site
from tests.support import inventory_lots, sales


@dataclass(frozen=True)
class Size:
    length: Decimal
    width: Decimal


class Sizes:
    """Reads the same size for every row, and counts how often it is asked."""

    def __init__(self):
        self.reads = 0
        self.columns = ExtraColumns((("length", "Length"), ("width", "Width")), self.values)

    def values(self, session, rows):
        self.reads += 1
        return {row.id: Size(Decimal("12.5"), Decimal("7.25")) for row in rows}


@pytest.fixture
def sizes():
    return Sizes()


@dataclass
class Row:
    id: int


def test_columns_are_read_in_their_order_and_a_set_of_them_once(app, sizes):
    shout = ExtraColumn("shout", "Shout", lambda session, rows: {1: "A!"})
    columns = (shout, sizes.columns)
    assert column_heads(columns) == [("shout", "Shout"), ("length", "Length"), ("width", "Width")]
    assert read_columns(columns, None, [Row(1), Row(2)]) == [
        ["A!", Decimal("12.5"), Decimal("7.25")],
        [None, Decimal("12.5"), Decimal("7.25")],
    ]
    assert sizes.reads == 1


def test_a_column_shows_what_each_row_has_itself_or_what_a_query_gives_by_ids(app):
    asked = []

    def names(_session, ids):
        asked.append(ids)
        return {1: "one"}

    columns = (
        ExtraColumn("twice", "Twice", of_each(lambda row: row.id * 2)),
        ExtraColumn("name", "Name", by_ids(names)),
    )
    assert read_columns(columns, None, [Row(1), Row(2)]) == [[2, "one"], [4, None]]
    assert asked == [[1, 2]]


def test_no_column_is_read_where_there_are_no_rows(sizes):
    assert read_columns((sizes.columns,), None, []) == []
    assert sizes.reads == 0


def test_a_set_of_columns_may_be_a_mapping_and_leave_rows_out(app):
    columns = ExtraColumns((("length", "Length"),), lambda session, rows: {1: {"length": 3}})
    assert read_columns((columns,), None, [Row(1), Row(2)]) == [[3], [None]]


def test_a_list_reads_its_own_set_of_columns_once(client, session, monkeypatch, sizes):
    inventory_lots.make_product(session)
    inventory_lots.make_product(session)
    session.commit()
    monkeypatch.setattr(current_site().view("inventory_lots.product"), "computed_columns", (sizes.columns,))
    page = client.get("/inventory/products/").text
    assert "Length" in page and "Width" in page
    assert page.count("12.5<") == page.count("7.25<") == 2
    assert sizes.reads == 1


def test_another_modules_set_of_columns_is_read_once_in_the_list_and_in_its_export(client, session, monkeypatch, sizes):
    inventory_lots.make_product(session)
    session.commit()
    contribute(monkeypatch, "inventory_lots.product", columns=(sizes.columns,))
    assert "7.25" in client.get("/inventory/products/").text
    assert sizes.reads == 1
    lines = client.get("/inventory/products/export/csv/").text.splitlines()
    assert [line.split(",")[-2:] for line in lines] == [["Length", "Width"], ["12.5", "7.25"]]
    assert sizes.reads == 2


def test_the_lines_of_a_document_read_a_set_of_columns_once(client, session, monkeypatch, sizes):
    product = inventory_lots.make_product(session)
    order = sales.make_order(session, [(product, 1), (product, 2)])
    session.commit()
    contribute(monkeypatch, "sales.order", line_columns=(sizes.columns,))
    page = client.get(f"/sales/orders/{order.id}/").text
    assert "Length" in page and "Width" in page
    assert page.count("12.5<") == page.count("7.25<") == 2
    assert sizes.reads == 1


def contribute(monkeypatch, name, **parts):
    view = current_site().view(name)
    before = view.contributed
    monkeypatch.setattr(view, "contributed", lambda kind: [*before(kind), *parts.get(kind, ())])
