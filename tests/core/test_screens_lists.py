"""Lists: a fixed number of queries, a total order, and no parameter that breaks them."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import select

from erp import history
from erp.admin import list_query
from erp.admin.site import current_site
from erp.db import db
from erp.models import HistoryEntry, User
from tests.core.addresses import gated, lists
from tests.core.rows import MAKERS, make_rows
from tests.support import inventory_lots, procurement, sales

HOSTILE = (
    "?id=abc",
    "?page=-1",
    "?page=99999999999999999999",
    "?page=abc&page_size=abc&sort=abc&desc=abc",
    "?page_size=1000000&sort=-1",
    "?sort=99999999999999999999",
    "?search=%00",
    "?search=%00abc%25_%27%22%5C",
    "?search=%E2%98%83+" + "x" * 5000,
    "?flt0_0=1&flt1_1=%00&fltx_y=z&flt=1",
    "?url=//evil.example/&back=//evil.example/",
)
NUMBERS = ("99999999999999999999", "-1", "1e400", "abc", "%00", "0.00001", "9999-99-99", "0001-01-01", "9999-12-31")


def test_every_list_is_tested_here(app):
    assert {view.view_name for _, view in lists(app)} == MAKERS.keys()


@pytest.mark.parametrize("view_name", MAKERS)
def test_a_list_sends_as_many_statements_for_a_hundred_rows_as_for_one(
    app, client, session, count_statements, view_name
):
    path = f"{current_site().view(view_name).url}/"
    make_rows(session, view_name, 1)
    assert client.get(path).text.count("<tr data-href") >= 1
    with count_statements() as few:
        client.get(path)
    make_rows(session, view_name, 99)
    with count_statements() as many:
        page = client.get(f"{path}?page_size=100").text
    assert page.count("<tr data-href") == 100
    assert len(many) == len(few), [statement for statement in many if statement not in few]


def test_a_document_sends_as_many_statements_for_a_hundred_lines_as_for_one(app, client, session, count_statements):
    products = [inventory_lots.make_product(session) for _ in range(100)]
    for path, make in (
        ("/sales/orders", sales.make_order),
        ("/procurement/purchase-orders", procurement.make_purchase_order),
    ):
        counts = []
        for size in (1, 100):
            order = make(session, [(product, 2) for product in products[:size]])
            session.commit()
            for below in ("", "edit/"):
                client.get(f"{path}/{order.id}/{below}")
                with count_statements() as sent:
                    client.get(f"{path}/{order.id}/{below}")
                counts.append(len(sent))
        assert counts[:2] == counts[2:], path


def test_no_parameter_of_a_list_is_an_error(app, client):
    for path, view in list(lists(app)):
        filters = [view.get_filter_arg(index, each) for index, each in enumerate(view._filters or ())]
        numbers = ("?" + "&".join(f"flt{at}_{arg}={number}" for at, arg in enumerate(filters)) for number in NUMBERS)
        for query in (*HOSTILE, *numbers):
            status = client.get(path + query).status_code
            assert status == 200, (path + query, status)


def test_no_part_of_an_address_is_an_error(app, client):
    for path, methods, _ in list(gated(app)):
        for value in ("99999999999999999999", "9223372036854775807"):
            hostile = path.replace("/1/", f"/{value}/")
            for method in methods:
                answer = client.open(f"{hostile}?id=abc&page=-1", method=method)
                assert answer.status_code < 500, (method, hostile, answer.status_code)


def test_lookups_bound_every_parameter(app, client):
    for path, view in list(lists(app)):
        for name in view._form_ajax_refs:
            for query in ("query=a", "query=%00", "offset=-5&limit=-5", "offset=10**20&limit=99999999999999999999"):
                answer = client.get(f"{path}ajax/lookup/?name={name}&{query}")
                assert answer.status_code == 200, (path, name, query)
                assert isinstance(answer.json, list)
        assert client.get(f"{path}ajax/lookup/?name=nothing").status_code == 404


def test_every_choice_of_a_big_table_is_searched_while_typing(app):
    small = {"procurement_purchase_line_status", "erp_role", "backorder_email_template", "inventory_lots_warehouse"}
    for path, view in list(lists(app)):
        for form in (view._create_form_class, view._edit_form_class):
            with app.test_request_context(path):
                fields = list(form())
            for field in fields:
                if field.type in ("QuerySelectField", "QuerySelectMultipleField"):
                    assert field.query_factory().column_descriptions[0]["entity"].__tablename__ in small, field.name


def test_pages_show_every_row_once_in_a_total_order(app, client, session):
    for number in range(60):
        session.add(User(username=f"same{number:02}", name="same", password_hash="!"))
    session.commit()
    found = []
    for page in range(3):
        text = client.get(f"/settings/users/?search=same&page_size=25&page={page}&sort=0").text
        found += [part.split('"')[0] for part in text.split('<tr data-href="')[1:]]
    assert len(found) == len(set(found)) == 60


def test_a_page_beyond_the_last_shows_the_last(app, client, session):
    for number in range(30):
        session.add(User(username=f"user{number:02}", password_hash="!"))
    session.commit()
    text = client.get("/settings/users/?search=user&page=500").text
    assert "user29" in text and "user00" not in text


def test_a_count_stops_at_its_bound(app, client, session, monkeypatch):
    monkeypatch.setattr(list_query, "COUNT_BOUND", 50)
    session.add_all(User(username=f"user{number:02}", password_hash="!") for number in range(80))
    session.commit()
    text = client.get("/settings/users/").text
    assert "50+ users" in text
    assert client.get("/settings/users/?page=40").status_code == 200


def test_a_search_finds_related_rows_without_joining_them(app, client, session, count_statements):
    product = inventory_lots.make_product(session)
    customer = sales.make_customer(session, name="Wolverine Instruments")
    order = sales.make_draft(session, [(product, 1)], customer=customer)
    session.commit()
    with count_statements() as sent:
        text = client.get("/sales/orders/?search=wolverine").text
    assert f"/sales/orders/{order.id}/" in text
    searched = [each for each in sent if "UNION" in each or "lower" in each.lower()]
    assert searched and all("sales_customer_1" not in each or "IN (SELECT" in each for each in searched)


def test_words_of_a_search_must_all_be_found(app, client, session):
    session.add_all([User(username="anna", name="Anna Karenina", password_hash="!"),
                     User(username="bert", name="Bert Karenin", password_hash="!")])  # fmt: skip
    session.commit()
    text = client.get("/settings/users/?search=karenin+anna").text
    assert "Anna Karenina" in text and "Bert Karenin" not in text


def test_wildcards_of_sql_are_searched_for_as_they_are(app, client, session):
    session.add_all([User(username="a%b", password_hash="!"), User(username="axb", password_hash="!")])
    session.commit()
    text = client.get("/settings/users/?search=a%25b").text
    assert "a%b" in text and ">axb<" not in text


def test_filters_narrow_the_list_and_say_so(app, client, session):
    session.add_all(
        [User(username="here", password_hash="!"), User(username="gone", password_hash="!", is_active=False)]
    )
    session.commit()
    text = client.get("/settings/users/?flt0_may_sign_in_is=0").text
    assert ">gone<" in text and ">here<" not in text
    assert "erp-chip" in text


def test_a_wrong_filter_value_is_named_and_left_out(app, client):
    text = client.get("/settings/history/?flt0_id_is=abc").text
    assert "Invalid Filter Value: abc" in text


def test_an_empty_list_says_so(app, client):
    text = client.get("/sales/orders/").text
    assert "erp-empty" in text
    assert "Nothing matches" in client.get("/sales/orders/?search=zzz").text


def test_an_export_has_the_filtered_rows_and_no_formula(app, client, session):
    session.add(User(username="evil", name="=cmd|' /C calc'!A0", email="@x", password_hash="!"))
    session.commit()
    answer = client.get("/settings/users/export/csv/?search=evil")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][:3] == ["Name", "Full name", "Email"]
    assert [row[:3] for row in rows[1:]] == [["evil", "'=cmd|' /C calc'!A0", "'@x"]]


def test_html_in_a_value_is_shown_and_not_run(app, client, session):
    session.add(User(username="<script>alert(1)</script>", name='"><img src=x onerror=alert(1)>', password_hash="!"))
    session.commit()
    for path in ("/settings/users/", "/settings/users/?search=<script>alert(1)</script>"):
        text = client.get(path).text
        assert "<script>alert" not in text and "<img src=x" not in text


def test_history_is_searched_but_not_edited(app, client, session):
    history.record(
        session, history.Subject("erp.test", 7, "Blue order"), "painted", field="colour", old="red", new="blue"
    )
    session.commit()
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "painted")).one()
    assert "Painted" in client.get("/settings/history/?search=blue").text
    assert client.get(f"/settings/history/{entry.id}/").status_code == 200
    assert client.get("/settings/history/new/").status_code == 403
    assert client.get(f"/settings/history/{entry.id}/edit/").status_code == 403
    assert client.post(f"/settings/history/{entry.id}/delete/").status_code == 403


def test_no_request_keeps_a_connection(app, client):
    for path, methods, _ in list(gated(app)):
        for method in methods:
            client.open(path, method=method)
            db.session.remove()
            assert db.engine.pool.checkedout() == 0, (method, path)
