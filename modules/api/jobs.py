"""What the HTTP interface does on a schedule."""

from sqlalchemy.orm import Session

from erp.db import commit
from erp.text import plural, say
from modules.api import services
from modules.api.delivery import deliver_due


def deliver_webhooks(_session: Session) -> str | None:
    """Send pending webhook deliveries, and try failed ones again."""
    return deliver_due()


def forget_answers(session: Session) -> str | None:
    """Delete answers that nobody asks for again."""
    count = commit(services.forget_answers)
    return say("{answers} deleted.", answers=plural(count, "answer")) if count else None


def write_exports(session: Session) -> str | None:
    """Write the CSV files that were asked for at the HTTP interface."""
    count = services.write_exports(session)
    return say("{exports} written.", exports=plural(count, "export")) if count else None
