"""The shop's export of the day: dropped on the page, two new articles made, applied and allocated."""

import pytest
from playwright.sync_api import expect

from tests.support.exports import Item, Sale, sales, shopify
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer

DROP = """([text, name]) => {
  const moved = new DataTransfer();
  moved.items.add(new File([text], name, {type: "text/csv"}));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: moved, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def export(behind):
    """The text of an export of three orders; stock and the customers are there, two articles are not."""
    first, second, cancelled = sales(3)
    orders = [
        Sale(1001, "Ada", "Novak", first.at, (Item("MUG", "Mug", 3, "7.50"), Item("LAMP-01", "Lamp", 1, "129.00"))),
        Sale(1002, "Bo", "Lind", second.at, (Item("TEA", "Tea", 2, "4.00"),)),
        Sale(1003, "Bo", "Lind", cancelled.at, (Item("GONE", "Gone", 1, "1.00"),), is_cancelled=True),
    ]
    with behind() as session:
        make_stock(session, make_product(session, sku="MUG", name="Mug"), 10)
        for sale in orders[:2]:
            make_customer(session, code=sale.email, name=sale.customer, email=sale.email)
    return shopify(orders)


def test_a_shops_export_is_dropped_on_the_page_completed_applied_and_allocated(clerk, export):
    page = clerk.page
    clerk.open_menu("Import")
    page.evaluate(DROP, [export, "orders_export.csv"])

    # The kind and the map are recognised; two articles are unknown, and nothing can be applied yet.
    clerk.sees("2 errors: nothing is imported before they are solved.")
    expect(page.get_by_label("Kind")).to_have_value("sales_orders")
    expect(page.get_by_label("Map")).to_have_value("shopify")
    clerk.reads(lambda: [row[1:3] for row in clerk.rows("errors")], [["Lineitem sku", "LAMP-01, TEA"]])
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)

    # One click makes them with the names of the file; then it is shown what will be done, and it is done.
    clerk.press("Make 2 products")
    clerk.sees("2 products: 2 new, 0 changed.")
    clerk.sees("To be done: 2 sales orders: 2 new, 0 changed. 1 row of cancelled orders left out.")
    clerk.reads(
        lambda: clerk.rows("rows")[0][1:],
        ["#1001", "ada.novak@shop.example", "2026-11-02T08:14:02Z", "MUG", "3", "7.5"],
    )
    clerk.press("Apply")
    clerk.sees("2 sales orders: 2 new, 0 changed.")

    # The orders are a click away, and are allocated.
    page.get_by_role("link", name="Open Sales orders").click()
    page.get_by_role("link", name="#1001").click()
    clerk.press("Allocate Order")
    expect(page.locator("#allocation-lines tbody tr")).to_have_count(1)
    clerk.reads(lambda: [row[4] for row in clerk.rows("allocation-lines")], ["3"])
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("backorder-lines")], [["1", "1"]])
