"""Packs: their screen, the panel on an order's page, and packing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload, selectinload
from typing_extensions import override

from erp.admin import Action, Badge, ExtraColumn, Facts, FormPage, Panel, Result, Screen, anchor_of, by_ids
from erp.admin.access import may, screen_session
from erp.text import joined, say
from modules.inventory_lots.states import Tracking
from modules.sales import queries, services
from modules.sales.admin.filters import PACK_FILTERS
from modules.sales.admin.pack_reversals import REVERSALS, REVERSE
from modules.sales.admin.versions import of_order
from modules.sales.models import Order, OrderLine, Pack
from modules.sales.states import ORDER

SERIALS_SHOWN = 20


def pack(session: Session, order: Order) -> Result:
    """Pack what is allocated of an order, and show what left and what stays behind."""
    return pack_with(session, order.id, {})


def pack_with(session: Session, order_id: int, serials: Mapping[int, Sequence[str]]) -> Result:
    """Pack an order with these serial numbers by line id, and show what left and what stays behind."""
    packs = services.pack_order(session, order_id, serials)
    lines = queries.pack_lines(session, [pack.id for pack in packs])
    context = {
        "packs": [(pack.id, pack.number) for pack in packs],
        "lines": lines,
        "staying": queries.staying_behind(session, order_id),
        "may_reverse": may(REVERSE.permission),
    }
    message = say("{packs} is packed.", packs=packs[0].number)
    if len(packs) > 1:
        places = dict.fromkeys((row.number, row.warehouse) for row in lines)
        message = say(
            "{packs} are packed.",
            packs=joined(
                (say("{pack} in {warehouse}", pack=pack, warehouse=warehouse) for pack, warehouse in places), ", "
            ),
        )
    return Result(message, "sales/pack_result.html", context)


def asks_for_serials(order: Order) -> bool:
    """Return whether packing must ask for serial numbers."""
    return bool(serial_lines(order))


def serial_lines(order: Order) -> list[OrderLine]:
    """Return the open lines whose serial numbers are chosen when they are packed."""
    return [line for line in order.lines if line.product.tracking is Tracking.serial and line.is_open]


def typed_serials(order: Order) -> dict[int, list[str]]:
    """Return the serial numbers that the form names, by line id."""
    typed = {line.id: request.form.get(f"serials-{line.id}", "").splitlines() for line in order.lines}
    numbers = {id_: [number.strip() for number in lines if number.strip()] for id_, lines in typed.items()}
    return {id_: found for id_, found in numbers.items() if found}


class PackSerials(FormPage):
    """Asks for the serial numbers that leave with what is allocated."""

    name = "pack-serials"
    title = "Pack Allocated Order"
    permission = "sales.pack"
    icon = "fa-archive"
    allowed = staticmethod(lambda order: ORDER.allows(order.state, "pack") and asks_for_serials(order))
    template = "sales/pack_serials.html"

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_order(session, row)

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        lines = serial_lines(row)
        stock = queries.usable_serials(session, {line.product_id for line in lines}, SERIALS_SHOWN + 1)
        return {"lines": lines, "stock": stock, "most": SERIALS_SHOWN, "typed": request.form}

    @override
    def do(self, session: Session, row: Any, form: Any) -> Result:
        return pack_with(session, row.id, typed_serials(row))


def _packs(session: Session, order: Any) -> Mapping[str, Any] | None:
    rows = queries.pack_rows(session, order.id)
    packs = [(pack_id, list(lines)) for pack_id, lines in groupby(rows, key=lambda row: row.pack_id)]
    return {"packs": packs} if packs else None


PACKS = Panel("Packs", "sales/packs.html", _packs, counted="packs")


def _reversed(session: Session, packs: Sequence[Pack]) -> Mapping[int, Badge]:
    """Return a badge for each pack of which something was reversed."""
    found = queries.reversed_packs(session, [pack.id for pack in packs])
    return {id_: Badge("Reversed" if is_all else "Part reversed", "warning") for id_, is_all in found.items()}


def _lines(session: Session, pack: Any) -> Mapping[str, Any]:
    return {"lines": queries.pack_lines(session, [pack.id])}


def packing_slip(screen: Any, pack: Pack) -> ResponseReturnValue:
    """Show the paper that goes into the parcel."""
    session = screen_session()
    lines = queries.pack_lines(session, [pack.id])
    remaining = [line for line in queries.lines_of(session, [pack.order_id]) if line.is_open]
    return str(screen.render("sales/packing_slip.html", pack=pack, lines=lines, remaining=remaining))


class PackScreen(Screen):
    """What has left, pack by pack."""

    model = Pack
    view_name = "sales.pack"
    title = "Packs"
    noun = "pack"
    url = "/sales/packs"
    icon = "fa-archive"
    can_create = can_edit = can_delete = False
    column_list = ("number", "order.number", "order.customer.name", "warehouse.code", "packed_at", "user_name")
    column_labels = {
        "number": "Pack",
        "order.number": "Order",
        "order.customer.name": "Customer",
        "warehouse.code": "Warehouse",
        "packed_at": "Packed at",
        "user_name": "Packed by",
    }
    column_searchable_list = ("number", "order.number", "order.customer.name")
    column_filters = (
        *("number", "order.number", "order.customer.name", "warehouse.code", "packed_at", "user_name"),
        *PACK_FILTERS,
    )
    column_sortable_list = ("number",)
    sorted_like = {"packed_at": "id"}
    column_default_sort = ("id", True)
    computed_columns = (
        ExtraColumn("lines", "Lines", by_ids(queries.pack_line_counts)),
        ExtraColumn("reversed", "Reversed", _reversed),
    )
    header_fields = (
        ("Order", anchor_of("sales.order", "order")),
        ("Customer", "order.customer.name"),
        ("Warehouse", "warehouse.code"),
        ("Packed at", "packed_at"),
        ("Packed by", "user_name"),
    )
    detail_loads = (joinedload(Pack.order).joinedload(Order.customer), selectinload(Pack.lines))
    panels = (Panel("In this pack", "sales/pack_lines.html", _lines), REVERSALS)
    actions = (
        Action(
            name="slip",
            label="Packing slip",
            permission="sales.view",
            page=packing_slip,
            style="primary",
            icon="fa-print",
        ),
        REVERSE,
    )
    empty_message = "Nothing has been packed yet."

    @override
    def badges(self, row: Any) -> Sequence[Any]:
        reversed_badge = _reversed(screen_session(), [row]).get(row.id)
        return [reversed_badge] if reversed_badge else []
