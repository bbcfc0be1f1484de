"""What if a purchase order line comes later, short or never: the answer is what then happens."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import db
from modules.inventory_lots.models import Balance, Product
from modules.preorder import queries, services
from modules.preorder.commands import what_if as what_if_command
from modules.preorder.errors import NoArrivalDate, NothingToFall, WhatIfChanged
from modules.preorder.queries import SupplyQuestion, shorten, what_if
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import broken
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

TODAY, DECEMBER, JANUARY, MARCH = date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 10), date(2027, 3, 1)
EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "6"))
SetOption = Callable[[str, str], None]


@pytest.fixture
def waiting(session: Session, partial: None, product: Product) -> tuple[Order, Order, PurchaseOrder]:
    """Two orders of five on a purchase order of December; one of March has six that nobody has."""
    december = make_purchase_order(session, [(product, 10, DECEMBER)], number="PO-D")
    orders = make_order(session, [(product, 5)], number="SO-A"), make_order(session, [(product, 5)], number="SO-B")
    make_purchase_order(session, [(product, 6, MARCH)], number="PO-M")
    session.commit()
    return *orders, december


def shown(answer: queries.Answer) -> list[tuple[str, date | None, date | None, str]]:
    """Return what an answer says of each line."""
    return [(each.name, each.before.expected, each.after.expected, each.outcome) for each in answer.changes]


def test_a_later_arrival_breaks_the_promises_that_wait_for_it_and_says_what_serves_them(
    session: Session, waiting: tuple[Order, Order, PurchaseOrder]
) -> None:
    line = waiting[2].lines[0]
    answer = what_if(session, SupplyQuestion(line.id, days=10))
    later = DECEMBER + timedelta(10)
    assert shown(answer) == [(f"SO-{name}/1", DECEMBER, later, "promise broken") for name in "AB"]
    assert [change.days for change in answer.changes] == [10, 10]
    assert [remedies.offered for remedies in answer.remedies] == [[], []], "March is no earlier"
    much_later = what_if(session, SupplyQuestion(line.id, days=200))
    assert [[str(each) for each in remedies.offered] for remedies in much_later.remedies] == [
        ["5 of PO-M/1, then expected 01 Mar 2027"],
        ["5 of PO-M/1, then expected 01 Mar 2027"],
    ]
    assert (answer.rebalanced, line.expected_on) == ([], DECEMBER)


def test_a_rebalance_would_serve_the_first_from_what_comes_before_it(
    session: Session, waiting: tuple[Order, Order, PurchaseOrder]
) -> None:
    answer = what_if(session, SupplyQuestion(waiting[2].lines[0].id, days=200))
    assert [(each.name, each.after.expected) for each in answer.rebalanced] == [("SO-A/1", MARCH)]


def test_what_falls_short_is_lost_by_the_last_and_served_automatically_by_other_supply(
    session: Session, waiting: tuple[Order, Order, PurchaseOrder]
) -> None:
    line = waiting[2].lines[0]
    assert shown(what_if(session, shorten(line, Decimal(3)))) == [("SO-B/1", DECEMBER, MARCH, "promise broken")]
    assert shown(what_if(session, shorten(line, None))) == [
        ("SO-A/1", DECEMBER, MARCH, "promise broken"),
        ("SO-B/1", DECEMBER, None, "promise broken"),
    ]
    assert line.cancelled == 0


def test_what_cannot_happen_is_refused(session: Session, waiting: tuple[Order, Order, PurchaseOrder]) -> None:
    line = waiting[2].lines[0]
    undated = make_purchase_order(session, [(line.product, 5)]).lines[0]
    with pytest.raises(NoArrivalDate):
        what_if(session, SupplyQuestion(undated.id, days=5))
    with pytest.raises(NothingToFall):
        shorten(line, Decimal(11))


def test_it_is_applied_as_it_was_shown_or_refused(
    session: Session, waiting: tuple[Order, Order, PurchaseOrder], heard: list[Any]
) -> None:
    line = waiting[2].lines[0]
    question = SupplyQuestion(line.id, days=200)
    stale = what_if(session, question).fingerprint
    make_order(session, [(line.product, 1)], priority=9)
    with pytest.raises(WhatIfChanged):
        services.apply_what_if(session, question, fingerprint=stale)
    session.rollback()
    assert line.expected_on == DECEMBER
    answer = what_if(session, question)
    services.apply_what_if(session, question, fingerprint=answer.fingerprint, rebalance=True)
    session.commit()
    found = queries.line_coverage(session, OrderLine.product_id == line.product_id)
    expected = {each.line_id: each.after.expected for each in (*answer.changes, *answer.rebalanced)}
    assert {line_id: found[line_id].expected for line_id in expected} == expected
    assert broken(session) == []


def test_the_command_says_whom_it_breaks_and_changes_nothing(
    app: Flask, session: Session, waiting: tuple[Order, Order, PurchaseOrder]
) -> None:
    line = waiting[2].lines[0]

    def erp(*arguments: str) -> tuple[int, str]:
        session.commit()
        done = app.test_cli_runner().invoke(what_if_command, list(arguments))
        session.expire_all()
        return done.exit_code, done.output

    code, out = erp("po-d/1", "--days", "10")
    assert (code, out.splitlines()[-1]) == (0, "2 lines would change, 2 promises would be broken.")
    assert "SO-A/1 P-1" in out and "2026-12-01 -> 2026-12-11, promise broken" in out
    assert erp("PO-D/1", "--never")[1].splitlines()[-1] == "2 lines would change, 2 promises would be broken."
    assert erp("PO-D/1", "--short", "3")[1].splitlines()[-1] == "1 line would change, 1 promise would be broken."
    assert [erp(*wrong)[0] for wrong in (("PO-D/1",), ("PO-D/1", "--never", "--days", "2"), ("PO-X/1", "--never"))] == [
        2,
        2,
        1,
    ]
    assert (line.expected_on, line.cancelled) == (DECEMBER, 0)


def test_answers_take_as_many_statements_for_many_lines_as_for_few(
    session: Session, partial: None, count_statements: Any
) -> None:
    def answers(size: int) -> list[int]:
        product = make_product(session)
        make_stock(session, product, size)
        line = make_purchase_order(session, [(product, size, DECEMBER)]).lines[0]
        make_purchase_order(session, [(product, 9, JANUARY)])
        for _ in range(size):
            make_order(session, [(product, 2)])
        session.commit()
        balance = session.scalars(select(Balance.id).where(Balance.product_id == product.id)).one()
        rush = queries.AskedOrder([queries.AskedLine(product.id, Decimal(1))], clock.now(), priority=9)
        found = []
        for question in (
            SupplyQuestion(line.id, days=90),
            shorten(line, None),
            queries.CountQuestion(balance, Decimal(0)),
            queries.RushQuestion(rush),
        ):
            session.commit()
            with count_statements() as sent:
                what_if(session, question)
            assert {each.split()[0] for each in sent} - {"BEGIN"} == {"SELECT"}, "nothing is written"
            found.append(len(sent))
        return found

    answers(1)
    few = answers(2)
    assert all(many <= count for many, count in zip(answers(30), few, strict=True))
    assert max(few) <= 25


amounts = st.integers(1, 6)
books = st.tuples(
    st.lists(st.tuples(amounts, st.integers(0, 1)), min_size=1, max_size=5),
    st.lists(st.tuples(amounts, st.none() | st.integers(1, 20)), min_size=1, max_size=4),
    st.integers(0, 4),
)


@pytest.mark.parametrize("rebalance", ["auto", "manual"])
@pytest.mark.parametrize("rule", ["no", "skip", "partial"])
def test_what_is_answered_is_what_happens(app: Flask, set_option: SetOption, rule: str, rebalance: str) -> None:
    set_option("preorder.insufficient_supply", "partial")
    set_option("preorder.rebalance", rebalance)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize="ERP_TEST_EXAMPLES" not in os.environ,
    )
    @given(books, st.integers(0, 3), st.integers(0, 25), st.integers(1, 6), st.booleans())
    def check(book: Any, place: int, days: int, short: int, ticked: bool) -> None:
        session = db.session()
        session.rollback()
        set_option("preorder.auto_allocate", "yes")
        lines = bought(session, book)
        set_option("preorder.auto_allocate", "no" if rule == "no" else "yes")
        set_option("preorder.insufficient_supply", "partial" if rule == "partial" else "skip")
        line = lines[place % len(lines)]
        question = SupplyQuestion(line.id, days=days) if days else shorten(line, min(Decimal(short), line.outstanding))
        if days and line.expected_on is None:
            return
        answer = what_if(session, question)
        before = queries.line_coverage(session, OrderLine.product_id == line.product_id)
        services.apply_what_if(session, question, fingerprint=answer.fingerprint, rebalance=ticked)
        session.commit()
        after = queries.line_coverage(session, OrderLine.product_id == line.product_id)
        said = {line_id: (each.expected, each.uncovered) for line_id, each in before.items()}
        for change in (*answer.changes, *(answer.rebalanced if ticked else ())):
            said[change.line_id] = (change.after.expected, change.after.uncovered)
        assert said == {line_id: (each.expected, each.uncovered) for line_id, each in after.items()}

    check()


def bought(session: Session, book: Any) -> list[PurchaseOrderLine]:
    """Make the orders, the stock and the purchase orders of a book; return its purchase order lines."""
    orders, supplies, stock = book
    product = make_product(session)
    if stock:
        make_stock(session, product, stock)
    for number, (quantity, day) in enumerate(supplies):
        expected = None if day is None else TODAY + timedelta(day)
        make_purchase_order(session, [(product, quantity, expected)])
        session.commit()
        for amount, priority in orders[number :: len(supplies)]:
            make_order(session, [(product, amount)], priority=priority)
    rows = select(PurchaseOrderLine).where(PurchaseOrderLine.product_id == product.id).order_by(PurchaseOrderLine.id)
    return list(session.scalars(rows))
