"""Locations: their paths, and what is stored there."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.db import is_one_of, rows_named
from erp.identity import ByKey
from modules.inventory_lots.models import Balance, Location


def locations_by_path(session: Session, paths: Iterable[str]) -> ByKey[str, Location]:
    """Return the locations of these paths; one that does not exist is left out."""
    return rows_named(session, Location, "path", paths)


def paths_by_id(session: Session, location_ids: Iterable[int]) -> dict[int, str]:
    """Return the paths of locations by id."""
    rows = select(Location.id, Location.path).where(is_one_of(session, Location.id, location_ids))
    return dict(session.execute(rows).all())


def product_ids_at(session: Session, location_id: int) -> set[int]:
    """Return the products that have stock at a location."""
    rows = select(Balance.product_id).where(Balance.location_id == location_id, Balance.has_stock)
    return set(session.scalars(rows))


def lot_counts(session: Session, location_ids: Iterable[int]) -> dict[int, int]:
    """Return how many lots have stock at each of these locations; an empty one is left out."""
    rows = select(Balance.location_id, func.count()).where(Balance.has_stock, Balance.location_id.in_(location_ids))
    return dict(session.execute(rows.group_by(Balance.location_id)).all())
