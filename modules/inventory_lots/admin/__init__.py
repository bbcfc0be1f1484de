"""Screens of stock."""

from modules.inventory_lots.admin.balances import BalanceScreen
from modules.inventory_lots.admin.dashboard import CARD
from modules.inventory_lots.admin.locations import LocationScreen, WarehouseScreen
from modules.inventory_lots.admin.lots import LotScreen
from modules.inventory_lots.admin.moves import MoveScreen
from modules.inventory_lots.admin.products import ProductScreen

SCREENS = (ProductScreen, BalanceScreen, LotScreen, LocationScreen, WarehouseScreen, MoveScreen)

__all__ = ["CARD", "SCREENS"]
