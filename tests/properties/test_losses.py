"""On random books Allocate Order, which reads no queue whose stock is enough, finds what reading all of it finds."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from erp.db import db
from modules.sales import queries
from modules.sales.models import Order
from modules.sales.planning import served_first
from modules.sales.queries import Scope
from modules.sales.states import OrderState
from tests.properties.test_planned_runs import Shop, changes, on_random_books, orders, supplies

# Orders that wait first, then goods that are not enough for all of them.
books = st.tuples(
    st.lists(orders, min_size=3, max_size=6),
    st.lists(supplies, min_size=2, max_size=5),
    st.lists(changes | orders, max_size=4),
)


def found(order, *, of_document):
    """Return what others lose when the lines of an order are served first, and the plans that serve them."""
    session, rules = db.session(), queries.rules_of_runs(db.session())
    lines, products = tuple(line.id for line in order.lines), {line.product_id for line in order.lines}
    scope = Scope(tuple(sorted(products)), beyond_queue=lines, of_document=of_document)
    snapshots = queries.read_snapshots(session, scope, rules)
    return queries.losses_in(session, snapshots, lines, rules), served_first(snapshots, lines, rules)


@pytest.mark.parametrize("auto", ["yes", "no"])
@pytest.mark.parametrize("service_order", ["ordered_at", "requested_on"])
def test_what_others_lose_is_the_same_whether_all_of_the_queue_is_read_or_only_what_matters(
    app, set_option, auto, service_order
):
    set_option("sales.allocate_on_confirm", "no")
    set_option("preorder.auto_allocate", auto)
    set_option("sales.service_order", service_order)

    lost = []

    @on_random_books
    @given(book=books)
    def check(book):
        shop = Shop()
        for step in chain(*book):
            shop.do(*step)
        for order in db.session.scalars(select(Order).where(Order.state == OrderState.confirmed)).all():
            losses, plans = found(order, of_document=False)
            assert found(order, of_document=True) == (losses, plans)
            lost.append(bool(losses))
        db.session.rollback()

    check()
    assert set(lost) == {True, False}, "the books do not have orders that lose something and others that do not"
