"""Whatever users do, in any order: nothing is lost, nothing is promised twice, the first in the queue come first.

The invariants are recomputed from the rows with plain sums, not with the product's own checks.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

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
from sqlalchemy import func, select, text

from erp.db import commit, db
from erp.errors import ErpError
from erp.options import store_option
from erp.registry import current_registry
from modules.inventory_lots import services as stock
from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove
from modules.inventory_lots.states import LocationKind, Tracking
from modules.preorder import services as preorder
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder, Order, OrderLine, Pack, PackLine
from modules.sales.services import NewLine
from tests.properties import reference_model
from tests.properties.reference_model import open_of
from tests.support.final_rows import empty_tables
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_draft

EXAMPLES, STEPS = int(os.environ.get("ERP_TEST_EXAMPLES", "8")), 30
TODAY = date(2026, 11, 23)
SLA = 5
PREFIXES = ("inventory_lots_", "sales_", "procurement_", "preorder_", "backorder_email_")
amounts = st.integers(min_value=1, max_value=12)
picks = st.integers(min_value=0, max_value=1000)
requested_days = st.none() | st.integers(0, 20)

# What users do besides receiving and running the book.
VERBS = {
    *("adjust", "transfer", "hold_lot", "release_lot", "set_expiry", "change_kind", "release_allocations"),
    *("confirm", "add_lines", "allocate_order", "remove_allocations", "pack_order", "change_quantity"),
    *("change_requested_date", "take_from"),
    "reverse_pack",
    *("cancel_order", "cancel_line", "cancel_backorder", "delete_backorder", "cancel_overdue_backorders"),
}


def wipe():
    """Empty the modules' tables, so that each example begins with nothing."""
    empty_tables(db.session(), PREFIXES)


def action(often=1, **draws):
    """Mark a method as something that users do, how often, and say what its arguments are drawn from."""

    def mark(method):
        method.often, method.draws = often, draws
        return method

    return mark


