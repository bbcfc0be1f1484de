"""What preorder does on a schedule."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.errors import SomeFailed
from erp.text import plural, say
from modules.inventory_lots.services import commit_by_products
from modules.preorder import services


def launch_preorders(session: Session) -> str:
    """Turn preorders whose launch date has come into backorders; return how many in a sentence.

    Raises SomeFailed naming the products that failed.
    """
    counts, failed = commit_by_products(session, services.products_to_launch(session), services.launch_preorders)
    message = say("{preorders} launched.", preorders=plural(sum(counts), "preorder"))
    if failed:
        raise SomeFailed(message, "product", failed)
    return message
