"""A backorder is allocated to a purchase order, announced by email, received in two parts and packed."""

import csv
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from erp import events
from erp.db import commit
from erp.models import RunKind
from erp.registry import current_registry
from modules.backorder_email.models import Message
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder
from modules.sales.states import AllocationSource, BackorderState, OrderState
from tests.backorder_email.servers import mail_server
from tests.support.backorder_email import make_status_with_template, make_template
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft


def do(work):
    """Do what one press of a button does."""
    with events.run(RunKind.screen, "story", "clerk"):
        return commit(work)


def receive(session, line_id, quantity, lot):
    place = make_location(session, "WH/A")
    line = session.get_one(PurchaseOrderLine, line_id)
    procurement.receive(session, Delivery(line.id, Decimal(quantity), place.id, lot))


def test_a_backorder_is_allocated_to_a_purchase_order_announced_received_in_parts_and_packed(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    product = make_product(session, sku="LAMP", name="Desk Lamp")
    template = make_template(session, subject="{{ order.number }} is on its way")
    status = make_status_with_template(session, template, name="At sea")
    purchase = make_purchase_order(
        session, [{"product": product, "quantity": 10, "expected_on": date(2026, 12, 10), "status": status}]
    )
    bought = purchase.lines[0].id
    customer = make_customer(session, code="ACME", name="Acme", email="acme@customers.example")
    order_id = make_draft(session, [(product, 10)], customer=customer).id

    # Confirmed with no stock: the backorder is allocated to the purchase order, a date promised, an email queued.
    order = do(lambda session: sales.confirm(session, order_id))
    incoming = session.scalars(select(PurchaseAllocation)).one()
    assert (incoming.purchase_line_id, incoming.quantity) == (bought, 10)
    assert order.lines[0].promise_date == date(2026, 12, 10)
    message = session.scalars(select(Message)).one()
    assert (message.recipient, message.state) == ("acme@customers.example", "pending")
    assert message.subject == f"{order.number} is on its way"

    # 4 of 10 arrive and become an allocation of the received lot; 6 stay allocated to the purchase order.
    do(lambda session: receive(session, bought, 4, "R1"))
    allocation = session.scalars(select(Allocation)).one()
    assert (allocation.quantity, allocation.source) == (4, AllocationSource.receipt)
    assert allocation.balance.lot.number == "R1"
    assert (incoming.received, incoming.outstanding) == (4, 6)

    # The other 6 arrive, the backorder is closed, and the order is packed.
    do(lambda session: receive(session, bought, 6, "R2"))
    assert incoming.ended_at is not None
    assert session.scalars(select(Backorder.state)).all() == [BackorderState.allocated]
    do(lambda session: sales.pack_order(session, order_id))
    assert order.state is OrderState.done
    assert len(session.scalars(select(Message)).all()) == 1
    assert [breach for check in current_registry().checks for breach in check.thing(session)] == []


FILES = {
    "products": "sku,name\nLAMP,Desk Lamp\n",
    "customers": "code,name,email\nACME,Acme,acme@customers.example\n",
    "suppliers": "code,name,email\nS1,Lamps Ltd,lamps@suppliers.example\n",
    "email_templates": (
        "name,subject,body\n"
        'on-its-way,{{ order.number }}: {{ status }},"Dear {{ customer.name }},\n'
        "{% for line in lines %}{{ line.quantity }} {{ line.unit }} {{ line.name }}, "
        'expected {{ line.expected_on }}{% endfor %}"\n'
    ),
    "purchase_line_statuses": "name,position,email_template\nAt sea,1,on-its-way\n",
    "purchase_orders": (
        "number,supplier,ordered_on,sku,quantity,expected_on,status\nPO-1,S1,2026-11-01,LAMP,10,2026-12-10,At sea\n"
    ),
    "sales_orders": "number,customer,ordered_at,sku,quantity\nSO-1,ACME,2026-11-20T10:00:00,LAMP,10\n",
}
RECEIPT = "number,line,quantity,location,lot\nPO-1,1,{quantity},WH/A,{lot}\n"


def test_the_same_by_import_files_and_commands_alone(erp, tmp_path):
    def give(kind, text, *flags):
        file = tmp_path / f"{kind}.csv"
        file.write_text(text, encoding="utf-8")
        return erp("import", kind, file, *flags)

    def exported(kind):
        return [list(row.values()) for row in csv.DictReader(erp("export", kind).splitlines())]

    erp("init")
    erp("options", "set", "preorder.auto_allocate", "yes")
    for kind, text in FILES.items():
        give(kind, text)
    erp("allocate")
    (email,) = exported("emails")
    assert email[1:5] == ["acme@customers.example", "SO-1: At sea", "pending", "SO-1"]
    head = ["SO-1", "1", "LAMP"]
    purchase_allocated = [*head, "purchase", "", "", "PO-1", "1"]
    assert exported("allocations") == [[*purchase_allocated, "10", "0", "2026-12-10"]]

    with mail_server() as (mailbox, port):
        for name, value in {"transport": "smtp", "host": "127.0.0.1", "port": port}.items():
            erp("options", "set", f"backorder_email.{name}", value)
        erp("send-emails")
    (letter,) = mailbox.taken
    assert letter["To"] == "acme@customers.example"
    assert "10 pcs Desk Lamp, expected 2026-12-10" in letter.get_body().get_content()
    assert exported("emails")[0][3] == "sent"

    give("receipts", RECEIPT.format(quantity=4, lot="R1"))
    first = [*head, "lot", "R1", "WH/A", "", "", "4", "0", "2026-12-10"]
    assert exported("allocations") == [first, [*purchase_allocated, "6", "0", "2026-12-10"]]
    give("receipts", RECEIPT.format(quantity=6, lot="R2"))
    assert exported("allocations") == [first, [*head, "lot", "R2", "WH/A", "", "", "6", "0", "2026-12-10"]]
    assert exported("backorders")[0][5:8] == ["0", "allocated", "0"]

    assert erp("pack", "SO-1").startswith("Packed 4 of LAMP, 6 of LAMP of SO-1 as PK")
    packed = [[*first[:-2], "4", "2026-12-10"], [*head, "lot", "R2", "WH/A", "", "", "6", "6", "2026-12-10"]]
    assert exported("allocations") == packed
    assert [row[3] for row in exported("balances")] == ["0", "0"]
    erp("check")
