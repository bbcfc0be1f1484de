"""Available to promise: what counts on which day."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Lot, Product
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind
from modules.preorder import queries
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import allocate_purchase, make_on_hand_change, make_preorder_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_draft, make_order

TODAY = date(2026, 11, 23)


def on(number: int) -> date:
    """Day 1 is today."""
    return TODAY + timedelta(number - 1)


def promised(session: Session, product: Product, days: int = 7) -> list[Decimal]:
    session.commit()
    found = queries.available_days(session, [product.id], days=days)[product.id]
    return [day.available_to_promise for day in found]


@pytest.fixture
def product(session: Session) -> Product:
    """Twenty are on hand."""
    made = make_product(session)
    make_stock(session, made, 20)
    return made


@pytest.mark.option("preorder.on_hand_changes", "yes")
def test_the_worked_example_with_scheduled_changes(session: Session, product: Product) -> None:
    for number, quantity in ((1, -3), (3, 10), (4, -15), (5, 1), (6, 3)):
        make_on_hand_change(session, product, on(number), quantity)
    assert promised(session, product) == [12, 12, 12, 12, 13, 16, 16]


def test_changes_before_today_are_dropped(session: Session, product: Product) -> None:
    make_on_hand_change(session, product, on(0), -9)
    assert promised(session, product, 2) == [20, 20]


@pytest.mark.option("preorder.on_hand_changes", "no")
def test_the_switch_leaves_scheduled_changes_out(
    session: Session, product: Product, set_option: Callable[[str, str], None]
) -> None:
    make_on_hand_change(session, product, on(1), -9)
    set_option("preorder.on_hand_changes", "no")
    assert promised(session, product, 1) == [20]
    assert list(queries.components_of(session, product.id).scheduled) == []


def test_open_need_is_taken_off_and_so_is_what_is_allocated(session: Session, product: Product) -> None:
    make_order(session, [(product, 15)])
    make_order(session, [(product, 8)])
    make_draft(session, [(product, 50)])
    assert promised(session, product, 1) == [0]
    components = queries.components_of(session, product.id)
    assert (components.on_hand, components.allocated, components.available, components.uncovered_need) == (20, 20, 0, 3)
    assert components.days[0].projected == -3


def test_incoming_counts_from_its_date_and_never_without_one(session: Session, product: Product) -> None:
    make_purchase_order(session, [(product, 5, on(3)), (product, 7)])
    make_purchase_order(session, [(product, 9, on(2))], state=PurchaseState.draft)
    assert promised(session, product, 4) == [20, 20, 25, 25]


def test_what_is_allocated_to_orders_counts_neither_as_need_nor_as_supply(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 4)])
    purchase = make_purchase_order(session, [(product, 10, on(2))])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    assert promised(session, product, 3) == [0, 6, 6]


@pytest.mark.option("preorder.past_due_supply_days", "", "10")
def test_overdue_supply_counts_some_days_from_today_and_not_at_all_when_it_is_overdue_for_too_long(
    session: Session, product: Product, set_option: Callable[[str, str], None]
) -> None:
    make_purchase_order(session, [(product, 5, on(-9)), (product, 6, on(-10))])
    assert promised(session, product, 8) == [20] * 7 + [31]
    set_option("preorder.past_due_supply_days", "10")
    assert promised(session, product, 8) == [20] * 7 + [25]


def test_stock_that_may_not_be_used_is_not_available(session: Session, product: Product) -> None:
    make_stock(session, product, 5, expires_on=on(0))
    make_stock(session, product, 5, expires_on=on(1))
    make_stock(session, product, 5, location=make_location(session, "WH/CHECK", kind=LocationKind.quarantine))
    lot = make_stock(session, product, 5).lot
    hold_lot(session, lot.id)
    assert promised(session, product, 1) == [25]
    assert queries.components_of(session, product.id).unusable == 15


def test_allocations_on_stock_that_may_not_leave_count_as_need(session: Session, product: Product) -> None:
    make_order(session, [(product, 5)])
    session.commit()
    held = session.scalars(select(Lot).where(Lot.product_id == product.id)).one()
    make_stock(session, product, 8)
    hold_lot(session, held.id)
    assert promised(session, product, 1) == [3]
    assert queries.components_of(session, product.id).blocked == 5


def test_stock_counts_until_its_last_day_of_use(session: Session, product: Product) -> None:
    make_stock(session, product, 5, expires_on=on(3))
    assert promised(session, product, 5) == [25, 25, 25, 20, 20]
    assert queries.expected_ship_date(session, product.id, Decimal(25)) == on(1)


def test_nothing_can_be_promised_before_the_launch(session: Session) -> None:
    product = make_preorder_product(session, launch_date=on(4))
    make_stock(session, product, 6)
    assert promised(session, product, 5) == [0, 0, 0, 6, 6]
    assert queries.expected_ship_date(session, product.id, Decimal(1)) == on(4)


@pytest.mark.option("preorder.atp_horizon_days", "90", "5")
def test_the_horizon_is_an_option(session: Session, product: Product, set_option: Callable[[str, str], None]) -> None:
    assert len(queries.available_days(session, [product.id])[product.id]) == 90
    set_option("preorder.atp_horizon_days", "5")
    assert len(queries.available_days(session, [product.id])[product.id]) == 5


def test_the_expected_ship_date_of_a_quantity_is_the_first_day_that_can_promise_it(
    session: Session, product: Product
) -> None:
    make_purchase_order(session, [(product, 5, on(3))])
    assert queries.expected_ship_date(session, product.id, Decimal(20)) == on(1)
    assert queries.expected_ship_date(session, product.id, Decimal(25)) == on(3)
    assert queries.expected_ship_date(session, product.id, Decimal(26)) is None


def test_atp_of_many_products_takes_as_many_statements_as_of_one(
    session: Session, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def ask(size: int) -> int:
        ids = [make_product(session).id for _ in range(size)]
        make_purchase_order(session, [{"product_id": id_, "expected_on": on(2)} for id_ in ids])
        session.commit()
        with count_statements() as sent:
            queries.available_days(session, ids)
        return len(sent)

    ask(1)
    assert ask(100) <= ask(1)


def test_the_need_of_a_scheduled_line_counts_from_its_requested_day_on(
    session: Session, product: Product, set_option: Callable[[str, str], None], client: FlaskClient
) -> None:
    set_option("sales.reserve_ahead_days", "2")
    make_order(session, [(product, 5)], requested_on=on(5))
    far = make_order(session, [(product, 4)], requested_on=on(40))
    covered = make_order(session, [(product, 6)], requested_on=on(6))
    purchase = make_purchase_order(session, [(product, 6, on(2))])
    allocate_purchase(session, covered.lines[0], purchase.lines[0], 6)
    make_order(session, [(product, 2)], requested_on=on(3))
    components = queries.components_of(session, product.id)
    assert (components.available, components.uncovered_need) == (18, 0)
    assert components.scheduled_needs == [(product.id, on(5), 5), (product.id, on(40), 4)]
    assert [day.projected for day in components.days[:6]] == [18, 18, 18, 18, 13, 13]
    assert [day.available_to_promise for day in components.days[:6]] == [9] * 6
    assert promised(session, product, 7) == [13] * 7  # the horizon ends before the other is requested
    page = client.get(f"/preorder/atp/{product.id}/").get_data(as_text=True)
    assert "Needed by scheduled lines" in page
    set_option("sales.reserve_ahead_days", "")
    assert queries.components_of(session, product.id).scheduled_needs == []
    assert far.lines[0].need == 4


def test_scheduled_needs_take_as_many_statements_for_many_lines_as_for_one(
    session: Session,
    product: Product,
    set_option: Callable[[str, str], None],
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    set_option("sales.reserve_ahead_days", "2")

    def count(size: int) -> int:
        for number in range(size):
            make_order(session, [(product, 1)], requested_on=on(5 + number))
        session.commit()
        with count_statements() as sent:
            queries.components_of(session, product.id)
        return len(sent)

    count(1)
    assert count(1) == count(12)
