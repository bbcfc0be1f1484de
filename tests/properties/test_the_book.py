"""Whatever people do in whatever order, nothing is lost, nothing is promised twice, and the first come first.

The invariants are recomputed here from the rows with plain sums, not with the product's own checks.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select, text

from erp.db import Model, commit, db
from erp.errors import ErpError
from erp.options import store_option
from erp.registry import current_registry
from modules.inventory_lots import services as stock
from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove
from modules.inventory_lots.states import LocationKind
from modules.preorder import services as preorder
from modules.preorder.models import Link
from modules.procurement import services as procurement
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from tests.factories.inventory_lots import make_location, make_product, make_stock
from tests.factories.procurement import make_purchase_order
from tests.factories.sales import make_draft

EXAMPLES, STEPS = int(os.environ.get("ERP_TEST_EXAMPLES", "12")), 25
TODAY = date(2026, 11, 23)
PREFIXES = ("inventory_lots_", "sales_", "procurement_", "preorder_", "backorder_email_")
amounts = st.integers(min_value=1, max_value=12)
picks = st.integers(min_value=0, max_value=1000)


def wipe():
    """Empty the modules' tables, so that each example begins with nothing."""
    db.session.rollback()
    for table in reversed(Model.metadata.sorted_tables):
        if table.name.startswith(PREFIXES):
            db.session.execute(delete(table))
    db.session.commit()


