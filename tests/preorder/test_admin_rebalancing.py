"""The screen that previews and applies a rebalance, and its offer on a purchase order."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.procurement.models import PurchaseOrder
from modules.procurement.services import set_expected_dates
from modules.sales.models import Order
from modules.sales.services import allocate_order
from tests.preorder.conftest import Clerk
from tests.support.backorder_email import make_template
from tests.support.inventory_lots import make_product
from tests.support.preorder import purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

URL = "/preorder/rebalance/"
DECEMBER, JANUARY, MARCH = date(2026, 12, 1), date(2027, 1, 10), date(2027, 3, 1)
SetOption = Callable[[str, str], None]


@pytest.fixture
def orders(session: Session, partial: None, product: Product, set_option: SetOption) -> list[Order]:
    """Orders of Ada and Ben, with goods of March, and of Cleo, served before her turn with those of December."""
    set_option("preorder.rebalance", "manual")
    set_option("sales.allocate_on_confirm", "no")
    found = [
        make_order(session, [(product, quantity)], number=f"SO-{name}", customer=make_customer(session, name=name))
        for name, quantity in (("Ada", 5), ("Ben", 5), ("Cleo", 3))
    ]
    make_purchase_order(session, [(product, 10, MARCH)], number="PO-M")
    for order in found[:2]:
        allocate_order(session, order.id)
    make_purchase_order(session, [(product, 3, DECEMBER)], number="PO-D")
    allocate_order(session, found[2].id)
    session.commit()
    return found


@pytest.fixture
def january(session: Session, orders: list[Order], product: Product) -> PurchaseOrder:
    """Four pumps that come in January, which nobody has."""
    purchase = make_purchase_order(session, [(product, 4, JANUARY)], number="PO-J")
    session.commit()
    return purchase


def form(html: str) -> dict[str, Any]:
    """Return the hidden fields of the form that applies a preview."""
    fields = re.findall(
        r'<input type="hidden" name="(sku|tick|fingerprint)" value="([^"]*)">', html.split("/apply/")[1]
    )
    return {name: [value for key, value in fields if key == name] for name, _ in fields[:3]}


def days_of(session: Session, order: Order) -> list[date | None]:
    """Return the days on which an order's goods come, the earliest first."""
    session.expire_all()
    rows = purchase_allocations_of(session, order.lines[0])
    return sorted(row.purchase_line.expected_on for row in rows)  # type: ignore[type-var]


def test_the_preview_shows_who_gains_and_is_applied_as_shown(
    session: Session, clerk: Clerk, orders: list[Order], january: PurchaseOrder
) -> None:
    shown = clerk.open(URL)
    ((order, customer, sku, exchange, now, then, promised, mark),) = shown.rows("moves")
    assert (order, customer, sku, mark) == ("SO-Ada/1", "Ada", "P-1", "Gains")
    assert exchange == "4 of PO-J/1 for PO-M/1, 50 days earlier"
    assert (now, then, promised) == ("01 Mar 2027", "01 Mar 2027", "01 Mar 2027")
    assert "Nobody is notified" in shown.text
    done = clerk.press(f"{URL}apply/", **form(shown.html))
    assert "1 line exchanged supply as previewed." in done.text
    assert days_of(session, orders[0]) == [JANUARY, MARCH]
    assert "no line would gain a day" in done.text


def test_a_ticked_line_loses_what_an_earlier_one_gains(session: Session, clerk: Clerk, orders: list[Order]) -> None:
    assert clerk.open(URL).rows("moves") == []
    shown = clerk.open(URL, sku="p-1")
    ((_, order, customer, has, promised),) = shown.rows("candidates")
    assert (order, customer, has, promised) == ("SO-Cleo/1", "Cleo", "3 on 01 Dec 2026 from PO-D", "01 Dec 2026")
    shown = clerk.open(URL, sku="P-1", tick=str(orders[2].lines[0].id))
    assert [(row[1], row[4:6], row[7]) for row in shown.rows("moves")] == [
        ("Ada", ["01 Mar 2027", "01 Mar 2027"], "Gains"),
        ("Cleo", ["01 Dec 2026", "01 Mar 2027"], "Loses"),
    ]
    assert clerk.press(f"{URL}apply/", **form(shown.html)).status == 200
    assert (days_of(session, orders[0]), days_of(session, orders[2])) == ([DECEMBER, MARCH], [MARCH])


def test_what_has_changed_since_the_preview_is_refused_and_shown_again(
    session: Session, clerk: Clerk, orders: list[Order], january: PurchaseOrder
) -> None:
    fields = form(clerk.open(URL).html)
    set_expected_dates(session, {january.lines[0].id: date(2027, 1, 20)})
    session.commit()
    refused = clerk.press(f"{URL}apply/", **fields)
    assert refused.status == 409
    assert "has changed since this preview" in refused.text
    assert "40 days earlier" in refused.rows("moves")[0][3]
    assert days_of(session, orders[0]) == [MARCH]


def test_two_clerks_apply_the_same_preview_and_the_second_is_refused(
    session: Session, clerk: Clerk, orders: list[Order], january: PurchaseOrder
) -> None:
    fields = form(clerk.open(URL).html)
    assert [clerk.press(f"{URL}apply/", **fields).status for _ in range(2)] == [200, 409]
    assert days_of(session, orders[0]) == [JANUARY, MARCH]


@pytest.mark.needs("backorder_email")
def test_it_counts_the_customers_notified_where_promises_are_synced(
    session: Session, clerk: Clerk, orders: list[Order], product: Product, set_option: SetOption
) -> None:
    set_option("preorder.sync_dates", "auto")
    make_purchase_order(session, [(product, 5, JANUARY)], number="PO-J")
    assert "no template is chosen" in clerk.open(URL).text
    make_template(session, name="New date")
    set_option("backorder_email.date_template", "New date")
    assert "1 customer would be notified with the template New date" in clerk.open(URL).text


def test_a_purchase_order_offers_the_rebalance_of_its_products(
    session: Session, clerk: Clerk, orders: list[Order], january: PurchaseOrder
) -> None:
    page = f"/procurement/purchase-orders/{january.id}/"
    assert f'href="{URL}?sku=P-1"' in clerk.open(page).html
    fields = form(clerk.open(URL).html)
    clerk.press(f"{URL}apply/", **fields)
    assert "would get their goods earlier" not in clerk.open(page).text


def test_a_purchase_order_of_many_products_offers_what_the_first_of_them_would_gain(
    session: Session, clerk: Clerk, orders: list[Order], product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modules.preorder.admin.rebalancing.MOST_OFFERED", 1)
    first, second = ([product, make_product(session)] for _ in range(2))
    gaining, others = (
        make_purchase_order(session, [(each, 5, JANUARY) for each in products])
        for products in (first, reversed(second))
    )
    page = clerk.open(f"/procurement/purchase-orders/{gaining.id}/")
    assert f'href="{URL}?sku=P-1"' in page.html
    assert "Only the first 1 products were looked at. All products" in page.text
    assert "would get their goods earlier" not in clerk.open(f"/procurement/purchase-orders/{others.id}/").text


def test_who_may_only_view_previews_and_does_not_apply(
    session: Session, clerk_as: Callable[[str], Clerk], orders: list[Order], january: PurchaseOrder
) -> None:
    auditor = clerk_as("Auditor")
    assert "Apply exactly this" not in auditor.open(URL).html
    assert auditor.press(f"{URL}apply/").status == 403


def test_an_unknown_product_is_named(clerk: Clerk) -> None:
    assert "There is no product P-9." in clerk.open(URL, sku="P-9").text
