"""Screens of sales."""

from modules.sales.admin.backorders import BackorderScreen
from modules.sales.admin.book import BookPage
from modules.sales.admin.charts import CHARTS
from modules.sales.admin.customers import CustomerScreen
from modules.sales.admin.dashboard import CARD
from modules.sales.admin.orders import OrderScreen
from modules.sales.admin.packs import PackScreen
from modules.sales.admin.pick_lists import PickListPage
from modules.sales.admin.queues import QUEUES, HeldScreen, ReadyScreen
from modules.sales.admin.quotes import PRODUCT_PANEL, QuoteScreen
from modules.sales.admin.work_lists import WorkListPage

__all__ = [
    "CARD",
    "CHARTS",
    "PRODUCT_PANEL",
    "QUEUES",
    "BackorderScreen",
    "BookPage",
    "CustomerScreen",
    "HeldScreen",
    "OrderScreen",
    "PackScreen",
    "PickListPage",
    "QuoteScreen",
    "ReadyScreen",
    "WorkListPage",
]
