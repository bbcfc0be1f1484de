"""Warehouses and the locations in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from erp import history
from erp.db import insert_missing, is_one_of
from erp.errors import StaleRecord
from erp.events import publish
from erp.identity import ByKey, identity_key
from modules.inventory_lots import queries
from modules.inventory_lots.domain import join_path, split_path
from modules.inventory_lots.errors import LocationInUse, LocationTaken
from modules.inventory_lots.events import StockChanged
from modules.inventory_lots.models import Balance, Location, StockMove, Warehouse
from modules.inventory_lots.services.products import lock_products
from modules.inventory_lots.states import LocationKind


@dataclass(frozen=True)
class Locations:
    """Locations by path, and how many of them and of their warehouses had to be made."""

    by_path: ByKey[str, Location]
    new_locations: int
    new_warehouses: int


def find_or_make_location(
    session: Session, path: str, *, kind: LocationKind = LocationKind.stock
) -> tuple[Location, bool]:
    """Return the location `WAREHOUSE/LOCATION` and whether it had to be made, with its warehouse if need be."""
    found = find_or_make_locations(session, [path], kind=kind)
    return found.by_path[join_path(*split_path(path))], bool(found.new_locations)


def find_or_make_locations(
    session: Session, paths: Iterable[str], *, kind: LocationKind = LocationKind.stock
) -> Locations:
    """Return the locations of these paths; those that do not exist are made. Raises BadLocation."""
    parts: dict[str, tuple[str, str]] = {}
    for pair in map(split_path, dict.fromkeys(paths)):
        parts.setdefault(identity_key(join_path(*pair)), pair)
    found = queries.locations_by_path(session, parts)
    missing = [pair for path, pair in parts.items() if path not in found]
    if not missing:
        return Locations(found, 0, 0)
    warehouses, new_warehouses = _find_or_make_warehouses(session, [warehouse for warehouse, _ in missing])
    insert_missing(session, Location, [_place(warehouses[warehouse], code, kind) for warehouse, code in missing])
    return Locations(queries.locations_by_path(session, parts), len(missing), new_warehouses)


def _place(warehouse: Warehouse, code: str, kind: LocationKind) -> dict[str, Any]:
    return {"warehouse_id": warehouse.id, "code": code, "path": join_path(warehouse.code, code), "kind": kind}


def _find_or_make_warehouses(session: Session, codes: Sequence[str]) -> tuple[ByKey[str, Warehouse], int]:
    wanted: dict[str, str] = {}
    for code in codes:
        wanted.setdefault(identity_key(code), code)
    rows = select(Warehouse).where(is_one_of(session, Warehouse.code_key, wanted)).order_by(Warehouse.id)
    found = ByKey((warehouse.code, warehouse) for warehouse in session.scalars(rows))
    missing = [code for code in wanted.values() if code not in found]
    if missing:
        insert_missing(session, Warehouse, [{"code": code, "name": ""} for code in missing])
        found = ByKey((warehouse.code, warehouse) for warehouse in session.scalars(rows))
    return found, len(missing)


def make_location(session: Session, path: str, *, kind: LocationKind) -> Location:
    """Return a new location, with its warehouse if need be; raise LocationTaken."""
    location, is_new = find_or_make_location(session, path, kind=kind)
    if not is_new:
        raise LocationTaken(path=location.path)
    return location


def rename_location(session: Session, location_id: int, path: str) -> Location:
    """Give a location another path, in another warehouse if need be; raise LocationTaken."""
    warehouse, code = split_path(path)
    location = session.get_one(Location, location_id)
    namesake = queries.locations_by_path(session, [join_path(warehouse, code)]).get(join_path(warehouse, code))
    if namesake is not None and namesake is not location:
        raise LocationTaken(path=namesake.path)
    warehouses, _ = _find_or_make_warehouses(session, [warehouse])
    home = warehouses[warehouse]
    location.warehouse_id, location.code, location.path = home.id, code, join_path(home.code, code)
    session.flush()
    return location


def rename_locations(session: Session, warehouse_id: int) -> None:
    """Give the locations of a warehouse its code, after the code has changed."""
    warehouse = session.get_one(Warehouse, warehouse_id)
    split_path(join_path(warehouse.code, "X"))
    for location in session.scalars(select(Location).where(Location.warehouse_id == warehouse_id)):
        location.path = join_path(warehouse.code, location.code)
    session.flush()


def change_kind(session: Session, location_id: int, kind: LocationKind) -> Location:
    """Make a location allocatable or not; locks the products there. What is allocated there stays so.

    Raises StaleRecord when stock of another product arrived there before the locks were taken.
    """
    locked = queries.product_ids_at(session, location_id)
    lock_products(session, locked)
    if not queries.product_ids_at(session, location_id) <= locked:
        raise StaleRecord
    location = session.get_one(Location, location_id)
    location.kind = kind
    session.flush()
    if locked:
        publish(session, StockChanged(tuple(sorted(locked))))
    return location


def delete_location(session: Session, location_id: int) -> None:
    """Delete a location that never had stock; raise LocationInUse otherwise."""
    location = session.get_one(Location, location_id)
    balances = exists().where(Balance.location_id == location_id)
    moves = exists().where(StockMove.location_id == location_id)
    if session.scalar(select(balances | moves)):
        raise LocationInUse(path=location.path)
    history.delete_document(session, location)
