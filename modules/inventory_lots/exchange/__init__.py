"""CSV files of products and stock."""

from modules.inventory_lots.exchange.kinds import EXPORTS, IMPORTS

__all__ = ["EXPORTS", "IMPORTS"]
