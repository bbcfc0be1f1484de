"""Existing purchase orders are allocated to new sales orders, once the option is on, and the customer is notified."""

from datetime import timedelta

from playwright.sync_api import expect

from erp import clock
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_supplier
from tests.support.sales import make_customer

DUE = clock.today() + timedelta(days=9)
BODY = "Dear {{ customer.name }},{% for line in lines %}\n{{ line.quantity }} {{ line.name }}{% endfor %}\n{{ status }}"


def sell(clerk, quantity):
    """Enter an order for lamps and confirm it; return its number."""
    page = clerk.page
    clerk.open_menu("Sales orders")
    clerk.press("New sales order")
    clerk.choose(page.get_by_label("Customer"), "Bright Interiors")
    clerk.choose(page.locator("#lines-0-product"), "LAMP")
    page.locator("#lines-0-quantity").fill(quantity)
    clerk.press("Save")
    clerk.press("Confirm")
    expect(page.get_by_role("heading", name="Backorder lines")).to_be_visible()
    return page.locator("main h1").inner_text().split()[0]


def buy(clerk, quantity):
    """Enter a purchase order for lamps without a status and order it."""
    page = clerk.page
    clerk.open_menu("Purchase orders")
    clerk.press("New purchase order")
    clerk.choose(page.get_by_label("Supplier"), "Lamp Works")
    page.locator("#lines-0-quantity").fill(quantity)
    clerk.choose(page.locator("#lines-0-product"), "LAMP")
    page.locator("#lines-0-expected_on").fill(DUE.isoformat())
    clerk.press("Save")
    clerk.press("Order")
    clerk.sees("is ordered.")


def define_template_and_status(clerk):
    page = clerk.page
    clerk.open_menu("Email templates")
    clerk.press("New email template")
    page.get_by_label("Name").fill("On its way")
    page.get_by_label("Subject").fill("{{ order.number }}: {{ status }}")
    page.get_by_label("Text").fill(BODY)
    clerk.press("Save")
    clerk.open_menu("Purchase line statuses")
    clerk.press("New purchase line status")
    page.get_by_label("Name").fill("On order")
    page.get_by_label("Email template").select_option("On its way")
    clerk.press("Save")


def test_new_sales_orders_are_allocated_to_existing_purchase_orders_once_the_option_is_on(clerk, behind):
    page = clerk.page
    with behind() as session:
        make_product(session, sku="LAMP", name="Desk lamp")
        make_customer(session, name="Bright Interiors", email="buying@bright.example")
        make_supplier(session, name="Lamp Works")

    # Not enabled by default: a sales order of what is on its way is allocated to nothing.
    buy(clerk, "4")
    sell(clerk, "4")
    clerk.sees("Nothing of this order is allocated to purchase orders.")

    # The option is set, with the default status; the status has a template.
    define_template_and_status(clerk)
    clerk.open_menu("Options")
    clerk.press("Preorder")
    page.get_by_label("Auto allocate").select_option("yes")
    page.get_by_label("Default line status").fill("On order")
    clerk.press("Save")

    # The older order has waited: the next purchase order is allocated to it first, then to the new one.
    buy(clerk, "10")
    second = sell(clerk, "6")
    clerk.reads(lambda: [row[4:6] for row in clerk.rows("purchase-allocations")], [["6", "Automatic"]])

    # Not enough is outstanding for the whole of the next: it is skipped, for a clerk to allocate.
    third = sell(clerk, "9")
    clerk.sees("Nothing of this order is allocated to purchase orders.")
    clerk.open_menu("Unallocated lines")
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page.locator("main tbody tr")).to_contain_text(third)
    clerk.open_menu("Sales orders")
    clerk.press(third)
    clerk.choose_on_line(1, "Allocate Sales Order")
    page.get_by_label("Choose PO00002/1").check()
    clerk.press("Allocate Selected")
    clerk.sees(f"4 of PO00002/1 are allocated to {third}/1.")

    # The line got the default status, and the emails wait to be sent by hand.
    clerk.open_menu("Purchase orders")
    clerk.press("PO00002")
    expect(page.locator("main")).to_contain_text("On order")
    clerk.open_menu("Pending Emails")
    expect(page.get_by_role("link", name="Pending 3")).to_be_visible()
    page.locator("main tbody tr", has_text=second).click()
    expect(page.locator("#email-text")).to_have_text("Dear Bright Interiors,\n6 Desk lamp\nOn order")
    clerk.press("Send now")
    clerk.sees("Sent to buying@bright.example.")
