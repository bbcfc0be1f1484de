"""A clerk allocates, packs in part, restocks, allocates and packs the remainder."""

from playwright.sync_api import expect

from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer, make_order


def test_an_order_is_allocated_packed_in_part_restocked_and_finished(clerk, behind):
    page = clerk.page
    with behind() as session:
        brass = make_product(session, sku="BRASS", name="Brass Screw")
        tapping = make_product(session, sku="TAPPING", name="Self-Tapping Screw")
        make_stock(session, brass, 15, lot="B1", location="WH/A")
        make_stock(session, brass, 10, lot="B2", location="WH/B")
        balance_id = make_stock(session, tapping, 22, lot="T1", location="WH/A").id
        make_customer(session, code="ACME", name="Acme Builders")

    # The option that allocates on confirmation is switched off.
    clerk.set_option("sales", "allocate_on_confirm", "no")

    # An order for 25 Brass Screw and 25 Self-Tapping Screw.
    clerk.go("/sales/orders/new/")
    clerk.choose(page.get_by_label("Customer"), "Acme Builders")
    for number, sku in enumerate(("BRASS", "TAPPING")):
        if number:
            clerk.press("Add a line")
        clerk.choose(page.locator(f"#lines-{number}-product"), sku)
        page.locator(f"#lines-{number}-quantity").fill("25")
    clerk.press("Save")
    clerk.press("Confirm")
    clerk.sees("SO00001")

    # Allocate Order: three allocation lines and one backorder of 3.
    clerk.press("Allocate Order")
    expect(page.locator("#allocation-lines tbody tr")).to_have_count(3)
    clerk.reads(
        lambda: [row[2:5] for row in clerk.rows("allocation-lines")],
        [
            ["B1", "WH/A", "15"],
            ["B2", "WH/B", "10"],
            ["T1", "WH/A", "22"],
        ],
    )
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("backorder-lines")], [["3", "3"]])

    # Pack Allocated Order: 25 and 22 are packed, the backorder stays.
    clerk.press("Pack Allocated Order")
    clerk.sees("PK00001")
    clerk.reads(lambda: [row[5] for row in clerk.rows("allocation-lines")], ["15", "10", "22"])
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("backorder-lines")], [["3", "3"]])

    # 100 more are counted; allocating again adds a line of 3 and checks the backorder off.
    order = page.url
    clerk.go(f"/inventory/stock/{balance_id}/adjust/")
    page.get_by_label("Quantity").first.fill("100")
    page.get_by_label("Reason").fill("A pallet came")
    clerk.submit()
    clerk.go(order)
    clerk.press("Allocate Order")
    expect(page.locator("#allocation-lines tbody tr")).to_have_count(4)
    clerk.reads(lambda: [row[4:6] for row in clerk.rows("allocation-lines")][-1], ["3", "0"])
    clerk.reads(lambda: next((row[3], row[6]) for row in clerk.rows("backorder-lines")), ("0", "Allocated"))

    # Pack again, and the last 3 leave.
    clerk.press("Pack Allocated Order")
    clerk.sees("PK00002")
    clerk.sees("Done")


def test_material_is_taken_from_one_order_and_given_to_another(clerk, behind):
    page = clerk.page
    with behind() as session:
        screw = make_product(session, sku="SCREW", name="Brass Screw")
        make_stock(session, screw, 10, lot="B1", location="WH/A")
        first, urgent = (make_order(session, [(screw, 10)]).id for _ in range(2))

    # Remove Allocation Lines: the header's checkbox chooses all, the removal is confirmed, nothing is left.
    clerk.go(f"/sales/orders/{first}/")
    clerk.press("Remove Allocation Lines")
    page.get_by_label("Tick all rows").check()
    clerk.press("Remove All/Selected")
    clerk.answer("Remove")
    expect(page.get_by_role("heading", name="Order lines")).to_be_visible()
    clerk.reads(lambda: clerk.rows("allocation-lines"), [])

    # The other order gets what is free now.
    clerk.go(f"/sales/orders/{urgent}/")
    clerk.press("Allocate Order")
    clerk.reads(lambda: [row[2:5] for row in clerk.rows("allocation-lines")], [["B1", "WH/A", "10"]])

    # The first order is allocated again: nothing is there, and all of it is on backorder.
    clerk.go(f"/sales/orders/{first}/")
    clerk.press("Allocate Order")
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("backorder-lines")], [["10", "10"]])


