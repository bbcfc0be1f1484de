"""What backorder email answers when other modules ask whom a change would notify."""

from __future__ import annotations

from erp.exchange import notes_of_import
from erp.registry import Core
from modules.backorder_email import queries
from modules.preorder import hooks as preorder_hooks
from modules.procurement import hooks as procurement_hooks
from modules.sales import hooks as sales_hooks


def register(core: Core) -> None:
    """Answer what is asked before something changes."""
    core.implement(procurement_hooks.status_news, queries.status_news)
    core.implement(procurement_hooks.arrival_news, queries.arrival_news)
    core.implement(preorder_hooks.date_news, queries.date_news)
    core.implement(preorder_hooks.allocation_news, queries.allocation_news)
    core.implement(sales_hooks.gain_notes, queries.gain_notes)
    core.implement(notes_of_import, queries.notes_of_import)
