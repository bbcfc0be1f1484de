"""The administrator's day in a real browser: modules, options, jobs and users."""

import re

from playwright.sync_api import expect

from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer, make_draft, make_order


def test_a_module_is_disabled_enabled_uninstalled_and_installed(clerk):
    page = clerk.page

    # Pending Emails is there; disabling its module shows what will be disabled, and removes it at once.
    menu = page.get_by_role("navigation", name="Menu")
    expect(menu.get_by_role("link", name="Pending Emails")).to_be_visible()
    clerk.go("/settings/modules/")
    clerk.press("Disable", inside="#module-backorder_email")
    clerk.sees("send-pending-emails")
    clerk.press("Disable")
    clerk.sees("Module backorder_email is disabled. Its data is kept.")
    expect(menu.get_by_role("link", name="Pending Emails")).to_have_count(0)
    assert page.goto("/emails/pending/").status == 404

    # Enabling shows what comes back, and brings it back at once.
    clerk.go("/settings/modules/")
    clerk.press("Enable", inside="#module-backorder_email")
    expect(page.get_by_role("row", name="Added to the screen sales.order")).to_contain_text("panel Emails")
    clerk.press("Enable")
    clerk.sees("Module backorder_email is enabled.")
    expect(menu.get_by_role("link", name="Pending Emails")).to_be_visible()
    clerk.press("Disable", inside="#module-backorder_email")
    clerk.press("Disable")

    # Uninstalling names the rows it destroys and asks for the module's name.
    clerk.sees("Module backorder_email is disabled. Its data is kept.")
    clerk.press("Uninstall", inside="#module-backorder_email")
    clerk.sees("destroyed")
    page.get_by_label("Type backorder_email to go on").fill("backorder_mail")
    clerk.press("Uninstall")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Type backorder_email to go on").fill("backorder_email")
    clerk.press("Uninstall")
    clerk.sees("tables were written to")

    # Installing brings everything back.
    clerk.press("Install", inside="#module-backorder_email")
    clerk.press("Install")
    clerk.sees("Module backorder_email is installed and enabled.")
    menu.get_by_role("link", name="Pending Emails").click()
    expect(page.get_by_role("heading", name="Pending Emails")).to_be_visible()


def test_an_option_is_changed_acts_and_hides_what_depends_on_it(clerk):
    page = clerk.page
    clerk.go("/settings/options/?section=sales")
    days = page.get_by_label("Backorder cancellation days")
    expect(days).to_be_visible()
    page.get_by_label("Backorders", exact=True).select_option("no")
    expect(days).to_be_hidden()
    clerk.press("Save")
    clerk.sees("Set here by admin")
    clerk.sees("sales.backorders")
    expect(days).to_be_hidden()

    clerk.go("/settings/options/")
    page.get_by_label("Company name").fill("Screws & Sons")
    clerk.press("Save")
    expect(page.locator(".erp-brand")).to_contain_text("Screws & Sons")

    clerk.go("/settings/options/?section=sales")
    page.get_by_label("Allocate every").fill("soon")
    clerk.press("Save")
    clerk.sees("A time such as 30 s, 10 min, 2 h or 1 day")
    expect(page.get_by_label("Allocate every")).to_have_value("soon")


def test_a_job_runs_now_and_shows_what_it_did(clerk, behind, worker):
    page = clerk.page
    with behind() as session:
        product = make_product(session)
        make_order(session, [(product, 4)])
        make_stock(session, product, 9)
    clerk.go("/settings/jobs/")
    row = page.locator("#job-allocate-backorders")
    expect(row).to_contain_text("never")
    clerk.sees("No worker is running")
    row.get_by_role("button", name="Pause").click()
    with worker():
        row.get_by_role("button", name="Run now").click()
        expect(row).to_contain_text("1 product run, 4 units allocated.")
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text("Paused")
    row.get_by_role("link", name="allocate-backorders").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("1 product run, 4 units allocated.")
    clerk.press("Resume")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_backorders_switched_off_on_the_screen_are_made_no_more(clerk, behind):
    page = clerk.page
    with behind() as session:
        product = make_product(session)
        before, after = (make_draft(session, [(product, 5)], number=number).id for number in ("SO-A", "SO-B"))
    for order, is_kept in ((before, True), (after, False)):
        clerk.go(f"/sales/orders/{order}/")
        clerk.press("Confirm")
        expect(page.locator("main")).to_contain_text("Confirmed")
        expect(page.locator("main").get_by_role("heading", name="Backorder lines")).to_have_count(int(is_kept))
        clerk.set_option("sales", "backorders", "no")
    clerk.sees("Set here by admin")


def test_a_clerk_is_created_signs_in_and_sees_only_what_the_role_allows(clerk):
    page = clerk.page
    clerk.go("/settings/users/new/")
    page.get_by_label("Name", exact=False).first.fill("carla")
    page.get_by_label("Full name").fill("Carla Clerk")
    page.get_by_label("Sales clerk").check()
    clerk.press("Save")
    password = page.get_by_label("Password", exact=True).input_value()

    page.get_by_role("button", name="admin").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_label("Name").fill("carla")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()

    # The password was generated: she must choose one of her own.
    expect(page.get_by_role("heading", name="Change password")).to_be_visible()
    page.get_by_label("Current password").fill(password)
    page.get_by_label("New password", exact=True).fill("a password of my own")
    page.get_by_label("New password, once more").fill("a password of my own")
    page.get_by_role("button", name="Change password").click()

    expect(
        page.get_by_role("heading", name="Nothing waits", exact=False).or_(page.get_by_text("Nothing waits for you"))
    ).to_be_visible()
    expect(page.get_by_role("link", name="Sales orders", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Modules")).to_have_count(0)
    assert page.goto("/settings/modules/").status == 403


def test_a_question_is_asked_and_answered_with_the_keyboard_alone(clerk, behind):
    page = clerk.page
    with behind() as session:
        customer_id = make_customer(session, code="ACME", name="Acme Builders").id
    clerk.go(f"/sales/customers/{customer_id}/")
    page.get_by_role("button", name="More").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This cannot be undone.")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="More").click()
    page.locator("main").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    clerk.sees("deleted.")


def test_a_list_is_filtered_and_the_filter_taken_off(clerk, behind):
    page = clerk.page
    with behind() as session:
        product = make_product(session)
        for number in ("SO-RED", "SO-BLUE"):
            make_draft(session, [(product, 1)], number=number)
    clerk.go("/sales/orders/")
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Field").select_option("Order")
    page.get_by_label("Value").fill("blue")
    clerk.press("Apply")
    expect(page.locator(".erp-chip")).to_contain_text("blue")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label(re.compile("Remove filter")).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator("tbody tr").first.click()
    expect(page).to_have_url(re.compile(r"/sales/orders/\d+/$"))


def test_the_menu_folds_away_on_a_small_screen(clerk):
    page = clerk.page
    page.set_viewport_size({"width": 420, "height": 800})
    clerk.go("/sales/orders/")
    customers = page.get_by_role("link", name="Customers", exact=True)
    expect(customers).not_to_be_in_viewport()
    page.get_by_role("button", name="Menu").click()
    expect(customers).to_be_in_viewport()
    customers.click()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
