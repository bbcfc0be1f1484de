"""Reactions to events of sales, answers to its hooks, and what happens when the sample is switched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.options import options
from erp.registry import Alarm
from modules.sales.events import BackorderCancelled, GoodsPacked, OrderCancelled, OrderConfirmed, PackReversed
from modules.sales.hooks import ServiceRule
from modules.sales.models import OrderLine
from modules.sample_module import queries, services
from modules.sample_module.errors import WishesWait, WishWaits

log = logging.getLogger(__name__)


def note_alarm(addresses: Sequence[str], alarm: Alarm) -> None:
    """Write to the log what administrators have to know."""
    log.warning("%s (for %s)", alarm.subject, ", ".join(addresses))


def ask_again(session: Session, event: BackorderCancelled) -> None:
    """Ask again for the wishes of orders that lost a backorder."""
    services.reopen(session, queries.wishes_about(session, queries.of_backorders(event.backorder_ids)))


def ask_again_when_confirmed(session: Session, event: OrderConfirmed) -> None:
    """Ask again for wishes that were granted while their orders were drafts."""
    services.reopen(session, queries.wishes_of(session, event.order_ids).values())


def forget_when_cancelled(session: Session, event: OrderCancelled) -> None:
    """Delete the wishes of orders that are cancelled."""
    services.forget(session, queries.wishes_of(session, event.order_ids).values())


def grant_what_is_packed(session: Session, event: GoodsPacked) -> None:
    """Count the wish of an order as granted when something of it is packed."""
    services.grant(session, queries.wishes_of(session, [event.order_id]).values())


def ask_again_when_returned(session: Session, event: PackReversed) -> None:
    """Ask again for the wish of an order whose goods have returned."""
    services.reopen(session, queries.wishes_of(session, [event.order_id]).values())


def keep_back(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, ErpError]:
    """Refuse to pack lines while the wish of their order is not granted."""
    if not options.sample_module.keeps_back:
        return {}
    wishes = queries.wishes_of(session, [line.order_id for line in lines])
    waiting = {order_id: wish for order_id, wish in wishes.items() if wish.granted_at is None}
    signature = options.sample_module.signature
    return {
        line.id: WishWaits(wish=waiting[line.order_id].text, signature=signature)
        for line in lines
        if line.order_id in waiting
    }


def serve_by_wishes(session: Session) -> ServiceRule:
    """Serve customers whose wishes come first before others, and let orders wait until their wishes are granted."""
    holds = queries.has_waiting_wish() if options.sample_module.keeps_back else None
    return ServiceRule(first=queries.wishes_come_last(), of_new=1, holds=holds, why="A wish is not granted yet.")


def forget_wishes_of_cancelled_orders(session: Session) -> None:
    """Delete wishes of orders that were cancelled while the module was off."""
    services.forget(session, queries.wishes_about(session, queries.is_cancelled()))


def refuse_while_wishes_wait(session: Session, *, release: bool) -> None:
    """Raise WishesWait while wishes are not granted; with `release` grant them."""
    waiting = queries.waiting(session)
    if waiting and not release:
        raise WishesWait(count=len(waiting))
    services.grant(session, waiting)


OF_ORDERS: tuple[tuple[type, Callable[[Session, Any], None]], ...] = (
    (BackorderCancelled, ask_again),
    (OrderConfirmed, ask_again_when_confirmed),
    (OrderCancelled, forget_when_cancelled),
    (GoodsPacked, grant_what_is_packed),
    (PackReversed, ask_again_when_returned),
)
