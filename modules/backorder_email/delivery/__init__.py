"""How messages leave: the worker and its transports."""

from modules.backorder_email.delivery.worker import build, send_pending, sender

__all__ = ["build", "send_pending", "sender"]
