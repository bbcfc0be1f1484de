"""How the delivery of a message to another system can end, and what follows from it.

A message is delivered once: where nobody can know whether the other side has taken it, it is `uncertain`, and a person
decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LONGEST_WAIT = timedelta(days=1)


class Ending(StrEnum):
    """How a transmission ended.

    `transient`: it failed, and another attempt may succeed. `permanent`: the other side refuses the message for good.
    `uncertain`: the message was handed over and no answer came, so the other side may have taken it.
    """

    sent = "sent"
    transient = "transient"
    permanent = "permanent"
    uncertain = "uncertain"


@dataclass(frozen=True)
class Outcome:
    """The end of one transmission, and the reason that the other side or the system gave."""

    ending: Ending
    reason: str = ""


def back_off(attempts: int, first: timedelta) -> timedelta:
    """Return how long to wait after that many transient failures: each wait is twice the last, a day at most."""
    return min(first * int(2 ** min(attempts - 1, 30)), LONGEST_WAIT)


def is_last_attempt(attempts: int, most: int) -> bool:
    """Say whether a message that has failed so many times is not tried again."""
    return attempts >= most
