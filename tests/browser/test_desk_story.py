"""A clerk at the desk: an order without the mouse, a search for what covers it, and nothing typed is lost."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD
from tests.browser.tasks import task
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer

PRODUCTS = ("ANVIL", "BELLOWS", "CHISEL", "DRILL")


def company(behind):
    """Make a customer, products with list prices, and a purchase order for the first of these."""
    with behind() as session:
        make_customer(session, code="SMITH", name="Smithy & Daughters")
        for sku in PRODUCTS:
            make_stock(session, make_product(session, sku=sku, name=f"{sku.title()} of steel", list_price=12), 1)
        wanted = make_product(session, sku="EMERY", name="Emery cloth")
        make_purchase_order(session, [(wanted, 50)])


def type_line(keyboard, sku, quantity):
    keyboard.type(sku)
    keyboard.press("Tab")
    keyboard.type(str(quantity))
    keyboard.press("Tab")


def test_an_order_of_five_lines_needs_no_mouse_and_its_purchase_order_is_found_with_one_click(behind, clerk):
    company(behind)
    page, keyboard = clerk.page, clerk.page.keyboard
    clerk.go("/sales/orders/")
    with task(clerk, "Enter and confirm an order of five lines, from the list of orders"):
        keyboard.press("n")
        expect(page.get_by_role("heading", name="New sales order")).to_be_visible()
        expect(page.get_by_label("Customer")).to_be_focused()
        keyboard.type("smithy")
        keyboard.press("Tab")
        for sku in PRODUCTS:
            type_line(keyboard, sku, 1)
        keyboard.type("Emory paper")
        page.get_by_role("option", name="New product “Emory paper”").wait_for()
        keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_label("SKU")).to_be_focused()
        keyboard.type("EMORY-P")
        keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="New product")).to_have_count(0)
        keyboard.press("Tab")
        keyboard.type("2")
        keyboard.press("Control+s")
        clerk.sees("Sales order created.")
        keyboard.press("c")
        clerk.sees("is confirmed.")
    number = page.get_by_role("heading", level=1).inner_text()
    lines = page.locator("#lines tbody tr:not(.line-menu)")
    assert [f"[{sku}]" in lines.nth(at).inner_text() for at, sku in enumerate((*PRODUCTS, "EMORY-P"))] == [True] * 5
    clerk.sees("48.00")  # what four of them cost by their list prices
    clerk.go("/")
    with task(clerk, "Find an order by the customer's name, with the search"):
        keyboard.press("Control+k")
        keyboard.type("smihty")
        expect(page.get_by_role("option", name=number)).to_be_visible()
        keyboard.press("ArrowDown")
        keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(number)
    keyboard.press("/")
    keyboard.type(number.lower())
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(number)


def test_what_was_typed_is_offered_again_and_saved_after_signing_in_again(behind, clerk):
    company(behind)
    page, keyboard, asked = clerk.page, clerk.page.keyboard, []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.clock.install()
    clerk.go("/sales/orders/new/")
    keyboard.type("smithy")
    keyboard.press("Tab")
    type_line(keyboard, "ANVIL", 3)
    type_line(keyboard, "DRILL", 4)
    clerk.reads(lambda: "Drill" in page.evaluate("JSON.stringify(localStorage)"), True)
    clerk.open_menu("Customers")
    assert asked == ["beforeunload"]
    clerk.go("/sales/orders/new/")
    page.get_by_role("button", name="Restore it").click()
    expect(page.get_by_label("Quantity").nth(1)).to_have_value("4")
    page.context.clear_cookies()
    page.clock.fast_forward("10:00")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Name").fill("admin")
    dialog.get_by_label("Password").fill(PASSWORD)
    keyboard.press("Enter")
    clerk.sees("Sales order created.")
    assert [row[1].split("]")[0] for row in clerk.rows("lines")] == ["[ANVIL", "[DRILL"]
    assert page.evaluate("Object.keys(localStorage)") == []
    clerk.go("/sales/orders/new/")
    expect(page.get_by_label("Customer")).to_be_focused()
    expect(page.get_by_role("button", name="Restore it")).to_have_count(0)
