"""A whole order book is served by import files and commands alone, on both databases, and checked line by line."""

import csv
import os
from datetime import date
from pathlib import Path

import pytest

from tests.scenarios.order_books import KINDS, Reference, write_book

NORTHWIND = Path(os.environ.get("ERP_NORTHWIND", "../shared/data/northwind")).absolute()
TODAY = date(2026, 11, 23)


def serve(erp, folder, rule):
    erp("init")
    erp("options", "set", "preorder.auto_allocate", "yes")
    erp("options", "set", "preorder.insufficient_supply", rule)
    for kind in KINDS:
        erp("import", kind, folder / f"{kind}.csv")
    erp("allocate")


def rows(text):
    return list(csv.reader(text.splitlines()))[1:]


def open_backorders(text):
    return {
        (row["order"], int(row["line"])): int(row["open_quantity"])
        for row in csv.DictReader(text.splitlines())
        if row["state"] == "open"
    }


def check_line_by_line(erp, folder, rule):
    expected = Reference(folder, rule, TODAY)
    first = erp("export", "allocations")
    assert rows(first) == expected.allocations()
    assert open_backorders(erp("export", "backorders")) == expected.backorders()
    erp("allocate")
    assert erp("export", "allocations") == first
    erp("check")


@pytest.mark.parametrize("rule", ["skip", "partial"])
def test_a_made_up_book_is_served_as_the_reference_serves_it(erp, tmp_path, rule):
    folder = write_book(tmp_path, seed=4)
    serve(erp, folder, rule)
    check_line_by_line(erp, folder, rule)


@pytest.mark.skipif(not NORTHWIND.is_dir(), reason="no Northwind order book (ERP_NORTHWIND names its folder)")
@pytest.mark.parametrize(("rule", "purchase_allocated"), [("skip", 753), ("partial", 780)])
def test_northwind_is_served_line_by_line(erp, rule, purchase_allocated):
    serve(erp, NORTHWIND, rule)
    check_line_by_line(erp, NORTHWIND, rule)
    exported = rows(erp("export", "allocations"))
    assert sum(int(row[8]) for row in exported if row[3] == "lot") == 3119
    assert sum(int(row[8]) for row in exported if row[3] == "purchase") == purchase_allocated
    waiting = open_backorders(erp("export", "backorders"))
    assert (len(waiting), sum(waiting.values())) == (2028, 48198)