class Book(RuleBasedStateMachine):
    """Two products, one warehouse with quarantine, and people who do everything that sales and stock allow."""

    options: dict[str, str] = {}

    @initialize()
    def open_shop(self):
        wipe()
        session = db.session()
        for key, value in self.options.items():
            commit(
                lambda session, key=key, value=value: store_option(
                    session, current_registry().option_table, key, value, user_name="test"
                )
            )
        current_registry().refresh()
        self.products = [make_product(session).id for _ in range(2)]
        make_location(session, "WH/A")
        make_location(session, "WH/QA", kind=LocationKind.quarantine)
        session.commit()

    def teardown(self):
        db.session.rollback()

    def attempt(self, work):
        """Do what a person does; a refusal changes nothing."""
        db.session.rollback()
        try:
            commit(work)
        except ErpError:
            db.session.rollback()

    def pick(self, model, number, *conditions):
        db.session.rollback()
        ids = db.session.scalars(select(model.id).where(*conditions).order_by(model.id)).all()
        db.session.rollback()
        return ids[number % len(ids)] if ids else None

    def product(self, number):
        return db.session.get_one(Product, self.products[number % 2])

    @rule(number=picks, quantity=amounts, place=st.sampled_from(["WH/A", "WH/B", "WH/QA"]), days=st.integers(-3, 30))
    def receive_stock(self, number, quantity, place, days):
        db.session.rollback()
        make_stock(
            db.session(), self.product(number), quantity, location=place, expires_on=TODAY + timedelta(days=days)
        )

    @rule(number=picks, quantity=st.integers(0, 15), release=st.booleans())
    def adjust(self, number, quantity, release):
        id_ = self.pick(Balance, number)
        if id_ is None:
            return
        balance = db.session.get_one(Balance, id_)
        lot = db.session.get_one(Lot, balance.lot_id)
        count = stock.Count(balance.product_id, balance.location_id, Decimal(quantity), lot_number=lot.number)
        self.attempt(lambda session: stock.adjust(session, count, reason="counted", release=release))

    @rule(number=picks, quantity=amounts, place=picks)
    def transfer(self, number, quantity, place):
        balance, location = self.pick(Balance, number), self.pick(Location, place)
        if balance is not None:
            self.attempt(
                lambda session: stock.transfer(session, balance, location_id=location, quantity=Decimal(quantity))
            )

    @rule(number=picks, hold=st.booleans())
    def hold_a_lot(self, number, hold):
        lot = self.pick(Lot, number)
        if lot is not None:
            self.attempt(lambda session: (stock.hold_lot if hold else stock.release_lot)(session, lot))

    @rule(number=picks, days=st.integers(-2, 20))
    def change_expiry(self, number, days):
        lot = self.pick(Lot, number)
        if lot is not None:
            self.attempt(lambda session: stock.set_expiry(session, lot, TODAY + timedelta(days=days)))

    @rule(lines=st.lists(st.tuples(picks, amounts), min_size=1, max_size=3), priority=st.integers(0, 1))
    def take_an_order(self, lines, priority):
        db.session.rollback()
        wanted = [(self.product(number), quantity) for number, quantity in lines]
        order = make_draft(db.session(), wanted, priority=priority).id
        self.attempt(lambda session: sales.confirm(session, order))

    @rule(number=picks)
    def allocate_an_order(self, number):
        order = self.pick(Order, number)
        if order is not None:
            self.attempt(lambda session: sales.allocate_order(session, order))

    @rule(number=picks, hold=st.booleans(), some=st.booleans())
    def remove_allocations(self, number, hold, some):
        allocation = self.pick(Allocation, number, Allocation.packed < Allocation.quantity)
        if allocation is None:
            return
        line = db.session.get_one(OrderLine, db.session.get_one(Allocation, allocation).line_id)
        chosen, order = ([allocation] if some else None), line.order_id
        self.attempt(lambda session: sales.remove_allocations(session, order, chosen, hold=hold))

    @rule(number=picks)
    def pack(self, number):
        order = self.pick(Order, number)
        if order is not None:
            self.attempt(lambda session: sales.pack_order(session, order))

    @rule(number=picks, quantity=amounts)
    def change_a_quantity(self, number, quantity):
        line = self.pick(OrderLine, number)
        if line is not None:
            self.attempt(lambda session: sales.change_quantity(session, line, Decimal(quantity)))

    @rule(number=picks, whole=st.booleans())
    def cancel(self, number, whole):
        line = self.pick(OrderLine, number)
        if line is None:
            return
        order = db.session.get_one(OrderLine, line).order_id
        self.attempt(lambda session: sales.cancel_order(session, order) if whole else sales.cancel_line(session, line))

    @rule(number=picks, delete_it=st.booleans())
    def give_up_a_backorder(self, number, delete_it):
        row = self.pick(Backorder, number, Backorder.state == "open")
        if row is not None:
            verb = sales.delete_backorder if delete_it else sales.cancel_backorder
            self.attempt(lambda session: verb(session, row))

    @rule()
    def run_the_book(self):
        db.session.rollback()
        before = self.holdings()
        sales.allocate_book(db.session())
        after = self.holdings()
        self.check_first_come_first_served(before, after)
        self.check_nothing_is_left_over()
        self.check_links(before, after)
        rows = self.everything()
        sales.allocate_book(db.session())
        assert self.everything() == rows, "a second run changed something"

    def holdings(self):
        """Return each line's (allocated, linked) quantities."""
        session = db.session()
        session.rollback()
        allocated = dict(session.execute(select(OrderLine.id, OrderLine.allocated)).all())
        linked = {}
        for line_id, quantity, received in session.execute(select(Link.line_id, Link.quantity, Link.received)):
            linked[line_id] = linked.get(line_id, 0) + quantity - received
        session.rollback()
        return {id_: (quantity, linked.get(id_, 0)) for id_, quantity in allocated.items()}

    def everything(self):
        session = db.session()
        session.rollback()
        tables = (Allocation, Backorder, Link, OrderLine, PurchaseOrderLine, Balance)
        rows = [session.execute(select(*table.__table__.columns).order_by(table.id)).all() for table in tables]
        session.rollback()
        return rows

    def queue(self, product_id):
        """Return the waiting lines of a product in order of service."""
        rows = db.session.scalars(
            select(OrderLine)
            .join(Order)
            .where(Order.state == "confirmed", OrderLine.product_id == product_id, ~OrderLine.hold_allocation)
        ).all()
        key = [(-line.order.priority, line.order.ordered_at, line.order_id, line.position) for line in rows]
        return [line for _, line in sorted(zip(key, rows, strict=True), key=lambda pair: pair[0])]

    def check_first_come_first_served(self, before, after):
        for product_id in self.products:
            short = False
            for line in self.queue(product_id):
                gained = after[line.id][0] - before[line.id][0]
                assert not (short and gained > 0), f"{line} was served before an earlier line that goes short"
                short = short or line.quantity - line.packed - line.cancelled > line.allocated

    def check_nothing_is_left_over(self):
        for product_id in self.products:
            wanting = [
                line for line in self.queue(product_id) if line.quantity - line.packed - line.cancelled > line.allocated
            ]
            assert not wanting or self.usable(product_id) == 0, f"stock is left while {wanting[0]} wants it"

    def usable(self, product_id):
        rows = db.session.execute(
            select(Balance, Lot, Location)
            .join(Lot, Lot.id == Balance.lot_id)
            .join(Location, Location.id == Balance.location_id)
            .where(Balance.product_id == product_id)
        ).all()
        return sum(
            balance.on_hand - balance.allocated
            for balance, lot, location in rows
            if location.kind is LocationKind.stock
            and not lot.on_hold
            and (lot.expires_on is None or lot.expires_on >= TODAY)
        )

    def check_links(self, before, after):
        """Links are checked where there is incoming supply."""

    @invariant()
    def everything_adds_up(self):
        if not hasattr(self, "products"):
            return
        session = db.session()
        session.rollback()
        lines = {line.id: line for line in session.scalars(select(OrderLine))}
        balances = {balance.id: balance for balance in session.scalars(select(Balance))}
        held_by_line, held_by_balance = dict.fromkeys(lines, 0), dict.fromkeys(balances, 0)
        for row in session.scalars(select(Allocation)):
            held_by_line[row.line_id] += row.quantity - row.packed
            held_by_balance[row.balance_id] += row.quantity - row.packed
        moved = dict.fromkeys(balances, 0)
        places = {(balance.lot_id, balance.location_id): id_ for id_, balance in balances.items()}
        for move in session.scalars(select(StockMove)):
            moved[places[move.lot_id, move.location_id]] += move.quantity
        for id_, balance in balances.items():
            assert 0 <= balance.allocated <= balance.on_hand
            assert balance.allocated == held_by_balance[id_]
            assert balance.on_hand == moved[id_]
        waiting, linked = dict.fromkeys(lines, 0), dict.fromkeys(lines, 0)
        for row in session.scalars(select(Backorder).where(Backorder.state == "open")):
            waiting[row.line_id] += row.quantity - row.allocated_quantity - row.cancelled_quantity
        purchases = {line.id: line for line in session.scalars(select(PurchaseOrderLine))}
        claimed = dict.fromkeys(purchases, 0)
        for link in session.scalars(select(Link)):
            linked[link.line_id] += link.quantity - link.received if link.ended_at is None else 0
            claimed[link.purchase_line_id] += link.quantity - link.received if link.ended_at is None else 0
        for id_, line in lines.items():
            still_open = line.quantity - line.packed - line.cancelled
            assert 0 <= line.allocated <= still_open
            assert line.allocated == held_by_line[id_]
            assert waiting[id_] <= still_open - line.allocated
            assert linked[id_] <= waiting[id_], "promised twice"
        for id_, line in purchases.items():
            assert line.allocated == claimed[id_]
            assert line.allocated == 0 or line.allocated <= line.quantity - line.received - line.cancelled
        numbers = session.scalars(select(Order.number).where(Order.number.is_not(None))).all()
        assert len(numbers) == len(set(numbers))
        session.rollback()


