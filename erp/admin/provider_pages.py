"""The way to the OpenID Connect provider and back."""

from __future__ import annotations

from flask import Flask, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from erp import access_log, provider
from erp.admin import browser_session
from erp.db import commit, db
from erp.errors import ErpError, SignInRefused
from erp.models import User
from erp.sign_in_models import SignInMethod

_NEXT = "erp_next"


def go() -> ResponseReturnValue:
    """Lead to the provider."""
    if current_user.is_authenticated:
        return redirect(url_for("admin.index"))
    try:
        answer = provider.go(url_for("login_provider_answer", _external=True))
    except ErpError as error:
        return _refused(error)
    cookie[_NEXT] = browser_session.checked(request.args.get("next", ""))
    return answer


def come_back() -> ResponseReturnValue:
    """Sign in whom the provider names, if they have an account here."""
    if current_user.is_authenticated:
        return redirect(url_for("admin.index"))
    wanted = browser_session.checked(str(cookie.get(_NEXT, "")))
    try:
        user_id = provider.account_of(provider.come_back()).id
    except ErpError as error:
        return _refused(error)
    user = commit(lambda session: _started(session, user_id))
    return browser_session.entered(user, redirect(browser_session.first_page(wanted)))


def _started(session: Session, user_id: int) -> User:
    return browser_session.sign_in(session, session.get_one(User, user_id), SignInMethod.provider)


def _refused(error: ErpError) -> ResponseReturnValue:
    db.session.rollback()
    is_refusal = isinstance(error, SignInRefused)
    if is_refusal:
        commit(lambda session: access_log.refused(session, "", browser_session.place(), "sign-in service"))
    return render_template("erp/login.html", username="", message=str(error)), 401 if is_refusal else 503


def add_addresses(app: Flask) -> None:
    """Add the addresses of these pages where users may sign in at a provider."""
    if provider.EXTENSION in app.extensions:
        app.add_url_rule("/login/provider", "login_provider", go)
        app.add_url_rule("/login/provider/answer", "login_provider_answer", come_back)
