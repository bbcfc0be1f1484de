"""Whatever is quoted, used, expired, counted, bought, received and lost, in any order: a quote that is valid is kept.

What must hold is computed here from the rows with plain loops, not with the product's own queries.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from erp import clock
from erp.db import commit, db
from erp.errors import ErpError
from erp.options import store_option
from erp.registry import current_registry
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.services import Count, adjust, hold_lot, release_lot
from modules.inventory_lots.states import LocationKind
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery, LineValues, OrderHead
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.sales import services as sales
from modules.sales.errors import QuoteBroken, QuoteExpired, QuoteReleased, QuoteUsed
from modules.sales.hooks import WantedQuantity
from modules.sales.models import Allocation, Order, Quote
from tests.support.final_rows import empty_tables
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.procurement import make_supplier
from tests.support.sales import make_draft

EXAMPLES, STEPS = int(os.environ.get("ERP_TEST_EXAMPLES", "3")), 25
START, TODAY = datetime(2026, 11, 23, 12, tzinfo=UTC), date(2026, 11, 23)

TABLES = ("inventory_lots_", "sales_", "procurement_", "preorder_", "backorder_email_")

amounts, picks = st.integers(1, 12), st.integers(0, 1000)


def rows(model, *conditions):
    """Return rows by id."""
    db.session.rollback()
    return db.session.scalars(select(model).where(*conditions).order_by(model.id)).all()


class Quotes(RuleBasedStateMachine):
    """Two products, and users who quote, order, count, buy, receive and change their minds, for an hour or two."""

    at = staticmethod(lambda instant: None)

    @initialize()
    def open_shop(self):
        empty_tables(db.session(), TABLES)
        self.made = {}
        self.move_clock(START)
        products = [make_product(db.session()) for _ in range(2)]
        make_location(db.session(), "WH/QA", kind=LocationKind.quarantine)
        self.products, self.supplier = [product.id for product in products], make_supplier(db.session()).id
        for product in products:
            make_stock(db.session(), product, 9)
        db.session.commit()
        self.buy(0, 10, 5)

    def teardown(self):
        db.session.rollback()

    def move_clock(self, instant):
        self.now = instant
        type(self).at(instant)

    def attempt(self, work):
        """Do what a user does; return the refusal, which changes nothing, or None."""
        db.session.rollback()
        try:
            commit(work)
        except ErpError as refusal:
            db.session.rollback()
            return refusal
        return None

    def pick(self, model, number, *conditions):
        found = rows(model, *conditions)
        return found[number % len(found)] if found else None

    @rule(wanted=st.lists(st.tuples(st.integers(0, 1), amounts), min_size=1, max_size=3))
    def quote(self, wanted):
        asked = [WantedQuantity(self.products[which], Decimal(quantity)) for which, quantity in wanted]

        def ask(session):
            made = sales.make_quote(session, asked)
            self.made[made.id] = (made, asked)

        assert self.attempt(ask) is None

    @rule(number=picks)
    def use(self, number):
        if not self.made:
            return
        made, asked = list(self.made.values())[number % len(self.made)]
        quote = self.pick(Quote, 0, Quote.id == made.id)
        state, broken, parts = quote.state, self.why_broken(quote), self.parts_of(quote)
        order = make_draft(db.session(), [(self.product(each.product_id), each.quantity) for each in asked]).id
        refusal = self.attempt(lambda session: sales.confirm(session, order, quote=made.token))
        if state == "used":
            assert isinstance(refusal, QuoteUsed)
        elif state == "released":
            assert isinstance(refusal, QuoteReleased)
        elif state == "open" and self.now >= made.expires_at:
            assert isinstance(refusal, QuoteExpired)
        elif broken:
            assert isinstance(refusal, QuoteBroken), f"{refusal!r} where {broken}"
        else:
            assert refusal is None, "a valid quote was refused"
            assert self.got(order) == parts, "an order got something else than was quoted"

    def product(self, product_id):
        return db.session.get_one(Product, product_id)

    def why_broken(self, quote):
        """Return what is not there any more as it was quoted; empty where all is."""
        if quote.state == "broken":
            assert quote.why
            return quote.why
        for part in (part for line in quote.lines for part in line.parts):
            if part.balance is not None and part.balance.lot.on_hold:
                return "a lot on hold"
            if part.supply_id is not None:
                expected_on = db.session.get_one(PurchaseOrderLine, part.supply_id).expected_on
                if expected_on is None or expected_on > part.day:
                    return "a later arrival"
        return ""

    def parts_of(self, quote):
        parts = Counter()
        for line in quote.lines:
            for part in line.parts:
                parts[line.position, part.balance_id or f"supply {part.supply_id}"] += part.quantity
        return parts

    def got(self, order_id):
        parts = Counter()
        for row in rows(Allocation, Allocation.line.has(order_id=order_id)):
            parts[row.line.position, row.balance_id] += row.quantity
        for row in rows(PurchaseAllocation, PurchaseAllocation.line.has(order_id=order_id)):
            parts[row.line.position, f"supply {row.purchase_line_id}"] += row.quantity
        return parts

    @rule(number=picks)
    def release(self, number):
        quote = self.pick(Quote, number)
        if quote is not None:
            id_ = quote.id
            self.attempt(lambda session: sales.release_quote(session, id_))

    @rule(minutes=st.sampled_from([1, 5, 14, 15]))
    def time_passes(self, minutes):
        self.move_clock(self.now + timedelta(minutes=minutes))

    @rule(number=picks, quantity=amounts)
    def order(self, number, quantity):
        db.session.rollback()
        order = make_draft(db.session(), [(self.product(self.products[number % 2]), quantity)], priority=number % 3).id
        self.attempt(lambda session: sales.confirm(session, order))

    @rule(number=picks, verb=st.sampled_from(["allocate", "pack", "cancel", "remove"]))
    def change_an_order(self, number, verb):
        order = self.pick(Order, number, Order.state == "confirmed")
        verbs = {
            "allocate": sales.allocate_order,
            "pack": sales.pack_order,
            "cancel": sales.cancel_order,
            "remove": sales.remove_allocations,
        }
        if order is not None:
            id_ = order.id
            self.attempt(lambda session: verbs[verb](session, id_))

    @rule(number=picks, quantity=st.integers(0, 12), release=st.booleans())
    def count(self, number, quantity, release):
        balance = self.pick(Balance, number)
        counted = Count(balance.product_id, balance.location_id, Decimal(quantity), balance.lot.number)
        self.attempt(lambda session: adjust(session, counted, release=release))

    @rule(number=picks)
    def hold_a_lot(self, number):
        lot = self.pick(Lot, number)
        id_, verb = lot.id, release_lot if lot.on_hold else hold_lot
        self.attempt(lambda session: verb(session, id_))

    @rule(number=picks, quantity=amounts, days=st.integers(1, 20))
    def buy(self, number, quantity, days):
        values = LineValues(self.products[number % 2], Decimal(quantity), expected_on=TODAY + timedelta(days=days))

        def order(session):
            made = procurement.create_order(session, OrderHead(self.supplier, TODAY), lines=[values])
            procurement.place_order(session, made.id)

        assert self.attempt(order) is None

    def purchase_line(self, number):
        line = self.pick(PurchaseOrderLine, number, PurchaseOrderLine.has_outstanding)
        return None if line is None else (line.id, line.quantity - line.received - line.cancelled)

    @rule(number=picks, quantity=amounts, place=st.sampled_from(["WH/A", "WH/A", "WH/QA"]))
    def receive(self, number, quantity, place):
        if found := self.purchase_line(number):
            line, outstanding = found
            location = make_location(db.session(), place, kind=LocationKind(("stock", "quarantine")[place == "WH/QA"]))
            db.session.commit()
            lot = f"R{len(rows(Receipt))}"
            delivery = Delivery(line, min(Decimal(quantity), outstanding), location.id, lot)
            assert self.attempt(lambda session: procurement.receive(session, delivery)) is None

    @rule(number=picks)
    def reverse_a_receipt(self, number):
        receipt = self.pick(Receipt, number, Receipt.reversed < Receipt.quantity)
        if receipt is not None:
            id_ = receipt.id
            self.attempt(lambda session: procurement.reverse_receipt(session, id_, Decimal(1), why="one was broken"))

    @rule(number=picks, quantity=amounts, verb=st.sampled_from(["close", "lower", "move"]))
    def change_a_purchase(self, number, quantity, verb):
        if found := self.purchase_line(number):
            line, _ = found
            verbs = {
                "close": lambda session: procurement.close_lines(session, [line]),
                "lower": lambda session: procurement.change_line(
                    session, line, quantity=Decimal(quantity), release=bool(quantity % 2)
                ),
                "move": lambda session: procurement.set_expected_dates(session, {line: TODAY + timedelta(quantity)}),
            }
            self.attempt(verbs[verb])

    @rule()
    def run_the_book(self):
        db.session.rollback()
        sales.allocate_book(db.session())

    @invariant()
    def nothing_is_promised_beyond_what_is_there_or_is_to_come(self):
        held = Counter()
        for quote in rows(Quote, Quote.state == "open"):
            if self.now < quote.expires_at:
                for part in (part for line in quote.lines for part in line.parts):
                    held[part.balance_id or f"supply {part.supply_id}"] += part.quantity
        for balance in db.session.scalars(select(Balance)):
            assert balance.allocated + held[balance.id] <= balance.on_hand
            assert balance.held == held[balance.id]
        for line in db.session.scalars(select(PurchaseOrderLine)):
            left = max(Decimal(0), line.quantity - line.received - line.cancelled)
            assert line.allocated + held[f"supply {line.id}"] <= left
            assert line.held == held[f"supply {line.id}"]
        breaches = [breach for check in current_registry().checks for breach in check.thing(db.session())]
        assert breaches == []


@pytest.mark.parametrize("automatic", ["yes", "no"])
def test_a_valid_quote_is_kept_and_nothing_is_promised_twice(session, set_option, monkeypatch, automatic):
    table = current_registry().option_table
    for key, value in (("preorder.auto_allocate", automatic), ("preorder.insufficient_supply", "partial")):
        store_option(session, table, key, value, user_name="test")
    session.commit()
    current_registry().refresh()
    Quotes.at = staticmethod(lambda instant: monkeypatch.setattr(clock, "_read", lambda: instant))
    run_state_machine_as_test(
        Quotes,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="ERP_TEST_EXAMPLES" not in os.environ,
        ),
    )
