"""Signing in and out, and changing one's own password."""

from __future__ import annotations

from typing import Any

from flask import Flask, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_admin.helpers import is_safe_url
from flask_login import current_user, login_user, logout_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from erp import events, security, sessions
from erp.admin import devices
from erp.db import commit
from erp.errors import BadPassword, ErpError, SignInRefused
from erp.models import RunKind, User


def login() -> ResponseReturnValue:
    """Ask for name and password, and sign the user in."""
    if current_user.is_authenticated:
        return redirect(url_for("admin.index"))
    username, message = request.form.get("username", ""), ""
    if request.method == "POST":
        found = commit(lambda session: _sign_in(session, username))
        if isinstance(found, User):
            _begin_session(found)
            answer = redirect(_next_page())
            devices.remember(answer, found.username)
            return answer
        message, throttled = str(found), bool(found.facts["throttled"])
        return render_template("erp/login.html", username=username, message=message), 429 if throttled else 401
    return render_template("erp/login.html", username=username, message=message)


def _sign_in(session: Session, username: str) -> User | SignInRefused:
    # A refused attempt is committed too: it counts.
    if "\x00" in username:
        return SignInRefused("The name or the password is not right.", throttled=False)
    place, password = request.remote_addr or "", request.form.get("password", "")
    try:
        user = security.sign_in(session, username, password, place, devices.known(username))
    except SignInRefused as refusal:
        return refusal
    return _started(session, user)


def _started(session: Session, user: User) -> User:
    """Start a session of the user in this browser."""
    return sessions.start(session, user, place=request.remote_addr or "", device=request.user_agent.string)


def _begin_session(user: User) -> None:
    """Give the browser the token of its session; nothing that it held before is valid, form tokens included."""
    cookie.clear()
    login_user(user)


def _next_page() -> str:
    target = request.args.get("next", "")
    is_plain = target.startswith("/") and target.isprintable()
    return target if is_plain and is_safe_url(target) else url_for("admin.index")


def logout() -> ResponseReturnValue:
    """End the session: its cookie is worth nothing from now on."""
    token = current_user.session_token
    commit(lambda session: sessions.end(session, token))
    logout_user()
    cookie.clear()
    flash("You are signed out.", "success")
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
        _begin_session(user)
        flash("Your password is changed. Other sessions of yours have ended.", "success")
        return redirect(url_for("admin.index"))
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
    return _started(session, user)


def add_addresses(app: Flask) -> None:
    """Add the addresses of these pages."""
    app.add_url_rule("/login", "login", login, methods=("GET", "POST"))
    app.add_url_rule("/logout", "logout", logout, methods=("POST",))
    app.add_url_rule("/session/", "session_state", session_state, methods=("GET",))
    app.add_url_rule("/password", "password", password, methods=("GET", "POST"))
