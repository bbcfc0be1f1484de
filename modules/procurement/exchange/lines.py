"""The purchase order lines that rows of a file name."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from erp.exchange import Errors, Row
from erp.identity import ByKey, identity_key
from erp.text import say
from modules.procurement.queries import line_ids_by_position


def find_lines(session: Session, rows: Sequence[Row], errors: Errors) -> ByKey[tuple[str, int], int]:
    """Return the ids of the lines of the orders that the rows name, by number and position.

    Adds an error for each row that names no line.
    """
    line_ids = line_ids_by_position(session, [row["number"] for row in rows])
    numbers = {number for number, _ in line_ids}  # their keys
    for row in rows:
        if identity_key(row["number"]) not in numbers:
            errors.add(row, "number", say("is not the number of a purchase order"))
        elif (row["number"], row["line"]) not in line_ids:
            errors.add(row, "line", say("is not a line of purchase order {row}", row=row["number"]))
    return line_ids
