"""How messages leave: the worker and its transports."""

from modules.backorder_email.delivery.alarms import send_alarm
from modules.backorder_email.delivery.worker import build, send_on_schedule, send_pending, sender

__all__ = ["build", "send_alarm", "send_on_schedule", "send_pending", "sender"]
