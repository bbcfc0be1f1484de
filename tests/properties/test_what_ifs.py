"""On random books a what-if says what happens when users do the same with the actions that they have."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from erp.db import commit, db, one_moment
from erp.errors import ErpError
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.services import Count, adjust
from modules.preorder import queries, services
from modules.preorder.queries import CountQuestion, RushQuestion, SupplyQuestion, shorten, what_if
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services import close_part, set_expected_dates
from modules.sales.models import OrderLine
from modules.sales.services import allocate_products, confirm
from tests.properties.slow_run import Outcome
from tests.properties.test_planned_runs import TODAY, Shop, amounts, days, numbers, on_random_books, picks, steps
from tests.support.preorder import broken
from tests.support.sales import FIRST_DAY, make_draft

EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "3"))
rush_lines = st.lists(st.tuples(numbers, amounts, days), min_size=1, max_size=3)
asked = (
    st.tuples(st.just("later"), picks, st.integers(1, 25))
    | st.tuples(st.just("short"), picks, amounts)
    | st.tuples(st.just("never"), picks)
    | st.tuples(st.just("count"), picks, st.integers(0, 8))
    | st.tuples(st.just("rush"), rush_lines, st.integers(0, 2), st.sampled_from(["partial", "complete"]))
)


class Questions:
    """Questions about a shop as they are drawn, and what users do instead; None where there is nothing to ask about."""

    def __init__(self, shop):
        self.shop = shop

    def ask(self, what, *drawn):
        return getattr(self, f"_{what}")(db.session(), *drawn)

    def _purchase_line(self, session, number):
        rows = session.scalars(select(PurchaseOrderLine).order_by(PurchaseOrderLine.id)).all()
        found = [row for row in rows if row.is_open]
        return found[number % len(found)] if found else None

    def _later(self, session, number, day_count):
        line = self._purchase_line(session, number)
        return line and SupplyQuestion(line.id, days=day_count)

    def _short(self, session, number, quantity):
        line = self._purchase_line(session, number)
        return line and shorten(line, min(Decimal(quantity), line.outstanding))

    def _never(self, session, number):
        line = self._purchase_line(session, number)
        return line and shorten(line, None)

    def _count(self, session, number, quantity):
        found = session.scalars(select(Balance).where(Balance.on_hand > quantity).order_by(Balance.id)).all()
        return CountQuestion(found[number % len(found)].id, Decimal(quantity)) if found else None

    def _rush(self, session, lines, priority, policy):
        wanted = [(session.get_one(Product, self.shop.products[number]), quantity) for number, quantity, _ in lines]
        ordered_at = FIRST_DAY + timedelta(hours=9)
        order = make_draft(session, wanted, priority=priority, ordered_at=ordered_at, shipping_policy=policy)
        for line, (_, _, day) in zip(order.lines, lines, strict=True):
            line.requested_on = None if day is None else TODAY + timedelta(days=day)
        session.commit()
        return queries.rush_of(order)


def do_by_hand(session, question):
    """Do with the ordinary actions what was asked; return the ids of a rush order's lines by their places below 0."""
    match question:
        case SupplyQuestion(line_id, days=0):
            close_part(session, line_id, question.short)
        case SupplyQuestion(line_id):
            line = session.get_one(PurchaseOrderLine, line_id)
            set_expected_dates(session, {line_id: queries.later_day(line, question.days)})
        case CountQuestion(balance_id, quantity):
            row = session.get_one(Balance, balance_id)
            counted = Count(row.product_id, row.location_id, quantity, lot_number=row.lot.number)
            adjust(session, counted, reason="counted", release=True)
        case RushQuestion(order_id=order_id):
            order = confirm(session, order_id)
            allocate_products(session, sorted({line.product_id for line in order.lines}))
            return {-place: line.id for place, line in enumerate(order.lines, start=1)}
    return {}


def covered(session, shop):
    """Return when each line of the products is expected, and what of it nothing covers."""
    of_products = OrderLine.product_id.in_(shop.products)
    found = queries.line_coverage(session, of_products)
    return {line_id: (each.expected, each.uncovered) for line_id, each in found.items()}


def said(coverage, own):
    return {own.get(line_id, line_id): (each.expected, each.uncovered) for line_id, each in coverage.items()}


def set_options(set_option, rule, rebalance):
    set_option("preorder.auto_allocate", "no" if rule == "off" else "yes")
    set_option("preorder.insufficient_supply", "partial" if rule == "partial" else "skip")
    set_option("preorder.rebalance", rebalance)


def answered(question, ticked=frozenset()):
    """Return the answer, read as the page reads it; None where the question is refused."""
    session = db.session()
    session.rollback()
    before = Outcome.stored()
    session.rollback()
    try:
        with one_moment(session):
            answer = what_if(session, question, ticked)
    except ErpError:
        session.rollback()
        return None
    assert Outcome.stored() == before, "a what-if has written something"
    return answer


OPTIONS = [("off", "auto"), ("skip", "auto"), ("partial", "manual")]
on_few_books = settings(on_random_books, max_examples=EXAMPLES)


@pytest.mark.parametrize(("rule", "rebalance"), OPTIONS)
def test_a_what_if_says_what_happens_when_it_is_done(app, set_option, rule, rebalance):
    set_options(set_option, rule, rebalance)

    @on_few_books
    @given(done=steps, drawn=asked, rebalances=st.booleans())
    def check(done, drawn, rebalances):
        shop = Shop()
        for step in done:
            shop.do(*step)
        question = Questions(shop).ask(*drawn)
        answer = question and answered(question)
        if not answer:
            return
        products = question.product_ids(db.session())
        own = commit(lambda session: do_by_hand(session, question))
        assert said(answer.after, own).items() <= covered(db.session(), shop).items(), "something else has happened"
        if rebalances:
            commit(lambda session: services.rebalance_products(session, products))
            assert said(answer.rebalanced_to, own).items() <= covered(db.session(), shop).items(), (
                "rebalanced otherwise"
            )
        db.session.rollback()

    check()


@pytest.mark.parametrize(("rule", "rebalance"), OPTIONS)
def test_what_is_ticked_is_applied_as_it_was_shown(app, set_option, rule, rebalance):
    set_options(set_option, rule, rebalance)

    @on_few_books
    @given(done=steps, drawn=asked, ticks=st.lists(picks, max_size=4), rebalances=st.booleans())
    def check(done, drawn, ticks, rebalances):
        shop = Shop()
        for step in done:
            shop.do(*step)
        question = Questions(shop).ask(*drawn)
        ticked, answer = frozenset(), question and answered(question)
        for number in ticks if answer else ():
            offered = [each.remedy for remedies in answer.remedies for each in remedies.offered]
            offered += [each.remedy for each in answer.candidates]
            if offered:
                ticked |= {offered[number % len(offered)]}
                answer = answered(question, ticked)
        if not answer:
            return
        was_broken = broken(db.session())
        commit(
            lambda session: services.apply_what_if(
                session, question, fingerprint=answer.fingerprint, ticked=ticked, rebalance=rebalances
            )
        )
        assert broken(db.session()) == was_broken
        db.session.rollback()

    check()
