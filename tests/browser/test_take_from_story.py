"""A clerk sees who has the goods that an order waits for, and takes some of them in three clicks."""

from datetime import date

from playwright.sync_api import expect

from tests.browser.tasks import task
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer, make_order


def test_stock_of_another_order_is_taken_in_three_clicks(clerk, behind):
    page = clerk.page
    with behind() as session:
        pump = make_product(session, sku="PUMP", name="Pump")
        make_stock(session, pump, 7, lot="L1")
        acme, bolt = (make_customer(session, code=name, name=name) for name in ("Acme", "Bolt"))
        holder = make_order(session, [(pump, 7)], number="SO-1", customer=acme)
        holder.lines[0].promise_date = date(2099, 1, 1)
        order_id = make_order(session, [(pump, 5)], number="SO-2", customer=bolt).id

    clerk.go(f"/sales/orders/{order_id}/")
    with task(clerk, "Take stock of another order, from the order that needs it"):
        clerk.press("Why?")
        clerk.sees("5 pcs are not allocated. All usable stock is taken.")
        clerk.reads(lambda: clerk.rows("holders"), [["SO-1/1", "Acme", "", "01 Jan 2099", "7", "5", "Take From"]])
        clerk.press("Take From")
        clerk.sees("The other customer loses that quantity")
        expect(page.get_by_label("Choose SO-1/1")).to_be_checked()
        page.get_by_label("Quantity to take").fill("4")
        clerk.press("Take From")
        clerk.sees("4 of SO-1/1 (Acme) are allocated to SO-2/1 now.")
    clerk.reads(lambda: [row[4] for row in clerk.rows("allocation-lines")], ["4"])

    # The line is requested for a later day, and waits for it.
    clerk.set_option("sales", "service_order", "requested_on")
    page.locator("[name='sales.reserve_ahead_days']").fill("30")
    page.locator("main form button.btn-primary").first.click()
    clerk.go(f"/sales/orders/{order_id}/")
    clerk.choose_on_line(1, "Change requested date")
    page.get_by_label("Requested on").fill("2098-12-01")
    page.get_by_label("Reason").fill("The hall is not built yet")
    clerk.press("Change requested date")
    clerk.sees("It is scheduled")
    clerk.sees("The hall is not built yet")
