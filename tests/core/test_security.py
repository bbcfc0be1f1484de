"""Signing in, passwords, running sessions, headers and cookies."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from erp import logs, security, sessions
from erp.app import create_app
from erp.db import commit, db
from erp.errors import BadPassword, LastAdministrator, NotFound, OptionError, SignInRefused
from erp.models import HistoryEntry, User
from erp.sign_in_models import SignedIn, SignInAttempt
from tests.core.addresses import lists

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Let hashing take no time; what is slow about it is not what these tests are about."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(security, "_hasher", lambda: hasher)


@pytest.fixture
def account(session):
    """A sales clerk with a password of her own."""
    user = security.add_user(session, "carla", PASSWORD, roles=["Sales clerk"], name="Carla", must_change=False)
    session.commit()
    return user


@pytest.fixture
def browser(app):
    return app.test_client()


def sign_in(browser, username="carla", password=PASSWORD, **more):
    return browser.post("/login", data={"username": username, "password": password}, **more)


def is_in(browser):
    return browser.get("/").status_code == 200


def test_a_name_and_a_password_let_a_user_in(account, browser):
    assert not is_in(browser)
    answer = sign_in(browser)
    assert answer.status_code == 302 and answer.location == "/work/"
    assert "Carla" in browser.get("/").text


def test_after_signing_in_a_user_gets_the_page_they_asked_for(account, browser):
    wanted = browser.get("/sales/orders/?search=a").location
    assert browser.post(wanted, data={"username": "carla", "password": PASSWORD}).location == "/sales/orders/?search=a"


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(account, browser, target):
    answer = browser.post("/login", query_string={"next": target}, data={"username": "carla", "password": PASSWORD})
    assert answer.location == "/work/"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("carla", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("carla\x00", PASSWORD),
        ("CARLA", PASSWORD),
        ("x" * 5000, "y"),
    ],
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(account, browser, username, password):
    answer = sign_in(browser, username, password)
    assert answer.status_code == 401
    assert "The name or the password is not right." in answer.text
    assert not is_in(browser)


def test_after_five_failures_even_the_right_password_waits(account, browser, at):
    for _ in range(5):
        assert sign_in(browser, password="wrong").status_code == 401
    refused = sign_in(browser)
    assert refused.status_code == 429 and "Too many failed sign-ins" in refused.text
    at("2026-11-23T12:16:00Z")
    assert sign_in(browser).status_code == 302


def test_failures_are_counted_in_the_database_for_all_processes(account, app, session):
    for _ in range(5):
        sign_in(app.test_client(), password="wrong")
    assert session.scalar(select(func.count()).select_from(SignInAttempt)) >= 5
    assert sign_in(app.test_client()).status_code == 429


def test_one_users_failures_do_not_keep_others_out(account, app, session):
    security.add_user(session, "bert", PASSWORD, must_change=False)
    session.commit()
    for _ in range(6):
        sign_in(app.test_client(), password="wrong")
    assert sign_in(app.test_client(), "bert").status_code == 302


def test_a_success_forgets_the_failures_before_it(account, app):
    for _ in range(2):
        for _ in range(4):
            assert sign_in(app.test_client(), password="wrong").status_code == 401
        assert sign_in(app.test_client()).status_code == 302


def test_guessing_many_names_from_one_place_is_throttled(account, browser, app):
    for number in range(50):
        sign_in(browser, f"guess{number}", "wrong")
    assert sign_in(app.test_client()).status_code == 429


def elsewhere(number):
    return {"environ_base": {"REMOTE_ADDR": f"10.0.{number // 256}.{number % 256}"}}


def test_nobody_is_locked_out_from_another_place_however_many_fail(account, app):
    for number in range(30):
        for _ in range(2):
            sign_in(app.test_client(), password="wrong", **elsewhere(number))
    assert sign_in(app.test_client(), **elsewhere(999)).status_code == 302


def test_a_name_that_is_guessed_from_many_places_has_fewer_tries_at_each(account, app):
    for number in range(20):
        sign_in(app.test_client(), password="wrong", **elsewhere(number))
    tries = [sign_in(app.test_client(), password="wrong", **elsewhere(999)).status_code for _ in range(3)]
    assert tries == [401, 401, 429]


def test_a_device_that_the_user_has_signed_in_from_gets_in_whatever_others_do_at_its_place(account, app, browser):
    assert sign_in(browser).status_code == 302
    browser.post("/logout")
    for number in range(60):
        sign_in(app.test_client(), "carla" if number % 2 else f"guess{number}", "wrong")
    assert sign_in(app.test_client()).status_code == 429
    assert sign_in(browser).status_code == 302


def test_a_known_device_has_five_tries_of_its_own_and_is_known_for_its_user_alone(account, app, browser, session):
    security.add_user(session, "bert", PASSWORD, must_change=False)
    session.commit()
    sign_in(browser)
    browser.post("/logout")
    assert [sign_in(browser, password="wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    for _ in range(5):
        sign_in(app.test_client(), "bert", "wrong")
    assert sign_in(browser, "bert").status_code == 429


@pytest.mark.parametrize("forged", ["x", "WyJjYXJsYSIsICJhIl0.forged", "\u00fc", ""])
def test_a_forged_device_is_no_known_one(account, app, browser, forged):
    browser.set_cookie("erp_device", forged)
    assert [sign_in(browser, password="wrong").status_code for _ in range(6)] == [401] * 5 + [429]


def test_a_user_who_is_kept_out_cannot_sign_in_and_running_sessions_end(account, app, session):
    browser, other = app.test_client(), app.test_client()
    sign_in(browser)
    sign_in(other)
    security.set_active(session, session.get(User, account.id), False)
    session.commit()
    assert not is_in(browser) and not is_in(other)
    assert sign_in(browser).status_code == 401
    security.set_active(session, session.get(User, account.id), True)
    session.commit()
    assert not is_in(browser)
    assert sign_in(browser).status_code == 302


def test_a_reset_password_ends_running_sessions_and_has_to_be_changed(account, browser, session):
    sign_in(browser)
    security.set_password(session, session.get(User, account.id), "something else", must_change=True)
    session.commit()
    assert not is_in(browser)
    sign_in(browser, password="something else")
    for path in ("/", "/sales/orders/", "/settings/users/"):
        assert browser.get(path).location == "/password"
    assert browser.post("/sales/orders/new/").location == "/password"
    change = {"current": "something else", "new": "my own password", "again": "my own password"}
    assert browser.post("/password", data=change).location == "/work/"
    assert is_in(browser)


def test_changing_ones_own_password_ends_only_the_other_sessions(account, app):
    here, there = app.test_client(), app.test_client()
    sign_in(here)
    sign_in(there)
    here.post("/password", data={"current": PASSWORD, "new": "another long one", "again": "another long one"})
    assert is_in(here) and not is_in(there)
    assert sign_in(there, password="another long one").status_code == 302


@pytest.mark.parametrize(
    ("current", "new", "again", "message"),
    [
        ("wrong", "another long one", "another long one", "current password is not right"),
        (PASSWORD, "short", "short", "at least 10 characters"),
        (PASSWORD, "another long one", "another long two", "differ"),
        (PASSWORD, PASSWORD, PASSWORD, "is the old one"),
    ],
)
def test_a_password_that_cannot_be_taken_is_refused_with_the_reason(account, browser, current, new, again, message):
    sign_in(browser)
    answer = browser.post("/password", data={"current": current, "new": new, "again": again})
    assert answer.status_code == 422 and message in answer.text
    assert is_in(browser)


def test_a_cookie_that_was_copied_is_worth_nothing_after_signing_out(account, app, browser):
    sign_in(browser)
    copied = browser.get_cookie("session").value
    browser.post("/logout")
    thief = app.test_client()
    thief.set_cookie("session", copied)
    assert not is_in(thief)


def test_each_sign_in_has_a_token_of_its_own_and_signing_out_ends_that_alone(account, app):
    here, there = app.test_client(), app.test_client()
    sign_in(here)
    sign_in(there)
    here.post("/logout")
    assert not is_in(here)
    assert is_in(there)


def test_form_tokens_change_at_sign_in(account, app, monkeypatch):
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    browser = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/login").text)[1]
    sign_in(browser, query_string={"csrf": ""}, headers={"X-CSRFToken": token})
    assert is_in(browser)
    assert browser.post("/logout", headers={"X-CSRFToken": token}).status_code == 400


def test_an_administrator_sees_and_ends_the_sessions_of_a_user(account, app, browser, client, session):
    sign_in(browser, headers={"User-Agent": "Lynx <b>"})
    address = f"/settings/users/{account.id}/"
    page = client.get(address).text
    assert "Lynx &lt;b&gt;" in page and "127.0.0.1" in page
    assert client.post(f"{address}end-sessions/").location == address
    page = client.get(address).text
    assert "1 session of carla ended." in page and "is not signed in anywhere" in page
    assert not is_in(browser)
    assert sign_in(browser).status_code == 302


def test_a_session_ends_after_thirty_days_and_its_row_goes_with_the_next_sign_in(account, browser, app, session, at):
    sign_in(browser)
    at("2026-12-23T11:59:00Z")
    assert is_in(browser)
    at("2026-12-23T12:01:00Z")
    assert not is_in(browser)
    sign_in(app.test_client())
    assert len(sessions.of_user(session, account.id)) == 1
    assert session.scalar(select(func.count()).select_from(SignedIn)) == 1


def test_the_table_of_sessions_holds_no_token(account, browser, session):
    sign_in(browser)
    with browser.session_transaction() as cookie:
        token = cookie["_user_id"]
    (row,) = sessions.of_user(session, account.id)
    assert token not in (row.key, row.place, row.device)


def test_sign_ins_failures_and_changes_of_rights_are_logged_once_they_are_committed(account, app, session, caplog):
    caplog.set_level("INFO", "erp.access")
    sign_in(app.test_client(), "carla' from 1.2.3.4\nx", "wrong", **elsewhere(7))
    sign_in(app.test_client())
    security.set_roles(session, session.get(User, account.id), [security.find_role(session, "Auditor")])
    session.rollback()
    security.set_active(session, session.get(User, account.id), False)
    session.commit()
    assert [record.getMessage() for record in caplog.records if record.name == "erp.access"] == [
        'sign-in refused from 10.0.0.7 (wrong) as "carla\' from 1.2.3.4\\nx"',
        "sign-in from 127.0.0.1 as 'carla'",
        "rights of 'carla': deactivated",
    ]


def test_the_pattern_for_fail2ban_finds_the_place_whatever_name_was_typed(account, app, caplog):
    guide = (Path(__file__).parents[2] / "docs" / "administrator.md").read_text()
    pattern = re.search(r"failregex = (.*)", guide)[1].replace("<ADDR>", "(?P<place>[0-9a-f.:]+)")
    name = " warning erp.access: sign-in refused from 6.6.6.6 (wrong) as 'x"
    sign_in(app.test_client(), name, "wrong", **elsewhere(7))
    sign_in(app.test_client())
    lines = [logs._Text().format(record) for record in caplog.records if record.name == "erp.access"]
    matches = [match for line in lines if (match := re.search(pattern, line))]
    assert [match["place"] for match in matches] == ["10.0.0.7"]


def test_what_is_throttled_is_logged(account, app, caplog):
    for _ in range(6):
        sign_in(app.test_client(), password="wrong")
    assert caplog.records[-1].getMessage() == "sign-in refused from 127.0.0.1 (throttled) as 'carla'"


def test_signing_out_ends_the_session_and_needs_a_post(account, browser):
    sign_in(browser)
    assert browser.get("/logout").status_code == 405
    assert is_in(browser)
    assert browser.post("/logout").location == "/login"
    assert not is_in(browser)


def test_passwords_are_kept_as_argon2_hashes_and_shown_nowhere(account, client, session):
    assert session.get(User, account.id).password_hash.startswith("$argon2id$")
    for path in (
        f"/settings/users/{account.id}/",
        "/settings/users/",
        "/settings/history/",
        "/settings/users/export/csv/",
    ):
        text = client.get(path).text
        assert "argon2" not in text and PASSWORD not in text
    everything = session.scalars(select(HistoryEntry)).all()
    assert not any("argon2" in f"{entry.old_value}{entry.new_value}{entry.why}" for entry in everything)


SECRETS = {
    "ERP_SECRET_KEY": "a key that signs the sessions",
    "ERP_SMTP_PASSWORD": "a password of the mail server",
    "ERP_ADMIN_PASSWORD": "a password of the first day",
    "ERP_DATABASE_URL": "postgresql://erp:a-password-of-the-database@localhost/erp",
}


def test_secrets_of_the_environment_are_neither_shown_nor_exported_nor_logged(app, client, monkeypatch, caplog):
    monkeypatch.setitem(app.config, "ENVIRONMENT", {**app.config["ENVIRONMENT"], **SECRETS})
    caplog.set_level("DEBUG")
    shown = [client.get(path).text for path, _ in lists(app)]
    shown += [client.get(f"/settings/{name}/").text for name in ("modules", "options", "jobs", "import", "export")]
    shown += [client.get(f"/settings/options/?section={name}").text for name in app.extensions["erp"].modules]
    shown += [client.get("/settings/options/export/").text, caplog.text]
    for text in shown:
        assert not [name for name, secret in SECRETS.items() if secret in text]
        assert "a-password-of-the-database" not in text


@pytest.mark.parametrize("name", ["ERP_BACKORDER_EMAIL__PASSWORD", "ERP_SMTP__PASSWORD"])
def test_a_password_that_is_set_like_an_option_is_refused_and_not_repeated(tmp_path, name):
    with pytest.raises(OptionError, match="there is no such option") as refusal:
        create_app(environment={"ERP_INSTANCE": str(tmp_path), name: "hunter2"})
    assert "hunter2" not in str(refusal.value) and name in str(refusal.value)


def test_two_administrators_who_keep_each_other_out_at_once_leave_one(app, session):
    security.add_user(session, "other", PASSWORD, roles=["Administrator"])
    session.commit()
    start, refused = threading.Barrier(2), []

    def keep_out(username):
        def work(session):
            security.set_active(session, security.find_user(session, username), False)
            session.flush()
            time.sleep(0.3)

        with app.app_context():
            start.wait()
            try:
                commit(work)
            except LastAdministrator as error:
                refused.append(error.facts["username"])
            finally:
                db.session.remove()

    threads = [threading.Thread(target=keep_out, args=[name]) for name in ("admin", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    session.rollback()
    left = [user.username for user in session.scalars(select(User).where(User.is_active))]
    assert left == refused and len(left) == 1


def test_services_refuse_what_screens_refuse(session, account):
    with pytest.raises(BadPassword, match="at least 10 characters"):
        security.set_password(session, account, "short")
    with pytest.raises(NotFound):
        security.find_user(session, "nobody")
    with pytest.raises(NotFound):
        security.add_user(session, "dora", PASSWORD, roles=["Emperor"])
    with pytest.raises(LastAdministrator, match="admin"):
        security.set_active(session, security.find_user(session, "admin"), False)
    with pytest.raises(SignInRefused):
        security.sign_in(session, "carla", "wrong", "here")


def test_every_page_has_a_strict_policy_and_a_fresh_nonce(app, client):
    nonces = set()
    for path in ("/login", "/", "/sales/orders/", "/settings/options/", "/nothing/"):
        for browser in (client, app.test_client()):
            headers = browser.get(path).headers
            policy = headers["Content-Security-Policy"]
            scripts = re.search(r"script-src ([^;]+)", policy)[1]
            assert "unsafe" not in scripts and "default-src 'self'" in policy and "http" not in policy
            assert "frame-ancestors 'none'" in policy and "object-src 'none'" in policy
            nonces.add(re.search(r"'nonce-([^']+)'", policy)[1])
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
    assert len(nonces) == 10


def test_every_script_of_a_page_bears_the_nonce_and_nothing_comes_from_elsewhere(app, client):
    paths = ["/", "/login", "/password", "/settings/modules/", "/settings/options/", "/settings/jobs/",
             "/settings/import/", "/settings/export/", "/settings/users/1/", "/settings/roles/new/"]  # fmt: skip
    for path in [*paths, *(path for path, _ in lists(app))]:
        answer = client.get(path)
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])[1]
        for tag in re.findall(r"<script[^>]*>", answer.text):
            assert f'nonce="{nonce}"' in tag, (path, tag)
        assert not re.search(r"\son[a-z]+\s*=", re.sub(r"<(script|template).*?</\1>", "", answer.text, flags=re.S)), (
            path
        )
        for source in re.findall(r'(?:src|href|action)="([^"]*)"', answer.text):
            assert source.startswith(("/", "#", "?")) and not source.startswith("//"), (path, source)
        assert "javascript:" not in answer.text


def test_cookies_are_secure_only_over_https(account, app):
    for scheme, is_secure in (("http", False), ("https", True)):
        answer = sign_in(app.test_client(), base_url=f"{scheme}://localhost")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
        assert ("Secure" in cookie) == is_secure


def test_a_form_without_its_token_is_refused_and_one_with_it_is_taken(account, app, monkeypatch):
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    browser = app.test_client()
    assert sign_in(browser).status_code == 400
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/login").text)[1]
    answer = browser.post("/login", data={"username": "carla", "password": PASSWORD, "csrf_token": token})
    assert answer.status_code == 302 and is_in(browser)
    assert browser.post("/logout").status_code == 400
    assert app.config["WTF_CSRF_TIME_LIMIT"] is None


def test_no_browser_stores_the_pages_of_signed_in_users(account, browser):
    sign_in(browser)
    assert browser.get("/").headers["Cache-Control"] == "no-store"


def test_a_forged_session_is_nobodys(app, account):
    for user_id in ("1", "abc", f"{account.id}:", "", "\ud800", "x" * 5000):
        browser = app.test_client()
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = user_id
        assert not is_in(browser), user_id
    assert db.session.get(User, account.id).is_active


@pytest.mark.parametrize("target", ["/\t/evil.example", "/\r\n/evil.example", "/\x00", "/\x1b[2J", "/\u2028"])
def test_an_address_with_control_characters_is_not_followed_after_signing_in(account, browser, target):
    answer = browser.post("/login", query_string={"next": target}, data={"username": "carla", "password": PASSWORD})
    assert answer.location == "/work/"
