"""Sending webhook deliveries: it knows the network."""

from modules.api.delivery.worker import deliver_due

__all__ = ["deliver_due"]
