"""Actions on many orders or lines of a list: what changes of each is shown first, then done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import BulkAction, Effect, Facts, change_of_each, document_url
from erp.db import format_quantity
from erp.errors import ErpError
from erp.text import joined, say, verb, word
from modules.sales import queries, services
from modules.sales.admin.forms import ReasonForm
from modules.sales.hooks import SupplyNote
from modules.sales.queries import Quantities

Refusals = Mapping[int, ErpError]


def _facts(found: Mapping[int, Quantities]) -> Mapping[int, Facts]:
    return {
        id_: {
            say("state of {name}", name=each.name): each.state,
            say("edits of {name}", name=each.name): each.edits,
            say("open of {name}", name=each.name): each.open_quantity,
            say("allocated of {name}", name=each.name): each.allocated,
            say("packed of {name}", name=each.name): each.packed,
            say("held lines of {name}", name=each.name): each.held,
        }
        for id_, each in found.items()
    }


def of_orders(session: Session, order_ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what actions on ticked orders depend on, by order."""
    return _facts(queries.order_quantities(session, order_ids))


def of_lines(session: Session, line_ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what actions on ticked lines depend on, by line."""
    return _facts(queries.line_quantities(session, line_ids))


def _confirmed(now: Quantities, _was: Quantities) -> str:
    if not now.allocated:
        return say("confirmed, nothing allocated")
    return say(
        "confirmed, {allocated} of {open_quantity} allocated",
        allocated=format_quantity(now.allocated),
        open_quantity=format_quantity(now.open_quantity),
    )


def _packed(now: Quantities, was: Quantities) -> str:
    left = (
        say(", {open_quantity} still open", open_quantity=format_quantity(now.open_quantity))
        if now.open_quantity
        else say(", nothing is left open")
    )
    return say("{packed} packed{left}", packed=format_quantity(now.packed - was.packed), left=left)


def _cancelled(now: Quantities, was: Quantities) -> str:
    gone = now.cancelled - was.cancelled
    given = (
        say(", {allocated} of them were allocated", allocated=format_quantity(was.allocated - now.allocated))
        if was.allocated
        else ""
    )
    return say("{gone} cancelled{given}; it is {state}", gone=format_quantity(gone), given=given, state=word(now.state))


def _pack(session: Session, ids: Sequence[int], _form: Any) -> Refusals:
    return services.pack_orders(session, ids)[1]


def _without_form(service: Callable[[Session, Sequence[int]], Refusals]) -> Any:
    return lambda session, ids, _form: service(session, ids)


def _url(of: Quantities) -> str | None:
    return document_url("sales.order", of.order_id)


_orders = partial(change_of_each, queries.order_quantities, url=_url)
_lines = partial(change_of_each, queries.line_quantities, url=_url)

CONFIRM = BulkAction(
    name="confirm",
    label="Confirm",
    permission="sales.edit",
    icon="fa-check",
    depends_on=of_orders,
    change=_orders(_without_form(services.confirm_orders), _confirmed),
)
ALLOCATE = BulkAction(
    name="allocate",
    label="Allocate",
    permission="sales.allocate",
    icon="fa-cubes",
    depends_on=of_orders,
    change=_orders(_without_form(services.allocate_orders), Quantities.allocated_since),
    help="They are served now, in order of service among them. An order that would take what an earlier one waits for "
    "is left: allocate it on its own page.",
)
PACK = BulkAction(
    name="pack",
    label=verb("to pack"),
    permission="sales.pack",
    icon="fa-archive",
    depends_on=of_orders,
    change=_orders(_pack, _packed),
)
HOLD = BulkAction(
    name="hold",
    label=verb("to hold"),
    permission="sales.allocate",
    icon="fa-pause",
    depends_on=of_orders,
    change=_orders(lambda session, ids, _: services.hold_orders(session, ids, True), Quantities.held_since),
    help="Their open lines are kept out of automatic runs until they are released or allocated.",
)
RELEASE = BulkAction(
    name="release",
    label="Release",
    permission="sales.allocate",
    icon="fa-play",
    depends_on=of_orders,
    change=_orders(lambda session, ids, _: services.hold_orders(session, ids, False), Quantities.released_since),
    help="Their lines are served at their place in the queue again.",
)
CANCEL = BulkAction(
    name="cancel",
    label=verb("to cancel"),
    permission="sales.cancel",
    icon="fa-ban",
    style="danger",
    yes="Cancel the orders",
    depends_on=of_orders,
    form_class=ReasonForm,
    change=_orders(
        lambda session, ids, form: services.cancel_orders(session, ids, why=form.why.data or ""), _cancelled
    ),
    help="What is packed stays packed. All else is cancelled; its allocations and purchase allocations are released.",
)


def of_backorders(session: Session, ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what actions on ticked backorders depend on, by backorder."""
    found = queries.backorders_by_id(session, ids)
    return {row.id: {say("open of {row}", row=row): row.open_quantity} for row in found}


def _cancel_backorders(session: Session, ids: Sequence[int], form: Any) -> list[Effect]:
    found = queries.backorders_by_id(session, ids)
    given = queries.purchase_allocations_of(session, [row.line_id for row in found])
    rows = [
        Effect(row.id, str(row), _given_back(row, given.get(row.line_id, ())), url=document_url(*_order_of(row)))
        for row in found
    ]
    refusals = services.cancel_open_backorders(session, ids, why=form.why.data or "")
    return [replace(row, text="", refusal=str(refusals[row.id])) if row.id in refusals else row for row in rows]


def _order_of(row: Any) -> tuple[str, int]:
    return "sales.order", row.line.order_id


def _given_back(row: Any, notes: Sequence[SupplyNote]) -> str:
    parts = (say("{note} of {supply}", note=format_quantity(note.quantity), supply=note.supply) for note in notes)
    given = say("; released: {parts}", parts=joined(parts, ", ")) if notes else ""
    return say(
        "{open_quantity} cancelled for good{given}", open_quantity=format_quantity(row.open_quantity), given=given
    )


BACKORDER_LIST_ACTIONS = (
    BulkAction(
        name="cancel",
        label=verb("to cancel"),
        permission="sales.cancel",
        icon="fa-ban",
        style="danger",
        yes="Cancel the backorders",
        depends_on=of_backorders,
        form_class=ReasonForm,
        change=_cancel_backorders,
        help="The open quantities are cancelled for good, counted as cancelled on the order lines, and not shipped.",
    ),
)
ORDER_LIST_ACTIONS = (CONFIRM, ALLOCATE, PACK, HOLD, RELEASE, CANCEL)

_of_lines = partial(replace, depends_on=of_lines)
ALLOCATE_LINES = _of_lines(ALLOCATE, change=_lines(_without_form(services.allocate_lines), Quantities.allocated_since))
HOLD_LINES = _of_lines(
    HOLD, change=_lines(lambda session, ids, _: services.hold_many_lines(session, ids, True), Quantities.held_since)
)
RELEASE_LINES = _of_lines(
    RELEASE,
    change=_lines(lambda session, ids, _: services.hold_many_lines(session, ids, False), Quantities.released_since),
)
LINE_LIST_ACTIONS = (ALLOCATE_LINES, HOLD_LINES, RELEASE_LINES)
