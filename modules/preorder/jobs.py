"""What preorder does by the clock."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.preorder import services


def launch_preorders(session: Session) -> str:
    """Turn preorders whose launch date has come into backorders."""
    launched = services.launch_preorders(session)
    return "1 preorder launched." if launched == 1 else f"{launched} preorders launched."
