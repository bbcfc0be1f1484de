"""Warehouses and the locations in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from erp import history
from erp.db import is_one_of
from erp.errors import StaleRecord
from modules.inventory_lots.domain import join_path, split_path
from modules.inventory_lots.errors import LocationTaken, PlaceInUse
from modules.inventory_lots.models import Balance, Location, StockMove, Warehouse
from modules.inventory_lots.services.balances import lock_products
from modules.inventory_lots.states import LocationKind


@dataclass(frozen=True)
class Places:
    """Locations by path, and how many of them and of their warehouses had to be made."""

    by_path: dict[str, Location]
    new_locations: int
    new_warehouses: int


def find_or_make_location(
    session: Session, path: str, *, kind: LocationKind = LocationKind.stock
) -> tuple[Location, bool]:
    """Return the location `WAREHOUSE/LOCATION` and whether it had to be made, with its warehouse if need be."""
    places = find_or_make_locations(session, [path], kind=kind)
    return places.by_path[join_path(*split_path(path))], bool(places.new_locations)


def find_or_make_locations(
    session: Session, paths: Iterable[str], *, kind: LocationKind = LocationKind.stock
) -> Places:
    """Return the locations of these paths; those that do not exist are made. Raises BadLocation."""
    parts = {join_path(*pair): pair for pair in map(split_path, dict.fromkeys(paths))}
    found = _locations(session, list(parts))
    missing = [path for path in parts if path not in found]
    new_warehouses = 0
    if missing:
        warehouses, new_warehouses = _find_or_make_warehouses(session, [parts[path][0] for path in missing])
        rows = [
            {"warehouse_id": warehouses[parts[path][0]], "code": parts[path][1], "path": path, "kind": kind}
            for path in missing
        ]
        _insert_new(session, Location, rows)
        found |= _locations(session, missing)
    return Places(found, len(missing), new_warehouses)


def _find_or_make_warehouses(session: Session, codes: Sequence[str]) -> tuple[dict[str, int], int]:
    wanted = list(dict.fromkeys(codes))
    rows = select(Warehouse.code, Warehouse.id).where(is_one_of(session, Warehouse.code, wanted))
    found = dict(session.execute(rows).all())
    missing = [code for code in wanted if code not in found]
    if missing:
        _insert_new(session, Warehouse, [{"code": code, "name": ""} for code in missing])
        found = dict(session.execute(rows).all())
    return found, len(missing)


def _insert_new(session: Session, model: type[Location | Warehouse], rows: Sequence[dict[str, object]]) -> None:
    # Places have no lock: two imports that make the same one at once both go on with the first one's.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(model).on_conflict_do_nothing(), list(rows))


def _locations(session: Session, paths: Sequence[str]) -> dict[str, Location]:
    rows = select(Location).where(is_one_of(session, Location.path, paths))
    return {location.path: location for location in session.scalars(rows)}


def make_location(session: Session, path: str, *, kind: LocationKind) -> Location:
    """Return a new location, with its warehouse if need be; raise LocationTaken."""
    location, is_new = find_or_make_location(session, path, kind=kind)
    if not is_new:
        raise LocationTaken(path=location.path)
    return location


def rename_location(session: Session, location_id: int, path: str) -> Location:
    """Give a location another path, in another warehouse if need be; raise LocationTaken."""
    warehouse, code = split_path(path)
    wanted, location = join_path(warehouse, code), session.get_one(Location, location_id)
    if wanted != location.path and _locations(session, [wanted]):
        raise LocationTaken(path=wanted)
    warehouses, _ = _find_or_make_warehouses(session, [warehouse])
    location.warehouse_id, location.code, location.path = warehouses[warehouse], code, wanted
    session.flush()
    return location


def rename_locations(session: Session, warehouse_id: int) -> None:
    """Give the locations of a warehouse its code, after that has changed."""
    warehouse = session.get_one(Warehouse, warehouse_id)
    split_path(join_path(warehouse.code, "X"))
    for location in session.scalars(select(Location).where(Location.warehouse_id == warehouse_id)):
        location.path = join_path(warehouse.code, location.code)
    session.flush()


def change_kind(session: Session, location_id: int, kind: LocationKind) -> Location:
    """Make a location allocatable or not (door); what is allocated there stays so, but quarantine is not packed.

    Raises StaleRecord when another product came there while the locks were waited for.
    """
    locked = _lots_on_hand_at(session, location_id)
    lock_products(session, locked)
    if not _lots_on_hand_at(session, location_id) <= locked:
        raise StaleRecord
    location = session.get_one(Location, location_id)
    location.kind = kind
    session.flush()
    return location


def _lots_on_hand_at(session: Session, location_id: int) -> set[int]:
    return set(
        session.scalars(select(Balance.product_id).where(Balance.location_id == location_id, Balance.on_hand > 0))
    )


def delete_location(session: Session, location: Location) -> None:
    """Delete a location that nothing ever lay in; raise PlaceInUse otherwise."""
    balances = exists().where(Balance.location_id == location.id)
    moves = exists().where(StockMove.location_id == location.id)
    if session.scalar(select(balances | moves)):
        raise PlaceInUse(path=location.path)
    history.record_document(session, location, "deleted")
    session.delete(location)
    session.flush()
