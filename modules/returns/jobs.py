"""Jobs of returns: what they do on a schedule."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.text import plural, say
from modules.returns import services


def remind_of_returns(session: Session) -> str:
    """Mark returns that wait too long, for their goods or for inspection."""
    returns = plural(services.remind(session), "return")
    return say("{returns} newly marked as waiting too long.", returns=returns)
