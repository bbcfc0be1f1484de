"""Fifteen arrive, fourteen of them for one customer, and go back because they were the wrong pallet."""

import pytest
from playwright.sync_api import expect

from tests.support.inventory_lots import make_location, make_product
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order


@pytest.fixture
def waiting(behind):
    """An order for fourteen of the fifteen that a purchase order brings: (sales order's id, purchase order's id)."""
    with behind() as session:
        make_location(session, "WH/A")
        product = make_product(session, sku="LAMP", name="Desk lamp")
        order = make_order(session, [(product, 14)], customer=make_customer(session, name="Bright Interiors"))
        purchase = make_purchase_order(session, [(product, 15)])
        allocate_purchase(session, order.lines[0], purchase.lines[0], 14)
        return order.id, purchase.id


def test_a_receipt_says_for_whom_its_goods_are_and_gives_them_back(clerk, waiting):
    order_id, purchase_id = waiting
    page, purchase = clerk.page, f"/procurement/purchase-orders/{purchase_id}/"

    # Fifteen are received: the answer says for whom they are.
    clerk.go(f"{purchase}receive/")
    page.get_by_label("Location, line 1").fill("WH/A")
    page.get_by_label("Lot, line 1").fill("R1")
    clerk.submit()
    expect(page.locator("#destinations")).to_be_visible()
    clerk.reads(
        lambda: clerk.rows("destinations"),
        [
            ["SO00001", "Bright Interiors", "LAMP", "14"],
            ["Free stock", "", "LAMP", "1"],
        ],
    )

    # It was the wrong pallet: the receipt is reversed, and the customer waits for the purchase order again.
    page.locator("#receipts").get_by_role("link", name="Reverse").click()
    clerk.reads(lambda: clerk.rows("holders"), [["SO00001", "Bright Interiors", "14"]])
    page.get_by_label("Reason").fill("the wrong pallet")
    clerk.press("Reverse Receipt")
    expect(page.locator("#losses")).to_be_visible()
    clerk.reads(lambda: clerk.rows("losses"), [["SO00001", "Bright Interiors", "14", "14"]])
    clerk.sees("the wrong pallet")
    clerk.go(purchase)
    expect(page.locator("#receipts").get_by_role("link", name="Reverse")).to_have_count(0)
    clerk.go(f"/sales/orders/{order_id}/")
    clerk.reads(lambda: clerk.rows("allocation-lines"), [])


def test_a_barcode_reader_counts_what_came_and_enters_its_lot(clerk, waiting):
    _, purchase_id = waiting
    page = clerk.page
    clerk.go(f"/procurement/purchase-orders/{purchase_id}/receive/")
    field, said = page.get_by_label("Scan"), page.locator("#scan-said")
    expect(field).to_be_focused()
    for code, answer in {
        "lamp": "LAMP: 1. The proposed quantities are cleared: what you scan or type counts.",
        "LAMP": "LAMP: 2.",
        "R-7": "LAMP: lot R-7.",
        "R-8": "LAMP has lot R-7 already. Scan the product again, or clear its lot.",
    }.items():
        field.press_sequentially(code)
        field.press("Enter")
        expect(said).to_have_text(answer)
    clerk.submit()
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("received")], [["2", "R-7"]])
