"""Incoming goods and the orders that they are allocated to, by the labels that a merchandiser reads."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from erp import clock
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order, make_supplier
from tests.support.sales import make_customer, make_order

SOON = clock.today() + timedelta(days=20)
LATER = clock.today() + timedelta(days=34)


def shown(day):
    return f"{day:%d %b %Y}"


@pytest.fixture
def console(behind):
    """Three customers wait for a console, of which twenty are on their way."""
    with behind() as session:
        product = make_product(session, sku="CONSOLE", name="Game Console")
        for number, (name, quantity) in enumerate((("Acme", 8), ("Bolt", 6), ("Core", 4)), start=1):
            customer = make_customer(session, code=name.upper(), name=name)
            make_order(session, [(product, quantity)], number=f"SO-{number}", customer=customer)
        supplier = make_supplier(session, name="Console Works")
        make_purchase_order(session, [(product, 20, SOON)], number="PO-1", supplier=supplier)
        return product.id


def open_purchase_order(clerk, number):
    """Procurement > Purchase orders > the order's page."""
    clerk.open_menu("Purchase orders")
    clerk.press(number)
    expect(clerk.page.get_by_role("heading", name=number)).to_be_visible()


def open_sales_order(clerk, number):
    """Sales > Sales orders > the order's page."""
    clerk.open_menu("Sales orders")
    clerk.press(number)
    expect(clerk.page.get_by_role("heading", name=number)).to_be_visible()


def test_a_merchandiser_allocates_reviews_syncs_and_removes_on_a_purchase_order(clerk, console):
    page = clerk.page

    # Allocate Sales Order: No leaves the page as it is, Yes shows the unallocated sales orders of the product.
    open_purchase_order(clerk, "PO-1")
    clerk.choose_on_line(1, "Allocate Sales Order")
    clerk.answer("No")
    expect(page.get_by_role("heading", name="PO-1")).to_be_visible()
    clerk.choose_on_line(1, "Allocate Sales Order")
    clerk.answer("Yes")
    clerk.sees("20 pcs of PO-1/1 are available.")
    page.get_by_label("Choose SO-1/1").check()
    page.get_by_label("Choose SO-2/1").check()
    page.locator("tr", has_text="SO-2/1").get_by_label("Quantity").fill("5")
    clerk.press("Allocate Selected")
    clerk.sees("13 of PO-1/1 are allocated to 2 sales orders.")

    # Review Allocations: who gets how much, promised for when, the totals, and the other actions at hand.
    clerk.choose_on_line(1, "Review Allocations")
    clerk.reads(
        lambda: [(row[0], row[1], row[3], row[4]) for row in clerk.rows("allocations")],
        [
            ("SO-1/1", "Acme", "8", shown(SOON)),
            ("SO-2/1", "Bolt", "5", ""),
        ],
    )
    totals = page.get_by_role("region", name="Totals")
    for label, value in (("Ordered", "20 pcs"), ("Allocated (consumed ATP)", "13"), ("Still available", "7")):
        expect(totals.locator("div", has=page.get_by_text(label, exact=True)).last).to_contain_text(value)
    clerk.press("Allocate Sales Order")
    clerk.answer("Yes")
    page.get_by_label("Choose SO-2/1").check()
    clerk.press("Allocate Selected")

    # The arrival moves: before it is saved the page names the promises that break.
    clerk.choose_on_line(1, "Expected date")
    page.get_by_label("Expected on").fill(LATER.isoformat())
    clerk.press("Save date")
    clerk.sees(f"Acme was promised [CONSOLE] Game Console for {shown(SOON)}")
    clerk.sees("14 days late")
    clerk.press("Save date")
    clerk.sees(f"PO-1/1 is expected on {shown(LATER)}.")

    # Sync Date with SO: the pop-up, then the orders whose date changes, ticked; one is left as it is.
    clerk.choose_on_line(1, "Sync Date with SO")
    clerk.answer("Yes")
    expect(page.get_by_label("Choose SO-1/1")).to_be_checked()
    expect(page.get_by_label("Notify customers")).to_be_disabled()
    clerk.sees("Nobody is notified: no template is chosen")
    page.get_by_label("Choose SO-2/1").uncheck()
    clerk.press("Sync Selected")
    clerk.sees("1 promise date is synced.")
    clerk.reads(lambda: [row[5] for row in clerk.rows("sales-orders")], [shown(LATER), shown(SOON)])

    # Remove Allocation: choose, press the button, confirm.
    clerk.choose_on_line(1, "Remove Allocation")
    page.get_by_label("Choose SO-2/1").check()
    expect(page.get_by_label("Hold allocation")).to_be_checked()
    clerk.press("Remove Allocations")
    clerk.answer("Remove Allocations")
    clerk.sees("6 are no longer allocated to SO-2.")
    clerk.reads(lambda: [row[1] for row in clerk.rows("sales-orders")], ["SO-1/1"])


