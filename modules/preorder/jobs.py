"""What preorder does by the clock."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.errors import SomeFailed
from modules.inventory_lots.services import commit_by_products
from modules.preorder import services


def launch_preorders(session: Session) -> str:
    """Turn preorders whose launch date has come into backorders."""
    counts, failed = commit_by_products(session, services.products_to_launch(session), services.launch_preorders)
    count = sum(counts)
    message = "1 preorder launched." if count == 1 else f"{count} preorders launched."
    if failed:
        raise SomeFailed(message, "product", failed)
    return message
