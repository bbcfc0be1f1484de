"""How a transmission can end, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LONGEST_WAIT = timedelta(days=1)


class Ending(StrEnum):
    """What became of a transmission.

    `uncertain`: the message was handed over in full and no answer came, so the server may have taken it.
    """

    sent = "sent"
    transient = "transient"
    permanent = "permanent"
    uncertain = "uncertain"


@dataclass(frozen=True)
class Outcome:
    """The end of one transmission and what the server or the system said."""

    ending: Ending
    reason: str = ""


def of_reply(code: int) -> Ending:
    """Return what a mail server's reply means: 2xx taken, 5xx never, anything else perhaps later."""
    if 200 <= code < 300:
        return Ending.sent
    return Ending.permanent if 500 <= code < 600 else Ending.transient


def back_off(attempts: int, first: timedelta) -> timedelta:
    """Return how long to wait after that many passing failures: each wait is twice the last, a day at most."""
    return min(first * int(2 ** min(attempts - 1, 30)), LONGEST_WAIT)


def is_given_up(attempts: int, most: int) -> bool:
    """Say whether a message has failed in passing for the last time."""
    return attempts >= most
