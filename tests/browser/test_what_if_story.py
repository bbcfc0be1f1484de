"""A purchase order slips ten days: the page shows whom it breaks and what serves them, and the mails say it once."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from erp import clock
from erp.options import store_option
from erp.registry import current_registry
from tests.support.backorder_email import make_template
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order


@pytest.fixture
def purchase_id(behind):
    """Ten lamps of a purchase order in nine days, five each for two customers; five more are free the day after."""
    with behind() as session:
        make_template(session, name="New date", subject="{{ order.number }} comes on another day")
        options = {
            "preorder.auto_allocate": "yes",
            "preorder.rebalance": "manual",
            "preorder.sync_dates": "auto",
            "backorder_email.date_template": "New date",
        }
        for option, value in options.items():
            store_option(session, current_registry().option_table, option, value, user_name="test")
        session.commit()
        current_registry().refresh()
        product = make_product(session, sku="LAMP", name="Desk lamp")
        purchase = make_purchase_order(session, [(product, 10, clock.today() + timedelta(days=9))])
        for name in ("Bright Interiors", "Dim Offices"):
            customer = make_customer(session, name=name, email=f"{name.split()[0].lower()}@customers.example")
            make_order(session, [(product, 5)], customer=customer)
        make_purchase_order(session, [(product, 5, clock.today() + timedelta(days=12))], number="PO-NEXT")
        return purchase.id


def test_a_purchase_order_slips_and_each_customer_gets_one_email_about_it(clerk, purchase_id):
    page = clerk.page

    # The buyer hears that the goods come ten days later, and asks first what that means.
    clerk.go(f"/procurement/purchase-orders/{purchase_id}/")
    clerk.choose_on_line(1, "What if")
    page.get_by_label("Days or quantity").fill("10")
    clerk.press("Ask")
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()
    clerk.reads(
        lambda: [(row[1], row[5], row[9]) for row in clerk.rows("changes")],
        [(name, "10", "Promise broken") for name in ("Bright Interiors", "Dim Offices")],
    )
    clerk.reads(lambda: all("PO-NEXT/1" in row[3] for row in clerk.rows("remedies")), True)
    clerk.reads(lambda: [(row[1], row[5]) for row in clerk.rows("rebalanced")], [("Bright Interiors", "-7")])

    # What was shown is done, the rebalance with it, and each customer gets one email with the day that counts now.
    clerk.press("Apply exactly this")
    clerk.answer("Apply")
    clerk.sees("2 promises are broken")
    clerk.go("/emails/pending/")
    expect(page.get_by_role("link", name="Pending 2")).to_be_visible()
    clerk.sees("bright@customers.example")
    clerk.sees("dim@customers.example")
