"""A purchase order appears that comes earlier, and the first customer gets its goods."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from erp import clock
from erp.options import store_option
from erp.registry import current_registry
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order


@pytest.fixture
def waiting(behind):
    """Two orders that wait for goods in 90 days, and a draft of what comes in nine: (first order, draft) ids."""
    with behind() as session:
        for option, value in {"preorder.auto_allocate": "yes", "preorder.rebalance": "manual"}.items():
            store_option(session, current_registry().option_table, option, value, user_name="test")
        session.commit()
        current_registry().refresh()
        product = make_product(session, sku="LAMP", name="Desk lamp")
        make_purchase_order(session, [(product, 10, clock.today() + timedelta(days=90))])
        orders = [
            make_order(session, [(product, 5)], customer=make_customer(session, name=name))
            for name in ("Bright Interiors", "Dim Offices")
        ]
        draft = make_purchase_order(session, [(product, 5, clock.today() + timedelta(days=9))], state="draft")
        return orders[0].id, draft.id


def test_an_earlier_purchase_order_appears_and_the_first_customer_gets_it(clerk, waiting):
    order_id, draft_id = waiting
    page = clerk.page

    # The buyer orders the goods. Who would gain is offered there, because nothing is exchanged automatically.
    clerk.go(f"/procurement/purchase-orders/{draft_id}/")
    clerk.press("Order")
    clerk.sees("Earlier orders would get their goods earlier")
    page.get_by_role("link", name="LAMP", exact=True).last.click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()
    clerk.reads(lambda: [row[1:3] for row in clerk.rows("moves")], [["Bright Interiors", "LAMP"]])
    assert clerk.rows("moves")[0][3].endswith("81 days earlier")

    # It is applied as it was shown: the first order has the early goods, and nothing more can be gained.
    clerk.press("Apply exactly this")
    clerk.answer("Rebalance")
    clerk.sees("1 line exchanged supply as previewed.")
    clerk.sees("Nothing would change: no line would gain a day.")
    clerk.go(f"/sales/orders/{order_id}/")
    clerk.sees(f"{clock.today() + timedelta(days=9):%d %b %Y}")
