"""Reverse Pack on a pack's page, and the panel of what was reversed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Choose, Chosen, Facts, Panel
from erp.errors import NothingChosen
from erp.text import joined, say
from modules.sales import queries, services
from modules.sales.admin.forms import ReversalForm
from modules.sales.domain import return_outcome
from modules.sales.models import Pack


def _what_follows(row: Any) -> str:
    is_freed = bool(row.why_unusable) or row.allocation_id is None
    outcome = return_outcome(is_freed=is_freed, why_unusable=row.why_unusable)
    return outcome if row.unreversed else say("reversed already")


class ReversePack(Choose):
    """Asks which lines of a pack are reversed, and why."""

    name = "reverse"
    title = "Reverse Pack"
    permission = "sales.reverse_pack"
    icon = "fa-undo"
    allowed = staticmethod(lambda pack: any(line.is_unreversed for line in pack.lines))
    confirm = "Return the chosen goods to where they came from? Their line of the order is open again."
    yes = "Reverse"
    style = "danger"
    form_class = ReversalForm
    columns = (
        ("Line", lambda row: say("Line {position}: {sku}", position=row.position, sku=row.sku)),
        ("Product", "name"),
        ("Lot", "lot"),
        ("Returns to", "location"),
        ("Quantity", "unreversed"),
        ("Afterwards", _what_follows),
    )
    help = (
        "Serial numbers, and what returns to stock that may not leave, are free afterwards. All else is allocated to "
        "the same line again, and can be packed again."
    )
    all_are_ticked = True

    @override
    def document_id(self, row: Any) -> int:
        return int(row.id)

    @override
    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        return queries.pack_lines(session, [row.id])

    @override
    def depends_on_row(self, item: Any) -> Facts:
        return {say("not reversed of line {item}", item=item.position): item.unreversed}

    @override
    def can_tick(self, item: Any) -> bool:
        return bool(item.unreversed)

    @override
    def chosen(self, session: Session, row: Any) -> list[Chosen]:
        # Lines that were reversed after the page was opened stay chosen: the service refuses them.
        ticked = set(request.form.getlist("row"))
        found = [Chosen(item) for item in self.rows(session, row) if self.key(item) in ticked]
        if not found:
            raise NothingChosen
        return found

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        returned = services.reverse_pack(
            session,
            row.id,
            [each.row.id for each in chosen],
            why=form.why.data,
            free=form.free.data,
            hold=form.hold_allocation.data,
        )
        order = session.get_one(Pack, row.id).order
        return say(
            "Reversed for {customer}, {order}: {str}.",
            customer=order.customer.name,
            order=order.name,
            str=joined(map(str, returned), ", "),
        )


REVERSE = ReversePack.action()


def _reversals(session: Session, pack: Any) -> Mapping[str, Any] | None:
    rows = queries.reversal_rows(session, pack.id)
    return {"reversals": rows} if rows else None


REVERSALS = Panel("Reversed", "sales/pack_reversals.html", _reversals)
