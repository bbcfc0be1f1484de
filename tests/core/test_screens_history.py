"""Every document that is made, changed or deleted on a screen has a history entry with the user's name."""

from __future__ import annotations

import pytest
from flask_login import login_user
from sqlalchemy import func, select
from wtforms import BooleanField

from erp import security
from erp.admin.site import current_site
from erp.models import HistoryEntry
from tests.core.rows import MAKERS, make_rows
from tests.support.inventory_lots import make_product

# These answers are the same on both databases.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)

# The field that the test changes: the first of these in the form.
CHANGED_FIRST = ("name", "code", "path", "subject", "note", "email")

NEW = {
    "inventory_lots.product": {"sku": "P-1", "name": "Pump", "unit": "pcs", "unit_decimals": "0", "tracking": "lot"},
    "inventory_lots.location": {"path": "WH/NEW", "kind": "stock"},
    "inventory_lots.warehouse": {"code": "EAST"},
    "procurement.supplier": {"code": "S-1", "name": "Steel"},
    "procurement.purchase_line_status": {"name": "Late", "position": "1"},
    "sales.customer": {"code": "C-1", "name": "Acme"},
    "preorder.on_hand_change": {"product": "1", "date": "2026-12-01", "quantity": "5"},
    "backorder_email.template": {"name": "News", "subject": "News", "body": "Hello"},
    "api.webhook": {"name": "Shop", "url": "https://shop.example/hook", "events": ["order-confirmed"]},
    "erp.user": {"username": "dora"},
    "erp.role": {"name": "Buyer"},
}


def editable():
    """Return the screens whose rows are edited in a form without lines; documents with lines have their own tests."""
    return [name for name in MAKERS if name in NEW or name == "backorder_email.message"]


def entries(session, name, id_=None):
    """Return (action, who) of every entry about a document, or about the latest of its kind."""
    rows = select(HistoryEntry).where(HistoryEntry.document == name).order_by(HistoryEntry.id)
    found = session.scalars(rows if id_ is None else rows.where(HistoryEntry.document_id == id_)).all()
    return [(entry.action, entry.user_name) for entry in found]


def form_of(app, session, view, id_):
    """Return what a browser would send from a row's form."""
    with app.test_request_context():
        login_user(security.find_user(session, "admin"))
        form = view.make_form(view.load(session, id_))
        return {name: _sent(field) for name, field in form._fields.items() if _sent(field) is not None}


def _sent(field):
    if isinstance(field, BooleanField):
        return "y" if field.data else None
    if isinstance(field.data, list):
        return [str(getattr(each, "id", each)) for each in field.data]
    if hasattr(field.data, "id"):
        return str(field.data.id)
    return field._value() if hasattr(field, "_value") else str(field.data or "")


def test_every_screen_that_edits_is_tested_here(app):
    with_lines = {"sales.order", "procurement.purchase_order"}
    edits = {view.view_name for view in current_site()._views if getattr(view, "can_edit", False)}
    assert edits - with_lines == set(editable())


@pytest.mark.parametrize("name", NEW)
def test_a_new_document_is_recorded(app, client, session, name):
    make_product(session)
    session.commit()
    answer = client.post(f"{current_site().view(name).url}/new/", data=NEW[name])
    assert answer.status_code in (200, 302)
    assert ("created", "admin") in entries(session, name)


@pytest.mark.parametrize("name", editable())
def test_an_edited_and_a_deleted_document_are_recorded(app, client, session, name):
    view = current_site().view(name)
    make_rows(session, name, 1)
    id_ = session.scalar(select(func.max(view.model.id)))
    form = form_of(app, session, view, id_)
    field = next(name for name in CHANGED_FIRST if name in form)
    before = len(entries(session, name, id_))
    answer = client.post(f"{view.url}/{id_}/edit/", data={**form, field: f"{form[field]}x"})
    assert answer.status_code == 302, form
    assert entries(session, name, id_)[before:] == [("changed", "admin")]
    if view.can_delete:
        assert client.post(f"{view.url}/{id_}/delete/").status_code == 302
        assert entries(session, name, id_)[-1] == ("deleted", "admin")
