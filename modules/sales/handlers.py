"""What sales does when others announce something, and what it answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.options import options
from modules.inventory_lots.events import GoodsArrived
from modules.inventory_lots.hooks import BalanceAllocation
from modules.sales import queries, services


def serve_what_arrived(session: Session, event: GoodsArrived) -> None:
    """Run the products that came in, unless the option says that they wait."""
    if options.sales.allocate_on_arrival:
        services.serve_products(session, event.product_ids)


def allocations_on_balances(session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
    """Name the orders that hold these balances."""
    return queries.allocations_on_balances(session, balance_ids)


def release_balance_allocations(session: Session, quantities: Mapping[int, Decimal]) -> Decimal:
    """Give back allocations of balances, latest in the queue first."""
    return services.release_balance_allocations(session, quantities)


def products_in_use(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Name the products that stand on sales order lines."""
    return queries.product_has_lines(session, product_ids)


def refuse_while_allocated(session: Session, *, release: bool) -> None:
    """Keep sales on while it holds stock, unless told to let go of it."""
    services.release_or_refuse(session, release=release)
