"""Rights on the screens of sales: each role presses and sees its own buttons alone."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from modules.sales import services
from modules.sales.models import Backorder, Order
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_draft, make_order

pytestmark = pytest.mark.usefixtures("by_hand")


@pytest.fixture
def product(session):
    """Ten pieces in one lot."""
    product = make_product(session, sku="BOLT")
    make_stock(session, product, 10, lot="L1")
    return product


def allocated(session, lines):
    """Return a confirmed order that was allocated by hand."""
    order = make_order(session, lines)
    services.allocate_order(session, order.id)
    session.commit()
    return order


def packed(session):
    """Return the id of a pack of another product."""
    product = make_product(session)
    make_stock(session, product, 1)
    (pack,) = services.pack_order(session, allocated(session, [(product, 1)]).id)
    session.commit()
    return pack.id


def count(session, model):
    return session.scalar(select(func.count()).select_from(model))


EVERY_ROLE = ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")


@pytest.mark.parametrize(
    ("press", "may"),
    [
        ("/sales/orders/{draft}/confirm/", {"Sales clerk"}),
        ("/sales/orders/{order}/allocate/", {"Sales clerk"}),
        ("/sales/orders/{order}/pack/", {"Sales clerk", "Warehouse clerk"}),
        ("/sales/packs/{pack}/reverse/", {"Sales clerk", "Warehouse clerk"}),
        ("/sales/orders/{order}/remove-allocations/", {"Sales clerk"}),
        ("/sales/orders/{order}/add-lines/", {"Sales clerk"}),
        ("/sales/orders/{order}/cancel/", {"Sales clerk"}),
        ("/sales/orders/{order}/lines/{line}/change-quantity/", {"Sales clerk"}),
        ("/sales/orders/{order}/lines/{line}/cancel/", {"Sales clerk"}),
        ("/sales/orders/new/", {"Sales clerk"}),
        ("/sales/orders/{draft}/edit/", {"Sales clerk"}),
        ("/sales/customers/new/", {"Sales clerk"}),
        ("/sales/backorders/{backorder}/cancel/", {"Sales clerk"}),
        ("/sales/backorders/{backorder}/drop/", {"Sales clerk"}),
        ("/sales/book/preview/", {"Sales clerk"}),
        ("/sales/book/apply/", {"Sales clerk"}),
    ],
)
def test_a_button_works_for_those_who_may_press_it_alone(session, desk_of, product, press, may):
    order = allocated(session, [(product, 12)])
    draft = make_draft(session, [(product, 1)])
    ids = {"order": order.id, "draft": draft.id, "line": order.lines[0].id}
    ids["backorder"] = session.scalars(select(Backorder.id)).one()
    ids["pack"] = packed(session)
    before = (draft.state, order.lines[0].allocated, count(session, Order), count(session, Backorder))
    for role in EVERY_ROLE:
        if role not in may:
            assert desk_of(role).press(press.format(**ids)).status == 403
    session.expire_all()
    assert (draft.state, order.lines[0].allocated, count(session, Order), count(session, Backorder)) == before
    assert desk_of(sorted(may)[0]).press(press.format(**ids)).status != 403


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_every_role_reads_and_sees_only_the_buttons_it_may_press(session, desk_of, product, role):
    order = allocated(session, [(product, 3)])
    page = desk_of(role).order(order)
    assert page.status == 200
    buttons = {
        "Sales clerk": {"Allocate Order", "Pack Allocated Order", "Scan and Pack", "Remove Allocation Lines", "Edit"},
        "Warehouse clerk": {"Pack Allocated Order", "Scan and Pack"},
    }.get(role, set())
    assert set(page.buttons) - {"Add lines", "Cancel order"} == buttons | {"Pick list"}
    for url in ("/sales/orders/", "/sales/customers/", "/sales/backorders/", "/sales/packs/"):
        assert desk_of(role).open(url).status == 200


def test_nobody_reads_without_signing_in(app, session, product):
    order = make_order(session, [(product, 1)])
    answer = app.test_client().get(f"/sales/orders/{order.id}/")
    assert answer.status_code == 302
    assert "/login" in answer.location
