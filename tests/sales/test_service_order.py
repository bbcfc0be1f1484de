"""The order of service: by the instant of the order, or by the day for which a line is requested."""

from __future__ import annotations

import random
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

import modules
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import select_lines, service_order
from modules.sales.queries.service_order import is_served_before
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import FIRST_DAY, allocate, make_order

DAY = date(2026, 12, 1)


@pytest.fixture
def product(session):
    return make_product(session)


def by_requested_day(line):
    order, day = line.order, line.requested_on
    return (-order.priority, day is None, day or DAY, order.ordered_at, order.id, line.position)


def by_instant(line):
    return (-line.order.priority, line.order.ordered_at, line.order.id, line.position)


def random_book(session, product, seed):
    """Lines of which many are equal in all but their ids."""
    dice = random.Random(seed)
    for _ in range(15):
        order = make_order(
            session,
            [(product, 1)] * dice.randint(1, 2),
            priority=dice.randint(0, 1),
            ordered_at=FIRST_DAY + timedelta(hours=dice.randint(0, 2)),
        )
        for line in order.lines:
            line.requested_on = dice.choice((None, DAY, DAY + timedelta(1)))
    session.commit()
    return session.scalars(select(OrderLine)).all()


@pytest.mark.parametrize(("value", "place"), [
    pytest.param("ordered_at", by_instant, marks=pytest.mark.option("sales.service_order", "ordered_at")),
    pytest.param("requested_on", by_requested_day, marks=pytest.mark.option("sales.service_order", "requested_on")),
])  # fmt: skip
def test_a_queue_and_the_lines_before_each_are_in_the_same_order(session, set_option, product, value, place):
    set_option("sales.service_order", value)
    expected = [line.id for line in sorted(random_book(session, product, 7), key=place)]
    assert session.scalars(select_lines(OrderLine.id).order_by(*service_order(session))).all() == expected
    for at, line_id in enumerate(expected):
        before = select_lines(OrderLine.id).where(is_served_before(session, session.get_one(OrderLine, line_id)))
        assert session.scalars(before.order_by(*service_order(session))).all() == expected[:at]


def test_a_run_serves_those_requested_first_before_earlier_orders_and_after_higher_priority(
    session, set_option, product
):
    set_option("sales.service_order", "requested_on")
    whenever = make_order(session, [(product, 1)])
    january = make_order(session, [(product, 1)], requested_on=DAY + timedelta(31))
    december = make_order(session, [(product, 1)], requested_on=DAY)
    urgent = make_order(session, [(product, 1)], priority=1)
    served = []
    for _ in range(4):
        make_stock(session, product, 1)
        allocate(session, product)
        newest = select(Order.id).join(OrderLine).join(Allocation, Allocation.line_id == OrderLine.id)
        served.append(session.scalars(newest.order_by(Allocation.id.desc())).first())
    assert served == [order.id for order in (urgent, december, january, whenever)]


def test_the_rule_stands_in_one_place():
    folder = Path(modules.__path__[0])
    ordering = re.compile(r"ordered_at\.(asc|desc)\(\)|order_by\([^)]*Order\.ordered_at")
    found = [path.name for path in folder.rglob("*.py") if ordering.search(path.read_text(encoding="utf-8"))]
    assert found == ["service_order.py"]
