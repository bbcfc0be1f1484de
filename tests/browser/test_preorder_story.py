"""Goods on their way, and who they are meant for: told by the labels that a merchandiser reads."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from erp import clock
from tests.factories.inventory_lots import make_product, make_stock
from tests.factories.procurement import make_purchase_order, make_supplier
from tests.factories.sales import make_customer, make_order

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
        order = make_purchase_order(session, [(product, 20, SOON)], number="PO-1", supplier=supplier)
        return order.lines[0].id


def test_a_merchandiser_allocates_reviews_syncs_and_removes_on_a_purchase_order(person, console):
    page = person.page

    def do(action, answer=""):
        person.choose_on_line(console, action)
        if answer:
            person.answer(answer)

    # Procurement > Purchase orders > the order > Allocate Sales Order: No leaves the page as it is, Yes shows them.
    person.go("/procurement/purchase-orders/")
    person.press("PO-1")
    do("Allocate Sales Order", "No")
    expect(page.get_by_role("heading", name="PO-1")).to_be_visible()
    do("Allocate Sales Order", "Yes")
    person.sees("20 pcs of PO-1/1 are available.")
    page.get_by_label("Choose SO-1/1").check()
    page.get_by_label("Choose SO-2/1").check()
    page.locator("tr", has_text="SO-2/1").get_by_label("Quantity").fill("5")
    person.press("Allocate Selected")
    person.sees("13 of PO-1/1 are allocated to 2 sales orders.")

    # Review Allocations: who gets how much, promised for when, and what is left.
    do("Review Allocations")
    assert [(row[0], row[1], row[3], row[4]) for row in person.rows("allocations")] == [
        ("SO-1/1", "Acme", "8", shown(SOON)),
        ("SO-2/1", "Bolt", "5", ""),
    ]
    person.sees("Allocated (consumed ATP)")
    person.press("Allocate Sales Order")
    person.answer("Yes")
    page.get_by_label("Choose SO-2/1").check()
    person.press("Allocate Selected")

    # The arrival moves: before it is saved the page names the promises that break; then the dates are synced.
    do("Expected date")
    page.get_by_label("Expected on").fill(LATER.isoformat())
    person.press("Save date")
    person.sees(f"Acme was promised [CONSOLE] Game Console for {shown(SOON)}")
    person.press("Save date")
    do("Sync Date with SO", "Yes")
    expect(page.get_by_label("Choose SO-1/1")).to_be_checked()
    expect(page.get_by_label("Tell customers")).to_be_checked()
    page.get_by_label("Choose SO-2/1").uncheck()
    person.press("Sync Selected")
    person.sees("1 promise date is synced.")
    assert [row[5] for row in person.rows("linked-orders")] == [shown(LATER), shown(SOON)]

    # Remove Allocation: choose, press the button, confirm.
    do("Remove Allocation")
    page.get_by_label("Choose SO-2/1").check()
    expect(page.get_by_label("Hold allocation")).to_be_checked()
    person.press("Remove Allocations")
    person.answer("Remove Allocations")
    person.sees("6 are not allocated to SO-2 any more.")
    assert [row[1] for row in person.rows("linked-orders")] == ["SO-1/1"]


def test_a_clerk_allocates_an_item_edits_its_promise_and_reads_its_history(person, console):
    page = person.page
    person.go("/sales/orders/")
    person.press("SO-3")
    line = page.locator("tr[id^=line-]").get_attribute("id").removeprefix("line-")

    def do(action):
        page.get_by_label("Actions of line 1").click()
        page.locator(f"#line-{line}").get_by_role("link", name=action, exact=True).click()

    do("Allocate Sales Order")
    person.sees("4 pcs of SO-3/1 are not covered.")
    page.get_by_label("Choose PO-1/1").check()
    person.press("Allocate Selected")
    person.sees("4 of PO-1/1 are allocated to SO-3/1.")
    assert person.rows("purchase-allocations")[0][2:6] == ["PO-1/1", shown(SOON), "4", "By hand"]

    do("Edit")
    page.get_by_label("Promise date").fill(LATER.isoformat())
    page.get_by_label("Reason").fill("Asked for a later day")
    person.press("Save")
    person.sees(f"SO-3/1 is promised for {shown(LATER)}.")

    do("Order Item Change History")
    person.sees("Asked for a later day")
    person.sees(LATER.isoformat())


def test_a_product_becomes_a_preorder_and_the_order_form_says_when_it_can_ship(person, behind, tmp_path):
    page = person.page
    with behind() as session:
        product = make_product(session, sku="LAMP", name="Desk Lamp")
        make_stock(session, product, 5)
        make_customer(session, code="ACME", name="Acme")
        product_id = product.id

    # The product: Pre-order Eligible asks for the Launch Date.
    person.go(f"/inventory/products/{product_id}/edit/")
    expect(page.get_by_label("Launch Date")).to_be_hidden()
    page.get_by_label("Pre-order Eligible").check()
    page.get_by_label("Launch Date").fill(LATER.isoformat())
    page.get_by_label("Preorder Limit").fill("40")
    person.press("Save")
    person.sees(f"Eligible, launch {shown(LATER)}, limit 40")

    # Scheduled changes are uploaded, and ATP counts them.
    changes = tmp_path / "changes.csv"
    changes.write_text(f"sku,date,quantity,note\nLAMP,{SOON.isoformat()},10,returns\n", encoding="utf-8")
    person.go("/preorder/on-hand-changes/")
    person.press("Upload")
    page.locator("input[type=file]").set_input_files(changes)
    page.locator("main form button.btn-primary").click()
    person.sees("1 on-hand change: 1 new, 0 changed.")
    person.go(f"/preorder/atp/{product_id}/")
    page.get_by_label("Expected ship date of").fill("12")
    person.sees(f"Expected to ship on {shown(SOON)}.")

    # The order form says it as the line is typed.
    person.go("/sales/orders/new/")
    person.choose(page.get_by_label("Customer"), "Acme")
    person.choose(page.locator("#lines-0-product"), "LAMP")
    page.locator("#lines-0-quantity").fill("3")
    person.sees("Available today.")
    page.locator("#lines-0-quantity").fill("15")
    person.sees(f"Expected to ship on {shown(SOON)}.")
    page.locator("#lines-0-quantity").fill("16")
    person.sees("Not available within the horizon.")
    person.press("Save")
    person.press("Confirm")
    person.go("/preorder/demand/")
    expect(page.locator("tbody tr")).to_contain_text("LAMP")
    expect(page.locator("tbody tr")).to_contain_text("24")