class Book(RuleBasedStateMachine):
    """Two products and one with serial numbers, locations and a quarantine, and users who do all that can be done."""

    options: dict[str, str] = {}
    days_ahead: int | None = None

    def __init__(self, at, done):
        super().__init__()
        self.at, self.done = at, done
        self.today, self.kept = TODAY, reference_model.Kept()

    @initialize()
    def open_shop(self):
        wipe()
        self.set_day(TODAY)
        session = db.session()
        for key, value in {"sales.backorder_cancellation_days": str(SLA), **self.options}.items():
            commit(
                lambda session, key=key, value=value: store_option(
                    session, current_registry().option_table, key, value, user_name="test"
                )
            )
        current_registry().refresh()
        self.products = [make_product(session).id for _ in range(2)]
        self.phone = make_product(session, tracking=Tracking.serial).id
        make_location(session, "WH/A")
        make_location(session, "WH/QA", kind=LocationKind.quarantine)
        session.commit()
        self.kept = reference_model.Kept()
        self.receive_stock(0, 9, "WH/A", 20, 0)
        self.take_an_order([(0, 4), (1, 6)], 0, 1, "partial")

    def teardown(self):
        db.session.rollback()

    # One rule for all actions: a rule for each would be left out of half of the examples.
    @rule(data=st.data())
    def somebody_does_something(self, data):
        actions = {name: each for name in dir(type(self)) if hasattr(each := getattr(type(self), name), "draws")}
        names = [name for name in sorted(actions) for _ in range(actions[name].often)]
        name = data.draw(st.sampled_from(names), label="action")
        actions[name](self, **{key: data.draw(value, label=key) for key, value in actions[name].draws.items()})

    def set_day(self, day):
        self.today = day
        self.at(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).isoformat())

    def attempt(self, verb, *arguments, **more):
        """Do what a user does and say whether it was done; a refusal changes nothing."""
        db.session.rollback()
        try:
            commit(lambda session: verb(session, *arguments, **more))
        except ErpError:
            db.session.rollback()
            return False
        self.done[verb.__name__] += 1
        return True

    def pick_order(self, number):
        """Return one of the orders, mostly one with which something may be done."""
        return self.pick(Order, number, *([Order.state == "confirmed"] if number % 4 else []))

    def pick_line(self, number):
        """Return one of the lines, mostly one with something open."""
        return self.pick(OrderLine, number, *([OrderLine.open_quantity > 0] if number % 4 else []))

    def pick(self, model, number, *conditions):
        db.session.rollback()
        ids = db.session.scalars(select(model.id).where(*conditions).order_by(model.id)).all()
        db.session.rollback()
        return ids[number % len(ids)] if ids else None

    def product(self, number):
        return db.session.get_one(Product, self.products[number % 2])

    @action(days=st.integers(1, SLA + 2))
    def pass_days(self, days):
        self.set_day(self.today + timedelta(days=days))

    @action(
        often=4,
        number=picks,
        quantity=amounts,
        place=st.sampled_from(["WH/A", "WH/B", "WH/A", "WH/QA"]),
        days=st.sampled_from([30, 20, 4, 0, -1]),
        age=st.integers(0, 3),
    )
    def receive_stock(self, number, quantity, place, days, age):
        db.session.rollback()
        make_stock(
            db.session(),
            self.product(number),
            quantity,
            location=make_location(db.session(), place, kind=self.kind_of(place)),
            received_on=self.today - timedelta(days=age),
            expires_on=None if days == 30 else self.today + timedelta(days=days),
        )

    def kind_of(self, path):
        """Return the kind that a location has, so that receiving does not change it."""
        kind = db.session.scalar(select(Location.kind).where(Location.path == path))
        return kind or LocationKind.stock

    @action(number=picks)
    def receive_a_serial_number(self, number):
        db.session.rollback()
        name = f"S{db.session.scalar(select(func.count()).select_from(Lot))}"
        make_serials(db.session(), db.session.get_one(Product, self.phone), name, location="WH/A")

    @action(number=picks, quantity=st.integers(0, 15), release=st.booleans())
    def adjust(self, number, quantity, release):
        id_ = self.pick(Balance, number)
        if id_ is None:
            return
        balance = db.session.get_one(Balance, id_)
        lot = db.session.get_one(Lot, balance.lot_id)
        count = stock.Count(balance.product_id, balance.location_id, Decimal(quantity), lot_number=lot.number)
        self.attempt(stock.adjust, count, reason="counted", release=release)

    @action(number=picks, quantity=st.none() | amounts, place=picks)
    def transfer(self, number, quantity, place):
        balance, location = self.pick(Balance, number), self.pick(Location, place)
        if balance is not None:
            some = None if quantity is None else Decimal(quantity)
            self.attempt(stock.transfer, balance, location_id=location, quantity=some)

    @action(number=picks, hold=st.booleans())
    def hold_a_lot(self, number, hold):
        lot = self.pick(Lot, number, *([Lot.on_hold.is_not(hold)] if number % 4 else []))
        if lot is not None:
            self.attempt(stock.hold_lot if hold else stock.release_lot, lot)

    @action(number=picks, days=st.integers(-2, 20))
    def change_expiry(self, number, days):
        lot = self.pick(Lot, number)
        if lot is not None:
            self.attempt(stock.set_expiry, lot, self.today + timedelta(days=days))

    @action(number=picks, kind=st.sampled_from(LocationKind))
    def change_a_location(self, number, kind):
        self.attempt(stock.change_kind, self.pick(Location, number), kind)

    @action(number=picks, hold=st.booleans())
    def release_what_may_not_leave(self, number, hold):
        lot = self.pick(Lot, number, Lot.id.in_(select(Balance.lot_id).where(Balance.allocated > 0)))
        if lot is not None:
            if hold:
                self.attempt(stock.hold_lot, lot)
            self.attempt(stock.release_allocations, lot)

    @action(
        often=5,
        lines=st.lists(st.tuples(picks, amounts), min_size=1, max_size=3),
        priority=st.integers(0, 1),
        phones=st.integers(0, 2),
        policy=st.sampled_from(["partial", "partial", "complete"]),
        requested=requested_days,
    )
    def take_an_order(self, lines, priority, phones, policy, requested=None):
        db.session.rollback()
        wanted = [(self.product(number), quantity) for number, quantity in lines]
        wanted += [(db.session.get_one(Product, self.phone), phones)] if phones else []
        day = self.day_after(requested)
        order = make_draft(db.session(), wanted, priority=priority, shipping_policy=policy, requested_on=day).id
        self.run_of(sales.confirm, order, products={product.id for product, _ in wanted})

    def day_after(self, days):
        return None if days is None else self.today + timedelta(days=days)

    @action(often=2, number=picks, days=requested_days)
    def change_a_requested_date(self, number, days):
        id_, day = self.pick_line(number), self.day_after(days)
        line = None if id_ is None else db.session.get_one(OrderLine, id_)
        if line is not None and line.requested_on != day:
            self.run_of(sales.change_requested_date, id_, day, products={line.product_id})

    @action(number=picks, product=picks, quantity=amounts)
    def add_a_line(self, number, product, quantity):
        order = self.pick(Order, number, Order.state == "confirmed")
        if order is not None:
            product_id = self.products[product % 2]
            self.run_of(sales.add_lines, order, [NewLine(product_id, Decimal(quantity))], products={product_id})

    def run_of(self, verb, *arguments, products):
        """Attempt something that runs products; what it gave them must be first come, first served."""
        before, supply = self.holdings(), self.supply()
        if self.attempt(verb, *arguments):
            self.check_the_run(before, supply, products - {self.phone})

    @action(number=picks)
    def allocate_an_order(self, number):
        order = self.pick_order(number)
        if order is not None:
            self.attempt(sales.allocate_order, order)

    @action(often=3, number=picks, holder=picks, quantity=amounts)
    def take_from_another(self, number, holder, quantity):
        """What is taken leaves one line and comes to another; no other line gains or loses stock."""
        taker = self.pick(OrderLine, number, *([OrderLine.has_need] if number % 4 else []))
        if taker is None:
            return
        product_id = db.session.get_one(OrderLine, taker).product_id
        of_product = [OrderLine.product_id == product_id, OrderLine.id != taker] if holder % 4 else []
        loser = self.pick(OrderLine, holder, OrderLine.allocated > 0, *of_product)
        if loser is None:
            return
        needed, has = db.session.get_one(OrderLine, taker).need, db.session.get_one(OrderLine, loser).allocated
        quantity = min(quantity, int(needed), int(has)) if number % 4 else quantity
        before = self.holdings()
        if not self.attempt(sales.take_from, taker, {loser: Decimal(quantity)}):
            return
        moved = {id_: held[0] - before[id_][0] for id_, held in self.holdings().items()}
        assert {id_: change for id_, change in moved.items() if change} == {taker: quantity, loser: -quantity}
        waiting = {line_id: quantity for line_id, quantity, _ in self.waiting().values() if quantity}
        for line in reference_model.rows(OrderLine, OrderLine.id.in_((taker, loser))):
            assert open_of(line) - line.allocated == waiting.get(line.id, 0)
            assert line.id == loser or not line.hold_allocation

    @action(number=picks, hold=st.booleans(), some=st.booleans())
    def remove_allocations(self, number, hold, some):
        allocation = self.pick(Allocation, number, Allocation.packed < Allocation.quantity)
        if allocation is None:
            return
        line = db.session.get_one(OrderLine, db.session.get_one(Allocation, allocation).line_id)
        chosen, order = ([allocation] if some else None), line.order_id
        self.attempt(sales.remove_allocations, order, chosen, hold=hold)

    @action(number=picks, phones=st.integers(0, 2))
    def pack(self, number, phones):
        holding = select(OrderLine.order_id).where(OrderLine.allocated > 0)
        order = self.pick(Order, number, Order.id.in_(holding)) if number % 4 else self.pick(Order, number)
        if order is not None:
            self.attempt(sales.pack_order, order, self.serials_for(order, phones))

    def serials_for(self, order, count):
        """Return some serial numbers, in stock or not, for the order's first line of phones."""
        line = db.session.scalar(
            select(OrderLine.id).where(OrderLine.order_id == order, OrderLine.product_id == self.phone)
        )
        numbers = select(Lot.number).where(Lot.product_id == self.phone).order_by(Lot.id.desc()).limit(count)
        found = db.session.scalars(numbers).all()
        return {line: found} if line and found else {}

    @action(often=2, number=picks, some=st.booleans(), free=st.booleans(), hold=st.booleans())
    def reverse_a_pack(self, number, some, free, hold):
        line = self.pick(PackLine, number, *([PackLine.is_unreversed] if number % 4 else []))
        if line is not None:
            pack = db.session.get_one(PackLine, line).pack_id
            self.attempt(sales.reverse_pack, pack, [line] if some else None, why="came back", free=free, hold=hold)

    @action()
    def pack_the_book_and_reverse_its_packs(self):
        """With no run between, what is on hand, allocated, packed and open is as before, and so is every state."""
        before, last = self.book(), db.session.scalar(select(func.max(Pack.id))) or 0
        for order in self.ids(Order, Order.state == "confirmed"):
            self.attempt(sales.pack_order, order, self.phones_in_stock(order)) or self.attempt(sales.pack_order, order)
        for pack in self.ids(Pack, Pack.id > last):
            assert self.attempt(sales.reverse_pack, pack, why="came back"), "a pack cannot be reversed"
        assert self.book() == before, "reversing the packs did not restore the book"

    @action()
    def reverse_all_packs(self):
        """Whatever was packed and reversed before: nothing is packed then, and all of it is on hand."""
        packs = self.ids(Pack, Pack.id.in_(select(PackLine.pack_id).where(PackLine.is_unreversed)))
        if not all(self.attempt(sales.reverse_pack, pack, why="came back") for pack in packs):
            return  # a serial number that was counted into stock again does not return
        assert not any(line.packed for line in reference_model.rows(OrderLine))
        assert not reference_model.rows(Order, Order.state == "done")
        moves = reference_model.rows(StockMove, StockMove.kind.not_in(("pack", "pack_reversal")))
        unpacked = reference_model.summed(((move.lot_id, move.location_id), move.quantity) for move in moves)
        for balance in reference_model.rows(Balance):
            assert balance.on_hand == unpacked[balance.lot_id, balance.location_id]

    def ids(self, model, *conditions):
        db.session.rollback()
        found = list(db.session.scalars(select(model.id).where(*conditions).order_by(model.id)))
        db.session.rollback()
        return found

    def book(self):
        """Return all quantities, and the state of each order."""
        states = db.session.execute(select(Order.id, Order.state).order_by(Order.id)).all()
        return self.everything(), states

    def phones_in_stock(self, order):
        """Return a serial number in stock for the order's first open line of phones."""
        is_open = (OrderLine.order_id == order, OrderLine.product_id == self.phone, OrderLine.is_open)
        line = db.session.scalar(select(OrderLine.id).where(*is_open).order_by(OrderLine.id))
        in_stock = select(Lot.number).join(Balance, Balance.lot_id == Lot.id).order_by(Lot.id)
        number = db.session.scalar(in_stock.where(Lot.product_id == self.phone, Balance.on_hand > 0))
        db.session.rollback()
        return {line: [number]} if line and number else {}

    @action(number=picks, quantity=amounts)
    def change_a_quantity(self, number, quantity):
        id_ = self.pick_line(number)
        if id_ is None:
            return
        line = db.session.get_one(OrderLine, id_)
        if quantity > line.quantity and line.product_id != self.phone:
            self.run_of(sales.change_quantity, id_, Decimal(quantity), products={line.product_id})
        else:
            self.attempt(sales.change_quantity, id_, Decimal(quantity))

    @action(number=picks, whole=st.booleans())
    def cancel(self, number, whole):
        line = self.pick_line(number)
        if line is None:
            return
        order = db.session.get_one(OrderLine, line).order_id
        self.attempt(*((sales.cancel_order, order) if whole else (sales.cancel_line, line)))

    @action(number=picks, delete_it=st.booleans())
    def end_a_backorder(self, number, delete_it):
        row = self.pick(Backorder, number, Backorder.state == "open")
        if row is not None:
            self.attempt(sales.delete_backorder if delete_it else sales.cancel_backorder, row)

    @action(days=st.sampled_from([SLA, SLA + 1, 1, 0]))
    def cancel_what_waits_too_long(self, days):
        self.pass_days(days)
        before = self.waiting()
        overdue = {
            row.id
            for row in reference_model.rows(Backorder, Backorder.state == "open")
            if row.kind == "backorder" and (self.today - row.counts_from).days > SLA
        } - {row.id for row in self.scheduled_rows()}
        db.session.rollback()
        purchase_allocated = self.purchase_allocated()
        if self.attempt(sales.cancel_overdue_backorders) and not overdue:
            self.done["cancel_overdue_backorders"] -= 1
        for id_, (line_id, quantity, cancelled) in self.waiting().items():
            _, was_open, was_cancelled = before[id_]
            ended = was_open - min(was_open, purchase_allocated[line_id]) if id_ in overdue else 0
            assert (quantity, cancelled) == (was_open - ended, was_cancelled + ended)

    def queue(self, product_id):
        """Return the lines that a run serves now, in order of service."""
        by_requested_day = self.options.get("sales.service_order") == "requested_on"
        return reference_model.queue(product_id, until=self.until(), by_requested_day=by_requested_day)

    def until(self):
        return None if self.days_ahead is None else self.today + timedelta(days=self.days_ahead)

    def scheduled_rows(self):
        """Return the open backorder rows of lines that are requested too far ahead."""
        is_scheduled = OrderLine.requested_on > (self.until() or date.max)
        lines = {line.id for line in reference_model.rows(OrderLine, is_scheduled)}
        return [row for row in reference_model.rows(Backorder, Backorder.state == "open") if row.line_id in lines]

    def waiting(self):
        """Return each backorder's line, open and cancelled quantity."""
        db.session.rollback()
        found = {
            row.id: (
                row.line_id,
                row.quantity - row.allocated_quantity - row.cancelled_quantity,
                row.cancelled_quantity,
            )
            for row in reference_model.rows(Backorder)
        }
        db.session.rollback()
        return found

    @action(often=4)
    def run_the_book(self):
        before, supply = self.holdings(), self.supply()
        sales.allocate_book(db.session())
        self.check_the_run(before, supply, self.products)
        self.check_purchase_allocations(before, self.holdings())
        rows = self.everything()
        sales.allocate_book(db.session())
        assert self.everything() == rows, "a second run changed something"
        breaches = [breach for check in current_registry().checks for breach in check.thing(db.session())]
        db.session.rollback()
        assert breaches == [], "the product's own check sees what the sums do not"

    def supply(self):
        """Return the usable stock of each product that a run will find, and the last allocation before it."""
        stock = {id_: reference_model.usable(id_, self.today, removal=self.removal) for id_ in self.products}
        last = db.session.scalar(select(func.max(Allocation.id))) or 0
        db.session.rollback()
        return stock, last

    @property
    def removal(self):
        return self.options.get("inventory_lots.removal", "fifo")

    def purchase_allocated(self):
        """Return what of each line is allocated to purchase orders."""
        purchase_allocations = reference_model.rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None))
        sums = reference_model.summed((row.line_id, row.quantity - row.received) for row in purchase_allocations)
        db.session.rollback()
        return sums

    def holdings(self):
        """Return each line's quantities (allocated, allocated to purchase orders)."""
        db.session.rollback()
        allocated = dict(db.session.execute(select(OrderLine.id, OrderLine.allocated)).all())
        purchase_allocated = self.purchase_allocated()
        return Counter({id_: (quantity, purchase_allocated[id_]) for id_, quantity in allocated.items()})

    def everything(self):
        session = db.session()
        session.rollback()
        tables = (Allocation, Backorder, PurchaseAllocation, OrderLine, PurchaseOrderLine, Balance)
        rows = [session.execute(select(*table.__table__.columns).order_by(table.id)).all() for table in tables]
        session.rollback()
        return rows

    def check_the_run(self, before, supply, products):
        """A run gave what handing out unit by unit gives, row by row.

        So no line got a unit while an earlier one goes short, and nothing is left while a line needs it.
        """
        (stock, last), after, expected = supply, self.holdings(), {}
        for product_id in products:
            queue = self.queue(product_id)
            wanted = [(line.id, open_of(line) - before.get(line.id, (0, 0))[0]) for line in queue]
            expected |= reference_model.unit_by_unit(wanted, stock[product_id])
            self.check_first_come_first_served(queue, before, after)
            left = sum(free for _, free in reference_model.usable(product_id, self.today, removal=self.removal))
            assert left == 0 or all(open_of(line) == line.allocated for line in queue), (
                "stock is left that a line needs"
            )
        new = reference_model.rows(Allocation, Allocation.id > last)
        assert len(new) == len(expected)
        assert {(row.line_id, row.balance_id): row.quantity for row in new} == expected
        db.session.rollback()

    def check_first_come_first_served(self, queue, before, after):
        short = None
        for line in queue:
            gained = after[line.id][0] - before.get(line.id, (0, 0))[0]
            assert short is None or gained <= 0, f"{line} was served before {short}, which goes short"
            short = line if short is None and open_of(line) > line.allocated else short

    def check_purchase_allocations(self, before, after):
        """Purchase allocations are checked where there is incoming supply."""

    @invariant()
    def everything_adds_up(self):
        if hasattr(self, "products"):
            self.kept = reference_model.check_everything(self.kept)


