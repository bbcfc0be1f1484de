"""What preorder does when sales and procurement announce something."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.api import announcements, announcing
from erp.db import is_one_of
from erp.events import OptionsChanged
from erp.options import options
from erp.registry import Core
from modules.preorder import queries, services
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.procurement.events import SupplyChanged
from modules.sales import hooks as sales_hooks
from modules.sales.events import HoldsChanged, HoldsPassed, LinesServed, PackReversed
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.services import offer_incoming_supply

# The options that say when incoming supply counts as arriving, and which day is today.
DECIDE_ARRIVALS = {"preorder.past_due_supply_days", "preorder.overdue_supply_days", "erp.timezone"}


def register(core: Core) -> None:
    """Subscribe to what sales, procurement and the options announce, and answer what quotes and programs ask."""
    core.subscribe(LinesServed, follow_backorders)
    core.subscribe(HoldsChanged, services.follow_holds)
    core.subscribe(HoldsPassed, services.delete_past_holds)
    core.subscribe(SupplyChanged, allocate_new_supply)
    core.subscribe(PackReversed, promise_returned_goods)
    core.subscribe(OptionsChanged, promise_after_options)
    core.subscribe(PurchaseAllocated, announcing(queries.PURCHASE_ALLOCATED))
    core.subscribe(PurchaseAllocationRemoved, announcing(queries.PURCHASE_ALLOCATION_REMOVED))
    core.implement(announcements, queries.announcements_of_preorder)
    core.implement(sales_hooks.promise_days, queries.promise_days)
    core.implement(sales_hooks.quote_terms, queries.quote_terms)
    core.implement(sales_hooks.incoming_names, queries.incoming_names)


def follow_backorders(session: Session, event: LinesServed) -> None:
    """Write what a run planned of purchase orders, shrink purchase allocations to the open backorders, and promise."""
    services.shrink_purchase_allocations(session, event.shrunk)
    services.write_planned(session, event)
    if not event.are_promised:
        services.promise_in_scope(session, Scope(event.product_ids, event.line_ids))


def allocate_new_supply(session: Session, event: SupplyChanged) -> None:
    """Allocate supply that came, grew or was released to the queue.

    What arrived was served just before, so that without automatic allocation nothing is left to do.
    """
    if options.preorder.auto_allocate or not event.has_arrived:
        offer_incoming_supply(session, event.product_ids)


def promise_returned_goods(session: Session, event: PackReversed) -> None:
    """Promise dates to lines that can be expected with goods that returned from a pack."""
    line_ids = {each.line_id for each in event.goods}
    products = select(OrderLine.product_id).where(is_one_of(session, OrderLine.id, line_ids)).distinct()
    services.promise_in_scope(session, Scope(tuple(session.scalars(products))))


def promise_after_options(session: Session, event: OptionsChanged) -> None:
    """Promise dates to lines that can be expected because supply counts otherwise, or it is another day now."""
    if not DECIDE_ARRIVALS.isdisjoint(event.keys):
        services.promise_covered_lines(session)
