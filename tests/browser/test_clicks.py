"""What clerks do all day, each in the clicks and the pages that the table of the guide promises."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from erp import clock
from tests.browser.tasks import bounds, task
from tests.support.backorder_email import make_messages
from tests.support.inventory_lots import make_location, make_product
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

ORDERS, PURCHASES = 50, 5


def waiting_orders(session):
    """Fifty orders that wait for goods of five purchase orders, none promised yet."""
    lamp, customer = (
        make_product(session, sku="LAMP", name="Desk lamp"),
        make_customer(session, name="Bright Interiors"),
    )
    due = clock.today() + timedelta(days=9)
    purchases = [make_purchase_order(session, [(lamp, 20, due + timedelta(days=at))]) for at in range(PURCHASES)]
    orders = [make_order(session, [(lamp, 2)], customer=customer, number=f"SO-{at:02}") for at in range(ORDERS)]
    for at, order in enumerate(orders):
        order.lines[0].promise_date = None
        allocate_purchase(session, order.lines[0], purchases[at % PURCHASES].lines[0], 2)
        order.lines[0].promise_date = None
    return orders, purchases


def test_each_task_takes_the_clicks_and_the_pages_of_the_table(clerk, behind, mailbox):
    page, keyboard = clerk.page, clerk.page.keyboard
    with behind() as session:
        make_location(session, "WH/A")
        _, purchases = waiting_orders(session)
        make_messages(session, 3)
        covering, purchase_id = purchases[7 % PURCHASES].number, purchases[0].id

    clerk.go("/")
    with task(clerk, "See which purchase order covers an order, with its number"):
        keyboard.press("Control+k")
        keyboard.type("so-07")
        expect(page.get_by_role("option").first).to_contain_text("SO-07")
        keyboard.press("Enter")
        page.get_by_role("link", name=covering).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(covering)

    clerk.go("/work/")
    with task(clerk, "Give fifty orders over many purchase orders their promise dates"):
        page.get_by_role("navigation", name="Your work").get_by_role("link", name="Late or never promised").click()
        page.get_by_role("link", name="50", exact=True).click()
        page.locator("button[name=action][value=promise]").click()
        clerk.sees(f"{ORDERS} would change")
        page.locator("button[name=go]").click()
        clerk.sees(f"{ORDERS} done")

    clerk.go("/work/")
    with task(clerk, "Send the pending emails"):
        page.get_by_role("navigation", name="Your work").get_by_role("link", name="Pending emails").click()
        clerk.press("Send all")
        page.locator("main form").get_by_role("button", name="Send all").click()
        expect(page.get_by_role("link", name="Pending 0")).to_be_visible()

    clerk.go(f"/procurement/purchase-orders/{purchase_id}/")
    with task(clerk, "Receive a purchase order in part"):
        page.get_by_role("link", name="Receive", exact=True).first.click()
        quantity = page.get_by_label("Received, line 1")
        quantity.click()
        keyboard.press("Control+a")
        keyboard.type("5")
        keyboard.press("Tab")
        keyboard.press("Tab")
        keyboard.type("L-1")
        keyboard.press("Control+s")
        expect(page.locator("#received")).to_be_visible()


def test_the_table_names_every_task_that_a_test_counts():
    assert len(bounds()) == 9
