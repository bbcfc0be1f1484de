"""How messages are composed and leave: the parts of a run, the worker and its transports."""

from modules.backorder_email.delivery.alarms import send_alarm
from modules.backorder_email.delivery.composing import compose_lost_runs, compose_run
from modules.backorder_email.delivery.worker import build, send_on_schedule, send_pending, sender

__all__ = ["build", "compose_lost_runs", "compose_run", "send_alarm", "send_on_schedule", "send_pending", "sender"]
