"""Screens of returns, and what they add to those of sales."""

from modules.returns.admin.dashboard import CARD, QUEUES
from modules.returns.admin.packs import ORDER_PANEL, PACK_ACTION, PACK_COLUMN, PACK_FILTER, SLIP_SECTION
from modules.returns.admin.returns import ReturnScreen

__all__ = ["CARD", "ORDER_PANEL", "PACK_ACTION", "PACK_COLUMN", "PACK_FILTER", "QUEUES", "SLIP_SECTION", "ReturnScreen"]
