"""What is exported and imported again changes nothing, whatever the texts are."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from erp.db import commit, db
from erp.exchange import as_cell, export_csv, import_csv, read_csv
from erp.exchange.writing import line_of
from erp.registry import current_registry
from modules.inventory_lots.models import Location
from tests.support.inventory_lots import make_location

SIGNS = "'=+-@\t\r\n\",;aé "
texts = st.text(st.sampled_from(SIGNS), max_size=8)
names = st.text(st.sampled_from("'=+-@\",;aé "), min_size=1, max_size=8).map(str.strip).filter(bool)
files = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ON_ORDERS = {"sales_orders", "purchase_orders"}


def written(header, *rows):
    """Return a file as an export writes it."""
    return "".join([f"{header}\n", *(line_of(map(as_cell, row)) for row in rows)]).encode()


def exported(kind):
    return "".join(export_csv(db.session(), kind)).encode()


def take_in(kind, data):
    return commit(lambda session: import_csv(session, kind, data, update=kind in ON_ORDERS))


@files
@given(texts)
@example("'=1")
@example("''\t")
@example("\ra")
def test_any_text_comes_back_as_it_was_written(app, text):
    reading = read_csv("email_templates", written("name,subject,body", ("N", "S", f"x{text}"), ("M", "S", text)))
    assert next(row["body"] for row in reading.rows) == f"x{text}"
    if text.strip():
        assert reading.rows[1]["body"] == text
    else:
        assert [error.column for error in reading.errors.problems()] == ["body"]


@settings(files, max_examples=6)
@given(st.lists(names, min_size=2, max_size=4, unique_by=lambda name: " ".join(name.casefold().split())), texts)
def test_everything_that_is_exported_is_imported_again_with_nothing_changed(app, found, text):
    session = db.session()
    if session.scalar(select(Location.id).where(Location.path == "WH/A")) is None:
        make_location(session, "WH/A")
        session.commit()
    take_in("products", written("sku,name,tracking", *((name, f"{name} x", "lot") for name in found)))
    take_in("customers", written("code,name,email", *((name, name, "a@x.example") for name in found)))
    take_in("suppliers", written("code,name", *((name, name) for name in found)))
    take_in("stock", written("sku,lot,location,quantity", *((name, name, "WH/A", 5) for name in found)))
    take_in("email_templates", written("name,subject,body", *((name, "S", f"{text}x") for name in found)))
    take_in("purchase_line_statuses", written("name,email_template", *((name, name) for name in found)))
    take_in(
        "on_hand_changes", written("sku,date,quantity,note", *((name, date(2027, 1, 2), -1, name) for name in found))
    )
    orders = [(f"{name}-{at}", name, found[0], at + 1) for at, name in enumerate(found)]
    take_in("sales_orders", written("number,customer,sku,quantity", *orders))
    bought = [(f"{name}-{at}", name, found[at % 2], at % 2 + 1, name) for at, name in enumerate([*found, *found[:1]])]
    take_in("purchase_orders", written("number,supplier,sku,quantity,status", *bought))
    kinds = set(current_registry().imports) & set(current_registry().exports)
    for kind in sorted(kinds):
        before = exported(kind)
        summary = take_in(kind, before)
        assert "0 changed" in summary or summary == "0 rows.", (kind, summary)
        assert exported(kind) == before
