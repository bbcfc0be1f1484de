"""Saved views, chosen columns, quick filters and totals of lists."""

from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import select

from erp import saved_views
from erp.admin.declarations import column_heads
from erp.admin.site import current_site
from erp.db import commit, db
from erp.errors import NotFound
from erp.identity import BadIdentifier
from erp.list_models import ListChoice, SavedView
from erp.models import User
from erp.registry import current_registry
from tests.core.addresses import lists
from tests.support import inventory_lots, sales

# What pages compute from a timeline, or say in words, has no filter: SQL does not hold it.
COMPUTED = {
    "backorder_email.template": {"type", "used by"},
    "preorder.atp": {"atp today", "more", "atp at the horizon"},
    "preorder.demand": {
        *("ordered", "open", "on purchase orders", "incoming", "incoming, not allocated", "limit left"),
    },
    "preorder.late": {"expected", "days late", "decided by"},
    "preorder.unallocated": {"available"},
}


def save(client, **form):
    return client.post("/settings/views/save/", data={"screen": "sales.order", "query": "", **form})


def view_of(session, name):
    return session.scalars(select(SavedView).where(SavedView.name == name)).one()


def test_every_column_that_a_list_shows_has_a_filter(app):
    without = {}
    for _, view in list(lists(app)):
        given = [each for owned in current_registry().contributions.get(view.view_name, ())
                 for each in owned.thing.columns]  # fmt: skip
        shown = [label for _, label in (*view._list_columns, *column_heads([*view.computed_columns, *given]))]
        named = {str(name).lower() for name in view._filter_groups or {}}
        without[view.view_name] = {label.lower() for label in shown} - named
    assert {name: heads for name, heads in without.items() if heads} == COMPUTED


def test_every_filter_by_a_choice_can_be_used_with_each_of_its_words(app, client):
    for path, view in list(lists(app)):
        for index, each in enumerate(view._filters or ()):
            for value, _ in each.get_options(view) or ():
                address = f"{path}?flt0_{view.get_filter_arg(index, each)}={value}"
                assert client.get(address).status_code == 200, address


def test_every_quick_filter_names_a_filter(app):
    for _, view in list(lists(app)):
        for each in (*view.quick_filters, *view.contributed("quick_filters")):
            view.require_filter(each.label, each.argument, each.value)


def test_a_quick_filter_counts_its_rows_and_leads_to_them(client, session):
    product = inventory_lots.make_product(session)
    for _ in range(3):
        sales.make_draft(session, [(product, 1)])
    sales.make_order(session, [(product, 1)])
    session.commit()
    page = client.get("/sales/orders/").text
    assert re.search(r'href="([^"]+)">Draft <span class="count">3</span>', page)
    assert re.search(r'>Ready to pack <span class="count zero">0</span>', page)
    drafts = client.get("/sales/orders/?flt0_state_is=draft").text
    assert drafts.count("<tr data-href") == 3
    assert 'class="active" aria-current="true">Draft' in drafts


def test_a_quick_filter_counts_no_further_than_its_bounds(client, session, monkeypatch):
    product = inventory_lots.make_product(session)
    for _ in range(4):
        sales.make_draft(session, [(product, 1)])
    for _ in range(3):
        sales.make_order(session, [(product, 1)])
    session.commit()
    monkeypatch.setattr("erp.admin.quick_filters.MOST_COUNTED", 3)
    monkeypatch.setattr("erp.admin.quick_filters.MOST_LOOKED_AT", 2)
    page = client.get("/sales/orders/").text
    assert 'Draft <span class="count">3+</span>' in page
    assert 'Late <span class="count">0+</span>' in page
    assert 'Not covered <span class="count">2+</span>' in page
    # An index has the held lines: that there is none is certain.
    assert "Held" in page
    assert 'Held <span class="count">' not in page


def test_a_view_keeps_filters_order_and_columns(client, session):
    save(client, name="Mine", query="flt0_state_is=draft&sort=0&page=3", columns="number state")
    kept = view_of(session, "Mine")
    assert (kept.query, kept.columns) == ("flt0_state_is=draft&sort=0", "number state")
    answer = client.get(f"/sales/orders/?view={kept.id}")
    assert answer.status_code == 302
    assert answer.location.endswith(f"?flt0_state_is=draft&sort=0&view={kept.id}")
    sales.make_draft(session, [(inventory_lots.make_product(session), 1)])
    session.commit()
    page = client.get(answer.location).text
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page, re.S)
    assert [re.sub(r"<[^>]+>", "", head).strip() for head in heads] == ["Order", "State"]
    assert f"view={kept.id}" in re.search(r'title="Sort by Order"|href="([^"]+)" title="Sort by Order"', page).group(1)


def test_a_view_is_saved_again_under_its_name_in_any_case(client, session):
    save(client, name="Mine", query="flt0_state_is=draft")
    save(client, name=" mine ", query="flt0_state_is=done")
    assert [(view.name, view.query) for view in session.scalars(select(SavedView))] == [("mine", "flt0_state_is=done")]


