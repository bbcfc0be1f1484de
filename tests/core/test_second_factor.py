"""Signing in with a second factor: setting it up, its codes and recovery codes, who needs it, and losing it."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from erp import checks, clock, second_factor, security
from erp.db import commit
from erp.errors import SignInRefused
from erp.models import HistoryEntry, User
from erp.second_factor import SecondFactorMissing, SecondFactorRequired, SecondFactorSet
from erp.sign_in_models import RecoveryCode, SecondFactor

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Let hashing take no time; what is slow about it is not what these tests are about."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(security, "_hasher", lambda: hasher)


@pytest.fixture
def account(session, set_option):
    """A sales clerk with a password of her own, where second factors are on."""
    set_option("erp.second_factor", "yes")
    user = security.add_user(session, "carla", PASSWORD, roles=["Sales clerk"], must_change=False)
    session.commit()
    return user


@pytest.fixture
def browser(app):
    return app.test_client()


def sign_in(browser, username="carla", **more):
    return browser.post("/login", data={"username": username, "password": PASSWORD}, **more)


def enter(browser, code, **more):
    return browser.post("/login/code", data={"code": code}, **more)


def step(browser, name, **form):
    return browser.post("/second-factor", data={"step": name, **form})


def is_in(browser):
    return browser.get("/").status_code == 200


class Phone:
    """An app that shows codes, and the recovery codes that were written down."""

    def __init__(self, secret, recovery_codes):
        self.secret, self.recovery_codes = secret, recovery_codes

    def code(self, later=0):
        return pyotp.TOTP(self.secret).at(clock.now() + timedelta(seconds=later))


def set_up(browser):
    """Set up a second factor as a user does who is signed in; return the phone."""
    page = step(browser, "begin", password=PASSWORD).text
    secret = re.search(r'id="secret">(\w+)<', page)[1]
    assert "<svg" in page and "<script" not in page.partition("<svg")[2].partition("</svg>")[0]
    page = step(browser, "confirm", code=pyotp.TOTP(secret).at(clock.now())).text
    return Phone(secret, re.findall(r"<li>([A-Z2-7-]{19})</li>", page))


@pytest.fixture
def phone(account, app, at):
    """The phone of the user who has set up a second factor; the code of a moment ago is used up."""
    browser = app.test_client()
    sign_in(browser)
    made = set_up(browser)
    at("2026-11-23T12:05:00Z")
    return made


@pytest.mark.option("erp.second_factor", "yes")
def test_after_the_password_a_code_of_the_app_lets_the_user_in(phone, browser):
    answer = sign_in(browser, query_string={"next": "/sales/orders/"})
    assert answer.location == "/login/code?next=/sales/orders/"
    assert not is_in(browser)
    answer = browser.post(answer.location, data={"code": f" {phone.code()[:3]} {phone.code()[3:]} "})
    assert answer.location == "/sales/orders/"
    assert is_in(browser)


@pytest.mark.option("erp.second_factor", "no")
def test_where_second_factors_are_off_nobody_is_asked_and_there_is_no_page(phone, browser, set_option):
    set_option("erp.second_factor", "no")
    assert sign_in(browser).location == "/work/"
    assert "Second factor" not in browser.get("/").text
    assert browser.get("/second-factor").status_code == 404


def test_without_the_right_code_nobody_gets_in(phone, browser, app):
    sign_in(browser)
    for code in ("000000", "\x00", "½" * 6, phone.code(-60)):
        assert enter(browser, code).status_code == 401
        assert not is_in(browser)


@pytest.mark.parametrize("later", [-30, 0, 30])
def test_the_clock_of_a_phone_may_be_half_a_minute_off(phone, browser, later):
    sign_in(browser)
    assert enter(browser, phone.code(later)).status_code == 302


def test_a_code_is_taken_once_and_none_before_it(phone, app):
    one, other = app.test_client(), app.test_client()
    sign_in(one)
    assert enter(one, phone.code()).status_code == 302
    sign_in(other)
    assert enter(other, phone.code()).status_code == 401
    assert enter(other, phone.code(-30)).status_code == 401
    assert enter(other, phone.code(30)).status_code == 302


def test_of_two_who_enter_the_same_code_at_once_one_gets_in(phone, app, session):
    for code in (phone.code(), phone.recovery_codes[0]):
        results, start, user_id = [], threading.Barrier(2), session.scalar(select(SecondFactor.user_id))

        def work(code=code, results=results, start=start, user_id=user_id):
            def attempt(session):
                user = session.get(User, user_id)
                try:
                    second_factor.enter(session, user, code, "10.0.0.1")
                except SignInRefused:
                    return "refused"
                return "in"

            with app.app_context():
                start.wait()
                results.append(commit(attempt))

        session.commit()
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["in", "refused"]


def test_a_step_that_was_taken_while_the_clock_was_ahead_keeps_nobody_out(phone, app, at):
    at("2031-01-01T00:00:00Z")
    browser = app.test_client()
    sign_in(browser)
    assert enter(browser, phone.code()).status_code == 302
    at("2026-11-23T12:10:00Z")
    browser = app.test_client()
    sign_in(browser)
    assert enter(browser, phone.code()).status_code == 302


def test_a_recovery_code_lets_the_user_in_once(phone, app, session):
    assert len(set(phone.recovery_codes)) == second_factor.CODES
    one, other = app.test_client(), app.test_client()
    sign_in(one)
    assert enter(one, phone.recovery_codes[3].lower().replace("-", "")).status_code == 302
    assert "9 of your recovery codes are unused" in one.get("/second-factor").text
    sign_in(other)
    assert enter(other, phone.recovery_codes[3]).status_code == 401
    assert enter(other, phone.recovery_codes[4]).status_code == 302
    kept = set(session.scalars(select(RecoveryCode.key)))
    assert not any(code in kept or code.replace("-", "") in kept for code in phone.recovery_codes)


def test_new_recovery_codes_take_the_place_of_the_old_ones_and_need_a_code(phone, browser, app):
    sign_in(browser)
    enter(browser, phone.code())
    assert step(browser, "renew", code="000000").status_code == 422
    page = step(browser, "renew", code=phone.code(30)).text
    codes = re.findall(r"<li>([A-Z2-7-]{19})</li>", page)
    assert len(codes) == 10 and not set(codes) & set(phone.recovery_codes)
    other = app.test_client()
    sign_in(other)
    assert enter(other, phone.recovery_codes[0]).status_code == 401
    assert enter(other, codes[0]).status_code == 302


def test_setting_up_needs_the_password_and_a_code_and_ends_the_other_sessions(account, app, session):
    here, there = app.test_client(), app.test_client()
    sign_in(here)
    sign_in(there)
    refused = step(here, "begin", password="wrong")
    assert refused.status_code == 422 and "The current password is not right." in refused.text
    secret = re.search(r'id="secret">(\w+)<', step(here, "begin", password=PASSWORD).text)[1]
    wrong = step(here, "confirm", code="000000")
    assert wrong.status_code == 422 and secret in wrong.text
    assert sign_in(app.test_client()).location == "/work/"  # not yet set up
    assert step(here, "confirm", code=pyotp.TOTP(secret).at(clock.now())).status_code == 200
    assert is_in(here) and not is_in(there)
    assert step(here, "begin", password=PASSWORD).status_code == 422


def test_a_user_removes_the_second_factor_with_a_code(phone, browser, app, session):
    sign_in(browser)
    enter(browser, phone.code())
    assert step(browser, "remove", code="1").status_code == 422
    assert step(browser, "remove", code=phone.recovery_codes[0]).location == "/"
    assert is_in(browser)
    assert sign_in(app.test_client()).location == "/work/"
    assert session.scalar(select(func.count()).select_from(RecoveryCode)) == 0


def elsewhere(number):
    return {"environ_base": {"REMOTE_ADDR": f"10.0.0.{number}"}}


def test_wrong_codes_are_throttled_and_the_password_gives_no_more_tries(phone, app):
    for _ in range(5):
        browser = app.test_client()
        assert sign_in(browser).status_code == 302
        assert enter(browser, "000000").status_code == 401
    assert sign_in(app.test_client()).status_code == 429
    assert enter(browser, phone.code()).status_code == 429


def test_wrong_codes_count_for_the_user_wherever_they_come_from_but_not_for_a_known_device(phone, app, browser):
    sign_in(browser)
    enter(browser, phone.code())
    browser.post("/logout")
    for number in range(10):
        other = app.test_client()
        sign_in(other, **elsewhere(number))
        for _ in range(2):
            enter(other, "000000", **elsewhere(number))
    other = app.test_client()
    sign_in(other, **elsewhere(99))
    assert enter(other, phone.code(30), **elsewhere(99)).status_code == 429
    sign_in(browser)
    assert enter(browser, phone.code(30)).status_code == 302


def test_the_code_has_to_come_within_ten_minutes_and_for_the_same_password(phone, app, at, session):
    late, changed = app.test_client(), app.test_client()
    sign_in(late)
    sign_in(changed)
    security.set_password(
        session, session.scalars(select(User).where(User.username == "carla")).one(), "another long one"
    )
    session.commit()
    assert enter(changed, phone.code()).location == "/login"
    at("2026-11-23T12:16:00Z")
    assert enter(late, phone.code()).location == "/login"
    assert not is_in(late) and not is_in(changed)


def test_nobody_enters_a_code_without_a_password(phone, browser):
    assert enter(browser, phone.code()).location == "/login"
    assert browser.get("/login/code").location == "/login"
    assert not is_in(browser)


def test_a_session_that_began_without_a_code_ends_when_second_factors_are_switched_on(phone, browser, set_option):
    set_option("erp.second_factor", "no")
    sign_in(browser)
    assert is_in(browser)
    set_option("erp.second_factor", "yes")
    assert not is_in(browser)


@pytest.mark.option("erp.second_factor_roles", "Auditor, Sales clerk")
def test_who_has_a_role_that_needs_a_second_factor_sets_it_up_before_anything_else(account, browser, set_option):
    set_option("erp.second_factor_roles", "Auditor, Sales clerk")
    sign_in(browser)
    assert browser.get("/sales/orders/").location == "/second-factor"
    assert "Set it up to go on" in browser.get("/second-factor").text
    made = set_up(browser)
    assert is_in(browser)
    refused = step(browser, "remove", code=made.recovery_codes[0])
    assert refused.status_code == 422 and str(SecondFactorRequired()) in refused.text.replace("&#39;", "'")


@pytest.mark.option("erp.second_factor_roles", "Auditor")
def test_other_roles_need_none(account, browser, set_option):
    set_option("erp.second_factor_roles", "Auditor")
    sign_in(browser)
    assert is_in(browser)


def test_a_name_that_is_no_role_is_a_breach(account, session, set_option):
    set_option("erp.second_factor_roles", "Auditor, Sales clark")
    assert [text for text in checks.breaches(session) if "second_factor_roles" in text] == [
        "Option erp.second_factor_roles names 'Sales clark', which is no role and so protects nobody."
    ]


def test_an_administrator_resets_the_second_factor_of_a_user_who_lost_it(phone, account, app, browser, client, session):
    sign_in(browser)
    enter(browser, phone.code())
    page = client.get(f"/settings/users/{account.id}/")
    assert "Reset second factor" in page.text
    client.post(f"/settings/users/{account.id}/reset-second-factor/")
    page = client.get(f"/settings/users/{account.id}/").text
    assert "no longer has a second factor" in page and "Reset second factor" not in page
    assert not is_in(browser)
    assert sign_in(app.test_client()).location == "/work/"
    actions = session.scalars(select(HistoryEntry.action).where(HistoryEntry.document_name == "carla"))
    assert {"second factor set up", "second factor reset"} <= set(actions)


def test_the_command_resets_it_and_the_list_shows_who_has_one(phone, app, session):
    from click.testing import CliRunner

    from erp.cli import users

    def run(*arguments):
        return CliRunner().invoke(users.users, arguments, catch_exceptions=True)

    assert "carla: Sales clerk (second factor)" in run("list").output
    assert run("reset-second-factor", "carla").exit_code == 0
    assert "carla: Sales clerk\n" in run("list").output
    again = run("reset-second-factor", "carla")
    assert isinstance(again.exception, SecondFactorMissing)


def test_wrong_codes_and_changes_are_in_the_log_of_access_and_codes_are_not(phone, app, caplog):
    caplog.set_level("INFO", "erp.access")
    browser = app.test_client()
    sign_in(browser)
    enter(browser, "314159")
    enter(browser, phone.code())
    assert [record.getMessage() for record in caplog.records if record.name == "erp.access"] == [
        "sign-in refused from 127.0.0.1 (wrong code) as 'carla'",
        "sign-in from 127.0.0.1 as 'carla'",
    ]


def test_services_refuse_what_the_page_refuses(phone, account, session):
    user = session.get(User, account.id)
    with pytest.raises(SecondFactorSet):
        second_factor.begin(session, user)
    second_factor.remove(session, user)
    for work in (second_factor.remove, second_factor.reset, second_factor.renew_codes):
        with pytest.raises(SecondFactorMissing):
            work(session, user)
    with pytest.raises(SecondFactorMissing):
        second_factor.confirm(session, user, "123456")


def test_of_two_windows_that_begin_at_once_the_later_picture_counts(account, app, session):
    secrets, start, user_id = [], threading.Barrier(2), account.id

    def work():
        with app.app_context():
            start.wait()
            secrets.append(commit(lambda session: second_factor.begin(session, session.get(User, user_id))))

    session.commit()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(secrets) == 2
    assert session.scalar(select(SecondFactor.secret)) in secrets


def test_loading_the_user_of_a_request_takes_no_more_statements(phone, browser, app, count_statements):
    sign_in(browser)
    enter(browser, phone.code())
    with count_statements() as sent:
        assert browser.get("/second-factor").status_code == 200
    assert sum("erp_session" in statement for statement in sent) == 1
