"""A customer waits for what is on its way: allocated and notified, received in two parts, packed."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from erp import clock
from tests.support.backorder_email import make_status_with_template, make_template
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order


@pytest.fixture
def waiting(behind):
    """An order for ten of what a purchase order brings: (sales order's id, purchase order's id)."""
    with behind() as session:
        make_location(session, "WH/A")
        product = make_product(session, sku="LAMP", name="Desk lamp")
        customer = make_customer(session, name="Bright Interiors", email="buying@bright.example")
        order = make_order(session, [(product, 10)], customer=customer)
        template = make_template(session, subject="{{ order.number }} is on its way")
        status = make_status_with_template(session, template, name="At sea")
        due = clock.today() + timedelta(days=9)
        line = {"product": product, "quantity": 10, "expected_on": due, "status": status}
        return order.id, make_purchase_order(session, [line]).id


def receive(clerk, purchase_id, quantity, lot):
    page = clerk.page
    clerk.go(f"/procurement/purchase-orders/{purchase_id}/receive/")
    page.get_by_label("Received, line 1").fill(quantity)
    page.get_by_label("Location, line 1").fill("WH/A")
    page.get_by_label("Lot, line 1").fill(lot)
    clerk.submit()
    expect(page.get_by_role("heading", name="Order lines")).to_be_visible()


def test_incoming_goods_are_allocated_notified_received_in_parts_and_packed(clerk, mailbox, waiting):
    order_id, purchase_id = waiting
    page, order = clerk.page, f"/sales/orders/{order_id}/"

    # The merchandiser allocates the waiting order to the purchase order; its email waits in Pending Emails.
    clerk.go(f"/procurement/purchase-orders/{purchase_id}/")
    clerk.choose_on_line(1, "Allocate Sales Order")
    clerk.answer("Yes")
    page.locator("input.pick").first.check()
    clerk.press("Allocate Selected")
    clerk.go("/emails/pending/")
    expect(page.get_by_role("link", name="Pending 1")).to_be_visible()
    clerk.sees("buying@bright.example")

    # The mail server takes it.
    page.locator("tbody tr").first.click()
    clerk.press("Send now")
    clerk.sees("Sent to buying@bright.example.")
    (mail,) = mailbox.taken
    assert (mail["To"], mail["Subject"]) == ("buying@bright.example", "SO00001 is on its way")

    # 4 of 10 arrive: they are an allocation of the received lot, 6 stay on the purchase order.
    receive(clerk, purchase_id, "4", "R1")
    clerk.go(order)
    clerk.reads(lambda: [row[2:5] for row in clerk.rows("allocation-lines")], [["R1", "WH/A", "4"]])
    clerk.reads(lambda: [row[2:5] for row in clerk.rows("backorder-lines")], [["10", "6", "6"]])

    # The remainder arrives, and the order is packed.
    receive(clerk, purchase_id, "6", "R2")
    clerk.go(order)
    clerk.reads(
        lambda: [row[2:5] for row in clerk.rows("allocation-lines")], [["R1", "WH/A", "4"], ["R2", "WH/A", "6"]]
    )
    clerk.press("Pack Allocated Order")
    clerk.sees("PK00001")
    clerk.sees("Done")
