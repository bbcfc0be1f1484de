"""The history: written once, automatically where fields are edited, and never changed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.exc import IntegrityError

from erp import events, history
from erp.events import run
from erp.history import Subject, record
from erp.models import HistoryEntry, RunEntry, RunKind
from tests.support.inventory_lots import make_product
from tests.support.sales import make_customer, make_draft

GATE = Subject("house.gate", 7, "Front gate")


def entries(session):
    return session.scalars(select(HistoryEntry).order_by(HistoryEntry.id.desc())).all()


def test_an_entry_says_who_when_what_from_to_and_why(session):
    with run(RunKind.screen, "paint", "anna"):
        record(session, GATE, "painted", field="colour", old="red", new="green", why="It was spring.")
        session.commit()
    entry = entries(session)[0]
    assert (entry.user_name, entry.at) == ("anna", datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert (entry.document, entry.document_id, entry.document_name) == ("house.gate", 7, "Front gate")
    assert (entry.action, entry.field, entry.old_value, entry.new_value) == ("painted", "colour", "red", "green")
    assert entry.why == "It was spring."


def test_what_a_job_changes_is_signed_by_the_job(session):
    with run(RunKind.job, "sweep"):
        record(session, GATE, "swept")
        session.commit()
    assert entries(session)[0].user_name == "job sweep"


def test_edited_fields_are_recorded_by_themselves(session):
    product = make_product(session, name="Brass Screw")
    session.commit()
    before = len(entries(session))
    with history.because(session, "A typing error."):
        product.name = "Brass screw"
        product.unit_decimals = product.unit_decimals
    new = entries(session)[: len(entries(session)) - before]
    assert [(entry.field, entry.old_value, entry.new_value, entry.why) for entry in new] == [
        ("name", "Brass Screw", "Brass screw", "A typing error.")
    ]


def test_a_reason_inside_another_goes_first_and_leaves_the_other_in_place(session):
    with history.because(session, "A move."):
        with history.because(session, "A typing error."):
            inner = record(session, GATE, "painted")
        with history.because(session, ""):
            empty = record(session, GATE, "painted")
        outer = record(session, GATE, "painted")
    after = record(session, GATE, "painted")
    assert [entry.why for entry in (inner, empty, outer, after)] == ["A typing error.", "A move.", "A move.", ""]


@pytest.mark.parametrize("by", ["customer", "customer_id"])
def test_a_row_that_is_led_to_is_recorded_by_its_name_however_it_is_set(session, by):
    anna, berta = (make_customer(session, code=code, name=name) for code, name in (("A", "Anna"), ("B", "Berta")))
    draft = make_draft(session, customer=anna)
    setattr(draft, by, berta if by == "customer" else berta.id)
    session.commit()
    (entry,) = (entry for entry in entries(session) if entry.document == "sales.order")
    assert (entry.field, entry.old_value, entry.new_value) == ("customer", "Anna (A)", "Berta (B)")
    assert draft.customer is berta


def test_a_value_where_there_was_none_is_recorded_even_of_a_row_just_made(session):
    line = make_draft(session).lines[0]
    line.unit_price = Decimal(2)
    session.flush()
    entry = entries(session)[0]
    assert (entry.field, entry.old_value, entry.new_value) == ("unit_price", "", "2")


@pytest.mark.parametrize("change", [lambda entry: setattr(entry, "why", "otherwise")])
def test_an_entry_cannot_be_edited(session, change):
    entry = record(session, GATE, "painted")
    session.commit()
    change(entry)
    with pytest.raises(RuntimeError, match="never changed"):
        session.flush()
    session.rollback()


def test_an_entry_cannot_be_deleted(session):
    entry = record(session, GATE, "painted")
    session.commit()
    session.delete(entry)
    with pytest.raises(RuntimeError, match="never changed"):
        session.flush()
    session.rollback()


def test_entries_cannot_be_deleted_in_bulk_either(session):
    record(session, GATE, "painted")
    session.commit()
    with pytest.raises(RuntimeError, match="never changed"):
        session.execute(delete(HistoryEntry))
    session.rollback()


@pytest.mark.parametrize(
    "statement", ["UPDATE erp_history_entry SET why = 'otherwise'", "DELETE FROM erp_history_entry"]
)
def test_the_database_itself_refuses_to_change_what_is_written(session, statement):
    record(session, GATE, "painted")
    session.commit()
    with pytest.raises(IntegrityError, match="written once and never changed"):
        session.execute(text(statement))
    session.rollback()
    assert [entry.why for entry in entries(session) if entry.document == GATE.document] == [""]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (Decimal("3.5000"), "3.5"),
        (Decimal("100"), "100"),
        (date(2026, 11, 23), "2026-11-23"),
        (RunKind.job, "job"),
        (7, "7"),
    ],
)
def test_values_are_written_in_readable_form(value, written):
    assert history.as_text(value) == written


def test_a_run_that_changes_nothing_leaves_no_row(session):
    with run(RunKind.command, "view"):
        session.scalar(select(HistoryEntry.id))
    assert session.scalars(select(RunEntry).where(RunEntry.name == "view")).all() == []


def test_a_run_is_one_row_with_its_end(session):
    with run(RunKind.job, "sweep") as current:
        first, second = current.id(session), current.id(session)
        session.commit()
    assert first == second
    assert session.get_one(RunEntry, first).ended_at is not None


def test_a_run_that_is_rolled_back_is_written_again_when_it_is_retried(session):
    with run(RunKind.job, "sweep") as current:
        current.id(session)
        session.rollback()
        again = current.id(session)
        session.commit()
    assert session.get_one(RunEntry, again).name == "sweep"


def test_the_end_of_a_run_is_announced_in_a_transaction_of_its_own(app, session, monkeypatch):
    heard = []
    registry = app.extensions["erp"]
    monkeypatch.setattr(registry, "handlers", lambda fact: [lambda session, ended: heard.append(ended)])
    with pytest.raises(ZeroDivisionError), run(RunKind.job, "sweep") as current:
        id_ = current.id(session)
        session.commit()
        current.id(session)
        raise ZeroDivisionError
    assert heard == [events.RunEnded(id_)]
