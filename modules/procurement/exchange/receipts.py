"""Receipts of purchase order lines as CSV: an import only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.exchange import Column, Errors, ImportKind, Row, code, day, quantity, whole_number
from erp.identity import ByKey
from erp.text import joined, plural, say
from modules.inventory_lots.domain import join_path, split_path
from modules.inventory_lots.errors import BadLocation
from modules.inventory_lots.services import Locations, find_or_make_locations
from modules.procurement.domain import Delivery
from modules.procurement.errors import DeliveriesRefused
from modules.procurement.exchange.lines import find_lines
from modules.procurement.queries import Destination, count_new_lots, destinations
from modules.procurement.services import lock_lines, receive_many

MOST_NAMED = 10


def _receive(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    line_ids = find_lines(session, rows, errors)
    for row in rows:
        _check_location(row, errors)
    errors.raise_if_any()
    # Locations have no lock; they are created after the products are locked, as everywhere.
    lines = lock_lines(session, {line_ids[row["number"], row["line"]] for row in rows})
    product_ids = {line.id: line.product_id for line in lines}
    lots = [(product_ids[line_ids[row["number"], row["line"]]], row["lot"]) for row in rows]
    _check_dates(rows, lots, errors)
    errors.raise_if_any()
    new_lots = count_new_lots(session, lots)
    places = find_or_make_locations(session, [row["location"] for row in rows])
    try:
        receipt_ids = receive_many(session, [_delivery(row, line_ids, places) for row in rows])
    except DeliveriesRefused as refused:
        for index, refusal in refused.refusals.items():
            errors.add(rows[index], _column(refusal), refusal)
        errors.raise_if_any()
    return joined((_message(rows, new_lots, places), _for_whom(destinations(session, receipt_ids))))


def _check_location(row: Row, errors: Errors) -> None:
    try:
        split_path(row["location"])
    except BadLocation:
        errors.add(row, "location", say("is not a location: write it as WAREHOUSE/LOCATION, such as WH/STOCK"))


def _check_dates(rows: Sequence[Row], lots: Sequence[tuple[int, str | None]], errors: Errors) -> None:
    """Add an error for each row whose dates of a lot differ from those of an earlier row."""
    first_rows: ByKey[tuple[tuple[int, str | None], str], Row] = ByKey()
    for row, lot in zip(rows, lots, strict=True):
        for column in ("received_on", "expires_on"):
            if row["lot"] and row[column]:
                first = first_rows.setdefault((lot, column), row)
                if first[column] != row[column]:
                    errors.add(row, column, say("is not what row {first} says of the same lot", first=first.number))


def _delivery(row: Row, line_ids: Mapping[tuple[str, int], int], places: Locations) -> Delivery:
    return Delivery(
        line_id=line_ids[row["number"], row["line"]],
        quantity=row["quantity"],
        location_id=places.by_path[join_path(*split_path(row["location"]))].id,
        lot_number=row["lot"],
        received_on=row["received_on"],
        expires_on=row["expires_on"],
    )


def _column(refusal: ErpError) -> str:
    return refusal.field or "number"


def _message(rows: Sequence[Row], new_lots: int, places: Locations) -> str:
    created = ((new_lots, "lot"), (places.new_locations, "location"), (places.new_warehouses, "warehouse"))
    words = joined((plural(number, noun) for number, noun in created if number), ", ")
    return say("{receipts}: {words} created.", receipts=plural(len(rows), "receipt"), words=words or say("nothing"))


def _for_whom(goods: Sequence[Destination]) -> str:
    """Return for whom the goods are, in a sentence that names the first ten."""
    more = say(" And {goods} more.", goods=len(goods) - MOST_NAMED) if len(goods) > MOST_NAMED else ""
    return say("{goods}.{more}", goods=joined(map(str, goods[:MOST_NAMED]), ", "), more=more)


RECEIPT_IMPORT = ImportKind(
    name="receipts",
    title="Receipts of purchase orders",
    permission="procurement.receive",
    columns=(
        Column("number", code(40), required=True),
        Column("line", whole_number, required=True),
        Column("quantity", quantity, required=True),
        Column("location", code(81), required=True),
        Column("lot", code(80, is_local=True)),
        Column("received_on", day),
        Column("expires_on", day),
    ),
    key=(),
    apply=_receive,
    screen="procurement.receipt",
)
