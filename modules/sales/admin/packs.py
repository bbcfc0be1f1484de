"""The screen of packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session, joinedload

from erp.admin import Action, ExtraColumn, Panel, Screen, document_anchor
from erp.admin.access import screen_session
from modules.sales.models import Order, Pack
from modules.sales.queries.screens import pack_contents, pack_lines


def _contents(session: Session, packs: Sequence[Pack]) -> Mapping[int, Any]:
    return pack_contents(session, [pack.id for pack in packs])


def _lines(session: Session, pack: Any) -> Mapping[str, Any]:
    return {"lines": pack_lines(session, pack.id)}


def _order(pack: Pack) -> Markup:
    return document_anchor("sales.order", pack.order_id, pack.order.name)  # type: ignore[no-any-return]


def packing_slip(screen: Any, pack: Pack) -> ResponseReturnValue:
    """Show the paper that goes into the parcel."""
    return str(screen.render("sales/slip.html", pack=pack, lines=pack_lines(screen_session(), pack.id)))


class PackScreen(Screen):
    """What has left, parcel by parcel."""

    model = Pack
    view_name = "sales.pack"
    title = "Packs"
    noun = "pack"
    url = "/sales/packs"
    icon = "fa-archive"
    can_create = can_edit = can_delete = False
    column_list = ("number", "order.number", "order.customer.name", "packed_at", "user_name")
    column_labels = {
        "number": "Pack",
        "order.number": "Order",
        "order.customer.name": "Customer",
        "packed_at": "Packed at",
        "user_name": "Packed by",
    }
    column_searchable_list = ("number", "order.number", "order.customer.name")
    column_filters = ("number", "order.number", "packed_at", "user_name")
    column_default_sort = ("id", True)
    computed_columns = (ExtraColumn("lines", "Lines", _contents),)
    header_fields = (
        ("Order", _order),
        ("Customer", "order.customer.name"),
        ("Packed at", "packed_at"),
        ("Packed by", "user_name"),
    )
    detail_loads = (joinedload(Pack.order).joinedload(Order.customer),)
    panels = (Panel("In this pack", "sales/pack_lines.html", _lines),)
    actions = (
        Action(
            name="slip",
            label="Packing slip",
            permission="sales.view",
            page=packing_slip,
            style="primary",
            icon="fa-print",
        ),
    )
    empty_message = "Nothing has been packed yet."

    def document_title(self, row: Any) -> str:
        """Return the number."""
        return str(row.number)