class LastDayFirstBook(Book):
    """The same where what expires first leaves first, and only users and runs allocate."""

    options = {"inventory_lots.removal": "fefo", "sales.allocate_on_confirm": "no"}

    def run_of(self, verb, *arguments, products):
        """Attempt something that runs products elsewhere, but not here."""
        before = self.holdings()
        self.attempt(verb, *arguments)
        after = self.holdings()
        assert all(after[id_] == held for id_, held in before.items())


class IncomingBook(Book):
    """The same shop with purchase orders, whose goods are promised before they arrive."""

    options = {"preorder.auto_allocate": "yes", "preorder.insufficient_supply": "partial"}

    @action(number=picks, quantity=amounts, days=st.none() | st.integers(1, 30))
    def buy(self, number, quantity, days):
        db.session.rollback()
        expected = None if days is None else self.today + timedelta(days=days)
        make_purchase_order(db.session(), [(self.product(number), quantity, expected)])
        db.session.commit()

    @action(number=picks, quantity=amounts, place=st.sampled_from(["WH/A", "WH/QA"]))
    def receive_goods(self, number, quantity, place):
        line = self.pick(PurchaseOrderLine, number)
        if line is None:
            return
        lot = f"R{db.session.scalar(select(text('count(*)')).select_from(StockMove))}"

        kind = self.kind_of(place)

        def receive(session):
            bought, location = session.get_one(PurchaseOrderLine, line), make_location(session, place, kind=kind)
            procurement.receive(session, Delivery(bought.id, Decimal(quantity), location.id, lot))

        self.attempt(receive)

    @action(number=picks)
    def close_short(self, number):
        line = self.pick(PurchaseOrderLine, number)
        if line is not None:
            self.attempt(procurement.close_lines, [line])

    @action(number=picks)
    def cancel_a_purchase(self, number):
        order = self.pick(PurchaseOrder, number)
        before = self.states()
        if order is not None:
            self.attempt(procurement.cancel_order, order)
        assert self.states() == before, "cancelling a purchase order changed a sales order"

    def states(self):
        db.session.rollback()
        return db.session.execute(select(Order.id, Order.state).order_by(Order.id)).all()

    @action(number=picks, days=st.none() | st.integers(1, 60))
    def change_arrival(self, number, days):
        line = self.pick(PurchaseOrderLine, number)
        if line is not None:
            day = None if days is None else self.today + timedelta(days=days)
            self.attempt(procurement.set_expected_dates, {line: day})

    @action(number=picks, purchase=picks, quantity=amounts)
    def allocate_by_hand(self, number, purchase, quantity):
        line, bought = self.pick(OrderLine, number), self.pick(PurchaseOrderLine, purchase)
        if line is not None and bought is not None:
            self.attempt(preorder.allocate_by_hand, {(line, bought): Decimal(quantity)})

    @action(number=picks, hold=st.booleans())
    def remove_a_purchase_allocation(self, number, hold):
        removed = self.pick(PurchaseAllocation, number, PurchaseAllocation.ended_at.is_(None))
        if removed is not None:
            self.attempt(preorder.remove_purchase_allocations, [removed], hold=hold)

    def check_purchase_allocations(self, before, after):
        """With `partial` no line gains while an earlier one goes short, and no supply is left while a line needs it."""
        for product_id in self.products:
            short = False
            for line in self.queue(product_id):
                gained = after[line.id][1] - before[line.id][1]
                assert not (short and gained > 0), f"{line} was allocated before an earlier line that goes short"
                remainder = open_of(line) - sum(after[line.id])
                short = short or remainder > 0
            assert not short or self.unallocated_supply(product_id) == 0, "supply is left while a line needs it"

    def unallocated_supply(self, product_id):
        ordered = PurchaseOrder.state.in_(("ordered", "partly_received"))
        rows = db.session.scalars(
            select(PurchaseOrderLine).join(PurchaseOrder).where(PurchaseOrderLine.product_id == product_id, ordered)
        )
        return sum(max(0, open_of(line) - line.allocated) for line in rows)


