"""How messages leave: the transports, and the round of a worker."""

from modules.backorder_email.delivery.rounds import SendSummary, build, send_pending, sender

__all__ = ["SendSummary", "build", "send_pending", "sender"]
