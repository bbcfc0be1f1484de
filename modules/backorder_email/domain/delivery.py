"""How the transmission of a message can end, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LONGEST_WAIT = timedelta(days=1)


class Ending(StrEnum):
    """How a transmission ended.

    `transient`: it failed, and another attempt may succeed. `permanent`: the server refuses the message for good.
    `uncertain`: the message was handed over in full and no answer came, so the server may have taken it.
    """

    sent = "sent"
    transient = "transient"
    permanent = "permanent"
    uncertain = "uncertain"


@dataclass(frozen=True)
class Outcome:
    """The end of one transmission, and the reason that the server or the system gave."""

    ending: Ending
    reason: str = ""


def of_reply(code: int) -> Ending:
    """Return what a mail server's reply means: 2xx is sent, 5xx is permanent, anything else is transient."""
    if 200 <= code < 300:
        return Ending.sent
    return Ending.permanent if 500 <= code < 600 else Ending.transient


def back_off(attempts: int, first: timedelta) -> timedelta:
    """Return how long to wait after that many transient failures: each wait is twice the last, a day at most."""
    return min(first * int(2 ** min(attempts - 1, 30)), LONGEST_WAIT)


def is_last_attempt(attempts: int, most: int) -> bool:
    """Say whether a message that has failed so many times is not tried again."""
    return attempts >= most
