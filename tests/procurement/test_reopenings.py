"""Reopening: cancelled quantity of purchase order lines comes after all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.models import HistoryEntry
from modules.inventory_lots.errors import BadQuantity
from modules.procurement import services
from modules.procurement.domain import Delivery, Reopening
from modules.procurement.errors import (
    ExpectedDatePassed,
    NothingCancelled,
    OrderWithoutLines,
    ReasonMissing,
    ReopenedTooMuch,
)
from modules.procurement.events import Arrival, ArrivalChanged, SupplyChanged
from modules.procurement.models import PurchaseOrder
from modules.procurement.queries import broken_invariants
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location
from tests.support.marked_fields import marked_fields
from tests.support.procurement import ORDERS, make_purchase_order, page, post

PAST, LATER = date(2026, 6, 1), date(2027, 1, 10)


def reopen(
    session: Session, order: PurchaseOrder, quantity: int | str, *, line: int = 0, on: date | None = None
) -> None:
    reopening = Reopening(order.lines[line].id, Decimal(quantity), on)
    services.reopen_lines(session, [reopening], why="the supplier found more")
    session.commit()


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    """Ten of one product and five of another, without dates."""
    order = make_purchase_order(session, [{"quantity": 10}, {"quantity": 5}])
    make_location(session)
    session.commit()
    return order


def close(session: Session, order: PurchaseOrder, *lines: int) -> None:
    services.close_lines(session, [order.lines[line].id for line in lines])
    session.commit()


def test_some_of_a_closed_line_comes_after_all_and_the_order_has_the_state_of_its_lines(
    session: Session, order: PurchaseOrder
) -> None:
    close(session, order, 0, 1)
    assert order.state == PurchaseState.cancelled
    reopen(session, order, 4)
    line = order.lines[0]
    assert (line.cancelled, line.outstanding, order.state) == (6, 4, PurchaseState.ordered)
    assert list(broken_invariants(session)) == []


def test_reopening_a_line_of_a_received_order_makes_it_partly_received(session: Session, order: PurchaseOrder) -> None:
    services.receive(session, Delivery(order.lines[0].id, Decimal(10), make_location(session).id, "L1"))
    session.commit()
    close(session, order, 1)
    assert order.state == PurchaseState.received
    reopen(session, order, 5, line=1)
    assert (order.lines[1].outstanding, order.state) == (5, PurchaseState.partly_received)


def test_an_order_that_was_cancelled_as_a_draft_is_a_draft_again(session: Session, heard: list[Any]) -> None:
    order = make_purchase_order(session, [{"quantity": 10}, {"quantity": 5}], state=PurchaseState.draft)
    session.commit()
    services.cancel_order(session, order.id)
    session.commit()
    assert [line.cancelled for line in order.lines] == [10, 5]
    assert list(broken_invariants(session)) == []
    reopen(session, order, 10)
    assert (order.state, order.number, [line.cancelled for line in order.lines]) == (PurchaseState.draft, None, [0, 5])
    assert heard == [], "a draft is no supply"
    services.place_order(session, order.id)
    session.commit()
    assert order.state == PurchaseState.ordered


def test_a_draft_of_which_every_line_is_cancelled_cannot_be_ordered(session: Session) -> None:
    order = make_purchase_order(session, [{"quantity": 10, "cancelled": 10}], state=PurchaseState.draft)
    session.commit()
    with pytest.raises(OrderWithoutLines):
        services.place_order(session, order.id)


def test_an_order_that_was_ordered_before_it_was_cancelled_is_ordered_again_and_is_supply(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    services.cancel_order(session, order.id)
    session.commit()
    heard.clear()
    reopen(session, order, 10, on=LATER)
    line = order.lines[0]
    assert order.state == PurchaseState.ordered
    assert heard == [ArrivalChanged((Arrival(line.id, None, LATER),)), SupplyChanged((line.product_id,))]


def test_a_line_whose_expected_date_has_passed_needs_a_new_one(session: Session) -> None:
    order = make_purchase_order(session, [{"quantity": 10, "expected_on": PAST}])
    session.commit()
    close(session, order, 0)
    for day in (None, PAST):
        with pytest.raises(ExpectedDatePassed):
            reopen(session, order, 10, on=day)
        session.rollback()
    reopen(session, order, 10, on=LATER)
    assert (order.lines[0].expected_on, order.lines[0].outstanding) == (LATER, 10)


@pytest.mark.parametrize(("quantity", "refusal"), [(6, ReopenedTooMuch), ("0.5", BadQuantity), (0, BadQuantity)])
def test_no_more_than_was_cancelled_comes_after_all(
    session: Session, quantity: int | str, refusal: type[ErpError]
) -> None:
    order = make_purchase_order(session, [{"quantity": 10, "cancelled": 5}])
    session.commit()
    with pytest.raises(refusal):
        reopen(session, order, quantity)
    session.rollback()
    assert order.lines[0].cancelled == 5


def test_a_line_of_which_nothing_was_cancelled_is_raised_instead_even_when_it_is_received(
    session: Session, order: PurchaseOrder
) -> None:
    line = order.lines[0]
    services.receive(session, Delivery(line.id, Decimal(10), make_location(session).id, "L1"))
    session.commit()
    close(session, order, 1)
    with pytest.raises(NothingCancelled, match="raise its quantity"):
        reopen(session, order, 1)
    session.rollback()
    services.change_line(session, line.id, quantity=Decimal(12))
    session.commit()
    assert (line.outstanding, order.state) == (2, PurchaseState.partly_received)


def test_a_reason_is_required_and_kept(session: Session, order: PurchaseOrder) -> None:
    close(session, order, 0)
    with pytest.raises(ReasonMissing):
        services.reopen_lines(session, [Reopening(order.lines[0].id, Decimal(1))], why=" ")
    session.rollback()
    reopen(session, order, 10)
    entry = session.scalars(select(HistoryEntry).order_by(HistoryEntry.id.desc())).first()
    assert entry is not None
    assert (entry.field, entry.old_value, entry.new_value, entry.why) == (
        "cancelled",
        "10",
        "0",
        "the supplier found more",
    )


def test_the_page_offers_what_was_cancelled_and_asks_for_a_new_date(session: Session, client: FlaskClient) -> None:
    order = make_purchase_order(session, [{"quantity": 10, "cancelled": 4, "expected_on": PAST}, {"quantity": 5}])
    session.commit()
    address, line = f"{ORDERS}{order.id}/reopen/", order.lines[0]
    assert "Reopen" in page(client, f"{ORDERS}{order.id}/")
    assert page(client, address).count('name="lines-') == 3, "the line of which nothing was cancelled is not offered"
    form = {"lines__0__line_id": line.id, "lines__0__quantity": "4", "lines__0__expected_on": "", "why": "found more"}
    assert "Give a new expected date" in post(client, address, 409, **form)
    assert "will come after all" in post(client, address, **form | {"lines__0__expected_on": "2027-01-10"})
    assert (line.cancelled, line.expected_on) == (0, LATER)


@pytest.mark.parametrize(
    ("typed", "message", "marked"),
    [
        ({"quantity": "1.5"}, "has more than 0 decimals", "quantity"),
        ({"quantity": "5"}, "4 were cancelled", "quantity"),
        ({"quantity": "4", "expected_on": "2026-06-02"}, "Give a new expected date", "expected_on"),
    ],
)
def test_what_the_page_refuses_is_marked_at_its_field(
    session: Session, client: FlaskClient, typed: dict[str, str], message: str, marked: str
) -> None:
    order = make_purchase_order(session, [{"quantity": 10, "cancelled": 4}, {"quantity": 9, "cancelled": 4}])
    session.commit()
    form = {f"lines__{at}__line_id": line.id for at, line in enumerate(order.lines)} | {"why": "found more"}
    form |= {"lines__0__quantity": "1"} | {f"lines__1__{name}": text for name, text in typed.items()}
    shown = post(client, f"{ORDERS}{order.id}/reopen/", 409, **form)
    assert message in shown and marked_fields(shown) == [f"lines-1-{marked}"]


def test_reopening_many_lines_takes_no_more_statements_than_one(
    session: Session, count_statements: Callable[..., Any]
) -> None:
    counts = []
    for size in (1, 100):
        order = make_purchase_order(session, [{"quantity": 10, "cancelled": 5} for _ in range(size)])
        session.commit()
        reopenings = [Reopening(line.id, Decimal(5), LATER) for line in order.lines]
        session.expunge_all()
        with count_statements() as sent:
            services.reopen_lines(session, reopenings, why="found more")
            session.commit()
        counts.append(len(sent))
    assert counts[1] <= counts[0], counts
