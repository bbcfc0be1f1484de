"""The screen of purchase line statuses, and the pages that give a status to lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g
from flask_admin.contrib.sqla.fields import QuerySelectField
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form
from wtforms.validators import Optional

from erp.admin import Facts, FormPage, Screen
from erp.admin.access import screen_session as current_session
from erp.text import plural, say
from modules.procurement import queries, services
from modules.procurement.admin.versions import state_of, statuses_of
from modules.procurement.domain import StatusData
from modules.procurement.hooks import NewsPreview, status_news
from modules.procurement.models import PurchaseLineStatus


def statuses() -> list[PurchaseLineStatus]:
    """Return the line statuses to choose from, read once a request."""
    if "procurement_statuses" not in g:
        g.procurement_statuses = queries.statuses(current_session())
    found: list[PurchaseLineStatus] = g.procurement_statuses
    return found


def default_status() -> PurchaseLineStatus | None:
    """Return the status that is preselected for a new line."""
    return next((status for status in statuses() if status.is_default), None)


class StatusForm(Form):
    """The status of one or more lines."""

    status = QuerySelectField("Status", [Optional()], query_factory=statuses, allow_blank=True, blank_text=say("None"))


def news_by_status(session: Session, line_ids: Sequence[int]) -> list[tuple[str, NewsPreview]]:
    """Return whom a status would notify if these lines got it, by its name, in the order of the statuses."""
    names = {status.id: status.name for status in statuses()}
    found = [pair for answer in status_news(session, line_ids) for pair in answer.items()]
    return sorted(((names[id_], news) for id_, news in found if id_ in names), key=lambda pair: pair[0])


class LineStatus(FormPage):
    """The page that gives a status to a line."""

    name = "status"
    title = "Line status"
    permission = "procurement.edit"
    icon = "fa-tag"
    button = "Save status"
    template = "procurement/status.html"
    form_class = StatusForm

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {**state_of(row.order), **statuses_of(session, [row])}

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {"news": news_by_status(session, [row.id])}

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.status.data = row.status

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        name, status = str(row), form.status.data
        services.set_status(session, [row.id], status.id if status else None)
        return (
            say("{name} has the status {status}.", name=name, status=status)
            if status
            else say("{name} has no status.", name=name)
        )


class StatusOfAllForm(Form):
    """The status of all lines of an order: what is chosen at first changes nothing."""

    status = QuerySelectField(
        "Status", [Optional()], query_factory=statuses, allow_blank=True, blank_text=say("Leave them as they are")
    )


class StatusOfAll(FormPage):
    """The page that gives a status to all lines of an order."""

    name = "status"
    title = "Status of all lines"
    permission = "procurement.edit"
    icon = "fa-tags"
    button = "Give all lines this status"
    template = "procurement/status.html"
    form_class = StatusOfAllForm

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {"news": news_by_status(session, [line.id for line in row.lines])}

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {**state_of(row), **statuses_of(session, row.lines)}

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        name, status = row.name, form.status.data
        changed = services.set_status(session, [line.id for line in row.lines], status.id) if status else 0
        return say(
            "{name}: {lines_have} a new status.", name=name, lines_have=plural(changed, "line has", "lines have")
        )


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
        "is_default": {"description": "New lines get it unless another is chosen. Only one status can be the default."},
    }
    form_widths = {"name": 6}
    empty_message = "There are no statuses yet. Add the first one, or import them as CSV."

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        data = StatusData(form["name"].data, form["position"].data or 0, bool(form["is_default"].data))
        return services.save_status(session, row.id if row else None, data)

    @override
    def delete(self, session: Session, row: Any) -> None:
        services.delete_status(session, row.id)