class IncomingBook(Book):
    """The same shop with purchase orders, whose goods are promised while they are on their way."""

    options = {"preorder.auto_allocate": "yes", "preorder.insufficient_supply": "partial"}

    @rule(number=picks, quantity=amounts, days=st.none() | st.integers(1, 30))
    def buy(self, number, quantity, days):
        db.session.rollback()
        expected = None if days is None else TODAY + timedelta(days=days)
        make_purchase_order(db.session(), [(self.product(number), quantity, expected)])
        db.session.commit()

    @rule(number=picks, quantity=amounts, place=st.sampled_from(["WH/A", "WH/QA"]))
    def receive_goods(self, number, quantity, place):
        line = self.pick(PurchaseOrderLine, number)
        if line is None:
            return
        lot = f"R{db.session.scalar(select(text('count(*)')).select_from(StockMove))}"
        self.attempt(
            lambda session: procurement.receive(
                session,
                session.get_one(PurchaseOrderLine, line),
                quantity=Decimal(quantity),
                location=make_location(session, place),
                lot_number=lot,
            )
        )

    @rule(number=picks)
    def close_short(self, number):
        line = self.pick(PurchaseOrderLine, number)
        if line is not None:
            self.attempt(lambda session: procurement.close_line(session, session.get_one(PurchaseOrderLine, line)))

    @rule(number=picks)
    def cancel_a_purchase(self, number):
        order = self.pick(PurchaseOrder, number)
        before = self.states()
        if order is not None:
            self.attempt(lambda session: procurement.cancel_order(session, session.get_one(PurchaseOrder, order)))
        assert self.states() == before, "cancelling a purchase order changed a sales order"

    def states(self):
        db.session.rollback()
        return db.session.execute(select(Order.id, Order.state).order_by(Order.id)).all()

    @rule(number=picks, days=st.none() | st.integers(1, 60))
    def change_arrival(self, number, days):
        line = self.pick(PurchaseOrderLine, number)
        if line is not None:
            day = None if days is None else TODAY + timedelta(days=days)
            self.attempt(lambda session: procurement.set_expected_dates(session, {line: day}))

    @rule(number=picks, purchase=picks, quantity=amounts)
    def link_by_hand(self, number, purchase, quantity):
        line, bought = self.pick(OrderLine, number), self.pick(PurchaseOrderLine, purchase)
        if line is not None and bought is not None:
            self.attempt(lambda session: preorder.link_by_hand(session, {(line, bought): Decimal(quantity)}))

    @rule(number=picks, hold=st.booleans())
    def remove_a_link(self, number, hold):
        link = self.pick(Link, number, Link.ended_at.is_(None))
        if link is not None:
            self.attempt(lambda session: preorder.remove_links(session, [link], hold=hold))

    def check_links(self, before, after):
        """With `partial`, a demand gains no link while an earlier one is left without, and no supply is left over."""
        for product_id in self.products:
            short = False
            for line in self.queue(product_id):
                gained = after[line.id][1] - before[line.id][1]
                assert not (short and gained > 0), f"{line} was linked before an earlier line that goes short"
                rest = line.quantity - line.packed - line.cancelled - sum(after[line.id])
                short = short or rest > 0
            assert not short or self.unclaimed(product_id) == 0, "supply is left while somebody wants it"

    def unclaimed(self, product_id):
        rows = db.session.scalars(
            select(PurchaseOrderLine)
            .join(PurchaseOrder)
            .where(PurchaseOrderLine.product_id == product_id, PurchaseOrder.state.in_(("ordered", "partly_received")))
        )
        return sum(max(0, line.quantity - line.received - line.cancelled - line.allocated) for line in rows)


class SkippingBook(IncomingBook):
    """The same with the supply rule `skip`: a demand is linked whole or not at all."""

    options = {"preorder.auto_allocate": "yes", "preorder.insufficient_supply": "skip"}

    def check_links(self, before, after):
        """Only earlier demands count whose whole unlinked rest fitted what was left at their turn."""
        for product_id in self.products:
            left = self.unclaimed(product_id)
            for line in reversed(self.queue(product_id)):
                gained = after[line.id][1] - before[line.id][1]
                rest = line.quantity - line.packed - line.cancelled - sum(after[line.id])
                left += max(0, gained)
                assert rest == 0 or rest > left, f"{line} was left out though its rest of {rest} fitted"


def run_machine(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="ERP_TEST_EXAMPLES" not in os.environ,
        ),
    )


@pytest.mark.parametrize("machine", [Book, IncomingBook, SkippingBook])
def test_whatever_people_do_the_book_holds(app, machine):
    run_machine(machine)


def test_the_same_with_preorder_switched_off(app):
    commit(lambda session: current_registry().disable(session, "backorder_email"))
    commit(lambda session: current_registry().disable(session, "preorder"))
    run_machine(Book)
