"""What preorder does when others announce something, and what it answers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.errors import ErpError
from modules.inventory_lots.models import Product
from modules.preorder import queries, services
from modules.preorder.domain import is_before_launch
from modules.preorder.errors import PackedBeforeLaunch
from modules.procurement.events import ArrivalChanged, SupplyChanged
from modules.procurement.hooks import Impact, LineAllocation, OutstandingFall
from modules.sales.events import LinesServed
from modules.sales.hooks import AllocationRow, SupplyNote
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.states import BackorderKind


def follow_backorders(session: Session, event: LinesServed) -> None:
    """After demand was served: let go of what stock covers now, link what still waits, promise what is covered."""
    scope = Scope(event.product_ids, event.line_ids)
    services.shrink_purchase_allocations(session, event.shrunk)
    if event.may_cover:
        services.allocate_incoming_supply(session, scope)
        services.promise_covered_lines(session, scope)


def offer_new_supply(session: Session, event: SupplyChanged) -> None:
    """Link the queue to supply that came, grew or was let go."""
    scope = Scope(event.product_ids)
    services.allocate_incoming_supply(session, scope)
    services.promise_covered_lines(session, scope)


def sync_arrivals(session: Session, event: ArrivalChanged) -> None:
    """Sync promises with arrivals, if the option says so."""
    services.sync_arrivals(session, [arrival.line_id for arrival in event.arrivals])


def make_room_before_fall(session: Session, changes: Sequence[OutstandingFall]) -> None:
    """Turn links into allocations of what landed, and release those that no longer fit."""
    services.convert_or_release(session, changes)


def allocations_of_lines(session: Session, line_ids: Sequence[int]) -> list[LineAllocation]:
    """Name the sales orders that purchase order lines are meant for."""
    return queries.allocations_of_lines(session, line_ids)


def arrival_impact(session: Session, dates: Mapping[int, date | None]) -> list[Impact]:
    """Name the promises that new expected dates would break, and what else could keep each."""
    return [
        Impact(
            line_id=promise.purchase_line_id,
            document="sales.order",
            document_id=promise.order_id,
            name=f"{promise.order}/{promise.position}",
            text=str(promise),
            instead=tuple(str(other) for other in promise.alternatives),
        )
        for promise in queries.broken_promises(session, dates)
    ]


def purchase_allocated(session: Session, line_ids: Sequence[int]) -> dict[int, Decimal]:
    """Say how much incoming supply is linked to order lines."""
    return queries.purchase_allocated(session, line_ids)


def confirm_refusals(session: Session, lines: Sequence[OrderLine], *, are_raised: bool = False) -> dict[int, ErpError]:
    """Fix which lines are preorders; refuse what is not launched and not eligible, or over its limit."""
    return services.check_limits(session, lines) if are_raised else services.mark_preorders(session, lines)


def pack_refusals(session: Session, lines: Sequence[OrderLine]) -> dict[int, ErpError]:
    """Keep preorder lines until their launch."""
    today = clock.today()
    launches = queries.products_with_launch(session, {line.product_id for line in lines if line.is_preorder})
    dates: dict[int, tuple[date, Product]] = {
        id_: (row.launch_date, row.product)
        for id_, row in launches.items()
        if row.launch_date is not None and is_before_launch(row.launch_date, today)
    }
    return {
        line.id: PackedBeforeLaunch(sku=dates[line.product_id][1].sku, launch_date=dates[line.product_id][0])
        for line in lines
        if line.is_preorder and line.product_id in dates
    }


def backorder_kinds(session: Session, line_ids: Sequence[int]) -> dict[int, BackorderKind]:
    """Name the lines whose new backorder rows wait for a launch."""
    return dict.fromkeys(queries.lines_before_launch(session, line_ids, clock.today()), BackorderKind.preorder)


def purchase_allocation_notes(session: Session, line_ids: Sequence[int]) -> dict[int, list[SupplyNote]]:
    """Name the incoming supply that is linked to order lines."""
    return queries.purchase_allocation_notes(session, line_ids)


def incoming_allocations(session: Session) -> Iterable[AllocationRow]:
    """Add what is linked to the export of allocations."""
    return queries.incoming_allocations(session)


def explain_supply(session: Session, line: OrderLine) -> list[SupplyNote]:
    """Say which incoming supply was looked at for a line, and why it is used or not."""
    return queries.supply_notes(session, line)


def refuse_while_allocated(session: Session, *, release: bool) -> None:
    """Keep preorder on while supply is promised, unless told to let go of it."""
    services.release_everything(session, release_them=release)
