"""The screen of those one deals with: whoever has a code, a name and an email address."""

from __future__ import annotations

from typing import Any

from wtforms.validators import Optional, Regexp

from erp.admin.screen import Screen


class ContactScreen(Screen):
    """A screen of a model with the columns `code`, `name` and `email`."""

    column_list = ("code", "name", "email")
    column_searchable_list = ("code", "name", "email")
    column_default_sort = "code"
    column_filters = ("code", "name", "email")
    form_columns = ("code", "name", "email")
    form_args = {"email": {"validators": [Optional(), Regexp(r"[^@\s]+@[^@\s]+$", message="Enter one address.")]}}
    form_widths = {"code": 3, "name": 5, "email": 4}

    def document_title(self, row: Any) -> str:
        """Return the heading: the name."""
        return str(row.name)
