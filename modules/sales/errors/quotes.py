"""Refusals about quotes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from erp.errors import ErpError
from erp.text import joined, say


class QuoteRefused(ErpError):
    """A quote that cannot be used."""


class QuoteUnknown(QuoteRefused):
    """There is no quote with that token."""

    def __init__(self) -> None:
        super().__init__("There is no quote with this token. Ask for a new quote.")


class QuoteExpired(QuoteRefused):
    """A quote whose time is over: nothing is held for it any more."""

    def __init__(self, *, quote: str, until: datetime) -> None:
        super().__init__(
            say(
                "Quote {quote} has expired: it was held until {until:%d %b %Y %H:%M} UTC. Ask for a new quote.",
                quote=quote,
                until=until,
            )
        )


class QuoteUsed(QuoteRefused):
    """A quote that an order has used: it is used once."""

    def __init__(self, *, quote: str, order: str) -> None:
        super().__init__(
            say("Quote {quote} is used already, by {order}. Ask for a new quote.", quote=quote, order=order)
        )


class QuoteReleased(QuoteRefused):
    """A quote that was given back."""

    def __init__(self, *, quote: str) -> None:
        super().__init__(
            say("Quote {quote} was released: nothing is held for it any more. Ask for a new quote.", quote=quote)
        )


class QuoteBroken(QuoteRefused):
    """A quote of which something is not there any more as it was quoted; `why` says what."""

    def __init__(self, *, quote: str, why: str) -> None:
        super().__init__(say("Quote {quote} cannot be kept. {why} Ask for a new quote.", quote=quote, why=why))


class QuoteDiffers(QuoteRefused):
    """An order whose lines are not those of its quote."""

    def __init__(self, *, quote: str, order: str, quoted: Sequence[str]) -> None:
        super().__init__(
            say(
                "{order} is not what quote {quote} is for: {quoted}. Order exactly that.",
                order=order,
                quote=quote,
                quoted=joined(quoted, ", "),
            )
        )


class SerialNotQuoted(ErpError):
    """Serial numbers are not reserved, so they cannot be held either."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(
            say("{sku} is tracked by serial number: it cannot be held for a quote. Order it without one.", sku=sku)
        )


class QuoteTakenAlone(ErpError):
    """An order with a quote was to be entered together with others."""

    field = "quote"

    def __init__(self) -> None:
        super().__init__("An order with the token of a quote is entered alone. Send it in a request of its own.")
