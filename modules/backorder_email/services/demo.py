"""The templates of the demo company, and one pending email."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import from_raw
from modules.backorder_email import queries
from modules.backorder_email.domain.templates import Wording
from modules.backorder_email.services.templates import save_templates, set_status_templates
from modules.inventory_lots.queries import products_by_sku
from modules.inventory_lots.services import DemoSku
from modules.preorder.queries import uncovered_backorders
from modules.preorder.services import allocate_by_hand
from modules.procurement.models import PurchaseLineStatus
from modules.procurement.queries import unallocated_supply
from modules.sales.queries import Scope

_LINES = (
    "{% for line in lines %}- {{ line.quantity }} {{ line.unit }} {{ line.name }} ({{ line.sku }})"
    "{% if line.promise_date %}, promised for {{ line.promise_date|date('%d %B %Y') }}{% endif %}\n{% endfor %}"
)
_HTML_LINES = (
    "<ul>{% for line in lines %}<li>{{ line.quantity }} {{ line.unit }} {{ line.name }} ({{ line.sku }})"
    "{% if line.promise_date %}, promised for {{ line.promise_date|date('%d %B %Y') }}{% endif %}</li>{% endfor %}</ul>"
)


def _wording(subject: str, opening: str) -> Wording:
    hello, bye = "Hello {{ customer.name }},", "Kind regards"
    body = f"{hello}\n\n{opening}\n\n{_LINES}\n{bye}\n{{{{ company.name }}}}\n"
    html = f"<p>{hello}</p><p>{opening}</p>{_HTML_LINES}<p>{bye}<br>{{{{ company.name }}}}</p>"
    return Wording(subject, body, html)


TEMPLATES = {
    "On its way": _wording(
        "Your order {{ order.number }} is on its way to us",
        "good news about your order {{ order.number }}: what we owe you has left our supplier.",
    ),
    "Delayed": _wording(
        "Your order {{ order.number }} is delayed",
        "we are sorry: our supplier is late with part of your order {{ order.number }}.",
    ),
    "New date": _wording(
        "New date for your order {{ order.number }}",
        "the date of part of your order {{ order.number }} has changed.",
    ),
}
STATUSES = {"Shipped": "On its way", "Delayed": "Delayed"}


def load_demo(session: Session) -> None:
    """Give the demo company its templates, and allocate one backorder so that Pending Emails is not empty."""
    save_templates(session, [(name, None, wording, "") for name, wording in TEMPLATES.items()])
    statuses = session.scalars(select(PurchaseLineStatus).where(PurchaseLineStatus.name.in_(STATUSES))).all()
    templates = {status: queries.template_by_name(session, STATUSES[status.name]) for status in statuses}
    set_status_templates(session, templates)
    _allocate_one(session, products_by_sku(session, [DemoSku.speaker])[DemoSku.speaker].id)


def _allocate_one(session: Session, product_id: int) -> None:
    uncovered = uncovered_backorders(session, Scope((product_id,)))
    incoming = session.execute(unallocated_supply(session, [product_id])).all()
    if uncovered and incoming:
        (line_id, _, needed), (purchase_line_id, _, available, *_) = uncovered[0], incoming[0]
        allocate_by_hand(session, {(line_id, purchase_line_id): from_raw(min(needed, available))})
