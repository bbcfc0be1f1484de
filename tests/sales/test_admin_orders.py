"""The form and the list of sales orders: entering, editing, confirming and cancelling."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from erp.models import HistoryEntry
from modules.sales import services
from modules.sales.models import Allocation, Order
from modules.sales.states import OrderState, ShippingPolicy
from tests.support.inventory_lots import make_product
from tests.support.marked_fields import marked_fields
from tests.support.sales import make_customer, make_draft

pytestmark = pytest.mark.usefixtures("by_hand")


def _entered(customer, **fields):
    return {
        "customer": str(customer.id),
        "ordered_at": "2026-11-20T10:00",
        "priority": "0",
        "shipping_policy": "partial",
        "note": "",
    } | fields


def test_an_order_and_its_lines_are_entered_in_one_form(session, desk, screws):
    customer = make_customer(session, name="Northwind")
    session.commit()
    page = desk.press(
        "/sales/orders/new/",
        **_entered(
            customer,
            **{
                "shipping_policy": "complete",
                "lines-0-product": str(screws[0].id),
                "lines-0-quantity": "25",
                "lines-0-unit_price": "1.5",
                "lines-0-requested_on": "2026-12-01",
                "lines-1-product": str(screws[1].id),
                "lines-1-quantity": "7",
            },
        ),
    )
    order = session.scalars(select(Order)).one()
    assert (order.state, order.customer.name, order.shipping_policy) == (
        OrderState.draft,
        "Northwind",
        ShippingPolicy.complete,
    )
    assert [(line.position, line.product.sku, line.quantity) for line in order.lines] == [
        (1, "BRASS", 25),
        (2, "TAP", 7),
    ]
    assert order.lines[0].requested_on == date(2026, 12, 1)
    assert f"Draft {order.id}" in page.text
    assert "37.50" in page.text
    assert [each for each in page.buttons if each != "What if"] == ["Confirm", "Cancel order", "Edit"]


@pytest.mark.parametrize(
    ("quantity", "says"),
    [
        ("0", "is not above 0"),
        ("-1", "is not above 0"),
        ("1.5", "has more than 0 decimals"),
        ("many", "Enter a number"),
        ("", "This field is required"),
        ("1000000001", "At most 1000000000 is possible"),
    ],
)
def test_a_quantity_that_cannot_be_is_refused_in_the_form(session, desk, screws, quantity, says):
    customer = make_customer(session)
    session.commit()
    lines = {"lines-0-product": str(screws[0].id), "lines-0-quantity": quantity}
    page = desk.press("/sales/orders/new/", **_entered(customer, **lines))
    assert page.status == 422
    assert says in page.text
    assert marked_fields(page.html) == ["lines-0-quantity"]
    assert session.scalar(select(func.count()).select_from(Order)) == 0


@pytest.mark.parametrize("price", ["-0.01", "-5"])
def test_a_price_below_0_is_refused_at_its_field(session, desk, screws, price):
    customer = make_customer(session)
    session.commit()
    lines = {"lines-0-product": str(screws[0].id), "lines-0-quantity": "1", "lines-0-unit_price": price}
    page = desk.press("/sales/orders/new/", **_entered(customer, **lines))
    assert (page.status, marked_fields(page.html)) == (422, ["lines-0-unit_price"])
    assert f"a price of {price} is below 0. Enter 0 or more." in page.text
    assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_of_several_lines_those_that_are_wrong_are_marked(session, desk, screws):
    customer = make_customer(session)
    session.commit()
    lines = {f"lines-{at}-product": str(screws[0].id) for at in range(3)}
    lines |= {"lines-0-quantity": "1.5", "lines-1-quantity": "1", "lines-2-quantity": "2.5"}
    page = desk.press("/sales/orders/new/", **_entered(customer, **lines))
    assert marked_fields(page.html) == ["lines-0-quantity", "lines-2-quantity"]


def test_what_the_form_of_a_draft_changes_is_in_the_history(session, desk, screws):
    draft = make_draft(
        session, [(screws[0], 1), (screws[1], 2)], customer=make_customer(session, code="A", name="Anna")
    )
    berta = make_customer(session, code="B", name="Berta")
    session.commit()
    first, second = draft.lines
    lines = {
        "row_version": str(draft.row_version),
        "lines-0-id": str(first.id),
        "lines-0-removed": "1",
        "lines-0-product": str(screws[0].id),
        "lines-0-quantity": "1",
        "lines-1-id": str(second.id),
        "lines-1-product": str(screws[0].id),
        "lines-1-quantity": "2",
        "lines-7-product": str(screws[1].id),
        "lines-7-quantity": "4",
    }
    ordered_at = draft.ordered_at.strftime("%Y-%m-%dT%H:%M")
    desk.press(f"/sales/orders/{draft.id}/edit/", **_entered(berta, ordered_at=ordered_at, **lines))
    entries = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "sales.order"))
    shown = [(entry.line, entry.action, entry.field, entry.old_value, entry.new_value) for entry in entries]
    assert sorted(shown, key=lambda entry: entry[0] or 0) == [
        (None, "changed", "customer", "Anna (A)", "Berta (B)"),
        (1, "removed", "line", "[BRASS] Brass Screw, 1", ""),
        (2, "changed", "product", "[TAP] Self-Tapping Screw", "[BRASS] Brass Screw"),
        (3, "added", "line", "", "[TAP] Self-Tapping Screw, 4"),
    ]


def test_a_draft_gains_changes_and_loses_lines_in_its_form(session, desk, screws):
    draft = make_draft(session, [(screws[0], 1), (screws[1], 2)])
    first, second = draft.lines
    desk.press(
        f"/sales/orders/{draft.id}/edit/",
        **_entered(
            draft.customer,
            **{
                "row_version": str(draft.row_version),
                "lines-0-id": str(first.id),
                "lines-0-removed": "1",
                "lines-0-product": str(screws[0].id),
                "lines-0-quantity": "1",
                "lines-1-id": str(second.id),
                "lines-1-product": str(screws[1].id),
                "lines-1-quantity": "9",
                "lines-7-product": str(screws[0].id),
                "lines-7-quantity": "4",
            },
        ),
    )
    assert [(line.position, line.product.sku, line.quantity) for line in draft.lines] == [
        (2, "TAP", 9),
        (3, "BRASS", 4),
    ]


def test_the_lines_of_a_confirmed_order_are_not_in_its_form(session, desk, order):
    page = desk.open(f"/sales/orders/{order.id}/edit/")
    assert 'name="priority"' in page.html
    assert not any(f'name="{name}' in page.html for name in ("customer", "ordered_at", "lines-"))
    fields = _entered(order.customer, priority="7", row_version=str(order.row_version))
    desk.press(f"/sales/orders/{order.id}/edit/", **fields, **{"lines-0-quantity": "1"})
    assert order.priority == 7
    assert [line.quantity for line in order.lines] == [25, 25]


def test_a_confirmed_order_saved_from_a_drafts_old_form_is_refused(session, desk, screws):
    draft = make_draft(session, [(screws[0], 3)])
    version = str(draft.row_version)
    desk.order(draft, "confirm")
    page = desk.press(f"/sales/orders/{draft.id}/edit/", **_entered(draft.customer, row_version=version, note="late"))
    assert page.status == 409
    assert draft.note == ""


def test_a_draft_that_is_confirmed_while_its_edit_waits_is_not_changed(session, desk, screws, monkeypatch):
    draft = make_draft(session, [(screws[0], 3)])
    fields = {"row_version": str(draft.row_version), "lines-0-id": str(draft.lines[0].id)}
    fields |= {"lines-0-product": str(screws[0].id), "lines-0-quantity": "9"}
    lock_order = services.lock_order

    def confirmed_first(session, order_id):
        services.confirm(session, order_id)
        return lock_order(session, order_id)

    monkeypatch.setattr(services, "lock_order", confirmed_first)
    assert desk.press(f"/sales/orders/{draft.id}/edit/", **_entered(draft.customer, **fields)).status == 409
    assert draft.lines[0].quantity == 3


def test_a_done_order_is_not_edited(session, desk, order):
    order.state = OrderState.cancelled
    session.commit()
    assert desk.open(f"/sales/orders/{order.id}/edit/").status == 403


def test_only_active_products_are_offered(session, desk, screws):
    make_product(session, sku="BRASS-OLD", name="Old Brass", is_active=False)
    session.commit()
    found = desk.client.get("/sales/orders/ajax/lookup/?name=lines-product&query=brass").get_json()
    assert [text for _, text, *_ in found] == ["[BRASS] Brass Screw"]


def test_the_list_of_orders_shows_the_fulfilment_of_each(session, desk, order):
    desk.order(order, "allocate")
    draft = make_draft(session)
    page = desk.open("/sales/orders/")
    assert f"Draft {draft.id}" in page.text
    assert "Part allocated" in page.text
    assert order.number not in desk.open("/sales/orders/", flt0_state_is="draft").text
    assert order.number in desk.open("/sales/orders/", search=order.customer.code).text


def test_an_order_is_cancelled_with_a_reason(session, desk, order):
    desk.order(order, "allocate")
    assert "purchase allocations are released" in desk.open(f"/sales/orders/{order.id}/cancel/").text
    page = desk.order(order, "cancel", why="Too late")
    assert f"{order.number} is cancelled." in page.text
    assert "Too late" in page.text
    assert order.state == OrderState.cancelled
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0
