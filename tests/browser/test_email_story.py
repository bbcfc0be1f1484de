"""A customer is told: from the template and the status to the message in the mailbox."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from erp import clock
from tests.factories.inventory_lots import make_product
from tests.factories.procurement import make_purchase_order
from tests.factories.sales import make_customer, make_order

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


def write_template(person):
    page = person.page
    person.go("/emails/templates/new/")
    person.sees("line.promise_date")
    page.get_by_label("Name").fill("On its way")
    page.get_by_label("Subject").fill("{{ order.number }} is on its way")
    page.get_by_label("Text").fill("Hello {{ customer.nam }}")
    page.get_by_label("HTML").fill("<p>Hello <b>{{ customer.name }}</b></p>")
    person.press("Save")
    person.sees("The template does not render (body, line 1)")
    page.get_by_label("Text").fill(BODY)
    person.press("Save")
    person.press("Preview")
    person.sees("Hello Bright Interiors")


def define_status(person):
    page = person.page
    person.go("/procurement/line-statuses/new/")
    page.get_by_label("Name").fill("Shipped")
    page.get_by_label("Position").fill("1")
    page.get_by_label("Email template").select_option("On its way")
    person.press("Save")
    person.sees("On its way")


def give_status(person, purchase_id):
    page = person.page
    person.go(f"/procurement/purchase-orders/{purchase_id}/edit/")
    page.get_by_label("Status").first.select_option(label="Shipped")
    person.press("Save")


def link(person, purchase_id):
    page = person.page
    person.go(f"/procurement/purchase-orders/{purchase_id}/")
    person.choose_on_line(1, "Allocate Sales Order")
    person.answer("Yes")
    page.locator("input.pick").first.check()
    person.press("Allocate Selected")


def test_a_customer_is_told_that_the_goods_are_on_their_way(person, mailbox, waiting):
    order_id, purchase_id = waiting
    page = person.page
    write_template(person)
    define_status(person)
    give_status(person, purchase_id)
    link(person, purchase_id)

    person.go("/emails/pending/")
    expect(page.get_by_role("heading", name="Pending Emails")).to_be_visible()
    expect(page.get_by_role("link", name="Pending 1")).to_be_visible()
    page.locator("tbody tr").first.click()
    person.sees("buying@bright.example")
    expect(page.locator("#email-text")).to_have_text("Hello Bright Interiors,\n3 Desk lamp")
    expect(page.frame_locator("iframe").get_by_text("Bright Interiors")).to_be_visible()

    person.press("Edit")
    page.get_by_label("Text").fill("Hello,\nyour lamps are on their way.")
    person.press("Save")
    person.sees("Edited")
    expect(page.locator("#email-text")).to_have_text("Hello,\nyour lamps are on their way.")

    person.press("Send now")
    person.sees("Sent to buying@bright.example.")
    (mail,) = mailbox.taken
    assert mail["To"] == "buying@bright.example"
    assert mail["Subject"].endswith("is on its way")
    assert mail.get_body(("plain",)).get_content() == "Hello,\nyour lamps are on their way.\n"

    person.go(f"/sales/orders/{order_id}/")
    expect(page.locator("#emails tbody tr")).to_contain_text(["buying@bright.example"])


def test_all_pending_emails_are_sent_with_their_progress(person, mailbox, behind):
    from tests.factories.backorder_email import make_messages

    with behind() as session:
        make_messages(session, 45)
    page = person.page
    person.go("/emails/pending/")
    person.press("Send all")
    person.sees("Emails to be sent: 45")
    page.locator("main form").get_by_role("button", name="Send all").click()
    expect(page.get_by_role("link", name="Sent 45")).to_be_visible()
    assert len(mailbox.taken) == 45
    assert set(mailbox.message_ids.values()) == {1}
