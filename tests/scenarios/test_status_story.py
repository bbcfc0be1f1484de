"""A status with a template is set: the page says who will be notified, and only then are they."""

import re
from datetime import date
from decimal import Decimal
from html import unescape

from erp import jobs
from modules.preorder.services import allocate_by_hand
from tests.backorder_email.pages import page, words
from tests.backorder_email.servers import mail_server
from tests.support.backorder_email import in_a_run, make_status_with_template, make_template, states
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order


def give(client, address, status):
    """Choose a status on the page and save it; return the text of the page that follows."""
    return words(page(client, client.post(address, data={"status": status}).location))


def test_two_customers_are_notified_of_a_delay_after_the_page_has_said_so(session, client, set_option, at):
    lamp = make_product(session, sku="LAMP", name="Desk Lamp")
    purchase = make_purchase_order(session, [{"product": lamp, "quantity": 10, "expected_on": date(2026, 12, 10)}])
    sorry = make_template(session, name="Sorry", subject="{{ order.number }} is late", body="Dear {{ customer.name }}")
    status_id = make_status_with_template(session, sorry, name="Delayed").id
    customers = [make_customer(session, name=name, email=f"{name}@customers.example") for name in ("anna", "bert")]
    orders = [make_order(session, [(lamp, 2)], customer=customer) for customer in customers]
    session.commit()
    purchase_line_id, numbers = purchase.lines[0].id, [order.number for order in orders]
    address = f"/procurement/purchase-orders/{purchase.id}/status/"
    amounts = {(order.lines[0].id, purchase_line_id): Decimal(2) for order in orders}
    in_a_run(lambda session: allocate_by_hand(session, amounts))
    assert states(session) == [], "the line has no status yet"

    # Before: what is chosen changes nothing, and the page says whom a status would notify and what they would read.
    html = page(client, address)
    assert "Delayed : 2 customers would be notified with the template Sorry." in words(html)
    sample = words(page(client, unescape(re.findall(r'href="(/emails/pending/sample/[^"]*)"', html)[0])))
    assert f"{numbers[0]} is late" in sample
    assert "Dear anna" in sample
    assert "0 lines have a new status" in give(client, address, "__None")
    assert states(session) == []

    # After: both wait in Pending Emails for as long as a clerk may want to look, and then leave.
    assert "1 line has a new status" in give(client, address, status_id)
    assert states(session) == ["pending", "pending"]
    with mail_server() as (mailbox, port):
        set_option("backorder_email.transport", "smtp")
        set_option("backorder_email.host", "127.0.0.1")
        set_option("backorder_email.port", str(port))
        jobs.run("send-pending-emails")
        assert states(session) == ["pending", "pending"]
        at("2026-11-23T12:10:00Z")
        jobs.run("send-pending-emails")
        assert [mail["To"] for mail in mailbox.taken] == ["anna@customers.example", "bert@customers.example"]
        assert [mail["Subject"] for mail in mailbox.taken] == [f"{number} is late" for number in numbers]
