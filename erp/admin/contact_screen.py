"""The base of screens of customers and suppliers."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from typing_extensions import override

from erp.addresses import problem
from erp.admin.declarations import Badge
from erp.admin.fields import check_email
from erp.admin.formatting import badge
from erp.admin.screen import Screen
from erp.contacts import ADDRESS_PARTS
from erp.text import say


def _email(_view: Any, _context: Any, contact: Any, _name: str) -> Any:
    reason = problem(contact.email)
    warning = badge(Badge(say("cannot be mailed: {reason}", reason=reason), "warning")) if reason else ""
    return Markup("{} {}").format(contact.email, warning) if reason else contact.email


class ContactScreen(Screen):
    """The screen of a model with the columns `code`, `name` and `email`: customers, suppliers.

    An address that cannot be mailed is marked with the reason.
    """

    column_list = ("code", "name", "email", "city", "country")
    column_searchable_list = ("code", "name", "email")
    column_default_sort = "code"
    column_filters = ("code", "name", "email", "postcode", "city", "country")
    column_formatters = {"email": _email}
    form_columns = ("code", "name", "email", *ADDRESS_PARTS)
    form_args = {"email": {"validators": [check_email]}}
    form_widths = {"code": 3, "name": 5, "email": 4, "street": 12, "postcode": 2, "city": 4, "region": 3, "country": 3}
    header_fields = (
        ("Code", "code"),
        ("Name", "name"),
        ("Email", "email"),
        ("Address", lambda contact: ", ".join(contact.address_lines)),
    )

    @override
    def document_title(self, row: Any) -> str:
        return str(row.name)