class SkippingBook(IncomingBook):
    """The same with the supply rule `skip`: a demand is covered whole or not at all."""

    options = {"preorder.auto_allocate": "yes", "preorder.insufficient_supply": "skip"}

    def check_purchase_allocations(self, before, after):
        """A demand was covered whole, or its uncovered remainder did not fit what was left at its turn."""
        for product_id in self.products:
            left = self.unallocated_supply(product_id)
            for line in reversed(self.queue(product_id)):
                gained = after[line.id][1] - before[line.id][1]
                remainder = open_of(line) - sum(after[line.id])
                left += max(0, gained)
                assert remainder == 0 or remainder > left, f"{line} was left out though its {remainder} fitted"


class ScheduledBook(IncomingBook):
    """The same where the day for which a line is requested says when and before whom it is served."""

    options = IncomingBook.options | {"sales.service_order": "requested_on", "sales.reserve_ahead_days": "9"}
    days_ahead = 9

    def check_purchase_allocations(self, before, after):
        super().check_purchase_allocations(before, after)
        for line in reference_model.rows(OrderLine, OrderLine.requested_on > self.until()):
            assert all(now <= was for now, was in zip(after[line.id], before[line.id], strict=True)), (
                f"a run gave {line} something, which is scheduled"
            )

    @invariant()
    def rows_of_scheduled_lines_count_from_the_day_on_which_they_fall_due(self):
        if hasattr(self, "products"):
            requested = {line.id: line.requested_on for line in reference_model.rows(OrderLine)}
            for row in self.scheduled_rows():
                assert row.counts_from == requested[row.line_id] - timedelta(days=self.days_ahead)
            db.session.rollback()


