"""Reads of templates."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.options import options
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.states import Cause
from modules.procurement.models import PurchaseLineStatus

# The causes whose template an option names.
OPTION_OF = {Cause.date_changed: "date_template", Cause.cancelled: "cancellation_template"}


def template_by_name(session: Session, name: str) -> Template | None:
    """Return the template of that name."""
    return session.scalar(select(Template).where(Template.name == name)) if name else None


def named_by_option(cause: Cause) -> str:
    """Return the name of the template that an option gives to a cause; empty where there is to be no news."""
    return str(getattr(options.backorder_email, OPTION_OF[cause])) if cause in OPTION_OF else ""


def templates_by_status(session: Session) -> dict[int, int]:
    """Return the template id of each status that has one."""
    rows = session.execute(select(StatusTemplate.status_id, StatusTemplate.template_id))
    return dict(rows.all())


def uses_of_template(session: Session, template: Template) -> list[str]:
    """Return who names a template, in words: statuses and options."""
    rows = (
        select(PurchaseLineStatus.name)
        .join(StatusTemplate, StatusTemplate.status_id == PurchaseLineStatus.id)
        .where(StatusTemplate.template_id == template.id)
        .order_by(PurchaseLineStatus.name)
    )
    options_naming = [option for cause, option in OPTION_OF.items() if named_by_option(cause) == template.name]
    statuses = [f"status {name}" for name in session.scalars(rows)]
    return [*statuses, *(f"option backorder_email.{option}" for option in options_naming)]
