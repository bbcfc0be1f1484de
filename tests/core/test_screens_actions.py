"""Actions, the pages of actions, and what another module adds to a screen."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from flask import url_for
from sqlalchemy import select
from wtforms import BooleanField, Form

from erp import sessions
from erp.admin import (
    Action,
    ActionNotes,
    Badge,
    Choose,
    ExtraColumn,
    ExtraField,
    FormPage,
    Panel,
    QuantityField,
    Result,
    Screen,
)
from erp.admin.formatting import quantity
from erp.db import commit, db
from erp.errors import InvalidTransition
from erp.manifest import Permission
from erp.models import Role, User
from erp.registry import current_registry
from erp.text import Note
from tests.conftest import OtherProcessClient
from tests.core.small import make_module


class TakeBack(Choose):
    """Chooses among roles."""

    title = "Take back"
    button = "Take"
    columns = (("Name", "name"), ("Administrator", "is_administrator"))
    quantity_label = "How many"

    class form_class(Form):
        """One tick."""

        hold = BooleanField("Hold", default=True)

    def rows(self, session, row):
        return session.scalars(select(Role).order_by(Role.name)).all()

    def quantity(self, item):
        return Decimal(5)

    def can_tick(self, item):
        return not item.is_administrator

    def do(self, session, row, chosen, form):
        if any(each.quantity == 4 for each in chosen):
            raise InvalidTransition(state="closed", action="take")
        return f"{', '.join(f'{each.row.name} {quantity(each.quantity)}' for each in chosen)} hold={form.hold.data}."


class Ask(FormPage):
    """Asks for an amount."""

    name = "ask"
    title = "Ask"

    class form_class(Form):
        """One number."""

        amount = QuantityField("Amount", minimum=Decimal(1))

    def prefill(self, session, row, form):
        form.amount.data = Decimal("2.5000")

    def do(self, session, row, form):
        row.email = f"{quantity(form.amount.data)}@example.org"
        return "Asked."


def _refuse(session, user):
    user.name = "half done"
    session.flush()
    raise InvalidTransition(state="closed", action="finish_it")


def _say(session, user):
    return Result("This is what happened.", "erp/settings/password_result.html", {"password": "shown once"})


class UserScreen(Screen):
    """A screen of users with an action of each kind."""

    model = User
    view_name = "shop.user"
    title = "Users"
    noun = "user"
    url = "/shop/users"
    edit_permission = "shop.edit"
    column_list = ("username", "name")
    column_searchable_list = ("username",)
    form_columns = ("name",)
    actions = (
        Action(
            name="greet", label="Greet", permission="shop.greet", run=lambda session, user: f"Hello {user.username}."
        ),
        Action(name="show", label="Show", permission="shop.view", run=_say, confirm="Really?", yes="Yes", no="No"),
        Action(name="refuse", label="Refuse", permission="shop.view", run=_refuse, style="danger"),
        Action(name="never", label="Never", permission="shop.view", run=_say, allowed=lambda user: False),
        Action(name="take", label="Take back", permission="shop.view", page=TakeBack(), style="primary"),
        Action(name="ask", label="Ask", permission="shop.view", page=Ask()),
    )

    def badges(self, row):
        return (Badge("on hold", "warning"),)


def _names(session, rows):
    return {row.id: f"<b>{row.username}</b>" for row in rows}


def _shop(core):
    core.add_view(UserScreen, menu="Shop", permission="shop.view")


def _extra(core):
    core.extend_view(
        "shop.user",
        columns=(ExtraColumn("shout", "Shout", _names),),
        panels=(
            Panel("Extra panel", "erp/settings/password_result.html", lambda session, row: {"password": "in a panel"}),
        ),
        actions=(
            Action(name="extra", label="Extra action", permission="shop.view", run=lambda session, row: "Extra."),
        ),
        notes=(ActionNotes("Gossip", _gossip),),
        fields=(ExtraField("nick", lambda: QuantityField("Lucky number"), _read_nick, _write_nick),),
    )


def _gossip(session, row, names):
    return [Note(name, f"{row.name} hears of it.") for name in sorted(names)]


def _read_nick(session, row):
    return None if row is None or not row.email else Decimal(row.email)


def _write_nick(session, row, value):
    row.email = quantity(value)


@pytest.fixture
def shop(small_app):
    """An application with a made-up module and another one that adds to it."""
    rights = tuple(Permission(f"shop.{verb}", verb, roles) for verb, roles in (
        ("view", ("Auditor", "Sales clerk")), ("edit", ("Sales clerk",)), ("greet", ("Sales clerk",))
    ))  # fmt: skip
    app = small_app(make_module("shop", setup=_shop, permissions=rights), make_module("plus", "shop", setup=_extra))
    app.config["WTF_CSRF_ENABLED"] = False
    app.test_client_class = OtherProcessClient
    return app


@pytest.fixture
def account(shop):
    session = db.session()
    for name in ("clerk", "auditor"):
        role = "Sales clerk" if name == "clerk" else "Auditor"
        roles = session.scalars(select(Role).where(Role.name == role)).all()
        session.add(User(username=name, password_hash="!", roles=roles))
    session.commit()
    return session.scalars(select(User).where(User.username == "clerk")).one()


@pytest.fixture
def clerk(shop, account):
    return signed_in(shop, "clerk")


def signed_in(app, username):
    user = db.session.scalars(select(User).where(User.username == username)).one()
    user_id = sessions.start(db.session(), user, place="", device="").get_id()
    db.session.commit()
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie["_user_id"] = user_id
    return browser


PAGE = "/shop/users/1/"


def test_an_action_runs_and_says_so(clerk):
    answer = clerk.post(f"{PAGE}greet/")
    assert answer.location == PAGE
    assert "Hello clerk." in clerk.get(PAGE).text


def test_an_action_is_not_run_by_a_get_request(clerk):
    assert clerk.get(f"{PAGE}greet/").location == PAGE
    assert "Hello clerk." not in clerk.get(PAGE).text


def test_an_action_is_shown_only_with_its_right_and_asks_for_it_again(shop, clerk):
    auditor = signed_in(shop, "auditor")
    assert "Greet" in clerk.get(PAGE).text and "Greet" not in auditor.get(PAGE).text
    assert auditor.post(f"{PAGE}greet/").status_code == 403
    assert auditor.get("/shop/users/1/edit/").status_code == 403


def test_a_result_is_shown_on_the_page_of_the_document_with_its_address(clerk):
    answer = clerk.post(f"{PAGE}show/")
    assert answer.status_code == 200
    assert "This is what happened." in answer.text and "shown once" in answer.text
    assert f'data-address="{PAGE}"' in answer.text


def test_a_refused_action_says_why_and_undoes_all_of_it(clerk, shop):
    answer = clerk.post(f"{PAGE}refuse/")
    assert answer.status_code == 409 and "Cannot finish it: the document is closed." in answer.text
    assert db.session.get(User, 1).name == ""


def test_an_action_that_the_state_forbids_is_not_shown_and_refused(clerk):
    assert "Never" not in clerk.get(PAGE).text
    answer = clerk.post(f"{PAGE}never/")
    assert answer.status_code == 409 and "Never is not possible now" in answer.text


def test_a_question_has_the_labels_that_the_action_gives_it(clerk):
    text = clerk.get(PAGE).text
    assert 'data-confirm="Really?"' in text and 'data-yes="Yes"' in text and 'data-no="No"' in text


def test_the_first_button_is_the_primary_one_and_the_last_the_dangerous(clerk):
    text = clerk.get(PAGE).text
    assert text.index("Take back") < text.index("Greet") < text.index(">Refuse")


def test_only_rows_that_can_be_ticked_are_taken_and_each_with_its_quantity(clerk, shop):
    page = clerk.get(f"{PAGE}take/").text
    ids = re.findall(r'name="row" value="(\d+)"', page)
    assert len(ids) == 5 and page.count("disabled") >= 2
    form = {"row": [*ids, "999", "abc"], **{f"quantity-{each}": "2.5" for each in ids[2:]}}
    assert clerk.post(f"{PAGE}take/", data=form).location == PAGE
    shown = clerk.get(PAGE).text
    assert (
        "Auditor 5" in shown
        and "Warehouse clerk 2.5" in shown
        and "hold=False" in shown
        and "Administrator" not in shown
    )


@pytest.mark.parametrize(("typed", "message"), [
    ("0", "not between"), ("6", "not between"), ("-1", "not between"), ("abc", "not a quantity"),
    ("1e3", "not a quantity"), ("0.00001", "four decimals"), ("NaN", "not a quantity"), ("4", "Cannot take"),
])  # fmt: skip
def test_a_choice_that_is_refused_keeps_what_was_typed(clerk, typed, message):
    ids = re.findall(r'name="row" value="(\d+)"', clerk.get(f"{PAGE}take/").text)
    answer = clerk.post(f"{PAGE}take/", data={"row": ids[1], f"quantity-{ids[1]}": typed})
    assert answer.status_code == 409
    assert (message.replace("four", "4") in answer.text) or message in answer.text
    assert f'value="{typed}"' in answer.text


def test_choosing_nothing_is_refused(clerk):
    answer = clerk.post(f"{PAGE}take/", data={})
    assert answer.status_code == 409 and "Tick at least one row." in answer.text


def test_a_page_that_asks_starts_with_what_is_known_and_checks_what_is_typed(clerk, shop):
    assert 'value="2.5"' in clerk.get(f"{PAGE}ask/").text
    wrong = clerk.post(f"{PAGE}ask/", data={"amount": "0.5"})
    assert wrong.status_code == 422 and "At least 1 is possible." in wrong.text
    assert clerk.post(f"{PAGE}ask/", data={"amount": "3"}).location == PAGE
    assert db.session.get(User, 1).email == "3@example.org"


def test_what_another_module_adds_comes_and_goes_with_it(clerk, shop):
    wanted = ("Extra action", "Extra panel", "Lucky number")
    page = clerk.get(PAGE).text
    assert all(word in page for word in wanted)
    assert "&lt;b&gt;clerk&lt;/b&gt;" in clerk.get("/shop/users/").text
    assert "Lucky number" in clerk.get("/shop/users/1/edit/").text
    commit(lambda session: current_registry().disable(session, "plus"))
    page = clerk.get(PAGE).text
    assert not any(word in page for word in wanted)
    assert "Shout" not in clerk.get("/shop/users/").text
    assert "Lucky number" not in clerk.get("/shop/users/1/edit/").text
    assert clerk.post(f"{PAGE}extra/").status_code == 404


def noted(page):
    """Return the names of the actions of which a page has notes."""
    return re.findall(r"<li><strong>(.*?)</strong>: .*? hears of it.", page)


def test_notes_are_about_the_buttons_that_act_at_once_and_the_page_that_is_open(clerk, shop):
    assert "extra" in noted(clerk.get(PAGE).text) and "ask" not in noted(clerk.get(PAGE).text)
    assert noted(clerk.get(f"{PAGE}ask/").text) == ["ask"]
    assert noted(clerk.post(f"{PAGE}ask/", data={"amount": "0.5"}).text) == ["ask"], "a refused form still says it"
    commit(lambda session: current_registry().disable(session, "plus"))
    assert noted(clerk.get(PAGE).text) == noted(clerk.get(f"{PAGE}ask/").text) == []


def test_a_field_of_another_module_is_read_and_written_with_the_form(clerk, shop):
    clerk.post("/shop/users/1/edit/", data={"name": "Carla", "nick": "7.50"})
    assert (db.session.get(User, 1).name, db.session.get(User, 1).email) == ("Carla", "7.5")
    assert 'value="7.5"' in clerk.get("/shop/users/1/edit/").text
    assert clerk.post("/shop/users/1/edit/", data={"name": "Bert", "nick": "x"}).status_code == 422
    assert db.session.get(User, 1).name == "Carla"


def test_screens_of_modules_have_the_addresses_of_their_nouns(shop):
    with shop.test_request_context():
        assert url_for("shop_user.index_view") == "/shop/users/"
        assert url_for("shop_user.details_view", id=3) == "/shop/users/3/"
        assert url_for("shop_user.edit_view", id=3) == "/shop/users/3/edit/"
        assert url_for("shop_user.document_action", id=3, name="greet") == "/shop/users/3/greet/"


def test_an_action_needs_a_run_or_a_page():
    with pytest.raises(TypeError, match="either a run or a page"):
        Action(name="x", label="X", permission="")


def test_a_page_makes_the_action_that_opens_it():
    class Danger(Ask):
        name = "ask-twice"
        permission = "shop.edit"
        style = "danger"

    plain, dangerous = Ask.action(name="ask", permission="shop.view"), Danger.action()
    assert (plain.name, plain.label, plain.permission, plain.style) == ("ask", "Ask", "shop.view", "secondary")
    assert (dangerous.name, dangerous.label, dangerous.style) == ("ask-twice", "Ask", "danger")
    assert isinstance(dangerous.page, Danger)
    assert (Danger.action(style="primary").style, Danger.action(label="Please").label) == ("primary", "Please")


def test_a_long_message_does_not_end_the_session(clerk, shop):
    db.session.add_all(Role(name=f"{number}{'y' * 70}") for number in range(90))
    db.session.commit()
    ids = re.findall(r'name="row" value="(\d+)"', clerk.get(f"{PAGE}take/").text)
    answer = clerk.post(f"{PAGE}take/", data={"row": ids})
    assert len(answer.headers["Set-Cookie"]) < 4000
    page = clerk.get(answer.location)
    assert page.status_code == 200 and "…" in page.text
