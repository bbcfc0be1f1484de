"""Screens of stock."""

from modules.inventory_lots.admin.dashboard import CARD
from modules.inventory_lots.admin.locations import LocationScreen, WarehouseScreen
from modules.inventory_lots.admin.lots import LotScreen
from modules.inventory_lots.admin.moves import MoveScreen
from modules.inventory_lots.admin.products import ProductScreen
from modules.inventory_lots.admin.stock import StockScreen

__all__ = ["CARD", "LocationScreen", "LotScreen", "MoveScreen", "ProductScreen", "StockScreen", "WarehouseScreen"]
