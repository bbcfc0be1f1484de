"""An order for next June leaves today's stock to others, falls due, and is served at its place in the queue."""

from __future__ import annotations

from datetime import date

from erp import jobs
from modules.sales import queries, services
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import broken, outstanding
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

JUNE = date(2027, 6, 1)


def test_an_order_for_next_june_is_served_when_it_falls_due(session, set_option, at):
    set_option("sales.reserve_ahead_days", "30")
    set_option("preorder.auto_allocate", "yes")
    set_option("preorder.insufficient_supply", "partial")
    product = make_product(session, sku="PUMP")
    make_stock(session, product, 5)

    # The fair orders first, for June; the shop orders after it, for now. The shop gets what is in stock.
    fair = make_order(session, [(product, 6)], requested_on=JUNE, number="SO-Fair")
    shop = make_order(session, [(product, 4)], number="SO-Shop")
    assert (fair.lines[0].allocated, shop.lines[0].allocated) == (0, 4)
    assert queries.order_statuses(session, [fair.id])[fair.id].fulfilment == "scheduled"

    # In May the fair waits in front of an order of April, and behind one with priority.
    at("2027-04-20T12:00:00Z")
    april = make_order(session, [(product, 3)], number="SO-April", ordered_at=fair.ordered_at.replace(year=2027))
    assert (april.lines[0].allocated, queries.backordered(session, [april.lines[0].id])) == (
        1,
        {april.lines[0].id: 2},
    )
    at("2027-05-02T12:00:00Z")
    urgent = make_order(session, [(product, 2)], number="SO-Urgent", priority=1)
    make_purchase_order(session, [(product, 5, date(2027, 5, 10))])
    jobs.run("allocate-backorders")
    session.expire_all()
    lines = [order.lines[0] for order in (fair, april, urgent)]
    assert outstanding(session, *lines) == [3, 0, 2]
    make_stock(session, product, 9)
    jobs.run("allocate-backorders")
    session.expire_all()
    assert [line.allocated for line in lines] == [6, 2, 2]

    services.pack_order(session, fair.id)
    session.commit()
    assert fair.state is OrderState.done
    assert broken(session) == []
