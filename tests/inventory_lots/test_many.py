"""Many products, lots or balances at once: shown row by row before, done after, in a fixed number of statements."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import select

from erp.db import commit
from erp.models import HistoryEntry
from modules.inventory_lots import services
from modules.inventory_lots.errors import ActiveUnchanged, HoldUnchanged, NothingToRelease
from modules.inventory_lots.models import Lot, Product
from tests.support.concurrency import together
from tests.support.forms import form_in
from tests.support.inventory_lots import make_product, make_stock


def refused(refusals):
    return {id_: type(error) for id_, error in refusals.items()}


def words(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def press(client, url, action, rows, **fields):
    """Open a list, tick rows and press a button above them."""
    opened = form_in(client.get(url).text, f"{url}action/")
    ids = [row.id for row in rows]
    return client.post(f"{url}action/", data={**opened, "action": action, "rowid": ids, **fields})


def test_the_list_shows_what_deactivating_does_and_then_does_it(client, session):
    bolt, nut = make_product(session, sku="BOLT"), make_product(session, sku="NUT")
    nut.is_active = False
    session.commit()
    shown = words(press(client, "/inventory/products/", "deactivate", [bolt, nut]))
    assert "1 would change" in shown
    assert "cannot be put on new orders; its stock and its orders stay" in shown
    assert "NUT is not active." in shown
    assert session.get_one(Product, bolt.id).is_active
    done = words(press(client, "/inventory/products/", "deactivate", [bolt, nut], go="1"))
    assert "1 done" in done
    assert "1 not done" in done
    session.expire_all()
    assert not bolt.is_active
    assert refused(commit(lambda session: services.set_active(session, [bolt.id], False))) == {bolt.id: ActiveUnchanged}


def test_ticked_lots_are_held_with_one_reason_and_released(client, session, allocate_for):
    balances = [make_stock(session, make_product(session), 10, lot=f"L{number}") for number in range(3)]
    allocate_for("SO1", balances[0], 3)
    commit(lambda session: services.hold_lot(session, balances[2].lot_id))
    lots = [balance.lot for balance in balances]
    shown = words(press(client, "/inventory/lots/", "hold", lots, go="1", reason="Recall"))
    assert "on hold: none of the 10 on hand is allocated or packed; 3 stay allocated on it" in shown
    assert "Lot L2 is on hold already." in shown
    session.expire_all()
    assert [lot.on_hold for lot in lots] == [True] * 3
    whys = select(HistoryEntry.why).where(HistoryEntry.document == "inventory_lots.lot", HistoryEntry.why != "")
    assert session.scalars(whys).all() == ["Recall", "Recall"]
    ids = [lot.id for lot in lots]
    assert commit(lambda session: services.hold_lots(session, ids, False)) == {}
    assert refused(commit(lambda session: services.hold_lots(session, ids, False))) == dict.fromkeys(ids, HoldUnchanged)


def test_allocations_of_ticked_stock_are_released_where_it_may_not_leave(client, session, allocate_for, queue_holder):
    held, usable = (make_stock(session, make_product(session), 10, lot=lot) for lot in ("L1", "L2"))
    allocate_for("SO1", held, 3)
    allocate_for("SO2", usable, 4)
    commit(lambda session: services.hold_lot(session, held.lot_id))
    shown = words(press(client, "/inventory/stock/", "release", [held, usable], go="1"))
    assert "3 released: 3 of SO1" in shown
    assert "has no allocation on stock that is on hold, expired or in quarantine." in shown
    session.expire_all()
    assert (held.allocated, usable.allocated) == (0, 4)
    again = commit(lambda session: services.release_unusable(session, [held.id]))
    assert refused(again) == {held.id: NothingToRelease}


@pytest.mark.parametrize("verb", [services.hold_lots, services.set_active])
def test_a_hundred_need_as_many_statements_as_two(session, count_statements, verb):
    balances = [make_stock(session, make_product(session), 1) for _ in range(12)]
    session.commit()
    ids = [balance.lot_id if verb is services.hold_lots else balance.product_id for balance in balances]
    counts = []
    for some in (ids[:2], ids[2:4], ids[4:]):
        with count_statements() as sent:
            commit(lambda session, some=some: verb(session, some, verb is services.hold_lots))
        counts.append(len(sent))
    assert counts[1] == counts[2]


def test_two_who_hold_the_same_lots_at_once_hold_each_once(app, session):
    balances = [make_stock(session, make_product(session), 1) for _ in range(3)]
    session.commit()
    ids = [balance.lot_id for balance in balances]
    session.rollback()

    def hold(session):
        return len(services.hold_lots(session, ids, True))

    assert sorted(together(app, hold, hold)) == [0, 3]
    session.expire_all()
    assert all(session.scalars(select(Lot.on_hold).where(Lot.id.in_(ids))))
