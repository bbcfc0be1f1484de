"""What procurement shows and takes at the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from erp import clock
from erp.admin import yes_or_no
from erp.api import (
    Change,
    Create,
    Field,
    Input,
    Kind,
    Lines,
    Resource,
    UnknownName,
    Values,
    all_but_refused,
    contact_data,
    contact_inputs,
    make_many,
    make_one,
    name_in,
    new_contact,
    raise_only,
)
from erp.contacts import ADDRESS_PARTS, contacts_by_code, create_contacts
from erp.registry import Core
from modules.inventory_lots.queries import locations_by_path, product_ids_by_sku
from modules.procurement import services
from modules.procurement.domain import Delivery, LineValues, NewDraft, OrderHead
from modules.procurement.models import PurchaseOrderLine, Supplier
from modules.procurement.queries import lines_by_id, may_still_come, status_by_name

WHY = Input("why", is_required=True, help="The reason, shown in the history.")
LINE_INPUTS = (
    Input("sku", is_required=True, help="The product."),
    Input("quantity", Kind.quantity, is_required=True, help="In the product's unit."),
    Input("unit_cost", Kind.money),
    Input("expected_on", Kind.day, help="The day on which it is expected."),
)
LINES = Input("lines", Kind.objects, is_required=True, fields=LINE_INPUTS)
LINE_FIELDS = (
    Field("position"),
    Field("sku", "product.sku"),
    *map(Field, ("quantity", "received", "cancelled", "allocated")),
    Field("outstanding", kind=Kind.quantity),
    Field("unit_cost"),
    Field("expected_on"),
    Field("status", "status.name"),
)


def _lines(ids: Mapping[str, int], lines: Sequence[Values]) -> list[LineValues]:
    """Return lines of products, given their ids by SKU; raise UnknownName."""
    return [
        LineValues(name_in(ids, line, "sku", "product"), line["quantity"], line["unit_cost"], line["expected_on"])
        for line in lines
    ]


def _add_lines(session: Session, id: int, values: Values) -> None:
    ids = product_ids_by_sku(session, [line["sku"] for line in values["lines"]])
    services.add_lines(session, id, _lines(ids, values["lines"]))


def _drafts(session: Session, rows: Sequence[Values]) -> Callable[[Values], NewDraft]:
    suppliers = contacts_by_code(session, Supplier, [values["supplier"] for values in rows])
    ids = product_ids_by_sku(session, [line["sku"] for values in rows for line in values["lines"]])

    def read(values: Values) -> NewDraft:
        supplier = name_in(suppliers, values, "supplier", "supplier")
        head = OrderHead(supplier.id, values["ordered_on"] or clock.today(), values["note"])
        return NewDraft(head, _lines(ids, values["lines"]))

    return read


_create_orders = make_many(_drafts, services.create_drafts)


def _set_status(session: Session, id: int, values: Values) -> None:
    status = status_by_name(session, values["status"]) if values["status"] else None
    if values["status"] and status is None:
        raise UnknownName("status", "purchase line status", values["status"])
    services.set_status(session, [id], None if status is None else status.id)


def _deliveries(session: Session, rows: Sequence[Values]) -> Callable[[Values], Delivery]:
    places = locations_by_path(session, [values["location"] for values in rows])
    lines = {line.id: line for line in lines_by_id(session, [values["line_id"] for values in rows])}

    def read(values: Values) -> Delivery:
        place = name_in(places, values, "location", "location")
        return Delivery(
            name_in(lines, values, "line_id", "purchase order line").id,
            values["quantity"],
            place.id,
            values["lot"],
            values["received_on"],
            values["expires_on"],
        )

    return read


_receive_many = make_many(
    _deliveries, lambda session, deliveries: all_but_refused(session, deliveries, services.receive_many)
)
_create_suppliers = make_many(
    lambda _session, _rows: new_contact,
    lambda session, contacts: create_contacts(session, Supplier, contacts, noun="supplier"),
)


def _edit_supplier(session: Session, id: int, values: Values) -> None:
    supplier = session.get_one(Supplier, id)
    services.save_supplier(session, id, contact_data(supplier.code, values, supplier))


SUPPLIERS = Resource(
    name="suppliers",
    title="Suppliers",
    noun="supplier",
    screen="procurement.supplier",
    fields=tuple(map(Field, ("code", "name", "email", *ADDRESS_PARTS))),
    writes=(
        Create(
            "Add a supplier",
            "procurement.edit",
            make_one(_create_suppliers),
            contact_inputs(is_new=True),
            _create_suppliers,
        ),
        Change("edit", "Change a supplier", "procurement.edit", _edit_supplier, contact_inputs()),
    ),
)
PURCHASE_ORDERS = Resource(
    name="purchase-orders",
    title="Purchase orders",
    noun="purchase order",
    screen="procurement.purchase_order",
    fields=(
        Field("number"),
        Field("supplier", "supplier.code"),
        *map(Field, ("ordered_on", "state", "note")),
    ),
    lines=Lines("lines", LINE_FIELDS),
    writes=(
        Create(
            "Enter a draft of a purchase order",
            "procurement.edit",
            make_one(_create_orders),
            (
                Input("supplier", is_required=True, help="The supplier's code."),
                Input("ordered_on", Kind.day, help="Today, without it."),
                Input("note", default="", longest=5000),
                LINES,
            ),
            _create_orders,
        ),
        Change(
            "place",
            "Order a draft, which makes it supply",
            "procurement.edit",
            lambda session, id, _values: services.place_order(session, id),
            run_many=lambda session, ids, _values: services.place_orders(session, ids),
        ),
        Change(
            "add-lines",
            "Add lines to a purchase order",
            "procurement.edit",
            _add_lines,
            (LINES,),
        ),
        Change(
            "cancel",
            "Cancel what of a purchase order is outstanding",
            "procurement.edit",
            lambda session, id, _values: services.cancel_order(session, id),
            run_many=lambda session, ids, _values: services.cancel_orders(session, ids),
        ),
    ),
)
PURCHASE_ORDER_LINES = Resource(
    name="purchase-order-lines",
    title="Purchase order lines",
    noun="purchase order line",
    model=PurchaseOrderLine,
    permission="procurement.view",
    filters=(
        *("order.number", "order.state", "product.sku", "expected_on", "status.name"),
        yes_or_no("Open", may_still_come),
    ),
    fields=(Field("order_id"), Field("order", "order.number"), *LINE_FIELDS),
    writes=(
        Change(
            "set-expected-date",
            "Set the day on which a line is expected",
            "procurement.edit",
            lambda session, id, values: services.set_expected_dates(session, {id: values["expected_on"]}),
            (Input("expected_on", Kind.day, help="No day is known, without it."),),
        ),
        Change(
            "change-quantity",
            "Change the quantity of a line",
            "procurement.edit",
            lambda session, id, values: services.change_line(
                session, id, quantity=values["quantity"], release=values["release"]
            ),
            (
                Input("quantity", Kind.quantity, is_required=True),
                Input("release", Kind.switch, default=False, help="Take away what is allocated of it."),
            ),
        ),
        Change(
            "close",
            "Close a line: nothing more of it comes",
            "procurement.edit",
            lambda session, id, _values: raise_only(services.close_many_lines(session, [id])),
            run_many=lambda session, ids, _values: services.close_many_lines(session, ids),
        ),
        Change(
            "set-status",
            "Give a line a status",
            "procurement.edit",
            _set_status,
            (Input("status", longest=80, help="The name of a status; none, without it."),),
        ),
    ),
)
RECEIPTS = Resource(
    name="receipts",
    title="Receipts",
    noun="receipt",
    screen="procurement.receipt",
    fields=(
        Field("line_id"),
        Field("order", "line.order.number"),
        Field("position", "line.position"),
        Field("sku", "line.product.sku"),
        Field("lot", "balance.lot.number"),
        Field("location", "balance.location.path"),
        *map(Field, ("quantity", "reversed", "received_at", "user_name")),
    ),
    writes=(
        Create(
            "Receive goods of a purchase order line",
            "procurement.receive",
            make_one(_receive_many),
            (
                Input("line_id", Kind.whole, is_required=True),
                Input("quantity", Kind.quantity, is_required=True),
                Input("location", is_required=True, longest=81, help="The path, such as WH/STOCK."),
                Input("lot", longest=80, help="A new lot with a number of its own, without it."),
                Input("received_on", Kind.day),
                Input("expires_on", Kind.day),
            ),
            _receive_many,
        ),
        Change(
            "reverse",
            "Take back goods that were received",
            "procurement.reverse_receipt",
            lambda session, id, values: services.reverse_receipt(session, id, values["quantity"], why=values["why"]),
            (Input("quantity", Kind.quantity, help="All of it, without."), WHY),
        ),
    ),
)
STATUSES = Resource(
    name="purchase-line-statuses",
    title="Purchase line statuses",
    noun="purchase line status",
    screen="procurement.purchase_line_status",
    fields=tuple(map(Field, ("name", "position", "is_default"))),
)
RESOURCES = (SUPPLIERS, PURCHASE_ORDERS, PURCHASE_ORDER_LINES, RECEIPTS, STATUSES)


def register(core: Core) -> None:
    """Register the resources."""
    core.add_resource(*RESOURCES)
