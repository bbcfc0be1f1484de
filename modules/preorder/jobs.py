"""What preorder does by the clock."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.preorder import services


def launch_preorders(session: Session) -> str:
    """Turn preorders whose launch date has come into backorders."""
    return f"{services.launch_preorders(session)} preorders launched."
