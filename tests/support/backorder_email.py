"""Ready templates, news and messages for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock, events
from erp.db import commit
from erp.models import RunEntry, RunKind
from modules.backorder_email import services
from modules.backorder_email.models import Message, News, StatusTemplate, Template
from modules.backorder_email.states import Cause, MessageState
from modules.preorder.services import allocate_by_hand
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import set_status
from modules.sales.models import Customer, Order, OrderLine
from tests.support.inventory_lots import make_product
from tests.support.numbering import next_number
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import make_customer, make_order

ARRIVAL = date(2026, 12, 10)

BODY = "{% for line in lines %}{{ line.quantity }} {{ line.sku }} from {{ line.purchase_order }}\n{% endfor %}"


def make_template(session: Session, **overrides: Any) -> Template:
    """Return a template with a name of its own that lists the lines. Commits."""
    name = f"Template {next_number('template')}"
    template = Template(**{"name": name, "subject": "{{ order.number }}: {{ status }}", "body": BODY} | overrides)
    session.add(template)
    session.commit()
    return template


def make_status_with_template(
    session: Session, template: Template | None = None, **overrides: Any
) -> PurchaseLineStatus:
    """Return a status that has a template. Commits."""
    status = make_status(session, **overrides)
    template = template or make_template(session)
    session.add(StatusTemplate(status_id=status.id, template_id=template.id))
    session.commit()
    return status


@dataclass
class Supply:
    """A purchase order whose first line has a status with a template, and orders that wait for its product."""

    status: PurchaseLineStatus
    purchase: PurchaseOrder
    orders: list[Order]

    @property
    def purchase_line(self) -> PurchaseOrderLine:
        return self.purchase.lines[0]

    @property
    def line(self) -> OrderLine:
        return self.orders[0].lines[0]


def make_supply(session: Session, *, orders: int = 1, quantity: int = 100, **customer: Any) -> Supply:
    """Return incoming goods whose status has a template, and orders of two pieces that wait for them. Commits."""
    product = make_product(session)
    status = make_status_with_template(session)
    line = {"product": product, "quantity": quantity, "expected_on": ARRIVAL, "status": status}
    purchase = make_purchase_order(session, [line])
    buyers = [make_customer(session, **customer) for _ in range(orders)]
    return Supply(status, purchase, [make_order(session, [(product, 2)], customer=buyer) for buyer in buyers])


def in_a_run(work: Any) -> Any:
    """Do `work(session)` as a clerk's action does: in a run of its own that ends with it."""
    with events.run(RunKind.screen, "Test", "anna"):
        return commit(work)


def allocate_all(supply: Supply, *, orders: Sequence[Order] | None = None, quantity: int = 2) -> None:
    """Allocate each order's line to the purchase order's line in one run."""
    chosen = supply.orders if orders is None else orders
    amounts = {(order.lines[0].id, supply.purchase_line.id): Decimal(quantity) for order in chosen}
    in_a_run(lambda session: allocate_by_hand(session, amounts))


def give_status(supply: Supply, status: PurchaseLineStatus | None) -> None:
    """Give the purchase order's line a status in a run of its own."""
    line_id = supply.purchase_line.id
    in_a_run(lambda session: set_status(session, [line_id], status.id if status else None))


def messages(session: Session, state: MessageState | None = None) -> list[Message]:
    """Return the messages, oldest first."""
    session.rollback()
    rows = select(Message).order_by(Message.id)
    return list(session.scalars(rows if state is None else rows.where(Message.state == state)))


def states(session: Session) -> list[str]:
    """Return the messages' states, oldest first."""
    return [message.state.value for message in messages(session)]


def news(session: Session) -> list[News]:
    """Return all news, oldest first."""
    session.rollback()
    return list(session.scalars(select(News).order_by(News.id)))


def make_message(session: Session, **overrides: Any) -> Message:
    """Return a pending message without news, which nothing can supersede. Commits."""
    return make_messages(session, 1, **overrides)[0]


def make_messages(session: Session, number: int, **overrides: Any) -> list[Message]:
    """Return so many pending messages to as many addresses. Commits."""
    customer = overrides.pop("customer", None) or make_customer(session)
    order = _plain_order(session, customer)
    run = RunEntry(kind=RunKind.screen, name="Test", ended_at=clock.now())
    session.add(run)
    session.flush()
    made = []
    for _ in range(number):
        n = next_number("email")
        values: dict[str, Any] = {"recipient": f"buyer{n}@customers.example", "subject": f"Subject {n}"}
        values |= {
            "text": f"Text {n}\n",
            "cause": Cause.purchase_allocated,
            "order": order,
            "customer": customer,
            "run": run,
        }
        made.append(Message(**values | overrides))
    session.add_all(made)
    session.commit()
    return made


def _plain_order(session: Session, customer: Customer) -> Order:
    order = Order(customer=customer, number=f"SOM{next_number('mailed order'):05d}", state="confirmed")
    session.add(order)
    session.flush()
    return order


def edit_text(session: Session, message: Message, text: str) -> None:
    """Edit a message as a clerk does. Commits."""
    services.edit(
        session, message.id, recipient=message.recipient, subject=message.subject, text=text, html=message.html
    )
    session.commit()
