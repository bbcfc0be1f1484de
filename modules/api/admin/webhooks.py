"""Webhooks: which addresses receive which events."""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form

from erp.admin import Screen
from erp.admin.access import screen_session
from erp.admin.fields import TicksField
from modules.api import queries, services
from modules.api.models import Webhook


class WebhookScreen(Screen):
    """The addresses that receive events."""

    model = Webhook
    view_name = "api.webhook"
    title = "Webhooks"
    noun = "webhook"
    url = "/api/webhooks"
    icon = "fa-plug"
    edit_permission = "api.webhooks"
    can_delete = False
    column_list = ("name", "url", "events", "customers", "is_active")
    column_labels = {"url": "Address", "is_active": "Active"}
    column_searchable_list = ("name", "url")
    column_filters = ("name", "url", "events", "is_active")
    column_sortable_list = ("name",)
    form_columns = ("name", "url", "customers", "is_active")
    form_args = {
        "url": {"label": "Address", "description": "Events are sent there by POST; begins with https://."},
        "customers": {"description": "Codes of customers with blanks between them; empty = all."},
        "is_active": {"label": "Active"},
    }
    header_fields = (
        ("Address", "url"),
        ("Events", "events"),
        ("Customers", "customers"),
        ("Active", "is_active"),
        ("Secret for signatures", "secret"),
    )
    empty_message = "There are no webhooks yet."

    @override
    def scaffold_form(self) -> type[Form]:
        base = super().scaffold_form()  # its fields come first
        return type("WebhookForm", (base,), {"events": TicksField("Events")})

    @override
    def prepare_form(self, form: Form, row: Any) -> None:
        form["events"].choices = sorted(queries.event_titles(screen_session()).items())
        if row is not None and request.method == "GET":
            form["events"].data = row.events.split()

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        row = self.model() if row is None else row
        self.fill(form, row)
        row.events = " ".join(form["events"].data or ())
        services.save_webhook(session, row)
        return row
