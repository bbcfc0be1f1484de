"""A line's expected date is the first day on which packing it succeeds when supply arrives as it counts as arriving.

The reference moves the clock, receives and packs with the real services; it asks no coverage. Random books have
launches, lots that are held, expire or are quarantined, overdue and undated supply, complete orders and serial lines.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from erp import clock
from erp.db import db
from erp.errors import ErpError
from erp.options import store_option
from erp.registry import current_registry
from modules.inventory_lots.models import Balance
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.services.locations import change_kind
from modules.inventory_lots.states import LocationKind, Tracking
from modules.preorder import queries, services
from modules.preorder.domain import PreorderTerms
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.models import Allocation, OrderLine
from tests.support.final_rows import empty_tables
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft

EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "6"))
TODAY = date(2026, 11, 23)
OVERDUE, PAST_DUE = 4, 5
DAYS = 14
TABLES = ("inventory_lots_", "sales_", "procurement_", "preorder_", "backorder_email_")
OPTIONS = {
    "preorder.auto_allocate": "yes",
    "preorder.insufficient_supply": "partial",
    "preorder.overdue_supply_days": str(OVERDUE),
    "preorder.past_due_supply_days": str(PAST_DUE),
}

products, amounts = st.integers(0, 2), st.integers(1, 6)
lots = st.tuples(products, amounts, st.none() | st.integers(0, 8), st.sampled_from(["used", "used", "held", "checked"]))
supplies = st.tuples(products, amounts, st.none() | st.integers(-PAST_DUE - 2, 9))
lines = st.tuples(products, amounts, st.none() | st.integers(-2, 9), st.none() | st.integers(-2, 2))
orders = st.tuples(st.booleans(), st.lists(lines, min_size=1, max_size=3))
books = st.fixed_dictionaries(
    {
        "launch": st.none() | st.integers(1, 7),
        "lots": st.lists(lots, max_size=5),
        "supplies": st.lists(supplies, max_size=5),
        "orders": st.lists(orders, min_size=1, max_size=5),
        "serials": st.tuples(st.integers(0, 3), st.integers(0, 3)),  # how many are in stock, how many are wanted
    }
)


def day(number):
    return None if number is None else TODAY + timedelta(number)


class Shop:
    """A book of orders made of what was drawn, with real services."""

    def __init__(self, book):
        self.session = db.session()
        self.empty()
        self.set_options(OPTIONS)
        session = self.session
        self.products = [make_product(session) for _ in range(3)]
        self.serial = make_product(session, tracking=Tracking.serial)
        services.save_product(session, self.products[2], PreorderTerms(bool(book["launch"]), day(book["launch"])))
        make_customer(session)
        in_stock, wanted = book["serials"]
        make_serials(session, self.serial, *(f"N{number}" for number in range(in_stock)))
        stock = [self.stock(number, *lot) for number, lot in enumerate(book["lots"])]
        for product, quantity, expected in book["supplies"]:
            make_purchase_order(session, [(self.products[product], quantity, day(expected))])
        for number, (complete, drawn) in enumerate(book["orders"]):
            self.order(complete, drawn, wanted if number == 0 else 0)
        for lot_id, location_id, fate in stock:
            self.spoil(lot_id, location_id, fate)

    def empty(self):
        empty_tables(self.session, TABLES)

    def set_options(self, values):
        for key, value in values.items():
            store_option(self.session, current_registry().option_table, key, value, user_name="test")
        self.session.commit()
        current_registry().refresh()

    def stock(self, number, product, quantity, expires, fate):
        row = make_stock(
            self.session, self.products[product], quantity, location=f"WH/L{number}", expires_on=day(expires)
        )
        return row.lot_id, row.location_id, fate

    def order(self, complete, drawn, serials):
        wanted = [(self.products[product], quantity) for product, quantity, *_ in drawn]
        wanted += [(self.serial, serials)] if serials else []
        order = make_draft(self.session, wanted, shipping_policy="complete" if complete else "partial")
        for line, (*_, requested) in zip(order.lines, drawn, strict=False):
            line.requested_on = day(requested)
        self.session.commit()
        sales.confirm(self.session, order.id)
        self.session.commit()

    def spoil(self, lot_id, location_id, fate):
        if fate == "held":
            hold_lot(self.session, lot_id)
        elif fate == "checked":
            change_kind(self.session, location_id, LocationKind.quarantine)
        self.session.commit()

    def rows(self, model, *conditions, loads=()):
        self.session.rollback()
        return self.session.scalars(select(model).where(*conditions).options(*loads).order_by(model.id)).all()


def open_lines(shop):
    return shop.rows(OrderLine, OrderLine.is_open, OrderLine.order.has(state="confirmed"))


def arrival(expected):
    """The day on which supply counts as arriving."""
    if expected is None or expected < day(-PAST_DUE):
        return None
    return expected if expected >= TODAY else day(OVERDUE)


def receive(shop, today):
    """Receive what counts as arriving on a day; return whether anything did."""
    coming = [line for line in shop.rows(PurchaseOrderLine) if arrival(line.expected_on) == today and line.outstanding]
    for line_id, quantity in [(line.id, line.outstanding) for line in coming]:
        location = make_location(shop.session, "WH/NEW").id
        shop.session.commit()
        procurement.receive(shop.session, Delivery(line_id, quantity, location, lot_number=f"R{line_id}"))
        shop.session.commit()
    return bool(coming)


def pack(shop, order_id):
    """Pack what can leave of an order, with the serial numbers that are in stock."""
    serials = {}
    for line in shop.rows(OrderLine, OrderLine.order_id == order_id, OrderLine.product_id == shop.serial.id):
        in_stock = (Balance.product_id == shop.serial.id, Balance.on_hand > 0)
        numbers = [row.lot.number for row in shop.rows(Balance, *in_stock, loads=(joinedload(Balance.lot),))]
        serials[line.id] = numbers[: int(line.open_quantity)]
    shop.session.rollback()
    try:
        sales.pack_order(shop.session, order_id, serials)
    except ErpError:
        shop.session.rollback()
    shop.session.commit()


def is_usable(balance, today):
    lot = balance.lot
    is_in_stock = balance.location.kind == LocationKind.stock and not lot.on_hold
    return is_in_stock and (lot.expires_on is None or lot.expires_on >= today)


def spare(shop, today):
    """What of each product may be given to somebody else on a day, and breaks nothing that is open and uncovered."""
    found = Counter()
    for row in shop.rows(Balance, loads=(joinedload(Balance.lot), joinedload(Balance.location))):
        found[row.product_id] += row.on_hand - row.allocated if is_usable(row, today) else 0
    for line in open_lines(shop):
        found[line.product_id] -= line.need
    on_order = (PurchaseAllocation.ended_at.is_(None),)
    for row in shop.rows(PurchaseAllocation, *on_order, loads=(joinedload(PurchaseAllocation.line),)):
        found[row.line.product_id] += row.outstanding
    return found


def blocked(shop):
    """What is allocated on stock of each product that may not leave on any day."""
    loads = [joinedload(Allocation.balance).joinedload(each) for each in (Balance.lot, Balance.location)]
    found = Counter()
    for row in shop.rows(Allocation, Allocation.packed < Allocation.quantity, loads=loads):
        found[row.balance.product_id] += 0 if is_usable(row.balance, date.min) else row.unpacked
    return found


def check_dates(book, at):
    at(f"{TODAY}T12:00:00Z")
    shop = Shop(book)
    coverage = {line_id: found.expected for line_id, found in queries.line_coverage(shop.session).items()}
    lines = {line.id: line for line in open_lines(shop)}
    for line in lines.values():
        assert line.promise_date or coverage.get(line.id) is None, f"{line} is expected and not promised"
    atp = queries.available_days(shop.session, [product.id for product in shop.products], days=20)
    kept = blocked(shop)
    left = {}
    shop.set_options({"sales.allocate_on_arrival": "no", "preorder.auto_allocate": "no"})
    for number in range(DAYS):
        today = day(number)
        at(f"{today}T12:00:00Z")
        has_changed = receive(shop, today) or number in (0, book["launch"], DAYS - 1)
        left_over = spare(shop, today)
        for id_, days in atp.items():
            offered = days[number].available_to_promise
            assert not offered or offered <= left_over[id_] - kept[id_]
        # On the other days less may leave than on the day before, if anything.
        for order_id in {line.order_id for line in open_lines(shop)} if has_changed else ():
            pack(shop, order_id)
        still_open = {line.id for line in open_lines(shop)} if has_changed else lines.keys()
        left |= {id_: today for id_ in lines if id_ not in still_open and id_ not in left}
    shop.set_options({"sales.allocate_on_arrival": "yes"})
    packed = {id_: left.get(id_) for id_ in coverage}
    assert packed == coverage


def check_lateness(book, at, promises):
    """With 0 as days ahead, lines that are scheduled by it keep what they were given without it."""
    at(f"{TODAY}T12:00:00Z")
    shop = Shop(book)
    for line, promised in list(zip(open_lines(shop), promises, strict=False)):
        shop.session.execute(update(OrderLine).where(OrderLine.id == line.id).values(promise_date=day(promised)))
    shop.session.commit()
    for days_ahead in ("0", ""):
        shop.set_options({"sales.reserve_ahead_days": days_ahead})
        found = queries.line_coverage(shop.session)
        late = set(shop.session.scalars(select(OrderLine.id).where(queries.is_late_line(clock.today()))))
        assert late == {line_id for line_id, coverage in found.items() if coverage.is_late}
        assert late <= set(shop.session.scalars(queries.may_be_late(clock.today())))
        waiting = set(shop.session.scalars(select(OrderLine.id).where(queries.could_be_served())))
        assert waiting <= set(shop.session.scalars(queries.may_be_served(shop.session)))


def hypothesis_settings():
    return settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize="ERP_TEST_EXAMPLES" not in os.environ,
    )


def test_a_line_is_expected_on_the_first_day_on_which_it_can_be_packed_and_atp_never_breaks_that(app, at):
    hypothesis_settings()(given(book=books)(lambda book: check_dates(book, at)))()


def test_the_late_lines_of_a_list_are_those_whose_coverage_is_late(app, at):
    promises = st.lists(st.none() | st.integers(-2, 10), max_size=12)
    hypothesis_settings()(
        given(book=books, promises=promises)(lambda book, promises: check_lateness(book, at, promises))
    )()
