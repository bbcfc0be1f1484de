"""Whatever is bought, moved, lost, allocated and received, in any order: no incoming unit is promised twice, and the
first in the queue come first.

What must hold is computed here from the rows with plain loops, not with the product's own queries.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from erp.db import commit, db
from erp.errors import ErpError
from erp.options import store_option
from erp.registry import current_registry
from modules.inventory_lots.models import Product, StockMove
from modules.inventory_lots.services import lock_products
from modules.inventory_lots.states import LocationKind
from modules.preorder import queries, services
from modules.preorder.coverage import is_late
from modules.preorder.domain import PreorderTerms
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery, LineValues, OrderHead, Reopening
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder, Order, OrderLine, Pack
from tests.support.final_rows import empty_tables
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.procurement import make_supplier
from tests.support.sales import make_draft

EXAMPLES, STEPS = int(os.environ.get("ERP_TEST_EXAMPLES", "4")), 25
TODAY = date(2026, 11, 23)
PAST_DUE = 5
BUFFER = 2
LIMIT = 20
TABLES = ("inventory_lots_", "sales_", "procurement_", "preorder_", "backorder_email_")

amounts = st.integers(1, 12)
picks = st.integers(0, 1000)
twelfths = st.integers(1, 14)
days = st.none() | st.integers(-PAST_DUE - 3, 40)


def day(number):
    return None if number is None else TODAY + timedelta(days=number)


def action(**draws):
    """Mark a method as something that users do, and say what its arguments are drawn from."""

    def mark(method):
        method.draws = draws
        return method

    return mark


def some(quantity, part):
    """Return so many twelfths of a quantity, at least one piece."""
    return max(Decimal(1), quantity * part // 12)


def rows(model, *conditions):
    """Return rows by id."""
    return db.session.scalars(select(model).where(*conditions).order_by(model.id)).all()


class Incoming(RuleBasedStateMachine):
    """Two products, one of them sold before its launch; users who order, buy, receive, allocate and change their minds.

    Automatic allocation covers backorders in part (`partial`).
    """

    options = {"preorder.auto_allocate": "yes", "preorder.insufficient_supply": "partial"}
    always = {
        "preorder.past_due_supply_days": str(PAST_DUE),
        "preorder.promise_buffer_days": str(BUFFER),
        "procurement.over_receipt_percent": "20",
    }

    @initialize()
    def open_shop(self):
        empty_tables(db.session(), TABLES)
        self.promised, self.may_promise_again = {}, False
        table = current_registry().option_table
        for key, value in (self.always | self.options).items():
            store_option(db.session(), table, key, value, user_name="test")
        old, new = (make_product(db.session()) for _ in range(2))
        services.save_product(db.session(), new, PreorderTerms(True, day(10), Decimal(LIMIT)))
        make_location(db.session(), "WH/QA", kind=LocationKind.quarantine)
        self.products, self.supplier = (old.id, new.id), make_supplier(db.session()).id
        db.session.commit()
        current_registry().refresh()
        self.take_an_order(0, 6, 0)
        self.take_an_order(0, 8, 0)
        self.buy(0, 10, 20, is_draft=False)
        self.receive(0, 6, "WH/A")
        self.change_a_purchase(0, 9, True)

    def teardown(self):
        db.session.rollback()

    # One rule for all: with a rule for each action an example leaves out many, and repeats a few.
    @rule(data=st.data())
    def somebody_does_something(self, data):
        actions = {name: each for name, each in vars(Incoming).items() if hasattr(each, "draws")}
        name = data.draw(st.sampled_from(sorted(actions)), label="action")
        actions[name](self, **{key: data.draw(value, label=key) for key, value in actions[name].draws.items()})

    def attempt(self, verb, *arguments, **more):
        """Do what a user does and say whether it was done; a refusal changes nothing."""
        db.session.rollback()
        try:
            commit(lambda session: verb(session, *arguments, **more))
        except ErpError:
            db.session.rollback()
            return False
        return True

    def pick(self, model, number, *conditions):
        """Return the id of one of the rows, if there is any."""
        db.session.rollback()
        ids = db.session.scalars(select(model.id).where(*conditions).order_by(model.id)).all()
        return ids[number % len(ids)] if ids else None

    # What customers want

    @action(number=picks, quantity=amounts, priority=st.integers(0, 1))
    def take_an_order(self, number, quantity, priority):
        db.session.rollback()
        product = db.session.get_one(Product, self.products[number % 2])
        self.attempt(sales.confirm, make_draft(db.session(), [(product, quantity)], priority=priority).id)

    @action(number=picks, quantity=amounts, verb=st.sampled_from(["quantity", "line", "order", "backorder", "removed"]))
    def change_an_order(self, number, quantity, verb):
        line = self.pick(OrderLine, number)
        if line is None:
            return
        order = db.session.get_one(OrderLine, line).order_id
        backorder = self.pick(Backorder, number, Backorder.line_id == line, Backorder.state == "open")
        actions = {
            "quantity": (sales.change_quantity, line, Decimal(quantity)),
            "line": (sales.cancel_line, line),
            "order": (sales.cancel_order, order),
            "removed": (sales.remove_allocations, order),
        } | ({"backorder": (sales.cancel_backorder, backorder)} if backorder else {})
        self.attempt(*actions.get(verb, actions["quantity"]))

    @action(number=picks, quantity=amounts)
    def find_stock(self, number, quantity):
        db.session.rollback()
        make_stock(db.session(), db.session.get_one(Product, self.products[number % 2]), quantity)

    @action(number=picks, pack=st.booleans())
    def allocate_or_pack(self, number, pack):
        order = self.pick(Order, number, Order.state == "confirmed")
        if order is not None:
            self.attempt(sales.pack_order if pack else sales.allocate_order, order)

    # Incoming supply

    @action(number=picks, quantity=amounts, expected=days, is_draft=st.booleans())
    def buy(self, number, quantity, expected, is_draft):
        db.session.rollback()
        values = LineValues(self.products[number % 2], Decimal(quantity), expected_on=day(expected))
        procurement.create_order(db.session(), OrderHead(self.supplier, TODAY), lines=[values])
        db.session.commit()
        if not is_draft:
            self.order_a_draft(-1)

    @action(number=picks)
    def order_a_draft(self, number):
        order = self.pick(PurchaseOrder, number, PurchaseOrder.state == "draft")
        if order is None:
            return
        products = {line.product_id for line in db.session.get_one(PurchaseOrder, order).lines}
        before = self.purchase_allocated()
        self.attempt(lambda session: procurement.place_order(session, order))
        self.check_order_of_service(before, products)

    def on_line(self, verb, number, **more):
        """Do something to an open purchase order line, mostly one that is allocated.

        Return its purchase allocations before, in order of service, and its id; None where nothing was done.
        """
        is_ordered = PurchaseOrderLine.order.has(PurchaseOrder.state.in_(("ordered", "partly_received")))
        line = self.pick(PurchaseOrderLine, number, is_ordered, PurchaseOrderLine.allocated >= bool(number % 4))
        if line is None:
            return None
        before, states, supply = self.queue_of_purchase_allocations(line), self.states(), self.line_quantities(line)
        if not self.attempt(lambda session: verb(session, session.get_one(PurchaseOrderLine, line), **more)):
            return None
        assert self.states() == states, "a change of supply ended or revived a sales order"
        if self.line_quantities(line) != supply:
            self.check_allocated_at_once(line)
        return before, line

    def line_quantities(self, line):
        db.session.rollback()
        found = db.session.get_one(PurchaseOrderLine, line)
        return found.quantity, found.received, found.cancelled

    @action(number=picks, part=twelfths, place=st.sampled_from(["WH/A", "WH/A", "WH/QA"]))
    def receive(self, number, part, place):
        db.session.rollback()
        location = make_location(db.session(), place, kind=LocationKind(("stock", "quarantine")[place == "WH/QA"]))
        lot = f"R{len(rows(StockMove))}"
        db.session.commit()
        landed = []

        def receive(session, line):
            landed.append(some(line.outstanding, part))
            procurement.receive(session, Delivery(line.id, landed[-1], location.id, lot))

        done = self.on_line(receive, number)
        if done is not None:
            self.check_received(*done, landed[-1] if place == "WH/A" else Decimal(0))

    @action(number=picks, part=twelfths)
    def reverse_a_receipt(self, number, part):
        receipt = self.pick(Receipt, number, Receipt.reversed < Receipt.quantity)
        if receipt is None:
            return
        db.session.rollback()
        quantity = some(db.session.get_one(Receipt, receipt).reversible, part)
        self.attempt(lambda session: procurement.reverse_receipt(session, receipt, quantity, why="the wrong pallet"))

    @action(number=picks, part=twelfths, expected=days)
    def reopen(self, number, part, expected):
        line = self.pick(PurchaseOrderLine, number, PurchaseOrderLine.cancelled > 0)
        if line is None:
            return
        db.session.rollback()
        quantity = some(db.session.get_one(PurchaseOrderLine, line).cancelled, part)
        reopening = Reopening(line, quantity, day(expected))
        self.attempt(lambda session: procurement.reopen_lines(session, [reopening], why="it comes after all"))

    @action(number=picks, free=st.booleans())
    def reverse_a_pack(self, number, free):
        pack = self.pick(Pack, number)
        if pack is not None:
            self.attempt(lambda session: sales.reverse_pack(session, pack, None, why="the wrong parcel", free=free))

    @action(number=picks)
    def close_short(self, number):
        done = self.on_line(lambda session, line: procurement.close_lines(session, [line.id]), number)
        assert done is None or self.queue_of_purchase_allocations(done[1]) == []

    @action(number=picks)
    def cancel_a_purchase(self, number):
        def cancel(session, line):
            procurement.cancel_order(session, line.order_id)

        done = self.on_line(cancel, number)
        assert done is None or self.queue_of_purchase_allocations(done[1]) == []

    @action(number=picks, part=twelfths, release=st.sampled_from([True, True, False]))
    def change_a_purchase(self, number, part, release):
        def change(session, line):
            procurement.change_line(session, line.id, quantity=some(line.quantity, part), release=release)

        done = self.on_line(change, number)
        if done is not None:
            self.check_released(*done, release=release)

    @action(number=picks, expected=days)
    def move_an_arrival(self, number, expected):
        def move(session, line):
            procurement.set_expected_dates(session, {line.id: day(expected)})

        self.may_promise_again = self.options.get("preorder.sync_dates") == "auto"
        self.on_line(move, number)

    # Purchase allocations and promises

    @action(number=picks, purchase=picks, quantity=amounts)
    def allocate_by_hand(self, number, purchase, quantity):
        line, bought = self.pick(OrderLine, number), self.pick(PurchaseOrderLine, purchase)
        if line is not None and bought is not None:
            self.attempt(services.allocate_by_hand, {(line, bought): Decimal(quantity)})

    @action(number=picks, hold=st.booleans())
    def remove_a_purchase_allocation(self, number, hold):
        removed = self.pick(PurchaseAllocation, number, PurchaseAllocation.ended_at.is_(None))
        if removed is not None:
            left, row = self.purchase_allocated(), db.session.get_one(PurchaseAllocation, removed)
            left[row.line_id] -= row.outstanding
            assert self.attempt(services.remove_purchase_allocations, [removed], hold=hold)
            assert self.purchase_allocated() == left, "what was freed did not wait for a clerk or a run"

    @action(number=picks, new=st.integers(0, 40), sync=st.booleans())
    def promise(self, number, new, sync):
        line = self.pick(OrderLine, number)
        if line is not None:
            self.may_promise_again = True
            if sync:
                self.attempt(services.sync_promises, [line])
            else:
                self.attempt(sales.set_promise_dates, {line: day(new)}, cause="edit", pin=True)

    @action()
    def launch(self):
        def set_launch(session):
            terms = PreorderTerms(True, TODAY, Decimal(LIMIT))
            services.save_product(session, session.get_one(Product, self.products[1]), terms)

        self.attempt(set_launch)
        self.attempt(services.launch_preorders, [self.products[1]])
        assert rows(Backorder, Backorder.state == "open", Backorder.kind == "preorder") == []

    @action()
    def run_the_book(self):
        db.session.rollback()
        before = self.purchase_allocated()
        sales.allocate_book(db.session())
        self.check_order_of_service(before, self.products)
        after = [(row.id, row.quantity, row.received) for row in rows(PurchaseAllocation)]
        db.session.rollback()
        sales.allocate_book(db.session())
        assert [(row.id, row.quantity, row.received) for row in rows(PurchaseAllocation)] == after, (
            "a second run changed a purchase allocation"
        )
        breaches = [breach for check in current_registry().checks for breach in check.thing(db.session())]
        assert breaches == []

    # What must hold

    def purchase_allocated(self):
        """Return what of each sales order line is allocated to purchase orders."""
        db.session.rollback()
        purchase_allocated = Counter()
        for row in rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None)):
            purchase_allocated[row.line_id] += row.outstanding
        return purchase_allocated

    def states(self):
        db.session.rollback()
        return [(order.id, order.state) for order in rows(Order)]

    def place(self, line):
        order = line.order
        return (-order.priority, order.ordered_at, order.id, line.position)

    def queue_of_purchase_allocations(self, purchase_line_id):
        """Return (id, outstanding, received) of a purchase line's open purchase allocations, in order of service."""
        db.session.rollback()
        found = rows(
            PurchaseAllocation,
            PurchaseAllocation.purchase_line_id == purchase_line_id,
            PurchaseAllocation.ended_at.is_(None),
        )
        ordered = sorted(found, key=lambda row: self.place(row.line))
        return [(row.id, row.outstanding, row.received) for row in ordered]

    def waiting(self, product_id):
        """Return (line, open backorder) of the lines that automatic runs serve, in order of service."""
        lines = [
            (row.line, row.open_quantity)
            for row in rows(Backorder, Backorder.state == "open")
            if row.line.product_id == product_id and not row.line.hold_allocation
        ]
        return sorted(lines, key=lambda pair: self.place(pair[0]))

    def unallocated_supply(self, product_id):
        """Return what of a product's incoming supply may still be allocated."""
        return sum(
            (line.quantity - line.received - line.cancelled - line.allocated)
            for line in rows(PurchaseOrderLine, PurchaseOrderLine.product_id == product_id)
            if line.order.state in ("ordered", "partly_received")
            and line.received + line.cancelled < line.quantity
            and (line.expected_on is None or line.expected_on >= TODAY - timedelta(days=PAST_DUE))
        )

    def check_order_of_service(self, before, products):
        """No line gained while an earlier one goes short, and nothing is left while a line needs it."""
        after = self.purchase_allocated()
        for product_id in products:
            short = None
            for line, backordered in self.waiting(product_id):
                assert not (short and after[line.id] > before[line.id]), f"{line} was allocated before {short}"
                short = short or (line if after[line.id] < backordered else None)
            assert not short or self.unallocated_supply(product_id) == 0, f"supply is left while {short} needs it"

    def check_allocated_at_once(self, purchase_line_id):
        """After supply changed, automatic allocation has nothing more to do."""
        product_id = db.session.get_one(PurchaseOrderLine, purchase_line_id).product_id
        before = self.purchase_allocated()
        lock_products(db.session(), [product_id])
        sales.offer_incoming_supply(db.session(), [product_id])
        again = Counter()
        for row in rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None)):
            again[row.line_id] += row.outstanding
        db.session.rollback()
        assert again == before, "a change of supply left something to allocate"

    def check_received(self, before, purchase_line_id, landed):
        """Goods turned purchase allocations into allocations, the first in the queue first."""
        db.session.rollback()
        received = {
            row.id: row.received
            for row in rows(PurchaseAllocation, PurchaseAllocation.purchase_line_id == purchase_line_id)
        }
        for purchase_allocation_id, outstanding, had in before:
            part = min(outstanding, landed)
            assert received.get(purchase_allocation_id, had) - had == part, "goods did not go to the first in the queue"
            landed -= part

    def check_released(self, before, purchase_line_id, *, release):
        """What no longer fitted was released, last in the queue first; without `release` nothing was."""
        line = db.session.get_one(PurchaseOrderLine, purchase_line_id)
        room = max(Decimal(0), line.quantity - line.received - line.cancelled)
        held = sum(outstanding for _, outstanding, _ in before)
        assert release or held <= room
        after = {
            purchase_allocation_id: outstanding
            for purchase_allocation_id, outstanding, _ in self.queue_of_purchase_allocations(purchase_line_id)
        }
        for purchase_allocation_id, outstanding, _ in before if held > room else ():
            assert after.get(purchase_allocation_id, 0) == min(outstanding, room), (
                "an earlier purchase allocation was released before a later one"
            )
            room -= min(outstanding, room)

    @invariant()
    def nothing_is_promised_twice(self):
        db.session.rollback()
        purchase_allocated, allocated = Counter(), Counter()
        open_purchase_allocations = rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None))
        for row in open_purchase_allocations:
            assert row.line.product_id == row.purchase_line.product_id
            assert row.line.order.state == "confirmed"
            assert row.purchase_line.order.state in ("ordered", "partly_received")
            purchase_allocated[row.line_id] += row.quantity - row.received
            allocated[row.purchase_line_id] += row.quantity - row.received
        assert len({(row.line_id, row.purchase_line_id) for row in open_purchase_allocations}) == len(
            open_purchase_allocations
        )
        open_backorders = {row.line_id: row.open_quantity for row in rows(Backorder, Backorder.state == "open")}
        for line in rows(OrderLine):
            open_quantity = line.quantity - line.packed - line.cancelled
            assert purchase_allocated[line.id] <= open_backorders.get(line.id, 0) <= open_quantity - line.allocated
        for line in rows(PurchaseOrderLine):
            assert line.allocated == allocated[line.id] >= 0
            assert line.cancelled <= line.quantity
            assert line.allocated == 0 or line.allocated <= line.quantity - line.received - line.cancelled

    @invariant()
    def the_limit_is_kept(self):
        db.session.rollback()
        preorders = [line for line in rows(OrderLine, OrderLine.is_preorder) if line.order.state != "draft"]
        assert sum(line.quantity - line.cancelled for line in preorders) <= LIMIT

    def arrival(self, expected_on):
        """Overdue supply counts a week from today, and on no day when it is overdue for too long."""
        if expected_on is None or expected_on < day(-PAST_DUE):
            return None
        return expected_on if expected_on >= TODAY else day(7)

    @invariant()
    def dates_follow_the_purchase_allocations(self):
        """A promise is given once, and then changed only by a user or a sync; late lines are the late ones."""
        db.session.rollback()
        found = queries.line_coverage(db.session())
        late = set(db.session.scalars(select(OrderLine.id).where(queries.is_late_line(TODAY))))
        purchase_allocations = rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None))
        for line in rows(OrderLine):
            was = self.promised.get(line.id)
            assert was is None or line.promise_date == was or self.may_promise_again, f"the promise of {line} changed"
            self.promised[line.id] = line.promise_date
            open_quantity = line.quantity - line.packed - line.cancelled
            if line.order.state != "confirmed" or not open_quantity:
                assert line.id not in late
                continue
            arrivals = [
                (row.outstanding, self.arrival(row.purchase_line.expected_on))
                for row in purchase_allocations
                if row.line_id == line.id
            ]
            launch = day(10) if line.is_preorder else TODAY
            allocated = rows(Allocation, Allocation.line_id == line.id, Allocation.packed < Allocation.quantity)
            covered = line.allocated + sum(quantity for quantity, _ in arrivals) >= open_quantity
            usable = all(row.balance.location.kind == LocationKind.stock for row in allocated)
            dated = covered and usable and all(arrival is not None for _, arrival in arrivals)
            expected = max([TODAY, launch, *(arrival for _, arrival in arrivals)]) if dated else None
            assert found[line.id].expected == expected
            assert line.promise_date or not expected, f"{line} is expected and not promised"
            assert (line.id in late) == is_late(
                expected, line.promise_date, requested_on=line.requested_on, today=TODAY
            )
        self.may_promise_again = False


