"""On random books a preview says what the run then writes, both are what unit after unit by hand gives, and the hint
on the order form says what confirming then gives."""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from erp.db import commit, db, from_raw, one_moment
from erp.errors import ErpError
from modules.inventory_lots.models import Product
from modules.preorder import queries as preorder_queries
from modules.preorder import services as preorder
from modules.preorder.domain import PreorderTerms
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services import set_expected_dates
from modules.sales import queries, services
from modules.sales.errors import LinesRefused
from modules.sales.models import Allocation, OrderLine
from modules.sales.planning import plan_run
from modules.sales.queries import Scope
from tests.properties.slow_run import Outcome, slow_run
from tests.properties.test_the_book import wipe
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import FIRST_DAY, make_draft

EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "8"))
TODAY = date(2026, 11, 23)
numbers, amounts, picks, days = st.integers(0, 1), st.integers(1, 9), st.integers(0, 99), st.none() | st.integers(-3, 9)
orders = st.tuples(
    st.just("order"), st.lists(st.tuples(numbers, amounts), min_size=1, max_size=3), numbers, st.integers(0, 5)
)
supplies = st.tuples(st.just("stock"), numbers, amounts, st.integers(0, 3)) | st.tuples(
    st.just("buy"), numbers, amounts, days
)
changes = (
    st.tuples(st.just("reserve"), picks, picks, amounts)
    | st.tuples(st.just("remove"), picks, st.booleans())
    | st.tuples(st.just("hold"), picks, st.booleans())
    | st.tuples(st.just("change"), picks, amounts)
    | st.tuples(st.just("arrival"), picks, days)
    | st.tuples(st.just("launch"), numbers, st.booleans(), st.none() | amounts)
    | st.tuples(st.just("run"))
)
steps = st.lists(orders | supplies | supplies | changes, min_size=6, max_size=16)


class Shop:
    """Two products, and what users do with them; a refusal changes nothing."""

    def __init__(self):
        wipe()
        self.products = [make_product(db.session()).id for _ in range(2)]
        db.session.commit()

    def do(self, what, *arguments):
        db.session.rollback()
        getattr(self, f"_{what}")(db.session(), *arguments)
        db.session.rollback()

    def _order(self, session, lines, priority, age):
        wanted = [(session.get_one(Product, self.products[number]), quantity) for number, quantity in lines]
        order = make_draft(session, wanted, priority=priority, ordered_at=FIRST_DAY + timedelta(hours=age))
        self.attempt(services.confirm, order.id)

    def _stock(self, session, number, quantity, age):
        product = session.get_one(Product, self.products[number])
        make_stock(session, product, quantity, received_on=TODAY - timedelta(days=age))

    def _buy(self, session, number, quantity, day):
        product = session.get_one(Product, self.products[number])
        make_purchase_order(session, [(product, quantity, None if day is None else TODAY + timedelta(days=day))])
        session.commit()

    def _reserve(self, session, line, purchase, quantity):
        line, purchase = self.pick(OrderLine, line), self.pick(PurchaseOrderLine, purchase)
        if line and purchase:
            self.attempt(preorder.allocate_by_hand, {(line, purchase): Decimal(quantity)})

    def _remove(self, session, number, hold):
        if allocation := self.pick(Allocation, number):
            order_id = session.get_one(OrderLine, session.get_one(Allocation, allocation).line_id).order_id
            self.attempt(services.remove_allocations, order_id, [allocation], hold=hold)

    def _hold(self, session, number, hold):
        if line := self.pick(OrderLine, number):
            self.attempt(services.hold_lines, [line], hold)

    def _change(self, session, number, quantity):
        if line := self.pick(OrderLine, number):
            self.attempt(services.change_quantity, line, Decimal(quantity))

    def _arrival(self, session, number, day):
        if line := self.pick(PurchaseOrderLine, number):
            self.attempt(set_expected_dates, {line: None if day is None else TODAY + timedelta(days=day)})

    def _launch(self, session, number, eligible, limit):
        terms = PreorderTerms(eligible, TODAY + timedelta(days=5), None if limit is None else Decimal(limit))
        self.attempt(preorder.save_product, session.get_one(Product, self.products[number]), terms)

    def _run(self, session):
        services.allocate_book(session)

    def pick(self, model, number):
        ids = db.session.scalars(select(model.id).order_by(model.id)).all()
        db.session.rollback()
        return ids[number % len(ids)] if ids else None

    def attempt(self, verb, *arguments, **more):
        try:
            commit(lambda session: verb(session, *arguments, **more))
        except ErpError:
            db.session.rollback()


def planned():
    """Return what the book would hold after the plans that a preview shows, and what it says line by line."""
    session = db.session()
    outcome, rules = Outcome.stored(), queries.rules_of_runs(session)
    with one_moment(session):
        products = queries.waiting_product_ids(session)
        previews = list(queries.preview_products(session, products))
        said = {line.line_id: line for preview in previews for line in queries.line_plans(session, preview.changes)}
        snapshots = queries.read_snapshots(session, Scope(tuple(products)), rules)
    for plan in (plan_run(snapshot, rules) for snapshot in snapshots):
        for line_id, balance_id, quantity in plan.grants:
            outcome.lots[line_id, balance_id] += from_raw(quantity)
        for line_id, _, _, after in plan.backorders:
            outcome.backorders[line_id] = from_raw(after)
        for holding, quantity in plan.given_back:
            outcome.purchases[holding.line_id, holding.supply_id] -= from_raw(quantity)
        for holding, supply, quantity in plan.exchanged:
            outcome.purchases[holding.line_id, holding.supply_id] -= from_raw(quantity)
            outcome.purchases[holding.line_id, supply.id] += from_raw(quantity)
        for line_id, supply, quantity in plan.taken:
            outcome.purchases[line_id, supply.id] += from_raw(quantity)
    return Outcome(outcome.lots, outcome.backorders, outcome.purchases), said


