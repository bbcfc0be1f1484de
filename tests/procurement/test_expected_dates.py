"""Expected dates: set by a service and by a file."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.models import HistoryEntry
from modules.procurement.events import Arrival, ArrivalChanged
from modules.procurement.models import PurchaseOrder
from modules.procurement.services import (
    set_expected_dates,
)
from tests.support.procurement import (
    dump,
    load,
    make_purchase_order,
    order_history,
    refusals,
)

MAY, JUNE = date(2026, 5, 4), date(2026, 6, 1)


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    order = make_purchase_order(session, lines=[{"expected_on": MAY}, {"expected_on": MAY}, {}])
    session.commit()
    return order


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


def test_each_changed_date_is_recorded_in_the_history(session: Session, order: PurchaseOrder) -> None:
    set_expected_dates(session, {line.id: JUNE for line in order.lines})
    assert order_history(session) == [
        (1, "expected_on", "2026-05-04", "2026-06-01"),
        (2, "expected_on", "2026-05-04", "2026-06-01"),
        (3, "expected_on", "", "2026-06-01"),
    ]


def test_the_same_date_again_is_no_news(session: Session, order: PurchaseOrder, heard: list[Any]) -> None:
    assert set_expected_dates(session, {order.lines[0].id: MAY}) == 0
    assert heard == []
    assert order_history(session) == []


def test_expected_dates_are_set_and_cleared(session: Session, ordered: PurchaseOrder, heard: list[Any]) -> None:
    load(session, "expected_dates", "number,line,expected_on", "PO-1,1,2026-05-04", "PO-1,2,2026-05-04")
    summary = load(session, "expected_dates", "number,line,expected_on", "PO-1,1,", "PO-1,2,2026-05-04")
    assert summary == "2 expected dates: 1 changed."
    assert dump(session, "expected_dates") == [
        "number,line,expected_on",
        "PO-1,1,",
        "PO-1,2,2026-05-04",
        "PO-1,3,",
    ]
    assert [len(fact.arrivals) for fact in heard if isinstance(fact, ArrivalChanged)] == [2, 1]
    assert len(session.scalars(select(HistoryEntry).where(HistoryEntry.field == "expected_on")).all()) == 3


@pytest.mark.parametrize(
    ("row", "column"),
    [("PO-1,1,2026-05-05", "number"), ("PO-1,9,", "line"), ("PO-9,1,", "number"), ("PO-1,2,soon", "expected_on")],
)
def test_a_date_that_does_not_fit_is_named_and_none_is_set(
    session: Session, ordered: PurchaseOrder, row: str, column: str
) -> None:
    rows = ("number,line,expected_on", "PO-1,1,2026-05-04", row)
    assert refusals(session, "expected_dates", *rows) == [(3, column)]
    assert ordered.lines[0].expected_on is None
