"""On small random books a rebalance makes the best assignment there is, found by trying all of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp.db import commit, db, to_raw
from erp.models import RunEntry, RunKind
from modules.preorder import queries, services
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.services import Incoming, allocate_book, count_incoming
from tests.properties.brute_force import NEVER, Holder, best
from tests.properties.reference_model import rows
from tests.properties.test_the_book import wipe
from tests.support.inventory_lots import make_product
from tests.support.numbering import next_number
from tests.support.preorder import broken
from tests.support.procurement import make_purchase_order
from tests.support.sales import FIRST_DAY, make_customer

EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "10"))
TODAY = date(2026, 11, 23)
PAST_DUE, OVERDUE, AHEAD = 2, 7, 5
SUPPLIES, LINES = 4, 6
OPTIONS = {
    "preorder.auto_allocate": "yes",
    "preorder.insufficient_supply": "partial",
    "preorder.past_due_supply_days": str(PAST_DUE),
    "preorder.overdue_supply_days": str(OVERDUE),
    "sales.reserve_ahead_days": str(AHEAD),
}
on_small_books = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="ERP_TEST_EXAMPLES" not in os.environ,
)


@dataclass(frozen=True)
class Drawn:
    """A sales order line: `wants` are units of each purchase order line that it has where they are left."""

    wants: tuple[int, ...]
    uncovered: int
    priority: int
    age: int
    stays: str  # why the line takes no part: pinned, held, scheduled; or empty
    by_hand: tuple[int, ...]  # units of each purchase order line that a clerk allocated to it where they are left
    is_preorder: bool
    is_ticked: bool


units = st.tuples(*[st.integers(0, 2)] * SUPPLIES)
drawn_lines = st.lists(
    st.builds(
        Drawn,
        wants=units,
        uncovered=st.integers(0, 1),
        priority=st.integers(0, 1),
        age=st.integers(0, 3),
        stays=st.sampled_from([""] * 6 + ["pinned", "held", "scheduled"]),
        by_hand=st.sampled_from([(0,) * SUPPLIES] * 3 + [(1, 0, 0, 0), (0, 1, 0, 1)]),
        is_preorder=st.booleans(),
        is_ticked=st.sampled_from([False, False, True]),
    ),
    min_size=2,
    max_size=LINES,
)
supplies = st.tuples(
    *[st.tuples(st.integers(1, 6), st.none() | st.integers(-PAST_DUE - 2, 9), st.integers(0, 3))] * SUPPLIES
)
launches = st.none() | st.integers(-2, 8)
ways = st.sampled_from(["command", "run", "ticked"])


def arrival(day):
    """Return the day on which supply counts as arriving, in days from today, as domain.md says."""
    if day is None or day < -PAST_DUE:
        return NEVER
    return OVERDUE if day < 0 else day


class SmallBook:
    """One product without stock, purchase order lines, and confirmed lines that have some of them."""

    def __init__(self, supplies, drawn, launch, *, is_covered):
        wipe()
        session = db.session()
        product, customer = make_product(session), make_customer(session)
        session.add(ProductPreorder(product=product, is_eligible=launch is not None, launch_date=_day(launch)))
        self.product_id, self.ready = product.id, launch
        self.days = tuple(arrival(day) for _, day, _ in supplies)
        bought = [_bought(session, product, *supply) for supply in supplies]
        self.bought, left = [line.id for line in bought], [quantity for quantity, _, _ in supplies]
        run = RunEntry(kind=RunKind.command, name="test")
        session.add(run)
        session.flush()
        self.lines, incoming = {}, []
        for line in drawn:
            by_hand = tuple(map(min, line.by_hand, left))
            left = _less(left, by_hand)
            has = tuple(map(min, line.wants, left))
            uncovered = 0 if is_covered else line.uncovered
            if quantity := sum(has) + sum(by_hand) + uncovered:
                left = _less(left, has)
                row = _sold(session, product, customer, line, quantity)
                self.lines[row.id] = line
                session.add_all(self._held(row.id, "automatic", has, run.id))
                session.add_all(self._held(row.id, "manual", by_hand, run.id))
                for (_, day, _), *amounts in zip(supplies, has, by_hand, strict=True):
                    if quantity := sum(amounts):
                        incoming.append(Incoming(row.id, to_raw(Decimal(quantity)), _day(day)))
        for line, amount in zip(bought, left, strict=True):
            line.allocated = line.quantity - amount
        session.flush()
        count_incoming(session, incoming)
        too_old = [day is not None and day < -PAST_DUE for _, day, _ in supplies]
        self.free = tuple(0 if is_old else amount for amount, is_old in zip(left, too_old, strict=True))
        session.commit()

    def _held(self, line_id, source, has, run_id):
        for place, amount in enumerate(has):
            if amount:
                pair = {"line_id": line_id, "purchase_line_id": self.bought[place]}
                yield PurchaseAllocation(**pair, quantity=Decimal(amount), source=source, run_id=run_id)

    def queue(self):
        """Return the ids of the lines in order of service."""
        return sorted(self.lines, key=lambda id_: (-self.lines[id_].priority, self.lines[id_].age, id_))

    def stored(self):
        """Return what lines have of each purchase order line: what may be exchanged, and what may not."""
        movable, fixed = {}, {}
        for row in rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None)):
            stays = self.lines[row.line_id].stays or row.source == "manual"
            has = (fixed if stays else movable).setdefault(row.line_id, [0] * SUPPLIES)
            has[self.bought.index(row.purchase_line_id)] += int(row.quantity)
        db.session.rollback()
        return {line_id: tuple(has) for line_id, has in movable.items()}, fixed

    def ticked(self):
        """Return the ids of the lines that a clerk ticks."""
        return frozenset(id_ for id_, line in self.lines.items() if line.is_ticked and not line.stays)

    def holders(self, ticked):
        """Return the lines that take part, in order of service, by id."""
        has, _ = self.stored()
        return {
            line_id: Holder(
                has[line_id],
                self.ready if self.lines[line_id].is_preorder and self.ready is not None else 0,
                line_id in ticked,
            )
            for line_id in self.queue()
            if line_id in has
        }


def _bought(session, product, quantity, day, age):
    ordered_on = TODAY - timedelta(days=age)
    return make_purchase_order(session, [(product, quantity, _day(day))], ordered_on=ordered_on).lines[0]


def _sold(session, product, customer, drawn, quantity):
    """Add a confirmed line with its backorder, as services would have left them."""
    order = Order(
        customer=customer,
        ordered_at=FIRST_DAY + timedelta(hours=drawn.age),
        priority=drawn.priority,
        state="confirmed",
        number=f"SO-{next_number('order')}",
    )
    line = OrderLine(
        position=1,
        product=product,
        quantity=Decimal(quantity),
        requested_on=TODAY + timedelta(days=AHEAD + 1) if drawn.stays == "scheduled" else None,
        promise_date=TODAY,
        is_promise_pinned=drawn.stays == "pinned",
        is_preorder=drawn.is_preorder,
        hold_allocation=drawn.stays == "held",
    )
    order.lines.append(line)
    session.add(order)
    session.flush()
    session.add(Backorder(line_id=line.id, quantity=line.quantity, kind="backorder", counts_from=TODAY))
    return line


def _less(left, taken):
    return [amount - less for amount, less in zip(left, taken, strict=True)]


def _day(number):
    return None if number is None else TODAY + timedelta(days=number)


def rebalance_as(way, book, ticked):
    """Rebalance the product by a service, by a run of the whole book, or as a clerk applies a preview."""
    if way == "run":
        allocate_book(db.session())
    elif way == "ticked":
        shown = queries.preview_rebalance(db.session(), [book.product_id], ticked)
        db.session.rollback()
        commit(
            lambda session: services.apply_rebalance(session, [book.product_id], ticked, fingerprint=shown.fingerprint)
        )
    else:
        commit(lambda session: services.rebalance_products(session, [book.product_id]))


def test_a_rebalance_makes_the_best_assignment_of_all(app, set_option):
    for key, value in OPTIONS.items():
        set_option(key, value)

    @on_small_books
    @given(supplies=supplies, drawn=drawn_lines, launch=launches, way=ways)
    def check(supplies, drawn, launch, way):
        book = SmallBook(supplies, drawn, launch, is_covered=way == "run")
        ticked = (
            {id_ for id_, line in book.lines.items() if line.is_ticked and not line.stays} if way == "ticked" else ()
        )
        holders, (_, fixed) = book.holders(ticked), book.stored()
        rebalance_as(way, book, ticked)
        has, still_fixed = book.stored()
        found = [has[line_id] for line_id in holders]
        assert found in best(list(holders.values()), book.days, book.free), "there is a better assignment"
        assert has.keys() == holders.keys() and still_fixed == fixed, "what stays was moved"
        pairs = list(zip(holders.values(), found, strict=True))
        gained = [any(units[place] > holder.has[place] for holder, units in pairs) for place in range(SUPPLIES)]
        for holder, units in pairs:
            assert not days_of_both(holder, units, book.days, gained), "supply of one day was exchanged"
        assert broken(db.session()) == []
        db.session.rollback()
        rebalance_as(way, book, ticked)
        assert book.stored() == (has, fixed), "a second rebalance changes something"
        db.session.rollback()

    check()


def days_of_both(holder, units, days, gained):
    """Return the days on which something arrives that a line won and something that it lost to nobody.

    What a ticked line put back may have been `gained` by one before it, for which another day counts.
    """
    lost, won = set(), set()
    for day, before, after, by_others in zip(days, holder.has, units, gained, strict=True):
        if after > before:
            won.add(max(day, holder.ready))
        elif after < before and not by_others:
            lost.add(max(day, holder.ready))
    return lost & won
