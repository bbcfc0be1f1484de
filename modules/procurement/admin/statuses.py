"""The screen of purchase line statuses: System Data."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from wtforms import Form

from erp.admin import Screen
from modules.procurement import services
from modules.procurement.models import PurchaseLineStatus


class StatusScreen(Screen):
    """The statuses that a purchase order line can be given."""

    model = PurchaseLineStatus
    view_name = "procurement.purchase_line_status"
    title = "Purchase line statuses"
    noun = "purchase line status"
    url = "/procurement/line-statuses"
    icon = "fa-tags"
    edit_permission = "procurement.system_data"
    column_list = ("position", "name", "is_default")
    column_labels = {"is_default": "Default"}
    column_default_sort = "position"
    column_sortable_list = ("position", "name")
    form_columns = ("name", "position", "is_default")
    form_args = {
        "position": {"description": "Statuses are offered in this order."},
        "is_default": {"description": "Is chosen at first for a new line; at most one status is."},
    }
    form_widths = {"name": 6}
    empty_message = "There are no statuses yet. Add the first one, or import them as CSV."

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store a status; a new default takes the mark from the old one."""
        return services.save_status(
            session,
            row,
            name=form["name"].data,
            position=form["position"].data or 0,
            is_default=bool(form["is_default"].data),
        )

    def delete(self, session: Session, row: Any) -> None:
        """Delete a status that no line bears."""
        services.delete_status(session, row)
