"""The screen of scheduled on-hand changes."""

from __future__ import annotations

from datetime import date
from io import BytesIO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.preorder.models import OnHandChange
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)


def test_on_hand_changes_are_entered_changed_and_deleted(session: Session, clerk: Clerk) -> None:
    product = make_product(session, sku="P-1")
    form = {"product": str(product.id), "date": "2026-12-01", "quantity": "-5", "note": "fair"}
    shown = clerk.press("/preorder/on-hand-changes/new/", **form)
    assert "P-1 on 01 Dec 2026" in shown.text
    (change,) = session.scalars(select(OnHandChange))
    assert (change.product_id, change.date, change.quantity, change.note) == (product.id, DECEMBER, -5, "fair")
    clerk.press(f"/preorder/on-hand-changes/{change.id}/edit/", **form | {"quantity": "8"})
    assert change.quantity == 8
    clerk.press(f"/preorder/on-hand-changes/{change.id}/delete/")
    assert session.scalars(select(OnHandChange)).all() == []


@pytest.mark.parametrize("quantity", ["0", "0.5", "", "x"])
def test_a_change_of_nothing_or_of_a_part_of_a_piece_is_refused(session: Session, clerk: Clerk, quantity: str) -> None:
    product = make_product(session)
    form = {"product": str(product.id), "date": "2026-12-01", "quantity": quantity, "note": ""}
    assert clerk.press("/preorder/on-hand-changes/new/", **form).status == 422
    assert session.scalars(select(OnHandChange)).all() == []


def test_the_same_change_twice_is_refused(session: Session, clerk: Clerk) -> None:
    product = make_product(session)
    form = {"product": str(product.id), "date": "2026-12-01", "quantity": "5", "note": "fair"}
    clerk.press("/preorder/on-hand-changes/new/", **form)
    assert clerk.press("/preorder/on-hand-changes/new/", **form).status == 422
    assert len(session.scalars(select(OnHandChange)).all()) == 1


def test_many_are_uploaded_as_csv(session: Session, clerk: Clerk) -> None:
    make_product(session, sku="P-1")
    assert "kind=on_hand_changes" in clerk.open("/preorder/on-hand-changes/").html
    file = (BytesIO(b"sku,date,quantity,note\nP-1,2026-12-01,5,fair\n"), "changes.csv")
    shown = clerk.press("/settings/import/", kind="on_hand_changes", file=file)
    assert "To be done: 1 on-hand change: 1 new, 0 changed." in shown.text
    assert not session.scalars(select(OnHandChange)).all()
    clerk.press("/settings/import/1/apply/")
    assert len(session.scalars(select(OnHandChange)).all()) == 1
