"""Existing purchase orders are allocated to new sales orders, once the option is on, and the customer is told."""

from datetime import timedelta

from playwright.sync_api import expect

from erp import clock
from tests.factories.inventory_lots import make_product
from tests.factories.procurement import make_supplier
from tests.factories.sales import make_customer

DUE = clock.today() + timedelta(days=9)
BODY = "Dear {{ customer.name }},{% for line in lines %}\n{{ line.quantity }} {{ line.name }}{% endfor %}\n{{ status }}"


def sell(person, quantity):
    """Enter an order for lamps and confirm it; return its number."""
    page = person.page
    person.open_menu("Sales orders")
    person.press("New sales order")
    person.choose(page.get_by_label("Customer"), "Bright Interiors")
    person.choose(page.locator("#lines-0-product"), "LAMP")
    page.locator("#lines-0-quantity").fill(quantity)
    person.press("Save")
    person.press("Confirm")
    expect(page.get_by_role("heading", name="Backorder lines")).to_be_visible()
    return page.locator("main h1").inner_text().split()[0]


def buy(person, quantity):
    """Enter a purchase order for lamps without a status and order it."""
    page = person.page
    person.open_menu("Purchase orders")
    person.press("New purchase order")
    person.choose(page.get_by_label("Supplier"), "Lamp Works")
    page.locator("#lines-0-quantity").fill(quantity)
    person.choose(page.locator("#lines-0-product"), "LAMP")
    page.locator("#lines-0-expected_on").fill(DUE.isoformat())
    person.press("Save")
    person.press("Order")
    person.sees("is ordered.")


def define_template_and_status(person):
    page = person.page
    person.open_menu("Email templates")
    person.press("New email template")
    page.get_by_label("Name").fill("On its way")
    page.get_by_label("Subject").fill("{{ order.number }}: {{ status }}")
    page.get_by_label("Text").fill(BODY)
    person.press("Save")
    person.open_menu("Purchase line statuses")
    person.press("New purchase line status")
    page.get_by_label("Name").fill("On order")
    page.get_by_label("Email template").select_option("On its way")
    person.press("Save")


def test_new_sales_orders_are_linked_to_existing_purchase_orders_once_the_option_is_on(person, behind):
    page = person.page
    with behind() as session:
        make_product(session, sku="LAMP", name="Desk lamp")
        make_customer(session, name="Bright Interiors", email="buying@bright.example")
        make_supplier(session, name="Lamp Works")

    # Not enabled by default: a sales order of what is on its way is linked to nothing.
    buy(person, "4")
    sell(person, "4")
    person.sees("Nothing on its way is linked to this order.")

    # The option is set, with the default status; the template is linked to the status.
    define_template_and_status(person)
    person.open_menu("Options")
    person.press("Preorder")
    page.get_by_label("Auto allocate").select_option("yes")
    page.get_by_label("Default line status").fill("On order")
    person.press("Save")

    # The older order has waited: with the next purchase order it is linked first, and the new one behind it.
    buy(person, "10")
    second = sell(person, "6")
    assert [row[4:6] for row in person.rows("purchase-allocations")] == [["6", "Automatic"]]

    # Not enough is outstanding for the whole of the next: it is skipped, for a person to order and assign.
    third = sell(person, "9")
    person.sees("Nothing on its way is linked to this order.")
    person.open_menu("Unallocated backorders")
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page.locator("main tbody tr")).to_contain_text(third)
    person.open_menu("Sales orders")
    person.press(third)
    person.choose_on_line(1, "Allocate Sales Order")
    page.get_by_label("Choose PO00002/1").check()
    person.press("Allocate Selected")
    person.sees(f"4 of PO00002/1 are allocated to {third}/1.")

    # The line got the default status, and the emails wait to be sent by hand.
    person.open_menu("Purchase orders")
    person.press("PO00002")
    expect(page.locator("main")).to_contain_text("On order")
    person.open_menu("Pending Emails")
    expect(page.get_by_role("link", name="Pending 3")).to_be_visible()
    page.locator("main tbody tr", has_text=second).click()
    expect(page.locator("#email-text")).to_have_text("Dear Bright Interiors,\n6 Desk lamp\nOn order")
    person.press("Send now")
    person.sees("Sent to buying@bright.example.")
