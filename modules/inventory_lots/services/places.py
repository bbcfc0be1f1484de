"""Warehouses and the locations in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from erp.db import chunks
from modules.inventory_lots.domain import join_path, split_path
from modules.inventory_lots.errors import PlaceInUse
from modules.inventory_lots.models import Balance, Location, StockMove, Warehouse
from modules.inventory_lots.services.balances import CHUNK, lock_products
from modules.inventory_lots.states import LocationKind


def find_or_make_location(
    session: Session, path: str, *, kind: LocationKind = LocationKind.stock
) -> tuple[Location, bool]:
    """Return the location `WAREHOUSE/LOCATION` and whether it had to be made, with its warehouse if need be."""
    found, made = find_or_make_locations(session, [path], kind=kind)
    return found[join_path(*split_path(path))], bool(made)


def find_or_make_locations(
    session: Session, paths: Iterable[str], *, kind: LocationKind = LocationKind.stock
) -> tuple[dict[str, Location], list[str]]:
    """Return the locations by path, and the paths of those that had to be made. Raises BadLocation."""
    parts = {join_path(*pair): pair for pair in dict.fromkeys(map(split_path, paths))}
    found = _locations(session, list(parts))
    missing = [path for path in parts if path not in found]
    if missing:
        warehouses = _find_or_make_warehouses(session, [parts[path][0] for path in missing])
        rows = [
            {"warehouse_id": warehouses[parts[path][0]], "code": parts[path][1], "path": path, "kind": kind}
            for path in missing
        ]
        _insert_new(session, Location, rows)
        found |= _locations(session, missing)
    return found, missing


def _find_or_make_warehouses(session: Session, codes: Sequence[str]) -> dict[str, int]:
    wanted = list(dict.fromkeys(codes))
    rows = select(Warehouse.code, Warehouse.id).where(Warehouse.code.in_(wanted))
    found = dict(session.execute(rows).tuples().all())
    if missing := [code for code in wanted if code not in found]:
        _insert_new(session, Warehouse, [{"code": code, "name": ""} for code in missing])
        found = dict(session.execute(rows).tuples().all())
    return found


def _insert_new(session: Session, model: type[Location | Warehouse], rows: Sequence[dict[str, object]]) -> None:
    # Places have no lock: two imports that make the same one at once both go on with the first one's.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(model).on_conflict_do_nothing(), list(rows))


def _locations(session: Session, paths: Sequence[str]) -> dict[str, Location]:
    parts = (session.scalars(select(Location).where(Location.path.in_(part))) for part in chunks(paths, CHUNK))
    return {location.path: location for part in parts for location in part}


def change_kind(session: Session, location_id: int, kind: LocationKind) -> Location:
    """Make a location allocatable or not (door); what is allocated there stays so, but quarantine is not packed."""
    lying = select(Balance.product_id).where(Balance.location_id == location_id, Balance.on_hand > 0).distinct()
    lock_products(session, session.scalars(lying).all())
    location = session.get_one(Location, location_id)
    location.kind = kind
    session.flush()
    return location


def delete_location(session: Session, location: Location) -> None:
    """Delete a location that nothing ever lay in; raise PlaceInUse otherwise."""
    balances = exists().where(Balance.location_id == location.id)
    moves = exists().where(StockMove.location_id == location.id)
    if session.scalar(select(balances | moves)):
        raise PlaceInUse(path=location.path)
    session.delete(location)
    session.flush()
