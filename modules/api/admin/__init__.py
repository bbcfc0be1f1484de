"""Screens of the HTTP interface."""

from modules.api.admin.deliveries import DeliveryScreen
from modules.api.admin.tokens import TokenScreen
from modules.api.admin.webhooks import WebhookScreen

__all__ = ["DeliveryScreen", "TokenScreen", "WebhookScreen"]
