"""Whatever change makes a line expected promises it: lowered, released, dated, launched, or alone at last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from erp.options import store_options
from erp.registry import current_registry
from modules.inventory_lots.services import Count, adjust, hold_lot, release_lot, set_expiry
from modules.inventory_lots.states import Tracking
from modules.preorder import queries, services
from modules.preorder.domain import PreorderTerms
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services import set_expected_dates
from modules.sales.models import OrderLine
from modules.sales.services import announce_order, cancel_line, change_quantity, reverse_pack
from modules.sales.states import ShippingPolicy
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.preorder import allocate_purchase, make_preorder_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order, make_packs

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


def move(session: Session, line: PurchaseOrderLine, day: date | None) -> None:
    session.commit()
    set_expected_dates(session, {line.id: day})
    session.commit()


def expected(session: Session, line: OrderLine) -> date | None:
    return queries.line_coverage(session, OrderLine.id == line.id)[line.id].expected


def forget_promises(session: Session) -> None:
    session.execute(update(OrderLine).values(promise_date=None))
    session.commit()


def test_a_lowered_line_is_promised_when_all_that_is_left_of_it_is_covered(session: Session) -> None:
    product = make_product(session)
    make_stock(session, product, 3)
    (line,) = make_order(session, [(product, 5)]).lines
    assert line.promise_date is None
    change_quantity(session, line.id, Decimal(3))
    session.commit()
    assert line.promise_date == TODAY


def test_a_line_is_promised_when_its_lot_is_released_or_lasts_longer(session: Session) -> None:
    product = make_product(session)
    held, spoilt = make_stock(session, product, 3), make_stock(session, product, 4)
    lines = [make_order(session, [(product, quantity)]).lines[0] for quantity in (3, 4)]
    forget_promises(session)
    hold_lot(session, held.lot_id)
    session.commit()
    set_expiry(session, spoilt.lot_id, TODAY - timedelta(1))
    forget_promises(session)
    release_lot(session, held.lot_id)
    session.commit()
    assert [line.promise_date for line in lines] == [TODAY, None]
    set_expiry(session, spoilt.lot_id, None)
    session.commit()
    assert [line.promise_date for line in lines] == [TODAY, TODAY]


def test_a_line_is_promised_when_the_supply_that_covers_it_gets_a_date(session: Session) -> None:
    product = make_product(session)
    (line,) = make_order(session, [(product, 5)]).lines
    (purchase,) = make_purchase_order(session, [(product, 5)]).lines
    allocate_purchase(session, line, purchase, 5)
    assert line.promise_date is None
    move(session, purchase, JANUARY)
    assert line.promise_date == JANUARY


def test_a_preorder_is_promised_for_its_launch_and_not_before(session: Session) -> None:
    product = make_preorder_product(session, launch_date=JANUARY)
    make_stock(session, product, 5)
    (line,) = make_order(session, [(product, 5)]).lines
    assert (line.promise_date, expected(session, line)) == (JANUARY, JANUARY)


def test_a_preorder_whose_lot_would_expire_first_is_promised_when_its_launch_date_is_removed(session: Session) -> None:
    product = make_preorder_product(session, launch_date=JANUARY)
    make_stock(session, product, 5, expires_on=DECEMBER)
    (line,) = make_order(session, [(product, 5)]).lines
    assert line.promise_date is None
    services.save_product(session, product, PreorderTerms())
    session.commit()
    assert line.promise_date == TODAY


def test_an_order_that_ships_complete_is_promised_when_the_line_that_kept_it_back_is_cancelled(
    session: Session,
) -> None:
    first, second = make_product(session), make_product(session)
    make_stock(session, first, 5)
    covered, missing = make_order(session, [(first, 5), (second, 2)], shipping_policy="complete").lines
    assert (covered.promise_date, missing.promise_date) == (None, None)
    cancel_line(session, missing.id)
    session.commit()
    assert covered.promise_date == TODAY


def test_the_covered_line_is_promised_when_its_order_may_ship_in_part(session: Session) -> None:
    first, second = make_product(session), make_product(session)
    make_stock(session, first, 5)
    order = make_order(session, [(first, 5), (second, 2)], shipping_policy="complete")
    order.shipping_policy = ShippingPolicy.partial
    announce_order(session, order)
    session.commit()
    assert [line.promise_date for line in order.lines] == [TODAY, None]


def test_an_order_that_ships_complete_is_promised_when_enough_serial_numbers_are_in_stock(session: Session) -> None:
    product, serial = make_product(session), make_product(session, tracking=Tracking.serial)
    make_stock(session, product, 5)
    lots, _numbers = make_order(session, [(product, 5), (serial, 2)], shipping_policy="complete").lines
    assert lots.promise_date is None
    location = make_location(session).id
    for number in ("N1", "N2"):
        session.commit()
        adjust(session, Count(serial.id, location, Decimal(1), lot_number=number), reason="Counted")
        session.commit()
    assert lots.promise_date == TODAY


def test_a_sync_dates_all_lines_of_an_order_that_ships_complete(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.sync_dates", "auto")
    first, second = make_product(session), make_product(session)
    make_stock(session, first, 5)
    covered, waiting = make_order(session, [(first, 5), (second, 2)], shipping_policy="complete").lines
    (purchase,) = make_purchase_order(session, [(second, 2, DECEMBER)]).lines
    allocate_purchase(session, waiting, purchase, 2)
    assert (covered.promise_date, waiting.promise_date) == (DECEMBER, DECEMBER)
    (broken, other) = queries.broken_promises(session, {purchase.id: JANUARY})
    assert {broken.line_id, other.line_id} == {covered.id, waiting.id}
    move(session, purchase, JANUARY)
    assert (covered.promise_date, waiting.promise_date) == (JANUARY, JANUARY)


def test_a_line_is_promised_when_an_option_lets_its_overdue_supply_count(
    session: Session, client: FlaskClient, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.past_due_supply_days", "3")
    product = make_product(session)
    (line,) = make_order(session, [(product, 5)]).lines
    (purchase,) = make_purchase_order(session, [(product, 5)]).lines
    allocate_purchase(session, line, purchase, 5)
    move(session, purchase, TODAY - timedelta(5))
    assert line.promise_date is None
    page = "/settings/options/?section=preorder"
    assert client.post(page, data={"preorder.past_due_supply_days": ""}).status_code == 302
    session.expire_all()
    assert line.promise_date == TODAY + timedelta(7)


def test_a_whole_order_is_promised_when_an_option_brings_its_day_before_a_lot_expires(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    first, second = make_product(session), make_product(session)
    make_stock(session, first, 5, expires_on=TODAY + timedelta(4))
    covered, waiting = make_order(session, [(first, 5), (second, 2)], shipping_policy="complete").lines
    (purchase,) = make_purchase_order(session, [(second, 2, DECEMBER)]).lines
    allocate_purchase(session, waiting, purchase, 2)
    move(session, purchase, TODAY - timedelta(1))
    assert (covered.promise_date, waiting.promise_date) == (None, None)
    set_option("preorder.overdue_supply_days", "4")
    session.expire_all()
    assert covered.promise_date == waiting.promise_date == TODAY + timedelta(4)


def test_options_that_are_set_together_promise_what_they_say_together(session: Session) -> None:
    table = current_registry().option_table
    store_options(session, table, {"preorder.past_due_supply_days": "3"}, user_name="anna")
    product = make_product(session)
    (line,) = make_order(session, [(product, 5)]).lines
    (purchase,) = make_purchase_order(session, [(product, 5)]).lines
    allocate_purchase(session, line, purchase, 5)
    move(session, purchase, TODAY - timedelta(5))
    together = {"preorder.past_due_supply_days": None, "preorder.overdue_supply_days": "2"}
    store_options(session, table, together, user_name="anna")
    session.commit()
    assert line.promise_date == TODAY + timedelta(2)


def test_another_option_promises_nothing(session: Session, set_option: Callable[[str, str], None]) -> None:
    product = make_product(session)
    make_stock(session, product, 5)
    (line,) = make_order(session, [(product, 5)]).lines
    forget_promises(session)
    set_option("preorder.atp_horizon_days", "30")
    session.expire_all()
    assert line.promise_date is None


def test_a_whole_order_is_promised_when_serial_numbers_return_from_a_pack(session: Session) -> None:
    product, serial = make_product(session), make_product(session, tracking=Tracking.serial)
    make_stock(session, product, 5)
    make_serials(session, serial, "N1", "N2")
    packed = make_order(session, [(serial, 2)])
    (pack,) = make_packs(session, packed.id, serials={packed.lines[0].id: ["N1", "N2"]})
    session.commit()
    covered, _ = make_order(session, [(product, 5), (serial, 2)], shipping_policy="complete").lines
    assert covered.promise_date is None
    reverse_pack(session, pack.id, why="Came back")
    session.commit()
    assert covered.promise_date == TODAY


def test_a_line_that_a_reversed_pack_opens_again_is_promised(session: Session) -> None:
    product = make_product(session)
    make_stock(session, product, 5)
    (line,) = make_order(session, [(product, 5)]).lines
    forget_promises(session)
    (pack,) = make_packs(session, line.order_id)
    session.commit()
    assert line.promise_date is None
    reverse_pack(session, pack.id, why="Came back")
    session.commit()
    assert line.promise_date == TODAY
