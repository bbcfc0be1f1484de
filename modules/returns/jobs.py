"""Jobs of returns: what they do on a schedule."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.text import plural
from modules.returns import services


def remind_of_returns(session: Session) -> str:
    """Mark returns that wait too long, for their goods or for inspection."""
    return f"{plural(services.remind(session), 'return')} newly marked as waiting too long."
