"""Signing in, with a code of the second factor where it is asked for, signing out, and changing one's own password."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import current_user, logout_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from erp import events, languages, provider, second_factor, security, sessions
from erp.admin import browser_session, devices
from erp.db import commit
from erp.errors import BadPassword, ErpError, SignInRefused
from erp.models import RunKind, User
from erp.sign_in_models import SignInMethod
from erp.text import say


def login() -> ResponseReturnValue:
    """Ask for name and password, and sign the user in or ask for a code."""
    if current_user.is_authenticated:
        return redirect(url_for("admin.index"))
    username, message = request.form.get("username", ""), ""
    if request.method == "POST":
        found = commit(lambda session: _sign_in(session, username))
        if isinstance(found, User):
            return _go_on(found)
        message, throttled = str(found), bool(found.facts["throttled"])
        return render_template("erp/login.html", username=username, message=message), 429 if throttled else 401
    return render_template("erp/login.html", username=username, message=message)


def _sign_in(session: Session, username: str) -> User | SignInRefused:
    # A refused attempt is committed too: it counts.
    if "\x00" in username:
        return SignInRefused("The name or the password is not right.", throttled=False)
    password = request.form.get("password", "")
    try:
        user = security.sign_in(session, username, password, browser_session.place(), devices.known(username))
    except SignInRefused as refusal:
        return refusal
    if second_factor.is_asked(session, user):
        return user
    return browser_session.sign_in(session, user, SignInMethod.password)


def _go_on(user: User) -> ResponseReturnValue:
    """Begin the user's session, if it was started; else ask for the code first."""
    if user.session_token:
        return browser_session.entered(user, redirect(browser_session.next_page()))
    browser_session.wait_for_code(user)
    wanted = browser_session.checked(request.args.get("next", ""))
    return redirect(url_for("login_code", next=wanted or None))


def login_code() -> ResponseReturnValue:
    """Ask who gave the right password for a code of their second factor."""
    if current_user.is_authenticated:
        return redirect(url_for("admin.index"))
    if not browser_session.is_waiting():
        return redirect(url_for("login"))
    if request.method == "GET":
        return render_template("erp/login_code.html", message="")
    found = commit(_enter_code)
    if isinstance(found, User):
        return browser_session.entered(found, redirect(browser_session.next_page()))
    if found is None:
        cookie.clear()
        flash("Sign in again: the code came too late, or your account was changed.", "warning")
        return redirect(url_for("login", next=browser_session.checked(request.args.get("next", "")) or None))
    status = 429 if found.facts["throttled"] else 401
    return render_template("erp/login_code.html", message=str(found)), status


def _enter_code(session: Session) -> User | SignInRefused | None:
    user = browser_session.waiting_user(session)
    if user is None or not second_factor.is_asked(session, user):
        return None
    code, device = request.form.get("code", ""), devices.known(user.username)
    try:
        second_factor.enter(session, user, code, browser_session.place(), device)
    except SignInRefused as refusal:
        return refusal
    return browser_session.sign_in(session, user, SignInMethod.code)


def logout() -> ResponseReturnValue:
    """End the session: its cookie is worth nothing from now on."""
    token, method = current_user.session_token, current_user.session_method
    commit(lambda session: sessions.end(session, token))
    logout_user()
    cookie.clear()
    flash("You are signed out.", "success")
    if method == SignInMethod.provider and provider.is_on():
        flash(say("At {label} you may still be signed in: sign out there, too.", label=provider.label()), "info")
    return redirect(url_for("login"))


def session_state() -> ResponseReturnValue:
    """Say who is signed in, and give the token with which a form that was opened before can be sent."""
    return {"user": current_user.id, "csrf_token": generate_csrf()}


def password() -> ResponseReturnValue:
    """Let users change their own password; one that was generated or reset must be changed."""
    if request.method == "POST":
        try:
            with events.run(RunKind.screen, "erp.password", current_user.username):
                user = commit(lambda session: _change(session, request.form))
        except ErpError as error:
            return render_template("erp/password.html", message=str(error)), 422
        # Every session of this user has ended, this one included: it goes on as a new one.
        browser_session.begin(user)
        flash("Your password is changed. Other sessions of yours have ended.", "success")
        return redirect(url_for("erp_work.index"))
    return render_template("erp/password.html", message="")


def _change(session: Session, form: Any) -> User:
    user = session.get(User, current_user.id)
    assert user is not None
    if not security.is_password(user, form.get("current", "")):
        raise BadPassword("The current password is not right.")
    if form.get("new", "") != form.get("again", ""):
        raise BadPassword("The new password and its repetition differ.")
    if form.get("new", "") == form.get("current", ""):
        raise BadPassword("The new password is the old one. Choose another.")
    security.set_password(session, user, form.get("new", ""))
    return browser_session.start(session, user, SignInMethod(current_user.session_method))


def language() -> ResponseReturnValue:
    """Let users choose the language of their pages, or leave it to their browser."""
    if request.method == "POST":
        chosen = request.form.get("language", "")
        if chosen and chosen not in languages.LANGUAGES:
            return abort(400)
        with events.run(RunKind.screen, "erp.language", current_user.username):
            commit(lambda session: _choose_language(session, chosen))
        languages.forget()
        flash("Your language is changed.", "success")
        return redirect(url_for("admin.index"))
    return render_template("erp/language.html", languages=languages.LANGUAGES)


def _choose_language(session: Session, chosen: str) -> None:
    user = session.get(User, current_user.id)
    assert user is not None
    user.language = chosen


def add_addresses(app: Flask) -> None:
    """Add the addresses of these pages."""
    app.add_url_rule("/login", "login", login, methods=("GET", "POST"))
    app.add_url_rule("/login/code", "login_code", login_code, methods=("GET", "POST"))
    app.add_url_rule("/logout", "logout", logout, methods=("POST",))
    app.add_url_rule("/session/", "session_state", session_state, methods=("GET",))
    app.add_url_rule("/language", "language", language, methods=("GET", "POST"))
    app.add_url_rule("/password", "password", password, methods=("GET", "POST"))
