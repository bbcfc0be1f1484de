"""A customer is notified: from the template and the status to the message in the mailbox."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from erp import clock
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

BODY = "Hello {{ customer.name }},\n{% for line in lines %}{{ line.quantity }} {{ line.name }}\n{% endfor %}"


@pytest.fixture
def waiting(behind):
    """An order that waits for goods that a purchase order brings: (sales order's id, purchase order's id)."""
    with behind() as session:
        product = make_product(session, sku="LAMP", name="Desk lamp")
        customer = make_customer(session, name="Bright Interiors", email="buying@bright.example")
        order = make_order(session, [(product, 3)], customer=customer)
        due = clock.today() + timedelta(days=9)
        purchase = make_purchase_order(session, [{"product": product, "quantity": 10, "expected_on": due}])
        return order.id, purchase.id


def write_template(clerk):
    page = clerk.page
    clerk.go("/emails/templates/new/")
    clerk.sees("line.promise_date")
    page.get_by_label("Name").fill("On its way")
    page.get_by_label("Subject").fill("{{ order.number }} is on its way")
    page.get_by_label("Text").fill("Hello {{ customer.nam }}")
    page.get_by_label("HTML").fill("<p>Hello <b>{{ customer.name }}</b></p>")
    clerk.press("Save")
    clerk.sees("The template does not render (body, line 1)")
    page.get_by_label("Text").fill(BODY)
    clerk.press("Save")
    clerk.press("Preview")
    clerk.sees("Hello Bright Interiors")


def define_status(clerk, name="Shipped"):
    page = clerk.page
    clerk.go("/procurement/line-statuses/new/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Position").fill("1")
    page.get_by_label("Email template").select_option("On its way")
    clerk.press("Save")
    clerk.sees("On its way")


def give_status(clerk, purchase_id):
    page = clerk.page
    clerk.go(f"/procurement/purchase-orders/{purchase_id}/edit/")
    page.get_by_label("Status").first.select_option(label="Shipped")
    clerk.press("Save")


def see_who_would_be_notified(clerk, purchase_id):
    """Open the page that gives all lines a status, and the email that it would send, before anything is saved."""
    page = clerk.page
    clerk.go(f"/procurement/purchase-orders/{purchase_id}/status/")
    expect(page.get_by_label("Status")).to_have_value("__None")
    clerk.sees("1 customer would be notified with the template On its way.")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="See one email").first.click()
    expect(opened.value.locator("#email-text")).to_have_text("Hello Bright Interiors,\n3 Desk lamp")
    opened.value.close()


def allocate(clerk, purchase_id):
    page = clerk.page
    clerk.go(f"/procurement/purchase-orders/{purchase_id}/")
    clerk.choose_on_line(1, "Allocate Sales Order")
    clerk.answer("Yes")
    page.locator("input.pick").first.check()
    clerk.press("Allocate Selected")


def test_a_customer_is_notified_that_the_goods_are_on_their_way(clerk, mailbox, waiting):
    order_id, purchase_id = waiting
    page = clerk.page
    write_template(clerk)
    define_status(clerk)
    give_status(clerk, purchase_id)
    allocate(clerk, purchase_id)
    define_status(clerk, "Delayed")
    see_who_would_be_notified(clerk, purchase_id)

    clerk.go("/emails/pending/")
    expect(page.get_by_role("heading", name="Pending Emails")).to_be_visible()
    expect(page.get_by_role("link", name="Pending 1")).to_be_visible()
    page.locator("tbody tr").first.click()
    clerk.sees("buying@bright.example")
    expect(page.locator("#email-text")).to_have_text("Hello Bright Interiors,\n3 Desk lamp")
    expect(page.frame_locator("iframe").get_by_text("Bright Interiors")).to_be_visible()

    clerk.press("Edit")
    page.get_by_label("Text").fill("Hello,\nyour lamps are on their way.")
    clerk.press("Save")
    clerk.sees("Edited")
    expect(page.locator("#email-text")).to_have_text("Hello,\nyour lamps are on their way.")

    clerk.press("Send now")
    clerk.sees("Sent to buying@bright.example.")
    (mail,) = mailbox.taken
    assert mail["To"] == "buying@bright.example"
    assert mail["Subject"].endswith("is on its way")
    assert mail.get_body(("plain",)).get_content() == "Hello,\nyour lamps are on their way.\n"

    clerk.go(f"/sales/orders/{order_id}/")
    expect(page.locator("#emails tbody tr")).to_contain_text(["buying@bright.example"])


def test_all_pending_emails_are_sent_with_their_progress(clerk, mailbox, behind):
    from tests.support.backorder_email import make_messages

    with behind() as session:
        make_messages(session, 45)
    page = clerk.page
    clerk.go("/emails/pending/")
    clerk.press("Send all")
    clerk.sees("Emails to be sent: 45")
    page.locator("main form").get_by_role("button", name="Send all").click()
    expect(page.get_by_role("link", name="Sent 45")).to_be_visible()
    assert len(mailbox.taken) == 45
    assert set(mailbox.message_ids.values()) == {1}
