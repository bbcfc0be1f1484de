"""Every page that changes something carries the version of what its change depends on, or says why it needs none."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64encode
from html import unescape

import pytest
from sqlalchemy import func, select

from erp.admin import Action, Choose, FormPage, ListAction, Screen
from erp.admin.action_pages import ActionPage
from erp.admin.site import current_site
from erp.db import db, is_reading
from erp.models import FormToken
from modules.sales.models import Customer
from tests.core.rows import MAKERS, make_rows
from tests.support import sales
from tests.support.forms import form_in

OWN_FORMS = {"create_view", "edit_view", "delete_view", "action_view", "document_action", "line_action", "ajax_update"}


def screens():
    return [view for view in current_site()._views if isinstance(view, Screen)]


def actions(view):
    """Return the actions of a screen and of its lines, with those of other modules."""
    own = [*view.actions, *view.contributed("actions")]
    return [*own, *getattr(view, "line_actions", ()), *view.contributed("line_actions")]


def declares(action):
    """Say whether an action declares what it depends on, or says why it needs no version."""
    if isinstance(action, ListAction) or action.run is not None:
        return bool(action.depends_on) != bool(action.needs_no_version)
    return not isinstance(action.page, ActionPage) or page_declares(action.page)


def page_declares(page):
    names = ("depends_on", "depends_on_rows", "depends_on_row")
    bases = (ActionPage, FormPage, Choose)
    own = any(name in vars(kind) for kind in type(page).__mro__ if kind not in bases for name in names)
    return own != bool(page.needs_no_version)


def test_every_action_declares_what_it_depends_on_or_why_it_needs_no_version(app):
    silent = [f"{view.view_name}: {action.name}" for view in screens() for action in actions(view)
              if not declares(action)]  # fmt: skip
    assert silent == []


def test_every_action_on_ticked_rows_declares_what_it_depends_on(app):
    listed = [(view.view_name, action) for view in screens() for action in view.all_list_actions()]
    assert listed
    assert [(name, action.name) for name, action in listed if not declares(action)] == []


# What no version can guard: a file says itself what is wanted and is checked again, a preview changes nothing, and the
# whole book and a rebalance compare the fingerprint of their plan; a saved view is nobody's but the user's.
NEED_NONE = {
    ("erp.import", "index_view"),
    ("erp.import", "choose_view"),
    ("erp.import", "columns_view"),
    ("erp.import", "make_view"),
    ("erp.import", "apply_view"),
    ("erp.option", "import_ini"),
    ("erp.saved_view", "save_view"),
    ("erp.saved_view", "remove_view"),
    ("erp.saved_view", "default_view"),
    ("erp.saved_view", "columns_view"),
    ("preorder.atp", "hint_view"),
    ("preorder.atp", "what_if_view"),
    ("preorder.rebalance", "apply_view"),
    ("sales.book", "preview_view"),
    ("sales.book", "apply_view"),
}
OPENED_SINCE = {
    "erp.job": "/settings/jobs/allocate-backorders/pause/",
    "erp.module": "/settings/modules/backorder_email/disable/",
    "erp.option": "/settings/options/?section=sales",
    "backorder_email.message": "/emails/pending/sending/",
}


def test_every_other_address_that_takes_a_post_carries_a_version_or_says_why_it_needs_none(app, client):
    views = {view.endpoint: view for view in current_site()._views}
    posts = [rule.endpoint.partition(".") for rule in app.url_map.iter_rules() if "POST" in rule.methods]
    others = {(views[name], method) for name, _, method in posts if name in views and method not in OWN_FORMS}
    without = {(view.view_name, method) for view, method in others if method in view.needs_no_version}
    assert without == NEED_NONE
    assert {view.view_name for view, method in others if method not in view.needs_no_version} == OPENED_SINCE.keys()


@pytest.mark.parametrize("name", OPENED_SINCE)
def test_every_other_page_is_refused_when_what_it_depends_on_has_changed(client, name):
    nothing_of_now = {"": {"something": "else"}, "sales.allocate_every": {"sales.allocate_every": "1 min"}}
    form = {"page_version": packed(json.dumps(nothing_of_now)), "start": "1", "sales.allocate_every": "2 min"}
    answer = client.post(OPENED_SINCE[name], data=form)
    assert answer.status_code == 409
    assert "when this page was opened" in unescape(answer.text)


@pytest.mark.parametrize(("action", "is_fine"), [
    (Action(name="a", label="A", permission="", run=lambda *_: ""), False),
    (Action(name="a", label="A", permission="", run=lambda *_: "", depends_on=lambda *_: {}), True),
    (Action(name="a", label="A", permission="", run=lambda *_: "", needs_no_version="It only counts."), True),
    (Action(name="a", label="A", permission="", page=FormPage()), False),
    (Action(name="a", label="A", permission="", page=lambda *_: ""), True),
])  # fmt: skip
def test_an_action_that_declares_nothing_is_found(action, is_fine):
    assert declares(action) == is_fine
    assert not declares(ListAction(name="a", label="A", permission="", run=lambda *_: ""))


def test_every_form_for_a_new_row_carries_a_one_time_token(app, client):
    for view in (view for view in screens() if view.can_create):
        page = client.get(f"{view.url}/new/").text
        assert len(form_in(page)["form_token"]) > 20, view.view_name


def test_every_form_for_a_row_and_every_page_of_an_action_carries_its_version(app, client, session):
    seen = 0
    for view in screens():
        make_rows(session, view.view_name, 1) if view.view_name in MAKERS else None
        row = session.get(view.model, session.scalar(select(func.max(view.model.id))))
        pages = [f"{view.url}/{row.id}/edit/"] if view.can_edit else []
        # A what-if only asks; the page with its answer writes, and is tested with it.
        acting = [action for action in (*view.actions, *view.contributed("actions")) if action.name != "what-if"]
        pages += [
            f"{view.url}/{row.id}/{action.name}/"
            for action in acting
            if isinstance(action.page, ActionPage) and action.allowed(row)
        ]
        for address in pages:
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert "page_version" in form_in(answer.text), address
            seen += 1
    assert seen > 15


def test_a_page_that_only_shows_takes_no_post(app, client, session):
    template = MAKERS["backorder_email.template"](session)
    session.commit()
    address = f"/emails/templates/{template.id}/preview/"
    assert (client.get(address).status_code, client.post(address).status_code) == (200, 405)


# New rows are made once


@pytest.fixture
def new_customer(client):
    """What a browser sends from the form for a new customer."""
    return form_in(client.get("/sales/customers/new/").text) | {"code": "ALFKI", "name": "Alfreds"}


def test_a_form_for_a_new_row_that_is_sent_twice_is_saved_once(client, session, new_customer):
    first, second = (client.post("/sales/customers/new/", data=new_customer) for _ in range(2))
    assert first.status_code == second.status_code == 302
    assert first.location == second.location == f"/sales/customers/{session.scalars(select(Customer.id)).one()}/"
    assert "The form was sent twice, and saved once." in client.get(second.location).text
    assert session.scalars(select(FormToken.document)).all() == ["sales.customer"]


def test_a_form_that_was_refused_can_be_sent_again(client, session, new_customer):
    sales.make_customer(session, code="ALFKI")
    session.commit()
    refused = client.post("/sales/customers/new/", data=new_customer)
    assert refused.status_code == 422
    again = form_in(refused.text) | {"code": "ALFK2"}
    assert again["form_token"] == new_customer["form_token"]
    assert client.post("/sales/customers/new/", data=again).status_code == 302
    assert session.scalar(select(func.count()).select_from(Customer)) == 2


def test_a_form_whose_row_was_deleted_since_makes_it_no_second_time(client, session, new_customer):
    made = client.post("/sales/customers/new/", data=new_customer).location
    client.post(f"{made}delete/")
    answer = client.post("/sales/customers/new/", data=new_customer)
    assert answer.location == "/sales/customers/"
    assert "This form was sent before and was done once." in client.get(answer.location).text
    assert session.scalar(select(func.count()).select_from(Customer)) == 0


def test_each_form_has_a_token_of_its_own(client, session, new_customer):
    client.post("/sales/customers/new/", data=new_customer)
    other = form_in(client.get("/sales/customers/new/").text) | {"code": "BLAUS", "name": "Blauer See"}
    assert client.post("/sales/customers/new/", data=other).status_code == 302
    assert session.scalars(select(Customer.code).order_by(Customer.code)).all() == ["ALFKI", "BLAUS"]


# Edits say what has changed


def test_the_later_of_two_edits_hears_what_has_changed_and_keeps_what_was_typed(client, session):
    customer = sales.make_customer(session, code="ALFKI", name="Alfreds")
    session.commit()
    address = f"/sales/customers/{customer.id}/edit/"
    one, two = (form_in(client.get(address).text) for _ in range(2))
    assert client.post(address, data=one | {"name": "First"}).status_code == 302
    late = client.post(address, data=two | {"name": "Second"})
    assert late.status_code == 409
    assert "Name is now First, was Alfreds when this page was opened" in late.text
    assert form_in(late.text)["name"] == "Second"
    assert client.post(address, data=form_in(late.text)).status_code == 302
    assert session.get(Customer, customer.id).name == "Second"


def test_a_row_that_was_changed_since_its_page_was_opened_is_not_deleted(client, session):
    customer = sales.make_customer(session, code="ALFKI", name="Alfreds")
    session.commit()
    address = f"/sales/customers/{customer.id}/"
    opened = form_in(client.get(address).text, f"{address}delete/")
    edit = form_in(client.get(f"{address}edit/").text)
    client.post(f"{address}edit/", data=edit | {"name": "First"})
    assert client.post(f"{address}delete/", data=opened).status_code == 409
    assert session.get(Customer, customer.id).name == "First"


def packed(text):
    return urlsafe_b64encode(zlib.compress(text.encode())).decode()


@pytest.mark.parametrize(
    "version", ["{", "é", "AAAA", *map(packed, ("{", "[]", '{"": 3}', "[" * 50_000, '{"": {"Name": ["x"]}}'))]
)
def test_a_version_that_no_page_ever_had_is_refused(client, session, version):
    customer = sales.make_customer(session, code="ALFKI", name="Alfreds")
    session.commit()
    form = {"code": "ALFKI", "name": "Second", "page_version": version}
    assert client.post(f"/sales/customers/{customer.id}/edit/", data=form).status_code == 409
    assert session.get(Customer, customer.id).name == "Alfreds"


# Locks


def test_no_lock_is_held_while_a_body_is_read_or_a_page_is_rendered(
    app, client, session, monkeypatch, count_statements
):
    seen = []
    render = Screen.render

    def noted(self, template, **more):
        seen.append(is_reading())
        return render(self, template, **more)

    monkeypatch.setattr(Screen, "render", noted)
    address = f"/sales/customers/{sales.make_customer(session, code='ALFKI', name='Alfreds').id}/edit/"
    session.commit()
    with count_statements() as sent:
        for form in ({"code": "", "name": ""}, {"code": "ALFKI", "name": "A", "row_version": "99"}):
            client.post(address, data=form)
    assert len(seen) == 2 and all(seen)
    if db.engine.dialect.name == "sqlite":
        assert "BEGIN DEFERRED" in sent[0]