def run_machine(machine, at, examples=EXAMPLES):
    run_state_machine_as_test(
        partial(machine, at, Counter()),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="ERP_TEST_EXAMPLES" not in os.environ,
        ),
    )


@pytest.mark.parametrize("machine", [Book, LastDayFirstBook, IncomingBook, SkippingBook, ScheduledBook])
def test_whatever_users_do_the_book_holds(app, at, machine):
    run_machine(machine, at)


def test_the_same_with_preorder_switched_off(app, at):
    commit(lambda session: current_registry().disable(session, "backorder_email"))
    commit(lambda session: current_registry().disable(session, "preorder"))
    run_machine(Book, at, examples=4)


def test_each_action_can_really_be_done(app, at):
    """A day on which nothing is refused: nothing that is drawn above is refused always."""
    done = Counter()
    book = Book(at, done)
    book.open_shop()
    for action, *arguments in (
        (book.receive_stock, 1, 5, "WH/A", 20, 1),
        (book.receive_a_serial_number, 0),
        (book.run_the_book,),
        (book.adjust, 0, 12, False),
        (book.transfer, 0, None, 1),
        (book.change_a_location, 1, LocationKind.stock),
        (book.add_a_line, 0, 0, 3),
        (book.change_a_requested_date, 0, 3),
        (book.pack, 0, 1),
        (book.reverse_a_pack, 0, True, False, False),
        (book.pack_the_book_and_reverse_its_packs,),
        (book.pack, 0, 1),
        (book.reverse_all_packs,),
        (book.pack, 0, 1),
        (book.take_an_order, [(1, 12)], 0, 0, "partial"),
        (book.allocate_an_order, 1),
        (book.change_expiry, 0, 20),
        (book.take_an_order, [(0, 2)], 0, 0, "partial"),
        (book.release_what_may_not_leave, 0, True),
        (book.hold_a_lot, 1, False),
        (book.run_the_book,),
        (book.remove_allocations, 0, True, False),
        (book.change_a_quantity, 1, 12),
        (book.end_a_backorder, 0, True),
        (book.take_an_order, [(1, 9)], 0, 0, "partial"),
        (book.end_a_backorder, 0, False),
        (book.cancel, 1, False),
        (book.take_an_order, [(1, 9)], 0, 0, "partial"),
        (book.cancel_what_waits_too_long, SLA + 1),
        (book.take_an_order, [(0, 9)], 0, 0, "partial"),
        (book.receive_stock, 0, 4, "WH/A", 20, 0),
        (book.run_the_book,),
        (book.take_an_order, [(0, 3)], 0, 0, "partial"),
        (book.take_from_another, 1, 1, 3),
        (book.take_an_order, [(1, 9)], 0, 0, "partial"),
        (book.cancel, 1, True),
    ):
        action(*arguments)
        book.everything_adds_up()
    assert {verb for verb in VERBS if not done[verb]} == set()
