"""Receipts, and the lots and locations that goods are received into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.db import chunks, is_one_of
from erp.identity import ByKey, identity_key
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.states import LocationKind
from modules.procurement.models import PurchaseOrderLine, Receipt

RECEIPT_LOADS = (
    joinedload(Receipt.line).joinedload(PurchaseOrderLine.order),
    joinedload(Receipt.line).joinedload(PurchaseOrderLine.product),
    joinedload(Receipt.balance).joinedload(Balance.lot),
    joinedload(Receipt.balance).joinedload(Balance.location),
)


def receipts_of_order(session: Session, order_id: int) -> list[Receipt]:
    """Return the receipts of an order, the latest first."""
    lines = select(PurchaseOrderLine.id).where(PurchaseOrderLine.order_id == order_id)
    receipts = select(Receipt).where(Receipt.line_id.in_(lines)).options(*RECEIPT_LOADS)
    return list(session.scalars(receipts.order_by(Receipt.id.desc())))


def receipts_by_id(session: Session, ids: Sequence[int]) -> list[Receipt]:
    """Return these receipts in id order."""
    receipts = select(Receipt).where(is_one_of(session, Receipt.id, ids)).options(*RECEIPT_LOADS)
    return list(session.scalars(receipts.order_by(Receipt.id)))


def location_paths(session: Session, limit: int = 500) -> list[str]:
    """Return the paths of locations to choose from."""
    return list(session.scalars(select(Location.path).order_by(Location.path).limit(limit)))


def locations_by_path(session: Session, paths: Iterable[str]) -> ByKey[str, Location]:
    """Return the locations of these paths; one that does not exist is left out."""
    found = session.scalars(select(Location).where(Location.path_key.in_(set(map(identity_key, paths)))))
    return ByKey((location.path, location) for location in found)


def usual_location(session: Session) -> str:
    """Return the path of the location of the last receipt, or of the first stock location, or an empty text."""
    last = select(Location.path).join(Balance).join(Receipt).order_by(Receipt.id.desc()).limit(1)
    first = select(Location.path).where(Location.kind == LocationKind.stock).order_by(Location.id).limit(1)
    return session.scalar(last) or session.scalar(first) or ""


def count_new_lots(session: Session, lots: Iterable[tuple[int, str | None]]) -> int:
    """Count the lots, named by product id and number, that do not exist yet; one without a number is always new."""
    wanted = list(lots)
    named = {(product_id, identity_key(number)) for product_id, number in wanted if number is not None}
    known: set[tuple[int, str]] = set()
    for part in chunks(sorted(named), 5000):
        keys = Lot.number_key.in_({key for _, key in part})
        of_these = select(Lot.product_id, Lot.number_key).where(Lot.product_id.in_({lot[0] for lot in part}), keys)
        known |= {(product_id, key) for product_id, key in session.execute(of_these)}
    return len(named - known) + sum(number is None for _, number in wanted)