def check_line_by_line(said, before, after):
    """The preview names the lines that changed, and of each what it had and has."""
    changed = set()
    for name in ("lots", "purchases"):
        had, has = (sums_by_line(getattr(outcome, name)) for outcome in (before, after))
        changed |= {line for line in had.keys() | has.keys() if had.get(line, 0) != has.get(line, 0)}
    pairs = before.purchases.keys() | after.purchases.keys()
    changed |= {pair[0] for pair in pairs if before.purchases[pair] != after.purchases[pair]}
    changed |= {
        line
        for line in before.backorders.keys() | after.backorders.keys()
        if before.backorders[line] != after.backorders[line]
    }
    assert said.keys() == changed
    for line_id, line in said.items():
        for outcome, at in ((before, 0), (after, 1)):
            assert line.allocated[at] == sums_by_line(outcome.lots).get(line_id, 0)
            assert line.backordered[at] == outcome.backorders[line_id]
            assert line.on_purchase_orders[at] == sums_by_line(outcome.purchases).get(line_id, 0)


def sums_by_line(parts):
    sums = {}
    for (line_id, _), quantity in parts.items():
        sums[line_id] = sums.get(line_id, 0) + quantity
    return sums


on_random_books = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="ERP_TEST_EXAMPLES" not in os.environ,
)


def check_books(rule, rebalances):
    @on_random_books
    @given(done=steps)
    def check(done):
        shop = Shop()
        for step in done:
            shop.do(*step)
        before, expected, (shown, said) = Outcome.stored(), slow_run(TODAY, rule=rule, rebalances=rebalances), planned()
        services.allocate_book(db.session())
        after = Outcome.stored()
        assert shown == after, "the run did something else than its preview showed"
        assert expected == after, "the run did something else than handing out unit after unit"
        check_line_by_line(said, before, after)
        assert planned() == (after, {}), "a second run would change something"
        db.session.rollback()

    check()


@pytest.mark.parametrize("rebalance", ["auto", "manual"])
@pytest.mark.parametrize("on_confirm", ["yes", "no"])
@pytest.mark.parametrize("rule", ["off", "skip", "partial"])
def test_a_run_writes_what_its_preview_says_and_what_slow_work_by_hand_gives(
    app, set_option, rule, on_confirm, rebalance
):
    set_option("sales.allocate_on_confirm", on_confirm)
    set_option("preorder.auto_allocate", "no" if rule == "off" else "yes")
    set_option("preorder.insufficient_supply", "partial" if rule == "partial" else "skip")
    set_option("preorder.rebalance", rebalance)
    check_books(rule, rebalance == "auto")


new_orders = st.tuples(
    st.lists(st.tuples(numbers, amounts, days), min_size=1, max_size=4),
    numbers,
    st.integers(0, 5),
    st.sampled_from(["partial", "complete"]),
)


def hinted(products, new):
    """Return what the form says while an order is typed: the refusals, or the parts and the date of each line."""
    lines, priority, age, policy = new
    asked = preorder_queries.AskedOrder(
        [preorder_queries.AskedLine(products[number], Decimal(quantity), _day(day)) for number, quantity, day in lines],
        FIRST_DAY + timedelta(hours=age),
        priority,
        policy == "complete",
    )
    with one_moment(db.session()):
        found = preorder_queries.hints(db.session(), asked)
    refused = [f"Line {place}: {hint.refusal}" for place, hint in enumerate(found, start=1) if hint.refusal]
    return refused or [_shown(hint.coverage) for hint in found]


def confirmed(products, new):
    """Return what confirming the order gives: the refusals, or the parts and the date of each line."""
    lines, priority, age, policy = new
    session = db.session()
    wanted = [(session.get_one(Product, products[number]), quantity) for number, quantity, _ in lines]
    ordered_at = FIRST_DAY + timedelta(hours=age)
    order = make_draft(session, wanted, priority=priority, ordered_at=ordered_at, shipping_policy=policy)
    for line, (_, _, day) in zip(order.lines, lines, strict=True):
        line.requested_on = _day(day)
    session.commit()
    try:
        commit(lambda session: services.confirm(session, order.id))
    except LinesRefused as refused:
        return refused.facts["reasons"]
    found = preorder_queries.line_coverage(session, OrderLine.order_id == order.id)
    return [_shown(found[line.id]) for line in order.lines]


def _day(day):
    return None if day is None else TODAY + timedelta(days=day)


def _shown(coverage):
    parts = [
        (part.kind, part.quantity, part.day, part.supply and part.supply.purchase_line_id) for part in coverage.parts
    ]
    return coverage.expected, sorted(parts, key=str)


@pytest.mark.parametrize("order_of_service", ["ordered_at", "requested_on"])
@pytest.mark.parametrize("rule", ["off", "skip", "partial"])
def test_the_hint_says_what_confirming_then_gives(app, set_option, rule, order_of_service):
    set_option("sales.service_order", order_of_service)
    set_option("preorder.auto_allocate", "no" if rule == "off" else "yes")
    set_option("preorder.insufficient_supply", "partial" if rule == "partial" else "skip")

    @on_random_books
    @given(done=steps, new=new_orders)
    def check(done, new):
        shop = Shop()
        for step in done:
            shop.do(*step)
        said = hinted(shop.products, new)
        assert said == confirmed(shop.products, new), "confirming gave something else than the hint said"
        db.session.rollback()

    check()