class Whole(Incoming):
    """The same with the supply rule `skip`: what cannot be covered whole is left out. Dates follow arrivals."""

    options = {
        "preorder.auto_allocate": "yes",
        "preorder.insufficient_supply": "skip",
        "preorder.sync_dates": "auto",
    }

    def check_order_of_service(self, before, products):
        """A demand was covered whole, or its uncovered remainder did not fit what was left at its turn."""
        after = self.purchase_allocated()
        for product_id in products:
            left = self.unallocated_supply(product_id)
            for line, backordered in reversed(self.waiting(product_id)):
                gained = max(Decimal(0), after[line.id] - before[line.id])
                remainder, left = backordered - after[line.id], left + gained
                assert not gained or remainder == 0, f"{line} was allocated in part"
                assert remainder == 0 or remainder > left, f"{line} was left out though its {remainder} fitted"


class ByHand(Incoming):
    """The same with automatic allocation off, the default: nothing is allocated to purchase orders automatically."""

    options = {
        "preorder.auto_allocate": "no",
        "preorder.insufficient_supply": "partial",
        "preorder.sync_dates": "manual",
    }

    def check_order_of_service(self, before, products):
        assert not self.purchase_allocated() - before

    @invariant()
    def every_purchase_allocation_is_manual(self):
        db.session.rollback()
        assert {row.source for row in rows(PurchaseAllocation)} <= {"manual"}


@pytest.mark.parametrize("machine", [Incoming, Whole, ByHand])
def test_whatever_happens_to_supply_nothing_is_promised_twice_and_the_first_come_first(app, machine):
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
