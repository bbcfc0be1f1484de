"""How messages leave: the transports, and the round of a worker."""

from modules.backorder_email.delivery.rounds import Tally, build, send_pending, sender

__all__ = ["Tally", "build", "send_pending", "sender"]
