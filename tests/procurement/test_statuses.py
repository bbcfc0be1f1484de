"""Purchase line statuses: given to lines, saved, deleted and imported."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.models import HistoryEntry
from modules.procurement.domain import StatusData
from modules.procurement.errors import NameTaken, StatusInUse
from modules.procurement.events import LineStatusChanged, StatusChange
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder
from modules.procurement.services import (
    delete_status,
    save_status,
    set_status,
)
from tests.support.procurement import (
    dump,
    load,
    make_purchase_order,
    make_status,
    order_entries,
    order_history,
    refusals,
)


def default_status(session: Session) -> PurchaseLineStatus:
    return session.scalars(select(PurchaseLineStatus).where(PurchaseLineStatus.is_default)).one()


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    order = make_purchase_order(session, lines=[{}, {}, {}])
    session.commit()
    return order


def test_a_status_is_given_to_many_lines_at_once(session: Session, order: PurchaseOrder, heard: list[Any]) -> None:
    status = make_status(session, name="At sea")
    order.lines[1].status = status
    session.commit()
    assert set_status(session, [line.id for line in order.lines], status.id) == 2
    entries = [entry.id for entry in session.scalars(order_entries().order_by(HistoryEntry.id))]
    first, _, third = order.lines
    assert heard == [
        LineStatusChanged(
            (
                StatusChange(first.id, None, status.id, entries[0]),
                StatusChange(third.id, None, status.id, entries[1]),
            )
        )
    ]
    assert order_history(session) == [(1, "status", "", "At sea"), (3, "status", "", "At sea")]


def test_a_status_can_be_taken_away(session: Session, order: PurchaseOrder) -> None:
    status = make_status(session, name="At sea")
    session.commit()
    set_status(session, [order.lines[0].id], status.id)
    set_status(session, [order.lines[0].id], None)
    assert order.lines[0].status is None
    assert order_history(session) == [(1, "status", "", "At sea"), (1, "status", "At sea", "")]


def test_there_and_back_are_two_changes_with_entries_of_their_own(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    one, other = make_status(session), make_status(session)
    session.commit()
    for status in (one, other, one):
        set_status(session, [order.lines[0].id], status.id)
    assert len({fact.changes[0].history_id for fact in heard}) == 3


def test_the_status_of_a_first_purchase_allocation_says_that_it_is_the_default(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    status = make_status(session)
    session.commit()
    set_status(session, [order.lines[0].id], status.id, is_default=True)
    assert heard[0].is_default


def test_a_new_default_replaces_the_old_one(session: Session) -> None:
    old = save_status(session, None, StatusData("Ordered", 1, is_default=True))
    new = save_status(session, None, StatusData("Confirmed", 2, is_default=True))
    assert default_status(session) is new
    assert not old.is_default
    save_status(session, old.id, StatusData("Ordered", 1, is_default=True))
    assert default_status(session) is old


def test_being_the_default_gives_a_status_to_no_line(session: Session, order: PurchaseOrder) -> None:
    save_status(session, None, StatusData("Ordered", is_default=True))
    assert [line.status for line in order.lines] == [None, None, None]


def test_two_statuses_of_one_name_are_refused(session: Session) -> None:
    save_status(session, None, StatusData("Ordered"))
    other = save_status(session, None, StatusData("Confirmed"))
    with pytest.raises(NameTaken):
        save_status(session, None, StatusData("Ordered"))
    with pytest.raises(NameTaken):
        save_status(session, other.id, StatusData("Ordered"))
    save_status(session, other.id, StatusData("Confirmed", 5))
    assert other.position == 5


def test_a_status_in_use_cannot_be_deleted(session: Session, order: PurchaseOrder) -> None:
    status = make_status(session)
    order.lines[0].status = status
    session.commit()
    with pytest.raises(StatusInUse):
        delete_status(session, status.id)
    set_status(session, [order.lines[0].id], None)
    delete_status(session, status.id)
    assert session.scalars(select(PurchaseLineStatus)).all() == []


def test_statuses_are_made_and_changed_by_name(session: Session) -> None:
    load(session, "purchase_line_statuses", "name,position,is_default", "Ordered,1,yes", "At sea,2,no")
    summary = load(session, "purchase_line_statuses", "name,position,is_default", "At sea,5,yes", "Landed,,")
    assert summary == "2 statuses: 1 new, 1 changed."
    rows = dump(session, "purchase_line_statuses")
    assert [row.split(",")[:3] for row in rows[1:]] == [
        ["Ordered", "1", "no"],
        ["At sea", "5", "yes"],
        ["Landed", "0", "no"],
    ]


def test_only_one_status_of_a_file_is_the_default(session: Session) -> None:
    rows = ("name,is_default", "Ordered,yes", "At sea,yes")
    assert refusals(session, "purchase_line_statuses", *rows) == [(3, "is_default")]


def test_a_file_that_only_names_statuses_leaves_everything_else(session: Session) -> None:
    make_status(session, name="Ordered", position=3, is_default=True)
    session.commit()
    assert load(session, "purchase_line_statuses", "name", "Ordered") == "1 status: 0 new, 0 changed."
    status = session.scalars(select(PurchaseLineStatus)).one()
    assert (status.position, status.is_default) == (3, True)


def test_a_hundred_statuses_are_made_and_changed_in_as_many_statements_as_two(
    session: Session, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def sent_for(prefix: str, count: int) -> int:
        head = "name,position,is_default"
        load(session, "purchase_line_statuses", head, *(f"{prefix}{n},{n},no" for n in range(count)))
        old = [f"{prefix}{n},{n + n % 2},{'yes' if n == 1 else 'no'}" for n in range(count)]
        with count_statements() as sent:
            load(session, "purchase_line_statuses", head, *old, *(f"{prefix}NEW{n},{n},no" for n in range(count)))
        return len(sent)

    sent_for("WARM", 2)
    assert sent_for("MANY", 100) == sent_for("FEW", 2)
    values = select(PurchaseLineStatus.name, PurchaseLineStatus.position, PurchaseLineStatus.is_default)
    found = session.execute(values.where(PurchaseLineStatus.name.in_(("FEW1", "FEWNEW1", "MANY1", "MANY3")))).all()
    assert sorted(map(tuple, found)) == [
        ("FEW1", 2, True),
        ("FEWNEW1", 1, False),
        ("MANY1", 2, False),
        ("MANY3", 4, False),
    ]
    changed = select(HistoryEntry.field, HistoryEntry.old_value, HistoryEntry.new_value)
    entries = session.execute(changed.where(HistoryEntry.document_name == "MANY3")).all()
    assert entries == [("position", "3", "4")]
