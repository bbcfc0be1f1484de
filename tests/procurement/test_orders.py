"""Creating, editing, ordering and cancelling purchase orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from erp.errors import InvalidTransition, StaleRecord
from modules.procurement.domain import Delivery, LineValues, OrderEdit, OrderHead
from modules.procurement.errors import LineIsAllocated, LineNotRemovable, OrderWithoutLines, PartlyReceived
from modules.procurement.events import Arrival, ArrivalChanged, LineStatusChanged, SupplyChanged
from modules.procurement.hooks import OutstandingFall
from modules.procurement.models import PurchaseOrder, Supplier
from modules.procurement.services import (
    cancel_order,
    create_order,
    edit_order,
    place_order,
    receive,
    set_expected_dates,
    set_status,
)
from modules.procurement.services.lines import values_of
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order, make_status, make_supplier


@pytest.fixture
def draft(session: Session) -> PurchaseOrder:
    lines = [LineValues(make_product(session).id, Decimal(quantity)) for quantity in (10, 5)]
    draft = create_order(session, head(make_supplier(session)), lines=lines)
    session.commit()
    return draft


def save(session: Session, document: PurchaseOrder, lines: list[LineValues], **changes: Any) -> None:
    present = OrderHead(document.supplier_id, document.ordered_on, document.note)
    row_version = changes.pop("row_version", None)
    edit = OrderEdit(changes.pop("head", present), lines, **changes)
    edit_order(session, document.id, edit, row_version=row_version)
    session.commit()


def head(supplier: Supplier) -> OrderHead:
    return OrderHead(supplier.id, date(2026, 11, 1), "By sea")


def test_a_draft_has_no_number_and_is_no_supply(draft: PurchaseOrder, heard: list[Any]) -> None:
    assert (draft.state, draft.number, draft.name) == (PurchaseState.draft, None, f"Draft {draft.id}")
    assert heard == []


def test_ordering_gives_the_number_and_makes_supply(session: Session, draft: PurchaseOrder, heard: list[Any]) -> None:
    place_order(session, draft.id)
    assert draft.state == PurchaseState.ordered
    assert draft.number is not None
    assert heard == [SupplyChanged(tuple(sorted(line.product_id for line in draft.lines)))]


def test_a_generated_number_skips_one_that_exists(session: Session, draft: PurchaseOrder) -> None:
    other = create_order(session, head(draft.supplier), lines=[values_of(draft.lines[0])])
    session.commit()
    place_order(session, draft.id)
    session.commit()
    digits = int(str(draft.number)[2:])
    make_purchase_order(session, number=f"PO{digits + 1:05d}")
    session.commit()
    place_order(session, other.id)
    assert other.number == f"PO{digits + 2:05d}"


def test_an_order_without_lines_is_refused(session: Session) -> None:
    empty = create_order(session, head(make_supplier(session)))
    session.commit()
    with pytest.raises(OrderWithoutLines):
        place_order(session, empty.id)


def test_an_order_is_ordered_once(session: Session, draft: PurchaseOrder) -> None:
    place_order(session, draft.id)
    with pytest.raises(InvalidTransition):
        place_order(session, draft.id)


def test_cancelling_a_draft_publishes_nothing(session: Session, draft: PurchaseOrder, heard: list[Any]) -> None:
    cancel_order(session, draft.id)
    assert draft.state == PurchaseState.cancelled
    assert heard == []


def test_cancelling_asks_once_for_room_on_all_lines(session: Session, heard: list[Any]) -> None:
    document = make_purchase_order(session, lines=[{}, {}])
    session.commit()
    cancel_order(session, document.id)
    assert document.state == PurchaseState.cancelled
    assert [line.outstanding for line in document.lines] == [0, 0]
    assert heard == [
        [OutstandingFall(line.id, Decimal(0)) for line in document.lines],
        SupplyChanged(tuple(sorted(line.product_id for line in document.lines))),
    ]


def test_cancelling_releases_what_was_allocated(session: Session, allocate: Callable[..., None]) -> None:
    document = make_purchase_order(session)
    session.commit()
    allocate(document.lines[0], 8, "SO00001")
    cancel_order(session, document.id)
    assert document.lines[0].allocated == 0


def test_a_partly_received_order_is_closed_line_by_line_instead(session: Session) -> None:
    document = make_purchase_order(session)
    location = make_location(session)
    session.commit()
    receive(session, Delivery(document.lines[0].id, Decimal(1), location.id, "L1"))
    session.commit()
    with pytest.raises(PartlyReceived):
        cancel_order(session, document.id)


def test_the_form_saves_header_and_lines_at_once(session: Session, heard: list[Any]) -> None:
    document = make_purchase_order(session, lines=[{"quantity": 10}, {"quantity": 5}])
    status, supplier, product = make_status(session), make_supplier(session), make_product(session)
    session.commit()
    first, second = (values_of(line) for line in document.lines)
    edited = [
        replace(first, quantity=Decimal(8), expected_on=date(2026, 12, 1)),
        replace(second, quantity=Decimal(4), status_id=status.id, unit_cost=Decimal("1.25")),
        LineValues(product.id, Decimal(3)),
    ]
    save(session, document, edited, head=head(supplier))
    assert (document.supplier, document.ordered_on, document.note) == (supplier, date(2026, 11, 1), "By sea")
    assert [(line.position, line.quantity, line.unit_cost) for line in document.lines] == [
        (1, 8, None),
        (2, 4, Decimal("1.25")),
        (3, 3, None),
    ]
    falls, arrivals, statuses, supply = heard
    assert [(fall.line_id, fall.outstanding) for fall in falls] == [(first.line_id, 8), (second.line_id, 4)]
    assert arrivals == ArrivalChanged((Arrival(document.lines[0].id, None, date(2026, 12, 1)),))
    assert isinstance(statuses, LineStatusChanged)
    assert supply == SupplyChanged(tuple(sorted(line.product_id for line in document.lines)))


def test_a_form_that_changes_nothing_publishes_nothing(session: Session, heard: list[Any]) -> None:
    document = make_purchase_order(session)
    session.commit()
    save(session, document, [values_of(line) for line in document.lines])
    assert heard == []


def test_the_form_refuses_to_lower_an_allocated_line_unless_release_is_ticked(
    session: Session, allocate: Callable[..., None]
) -> None:
    document = make_purchase_order(session)
    session.commit()
    allocate(document.lines[0], 8, "SO00001")
    edited = [replace(values_of(document.lines[0]), quantity=Decimal(5))]
    with pytest.raises(LineIsAllocated):
        save(session, document, edited)
    session.rollback()
    save(session, document, edited, release=True)
    assert document.lines[0].allocated == 5


def test_a_line_removed_from_a_draft_is_deleted_and_the_others_are_renumbered(
    session: Session, draft: PurchaseOrder
) -> None:
    gone, kept = draft.lines
    save(session, draft, [values_of(kept)], removed=[gone.id])
    assert [(line.id, line.position) for line in draft.lines] == [(kept.id, 1)]


def test_a_line_of_an_order_cannot_be_deleted(session: Session) -> None:
    document = make_purchase_order(session, lines=[{}, {}])
    session.commit()
    with pytest.raises(LineNotRemovable):
        save(session, document, [values_of(document.lines[0])], removed=[document.lines[1].id])


def test_a_form_opened_before_somebody_else_saved_is_refused(session: Session, draft: PurchaseOrder) -> None:
    seen = draft.row_version
    lines = [values_of(line) for line in draft.lines]
    save(session, draft, [replace(lines[0], quantity=Decimal(11)), lines[1]], row_version=seen)
    with pytest.raises(StaleRecord):
        save(session, draft, lines, row_version=seen)


def test_a_form_that_changes_dates_and_statuses_counts_its_order_up_once(session: Session) -> None:
    document, status = make_purchase_order(session, lines=[{}, {}]), make_status(session)
    session.commit()
    seen, changes = document.row_version, {"expected_on": date(2026, 6, 1), "status_id": status.id}
    save(session, document, [replace(values_of(line), **changes) for line in document.lines], row_version=seen)
    assert document.row_version == seen + 1


def test_dates_and_statuses_count_up_the_orders_that_they_change(session: Session) -> None:
    first, second, other = (make_purchase_order(session, lines=[{}, {}]) for _ in range(3))
    session.commit()
    status = make_status(session)
    dates = {line.id: date(2026, 6, 1) for line in (*first.lines, *second.lines)}
    assert set_expected_dates(session, {**dates, other.lines[0].id: None}) == 4
    set_status(session, [line.id for line in first.lines], status.id)
    set_status(session, [first.lines[0].id], status.id)
    assert [document.row_version for document in (first, second, other)] == [3, 2, 1]
    # A write of the order in the same transaction counts on from the new version.
    first.note = "Ring first"
    session.commit()
    assert first.row_version == 4
