"""Backorders and preorders: set up by an administrator, sold by a clerk, by the labels that they read."""

from datetime import date, timedelta

from playwright.sync_api import expect
from sqlalchemy import update

from erp import clock
from erp.jobs import run
from modules.sales.models import Backorder
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer

SOON = clock.today() + timedelta(days=20)
LAUNCH = clock.today() + timedelta(days=34)


def shown(day: date) -> str:
    return f"{day:%d %b %Y}"


def open_options(clerk, section):
    """Settings > Options > a section."""
    clerk.open_menu("Options")
    clerk.press(section)


def test_backorders_are_switched_on_with_a_cancellation_sla_and_cancelled_after_it(clerk, behind, shop):
    page = clerk.page
    with behind() as session:
        make_product(session, sku="LAMP", name="Desk Lamp")
        make_customer(session, code="ACME", name="Acme")

    # Backorders off: there is no SLA to enter. Once they are on, it appears.
    open_options(clerk, "Sales")
    sla = page.get_by_label("Backorder cancellation days")
    page.get_by_label("Backorders", exact=True).select_option("no")
    expect(sla).to_be_hidden()
    clerk.press("Save")
    expect(sla).to_be_hidden()
    page.get_by_label("Backorders", exact=True).select_option("yes")
    expect(sla).to_be_visible()
    expect(page.locator("main")).to_contain_text("Cancellation SLA")
    sla.fill("30")
    clerk.press("Save")

    # An order of what is not in stock waits on backorder.
    clerk.go("/sales/orders/new/")
    clerk.choose(page.get_by_label("Customer"), "Acme")
    clerk.choose(page.locator("#lines-0-product"), "LAMP")
    page.locator("#lines-0-quantity").fill("3")
    clerk.press("Save")
    clerk.press("Confirm")
    clerk.reads(lambda: [row[2:4] for row in clerk.rows("backorder-lines")], [["3", "3"]])

    # After 30 full days it still waits; a day later the daily job cancels it, and the order with it.
    for days, state in ((30, "Confirmed"), (31, "Cancelled")):
        with behind() as session:
            session.execute(update(Backorder).values(counts_from=clock.today() - timedelta(days=days)))
        with shop.app_context():
            run("cancel-overdue-backorders")
        page.reload()
        expect(page.locator("main h1 ~ *, main .erp-head").first).to_contain_text(state)


def test_a_product_is_sold_before_its_launch_and_the_form_says_when_it_can_ship(clerk, behind, tmp_path):
    page = clerk.page
    with behind() as session:
        product = make_product(session, sku="LAMP", name="Desk Lamp")
        make_stock(session, product, 5)
        make_customer(session, code="ACME", name="Acme")

    # The product: Pre-order Eligible enables the Launch Date, which it needs.
    clerk.open_menu("Products")
    clerk.press("LAMP")
    clerk.press("Edit")
    launch = page.get_by_label("Launch Date")
    expect(launch).to_be_hidden()
    page.get_by_label("Pre-order Eligible").check()
    expect(launch).to_be_visible()
    clerk.press("Save")
    clerk.sees("An eligible product needs its launch date.")
    launch.fill(LAUNCH.isoformat())
    page.get_by_label("Preorder Limit").fill("40")
    clerk.press("Save")
    clerk.sees(f"Eligible, launch {shown(LAUNCH)}, limit 40")

    # Scheduled on-hand changes are uploaded.
    changes = tmp_path / "changes.csv"
    changes.write_text(f"sku,date,quantity,note\nLAMP,{SOON.isoformat()},10,returns\n", encoding="utf-8")
    clerk.open_menu("On-hand changes")
    clerk.press("Upload")
    page.locator("input[type=file]").set_input_files(changes)
    clerk.submit()
    clerk.sees("To be done: 1 on-hand change: 1 new, 0 changed.")
    clerk.press("Apply")
    expect(page.get_by_role("link", name="Open On-hand changes")).to_be_visible()

    # ATP counts them as long as the option says so.
    for switch, last in (("no", ["5", "5"]), ("yes", ["15", "15"])):
        open_options(clerk, "Preorder")
        page.get_by_label("On hand changes").select_option(switch)
        clerk.press("Save")
        clerk.open_menu("ATP")
        clerk.press("LAMP")
        clerk.reads(lambda: clerk.rows("atp-days")[-1][1:], last)
    clerk.reads(lambda: clerk.rows("atp-days")[-1][0], shown(LAUNCH))
    page.get_by_label("Expected ship date of").fill("12")
    clerk.sees(f"Expected to ship on {shown(LAUNCH)}.")

    # The order form says it as the line is typed.
    clerk.open_menu("Sales orders")
    clerk.press("New sales order")
    clerk.choose(page.get_by_label("Customer"), "Acme")
    clerk.choose(page.locator("#lines-0-product"), "LAMP")
    for quantity, message in (
        ("3", f"Expected to ship on {shown(LAUNCH)}."),
        ("41", "preorder limit"),
        ("16", f"Not all of it is covered (5 on {shown(LAUNCH)}, 11 not covered)."),
    ):
        page.locator("#lines-0-quantity").fill(quantity)
        clerk.sees(message)

    # Confirmed it is a preorder: what is in stock waits for the launch, and the buyer sees the demand.
    clerk.press("Save")
    clerk.press("Confirm")
    expect(page.locator("main")).to_contain_text("Preorder")
    clerk.press("Pack Allocated Order")
    clerk.sees(f"LAMP is not packed before its launch on {LAUNCH.isoformat()}.")
    clerk.open_menu("Preorder demand")
    lamp = page.locator("main tbody tr").filter(has_text="LAMP")
    clerk.reads(lambda: lamp.inner_text().split()[-6:], ["16", "0", "0", "0", "40", "24"])
