"""When goods are expected, and the statuses of their lines."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from erp.models import HistoryEntry
from modules.procurement.errors import NameTaken, StatusInUse, SupplierInUse
from modules.procurement.events import Arrival, ArrivalChanged, LineStatusChanged, StatusChange
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder
from modules.procurement.queries import default_status
from modules.procurement.services import (
    delete_status,
    delete_supplier,
    save_status,
    save_supplier,
    set_expected_dates,
    set_status,
)
from tests.support.procurement import make_purchase_order, make_status, make_supplier

MAY, JUNE = date(2026, 5, 4), date(2026, 6, 1)


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    order = make_purchase_order(session, lines=[{"expected_on": MAY}, {"expected_on": MAY}, {}])
    session.commit()
    return order


def entries_of_orders() -> Select[HistoryEntry]:
    return select(HistoryEntry).where(HistoryEntry.document == "procurement.purchase_order")


def history(session: Session) -> list[tuple[Any, ...]]:
    entries = session.scalars(entries_of_orders().order_by(HistoryEntry.line, HistoryEntry.id))
    return [(entry.line, entry.field, entry.old_value, entry.new_value) for entry in entries]


def test_expected_dates_change_line_by_line_and_are_announced_at_once(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    first, second, third = order.lines
    changed = set_expected_dates(session, {first.id: JUNE, second.id: MAY, third.id: JUNE})
    assert changed == 2
    assert [line.expected_on for line in order.lines] == [JUNE, MAY, JUNE]
    assert heard == [ArrivalChanged((Arrival(first.id, MAY, JUNE), Arrival(third.id, None, JUNE)))]


def test_a_date_can_be_cleared(session: Session, order: PurchaseOrder, heard: list[Any]) -> None:
    line = order.lines[0]
    set_expected_dates(session, {line.id: None})
    assert line.expected_on is None
    assert heard == [ArrivalChanged((Arrival(line.id, MAY, None),))]


def test_each_changed_date_stands_in_the_history(session: Session, order: PurchaseOrder) -> None:
    set_expected_dates(session, {line.id: JUNE for line in order.lines})
    assert history(session) == [
        (1, "expected_on", "2026-05-04", "2026-06-01"),
        (2, "expected_on", "2026-05-04", "2026-06-01"),
        (3, "expected_on", "", "2026-06-01"),
    ]


def test_the_same_date_again_is_no_news(session: Session, order: PurchaseOrder, heard: list[Any]) -> None:
    assert set_expected_dates(session, {order.lines[0].id: MAY}) == 0
    assert heard == []
    assert history(session) == []


def test_a_status_is_given_to_many_lines_as_one_deed(session: Session, order: PurchaseOrder, heard: list[Any]) -> None:
    status = make_status(session, name="At sea")
    order.lines[1].status = status
    session.commit()
    assert set_status(session, [line.id for line in order.lines], status) == 2
    entries = [entry.id for entry in session.scalars(entries_of_orders().order_by(HistoryEntry.id))]
    first, _, third = order.lines
    assert heard == [
        LineStatusChanged(
            (
                StatusChange(first.id, None, status.id, entries[0]),
                StatusChange(third.id, None, status.id, entries[1]),
            )
        )
    ]
    assert history(session) == [(1, "status", "", "At sea"), (3, "status", "", "At sea")]


def test_a_status_can_be_taken_away(session: Session, order: PurchaseOrder) -> None:
    status = make_status(session, name="At sea")
    session.commit()
    set_status(session, [order.lines[0].id], status)
    set_status(session, [order.lines[0].id], None)
    assert order.lines[0].status is None
    assert history(session) == [(1, "status", "", "At sea"), (1, "status", "At sea", "")]


def test_there_and_back_are_two_changes_with_entries_of_their_own(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    one, other = make_status(session), make_status(session)
    session.commit()
    for status in (one, other, one):
        set_status(session, [order.lines[0].id], status)
    assert len({fact.changes[0].history_id for fact in heard}) == 3


def test_the_status_of_a_first_claim_says_that_it_is_the_default(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    status = make_status(session)
    session.commit()
    set_status(session, [order.lines[0].id], status, is_default=True)
    assert heard[0].is_default


def test_a_new_default_takes_the_mark_from_the_old_one(session: Session) -> None:
    old = save_status(session, None, name="Ordered", position=1, is_default=True)
    new = save_status(session, None, name="Confirmed", position=2, is_default=True)
    assert default_status(session) is new
    assert not old.is_default
    save_status(session, old, name="Ordered", position=1, is_default=True)
    assert default_status(session) is old


def test_being_the_default_gives_a_status_to_no_line(session: Session, order: PurchaseOrder) -> None:
    save_status(session, None, name="Ordered", is_default=True)
    assert [line.status for line in order.lines] == [None, None, None]


def test_two_statuses_of_one_name_are_refused(session: Session) -> None:
    save_status(session, None, name="Ordered")
    other = save_status(session, None, name="Confirmed")
    with pytest.raises(NameTaken):
        save_status(session, None, name="Ordered")
    with pytest.raises(NameTaken):
        save_status(session, other, name="Ordered")
    save_status(session, other, name="Confirmed", position=5)
    assert other.position == 5


def test_a_status_in_use_cannot_be_deleted(session: Session, order: PurchaseOrder) -> None:
    status = make_status(session)
    order.lines[0].status = status
    session.commit()
    with pytest.raises(StatusInUse):
        delete_status(session, status)
    set_status(session, [order.lines[0].id], None)
    delete_status(session, status)
    assert session.scalars(select(PurchaseLineStatus)).all() == []


def test_two_suppliers_of_one_code_are_refused(session: Session) -> None:
    first = save_supplier(session, None, code="S01", name="Exotic Liquids")
    with pytest.raises(NameTaken):
        save_supplier(session, None, code="S01", name="Another")
    save_supplier(session, first, code="S01", name="Exotic Liquids Ltd", email="s01@suppliers.example")
    assert first.name == "Exotic Liquids Ltd"


def test_a_supplier_with_purchase_orders_cannot_be_deleted(session: Session, order: PurchaseOrder) -> None:
    with pytest.raises(SupplierInUse):
        delete_supplier(session, order.supplier)
    spare = make_supplier(session)
    delete_supplier(session, spare)
    assert spare not in session
