"""Actions on many products, lots or balances of a list: what changes of each is shown first, then done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import BulkAction, Effect, Facts, document_url
from erp.db import format_quantity
from erp.errors import ErpError
from erp.text import joined, say
from modules.inventory_lots import queries, services
from modules.inventory_lots.forms import ReasonForm
from modules.inventory_lots.queries import NO_STOCK

Refusals = Mapping[int, ErpError]


def _said(rows: Sequence[Effect], refusals: Refusals) -> list[Effect]:
    return [
        Effect(each.id, each.name, refusal=str(refusals[each.id])) if each.id in refusals else each for each in rows
    ]


def _of_products(session: Session, ids: Sequence[int]) -> Mapping[int, Facts]:
    found = queries.products_by_id(session, ids)
    return {id_: {say("active of {product}", product=product.sku): product.is_active} for id_, product in found.items()}


def _set_active(is_active: bool) -> Any:
    text = (
        say("can be put on orders again")
        if is_active
        else say("cannot be put on new orders; its stock and its orders stay")
    )

    def change(session: Session, ids: Sequence[int], _form: Any) -> list[Effect]:
        found = queries.products_by_id(session, ids)
        rows = [
            Effect(id_, str(found[id_]), text, url=document_url("inventory_lots.product", id_))
            for id_ in ids
            if id_ in found
        ]
        return _said(rows, services.set_active(session, ids, is_active))

    return change


def _of_lots(session: Session, ids: Sequence[int]) -> Mapping[int, Facts]:
    return {lot.id: {say("lot {lot} on hold", lot=lot): lot.on_hold} for lot in queries.lots_by_id(session, ids)}


def _hold(on_hold: bool) -> Any:
    def change(session: Session, ids: Sequence[int], form: Any) -> list[Effect]:
        totals = queries.lot_totals(session, ids)
        rows = [
            Effect(
                lot.id,
                say("{lot} of {product}", lot=lot, product=lot.product.sku),
                _held(totals.get(lot.id, NO_STOCK), on_hold),
                url=document_url("inventory_lots.lot", lot.id),
            )
            for lot in queries.lots_by_id(session, ids)
        ]
        return _said(rows, services.hold_lots(session, ids, on_hold, why=form.reason.data or ""))

    return change


def _held(totals: queries.Totals, on_hold: bool) -> str:
    if not on_hold:
        return say(
            "released; {on_hand} on hand may be allocated and packed again", on_hand=format_quantity(totals.on_hand)
        )
    stays = (
        say("; {allocated} stay allocated on it", allocated=format_quantity(totals.allocated))
        if totals.allocated
        else ""
    )
    return say(
        "on hold: none of the {on_hand} on hand is allocated or packed{stays}",
        on_hand=format_quantity(totals.on_hand),
        stays=stays,
    )


def _of_balances(session: Session, ids: Sequence[int]) -> Mapping[int, Facts]:
    return {row.id: {say("allocated of {row}", row=row): row.allocated} for row in queries.balances_by_id(session, ids)}


def _release(session: Session, ids: Sequence[int], _form: Any) -> list[Effect]:
    losers: dict[int, list[str]] = {}
    for each in queries.allocations(session, ids):
        losers.setdefault(each.balance_id, []).append(
            say("{quantity} of {document}", quantity=format_quantity(each.quantity), document=each.document)
        )
    rows = [
        Effect(
            row.id,
            str(row),
            say(
                "{allocated} released: {orders}",
                allocated=format_quantity(row.allocated),
                orders=joined(losers.get(row.id, ()), ", "),
            ),
            url=document_url("inventory_lots.balance", row.id),
        )
        for row in queries.balances_by_id(session, ids)
    ]
    return _said(rows, services.release_unusable(session, ids))


PRODUCT_LIST_ACTIONS = (
    BulkAction(
        name="activate",
        label="Activate",
        permission="inventory_lots.edit",
        icon="fa-check",
        depends_on=_of_products,
        change=_set_active(True),
    ),
    BulkAction(
        name="deactivate",
        label="Deactivate",
        permission="inventory_lots.edit",
        icon="fa-archive",
        depends_on=_of_products,
        change=_set_active(False),
        help="They can no longer be chosen on new orders. What exists stays: stock, open orders and their allocations.",
    ),
)
LOT_LIST_ACTIONS = (
    BulkAction(
        name="hold",
        label="Hold",
        permission="inventory_lots.hold",
        icon="fa-pause",
        depends_on=_of_lots,
        form_class=ReasonForm,
        change=_hold(True),
        help="They are neither allocated nor packed until they are released. What is allocated on them stays so.",
    ),
    BulkAction(
        name="release",
        label="Release Hold",
        permission="inventory_lots.hold",
        icon="fa-play",
        depends_on=_of_lots,
        form_class=ReasonForm,
        change=_hold(False),
    ),
)
BALANCE_LIST_ACTIONS = (
    BulkAction(
        name="release",
        label="Release Allocations",
        permission="inventory_lots.hold",
        icon="fa-undo",
        style="danger",
        yes="Release",
        depends_on=_of_balances,
        change=_release,
        help="Takes stock that is on hold, expired or in quarantine from the orders that hold it. They wait for other "
        "stock then. Stock that may leave is left as it is.",
    ),
)
