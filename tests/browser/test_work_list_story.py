"""A clerk finds the work in its list, and is asked before an order takes what an earlier one waits for."""

from datetime import timedelta

from playwright.sync_api import expect

from erp import clock
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order


def test_allocate_order_asks_and_the_work_lists_follow(clerk, behind):
    clerk.set_option("sales", "allocate_on_confirm", "no")
    with behind() as session:
        screw = make_product(session, sku="BRASS", name="Brass Screw")
        make_stock(session, screw, 10)
        make_order(session, [(screw, 8)], number="SO-1", customer=make_customer(session, name="Acme", code="ACME"))
        make_order(session, [(screw, 6)], number="SO-2", customer=make_customer(session, name="Bolt", code="BOLT"))
    clerk.open_menu("Work lists")
    clerk.press("Uncovered")
    clerk.reads(lambda: [(row[0], row[4]) for row in clerk.rows("work-list")], [("SO-1/1", "8"), ("SO-2/1", "6")])

    # The later order would take 4 of what the earlier one waits for.
    clerk.press("SO-2/1")
    clerk.press("Allocate Order")
    clerk.sees("SO-2 would take what earlier orders wait for")
    clerk.reads(lambda: clerk.rows("losses"), [["SO-1/1", "Acme", "BRASS", "4", "pcs"]])
    clerk.press("Allocate Order")
    clerk.sees("What was allocated to SO-2")
    clerk.open_menu("Work lists")
    clerk.reads(
        lambda: [row[0:1] + row[3:] for row in clerk.rows("work-lists") if row[3] != "0"],
        [
            ["Ready", "6"],
            ["Uncovered", "8"],
        ],
    )


def test_a_buyer_finds_what_is_late_under_the_overdue_purchase_order_line(clerk, behind):
    with behind() as session:
        lamp = make_product(session, sku="LAMP", name="Desk lamp")
        orders = [make_order(session, [(lamp, quantity)], number=f"SO-{quantity}") for quantity in (2, 3)]
        purchase = make_purchase_order(session, [(lamp, 9, clock.today() + timedelta(1))], number="PO-1")
        for order in orders:
            allocate_purchase(session, order.lines[0], purchase.lines[0], order.lines[0].quantity)
            order.lines[0].promise_date = clock.today() - timedelta(3)
        purchase.lines[0].expected_on = clock.today() - timedelta(3)
        line_id = purchase.lines[0].id
    clerk.open_menu("Late lines")
    expect(clerk.page.get_by_role("heading", name="PO-1/1 overdue by 3 days")).to_be_visible()
    clerk.reads(lambda: [row[0] for row in clerk.rows(f"overdue-{line_id}")], ["SO-2/1", "SO-3/1"])
    clerk.sees("No other line is late.")