def test_after_a_cancelled_purchase_order_its_sales_orders_are_allocated_to_another(clerk, console, behind):
    page = clerk.page
    with behind() as session:
        supplier = make_supplier(session, name="Late Consoles")
        make_purchase_order(session, [{"product_id": console, "quantity": 30}], number="PO-2", supplier=supplier)
    open_purchase_order(clerk, "PO-1")
    clerk.choose_on_line(1, "Allocate Sales Order")
    clerk.answer("Yes")
    page.get_by_label("Tick all rows").check()
    clerk.press("Allocate Selected")
    clerk.sees("18 of PO-1/1 are allocated to 3 sales orders.")

    # The purchase order is cancelled: its sales orders are not, and wait unallocated.
    clerk.press("Cancel")
    clerk.answer("Cancel purchase order")
    clerk.sees("PO-1 is cancelled.")
    clerk.open_menu("Unallocated lines")
    assert [row[:2] for row in table(page)] == [
        ["SO-1/1", "Acme (ACME)"],
        ["SO-2/1", "Bolt (BOLT)"],
        ["SO-3/1", "Core (CORE)"],
    ]

    # They are allocated to the other purchase order.
    open_purchase_order(clerk, "PO-2")
    clerk.choose_on_line(1, "Allocate Sales Order")
    clerk.answer("Yes")
    page.get_by_label("Choose SO-1/1").check()
    page.get_by_label("Choose SO-3/1").check()
    clerk.press("Allocate Selected")
    clerk.sees("12 of PO-2/1 are allocated to 2 sales orders.")
    clerk.reads(lambda: [row[1] for row in clerk.rows("sales-orders")], ["SO-1/1", "SO-3/1"])
    open_sales_order(clerk, "SO-1")
    expect(page.locator("main")).to_contain_text("Confirmed")


def table(page):
    """The cells of a list."""
    rows = page.locator("main table tbody tr").all()
    return [[" ".join(cell.inner_text().split()) for cell in row.locator("td:not(.tick)").all()] for row in rows]


def test_a_clerk_allocates_an_item_edits_its_promise_and_reads_its_history(clerk, console, tmp_path):
    page = clerk.page

    # Allocate Sales Order on an item shows the purchase orders of its product.
    open_sales_order(clerk, "SO-3")
    clerk.choose_on_line(1, "Allocate Sales Order")
    clerk.sees("4 pcs of SO-3/1 are not covered.")
    page.get_by_label("Choose PO-1/1").check()
    clerk.press("Allocate Selected")
    clerk.sees("4 of PO-1/1 are allocated to SO-3/1.")
    clerk.reads(lambda: clerk.rows("purchase-allocations")[0][2:6], ["PO-1/1", shown(SOON), "4", "Manual"])

    # Edit changes the date of the selected line.
    clerk.choose_on_line(1, "Edit")
    page.get_by_label("Promise date").fill(LATER.isoformat())
    page.get_by_label("Reason").fill("Asked for a later day")
    clerk.press("Save")
    clerk.sees(f"SO-3/1 is promised for {shown(LATER)}.")
    clerk.choose_on_line(1, "Order Item Change History")
    clerk.reads(
        lambda: [row[1:] for row in clerk.rows("history")],
        [["admin", "Changed line 1", "Promise date", shown(SOON), shown(LATER), "Asked for a later day"]],
    )

    # Many dates at once are imported: a wrong row is named and nothing is stored, then all of them are.
    dates = tmp_path / "dates.csv"
    for line, message in ((7, "Is not a line of order SO-2"), (1, "2 promise dates: 2 changed.")):
        rows = f"SO-3,1,{SOON.isoformat()}\nSO-2,{line},{LATER.isoformat()}\n"
        dates.write_text(f"order,line,promise_date\n{rows}", encoding="utf-8")
        clerk.open_menu("Import")
        page.get_by_label("CSV file").set_input_files(dates)
        clerk.press("Upload")
        clerk.sees(message)
    clerk.press("Apply")
    clerk.sees("2 promise dates: 2 changed.")
    open_sales_order(clerk, "SO-3")
    clerk.choose_on_line(1, "Order Item Change History")
    clerk.reads(
        lambda: [row[4:6] for row in clerk.rows("history")],
        [
            [shown(LATER), shown(SOON)],
            [shown(SOON), shown(LATER)],
        ],
    )