def test_a_name_that_cannot_be_kept_is_refused_and_changes_nothing(client, session):
    for name in ("", " ", "x" * 61, "a\u200bb"):
        assert save(client, name=name).status_code == 302
        assert "alert-danger" in client.get("/sales/orders/?view=0").text
    assert session.scalar(select(SavedView.id)) is None
    with pytest.raises(BadIdentifier):
        saved_views.save_view(session, session.scalars(select(User)).first(), "sales.order", "")


def test_a_shared_view_is_offered_to_others_who_cannot_delete_it(sign_in, session):
    clerk, other = sign_in("Sales clerk"), sign_in("Auditor")
    save(clerk, name="Everybody's", shared="1")
    save(clerk, name="Own")
    page = other.get("/sales/orders/?view=0").text
    assert "Everybody&#39;s" in page
    assert ">Own<" not in page
    view = view_of(session, "Everybody's")
    other.post(f"/settings/views/{view.id}/delete/", data={"screen": "sales.order"})
    assert "There is no view of yours" in other.get("/sales/orders/?view=0").text
    clerk.post(f"/settings/views/{view.id}/delete/", data={"screen": "sales.order"})
    session.expire_all()
    assert [view.name for view in session.scalars(select(SavedView))] == ["Own"]


def test_a_list_opens_with_the_view_that_a_user_chose_until_it_is_deleted(client, session):
    save(client, name="Drafts", query="flt0_state_is=draft", default="1")
    view = view_of(session, "Drafts")
    assert client.get("/sales/orders/").location.endswith(f"?flt0_state_is=draft&view={view.id}")
    assert client.get("/sales/orders/?view=0").status_code == 200
    client.post("/settings/views/default/", data={"screen": "sales.order", "view": ""})
    assert client.get("/sales/orders/").status_code == 200
    client.post("/settings/views/default/", data={"screen": "sales.order", "view": view.id})
    client.post(f"/settings/views/{view.id}/delete/", data={"screen": "sales.order"})
    assert client.get("/sales/orders/").status_code == 200


def test_a_view_of_a_list_that_the_user_may_not_see_is_not_there(sign_in):
    auditor = sign_in("Auditor")
    for path in ("save/", "1/delete/", "default/", "columns/"):
        assert auditor.post(f"/settings/views/{path}", data={"screen": "erp.user", "name": "x"}).status_code == 404
        assert auditor.post(f"/settings/views/{path}", data={"screen": "nothing", "name": "x"}).status_code == 404


def test_a_user_who_may_not_share_views_keeps_their_own(sign_in, session):
    clerk = sign_in("Sales clerk")
    for role in session.scalars(select(User).where(User.username == "sales-clerk")).one().roles:
        role.rights = [right for right in role.rights if right.permission != "erp.share_views"]
    session.commit()
    assert save(clerk, name="Shared", shared="1").status_code == 403
    assert save(clerk, name="Own").status_code == 302
    assert "Share it with everybody" not in clerk.get("/sales/orders/?view=0").text


def test_chosen_columns_are_kept_for_the_user_and_the_list(client, session):
    sales.make_draft(session, [(inventory_lots.make_product(session), 1)])
    session.commit()
    chosen = {"screen": "sales.order", "column": ["fulfilment", "note", "nothing"]}
    client.post("/settings/views/columns/", data=chosen)
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', client.get("/sales/orders/").text, re.S)
    assert [re.sub(r"<[^>]+>", "", head).strip() for head in heads] == ["Order", "Fulfilment", "Note"]
    backorders = client.get("/sales/backorders/").text
    assert 'name="column" value="state" checked' in backorders
    client.post("/settings/views/columns/", data={"screen": "sales.order", "reset": "1"})
    page = client.get("/sales/orders/").text
    assert len(re.findall(r'<th scope="col"', page)) == len(current_site().view("sales.order").column_list) + 1


def test_the_foot_of_a_list_has_the_totals_of_what_is_filtered(client, session):
    product, other = (inventory_lots.make_product(session, unit_decimals=2) for _ in range(2))
    for quantity in ("1.5", "2.25"):
        inventory_lots.make_stock(session, product, quantity)
    inventory_lots.make_stock(session, other, 100)
    session.commit()
    page = client.get(f"/inventory/stock/?flt0_sku_is={product.sku}").text
    assert re.findall(r'data-total="([^"]+)"', page) == ["3.75", "0"]
    assert re.findall(r'data-exact="([^"]+)"', page)[0] in ("1.5", "2.25")


def test_two_who_save_a_view_or_choose_columns_at_once_leave_one_row(app, session):
    user_id = session.scalars(select(User.id)).first()
    session.rollback()
    problems = []

    def choose(number):
        with app.app_context():
            try:

                def work(session):
                    user = session.get_one(User, user_id)
                    saved_views.save_view(session, user, "sales.order", "Same", query=f"sort={number}")
                    saved_views.choose_columns(session, user, "sales.order", [f"c{number}"])

                commit(work)
            except Exception as error:  # the thread's failure is the test's
                problems.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=choose, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(session.scalars(select(SavedView)).all()) == len(session.scalars(select(ListChoice)).all()) == 1


def test_a_default_is_a_view_that_is_offered(session):
    user = session.scalars(select(User)).first()
    with pytest.raises(NotFound):
        saved_views.choose_default(session, user, "sales.order", 99)
