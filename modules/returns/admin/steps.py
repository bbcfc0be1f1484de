"""The pages on which a return goes on: receive, inspect, replace."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Choose, Chosen, Facts, FormPage
from erp.text import say
from modules.returns import services
from modules.returns.admin.forms import InspectForm, ReceiveForm, ReplaceForm
from modules.returns.domain import Decision
from modules.returns.models import Return, ReturnLine
from modules.returns.states import RETURN, Outcome, ReturnState

GOODS = (
    ("Product", lambda line: str(line.pack_line.line.product)),
    ("Lot", lambda line: str(line.pack_line.balance.lot)),
    ("Pack", lambda line: line.pack_line.pack.number),
)


def _quantities(chosen: Sequence[Chosen]) -> dict[int, Decimal]:
    return {each.row.id: each.quantity for each in chosen}


class LinesOfReturn(Choose):
    """Asks for lines of a return, each with a quantity."""

    all_are_ticked = True

    @override
    def document_id(self, row: Any) -> int:
        return int(row.id)

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {"state": row.state}

    @override
    def rows(self, session: Session, row: Any) -> Sequence[ReturnLine]:
        lines: Sequence[ReturnLine] = row.lines
        return lines

    @override
    def depends_on_row(self, item: Any) -> Facts:
        at = item.position
        return {
            say("received of line {at}", at=at): item.received,
            say("inspected of line {at}", at=at): item.inspected,
        }


class Receive(LinesOfReturn):
    """Asks what came of each line, and where it waits for inspection."""

    name = "receive"
    title = "Receive"
    permission = "returns.receive"
    icon = "fa-sign-in"
    allowed = staticmethod(lambda document: RETURN.allows(document.state, "receive"))
    yes = "Receive"
    form_class = ReceiveForm
    columns = GOODS
    quantity_label = "Received"
    help = "Untick what has not come: it is not expected any more. Nothing can be allocated before it is inspected."

    @override
    def quantity(self, item: Any) -> Decimal | None:
        return Decimal(item.quantity)

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        location = form.location.data
        document = services.receive(
            session, row.id, _quantities(chosen), location_id=location.id if location is not None else None
        )
        return say("{document} is received into {location}.", document=document.number, location=document.location)


class Inspect(LinesOfReturn):
    """Asks what becomes of goods that were received."""

    name = "inspect"
    title = "Inspect"
    permission = "returns.inspect"
    icon = "fa-search"
    allowed = staticmethod(lambda document: RETURN.allows(document.state, "inspect"))
    yes = "Decide"
    form_class = InspectForm
    columns = GOODS
    quantity_label = "Inspected"
    help = "What is decided for the ticked goods is a stock move for each. The last decision closes the return."

    @override
    def rows(self, session: Session, row: Any) -> Sequence[ReturnLine]:
        return [line for line in row.lines if line.uninspected > 0]

    @override
    def quantity(self, item: Any) -> Decimal | None:
        return Decimal(item.uninspected)

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        location = form.location.data
        decision = Decision(
            Outcome(form.outcome.data), location.id if location is not None else None, form.note.data or ""
        )
        document = services.inspect(session, row.id, _quantities(chosen), decision)
        ending = say("is closed") if document.state == ReturnState.closed else say("still has goods to inspect")
        return say(
            "Decided for {chosen} of its lines; {document} {ending}.",
            chosen=len(chosen),
            document=document.number,
            ending=ending,
        )


class Replace(FormPage):
    """Asks what a replacement order costs."""

    name = "replace"
    title = "Replace"
    permission = "returns.replace"
    icon = "fa-refresh"
    allowed = staticmethod(
        lambda document: RETURN.allows(document.state, "replace") and document.replacement_id is None
    )
    form_class = ReplaceForm
    help = (
        "Confirms an order of all that was received. It is served at the place in the queue of the original order:"
        " with its order time and priority."
    )

    @override
    def document_id(self, row: Any) -> int:
        return int(row.id)

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {"state": row.state, say("replaced by"): row.replacement_id, **_received(row)}

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        order = services.replace(session, row.id, is_free=form.price.data == "free")
        return say("{order} replaces what came back with {number}.", order=order.name, number=row.number)


def _received(document: Return) -> dict[str, Any]:
    return {say("received of line {line}", line=line.position): line.received for line in document.lines}