def test_allocation_lines_are_removed_the_order_is_changed_and_its_backorders_are_ended(clerk, behind):
    page = clerk.page
    clerk.set_option("sales", "allocate_on_confirm", "no")
    with behind() as session:
        brass, tapping = make_product(session, sku="BRASS"), make_product(session, sku="TAPPING")
        make_stock(session, brass, 10, lot="B1")
        make_stock(session, brass, 5, lot="B2")
        make_stock(session, tapping, 40, lot="T1")
        first = make_order(session, [(brass, 15), (tapping, 20)]).id
        other = make_order(session, [(brass, 10), (make_product(session, sku="NUT"), 3)]).id

    # Everything is there: three allocation lines and no backorder.
    clerk.go(f"/sales/orders/{first}/")
    clerk.press("Allocate Order")
    clerk.reads(
        lambda: [row[2:5] for row in clerk.rows("allocation-lines")],
        [
            ["B1", "WH/STOCK", "10"],
            ["B2", "WH/STOCK", "5"],
            ["T1", "WH/STOCK", "20"],
        ],
    )
    clerk.reads(lambda: clerk.rows("backorder-lines"), [])

    # One line is chosen. Cancel keeps it; after Remove the page shows which lines remain.
    clerk.press("Remove Allocation Lines")
    remove = page.get_by_role("button", name="Remove All/Selected")
    expect(remove).to_be_disabled()
    page.locator("table tbody input[type=checkbox]").first.check()
    remove.click()
    clerk.answer("Cancel")
    remove.click()
    clerk.answer("Remove")
    clerk.sees("1 allocation line removed.")
    clerk.reads(
        lambda: [row[2:5] for row in clerk.rows("remaining-lines")], [["B2", "WH/STOCK", "5"], ["T1", "WH/STOCK", "20"]]
    )

    # All that remain are chosen by the header's checkbox, and none is left.
    clerk.press("Remove Allocation Lines")
    page.get_by_label("Tick all rows").check()
    remove.click()
    clerk.answer("Remove")
    clerk.sees("No allocation lines remain.")

    # The other order takes what it needs.
    clerk.go(f"/sales/orders/{other}/")
    clerk.press("Allocate Order")
    clerk.reads(lambda: [row[2:5] for row in clerk.rows("allocation-lines")], [["B1", "WH/STOCK", "10"]])

    # The first order is for less now, gets the 5 that are left, and the remainder is on backorder.
    clerk.go(f"/sales/orders/{first}/")
    clerk.choose_on_line(1, "Change quantity")
    page.get_by_label("New quantity").fill("10")
    clerk.press("Change quantity")
    clerk.sees("Line 1: the quantity is now 10.")
    clerk.press("Allocate Order")
    clerk.reads(
        lambda: [row[2:6] for row in clerk.rows("allocation-result")],
        [
            ["10", "5", "5 of lot B2 at WH/STOCK", "5"],
            ["20", "20", "20 of lot T1 at WH/STOCK", "0"],
        ],
    )

    # Its allocation lines are removed once more; the backorder line stays, and is then cancelled.
    clerk.press("Remove Allocation Lines")
    page.get_by_label("Tick all rows").check()
    remove.click()
    clerk.answer("Remove")
    expect(page.locator("#allocation-lines")).to_have_count(0)
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("backorder-lines")], [["5", "5"]])
    clerk.press("Cancel", inside="#backorder-lines")
    page.get_by_label("Reason").fill("Not wanted any more")
    clerk.press("Cancel backorder")
    clerk.answer("Cancel backorder")
    clerk.sees("line 1 is cancelled.")
    clerk.reads(lambda: [(row[3], row[6]) for row in clerk.rows("backorder-lines")], [("0", "Cancelled")])

    # The other order's backorder line is deleted, and its order line is kept out of automatic runs.
    clerk.go(f"/sales/orders/{other}/")
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("backorder-lines")], [["3", "3"]])
    clerk.press("Delete", inside="#backorder-lines")
    clerk.press("Delete backorder")
    clerk.answer("Delete")
    clerk.sees("line 2 is deleted.")
    clerk.reads(lambda: clerk.rows("backorder-lines"), [])
    clerk.sees("Held")
