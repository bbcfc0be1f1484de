"""What the HTTP interface does on a schedule."""

from sqlalchemy.orm import Session

from erp.db import commit
from erp.text import plural
from modules.api import services


def forget_answers(session: Session) -> str | None:
    """Delete answers that nobody asks for again."""
    count = commit(services.forget_answers)
    return f"{plural(count, 'answer')} deleted." if count else None
