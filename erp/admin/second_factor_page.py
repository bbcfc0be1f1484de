"""The page on which users set up their own second factor, renew its recovery codes and remove it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy.orm import Session

from erp import events, second_factor, security
from erp.admin import browser_session, devices
from erp.db import commit, db
from erp.errors import BadPassword, ErpError, SignInRefused
from erp.models import RunKind, User
from erp.second_factor import BadCode
from erp.sign_in_models import SignInMethod

PAGE = "erp/second_factor.html"


def page() -> ResponseReturnValue:
    """Show whether the user has a second factor, and do one step with it."""
    if not second_factor.is_on():
        abort(404)
    if request.method == "GET":
        return _shown()
    work = _STEPS.get(request.form.get("step", ""))
    if work is None:
        abort(400)
    try:
        with events.run(RunKind.screen, "erp.second-factor", current_user.username):
            return work()
    except ErpError as error:
        return _shown(message=str(error)), 429 if error.facts.get("throttled") else 422


def _shown(**more: Any) -> str:
    session = db.session()
    left = second_factor.recovery_codes_left(session, current_user) if current_user.has_second_factor else 0
    is_required = second_factor.is_required(current_user)
    return render_template(PAGE, **{"left": left, "is_required": is_required, "message": "", **more})


def _begin() -> ResponseReturnValue:
    """Show a new secret to who knows the password: a session that was left open sets up nothing."""
    _check(security.check_password, "password")
    secret = commit(lambda session: second_factor.begin(session, _me(session)))
    return _secret_shown(secret)


def _secret_shown(secret: str, message: str = "") -> str:
    address = second_factor.address_for_app(current_user, secret)
    # The picture is made here of an address that is escaped in it.
    return _shown(secret=secret, address=address, picture=Markup(second_factor.picture(address)), message=message)


def _confirm() -> ResponseReturnValue:
    """Take the first code of the app, start a session that began with a code, and show the recovery codes."""
    try:
        user, codes = commit(_confirmed)
    except BadCode as error:
        secret = second_factor.waiting_secret(db.session(), current_user)
        return _secret_shown(secret, str(error)), 422
    browser_session.begin(user)
    return render_template("erp/recovery_codes.html", codes=codes, is_new=True)


def _confirmed(session: Session) -> tuple[User, list[str]]:
    user = _me(session)
    codes = second_factor.confirm(session, user, request.form.get("code", ""))
    return browser_session.start(session, user, SignInMethod.code), codes


def _renew() -> ResponseReturnValue:
    _check(second_factor.enter, "code")
    codes = commit(lambda session: second_factor.renew_codes(session, _me(session)))
    return render_template("erp/recovery_codes.html", codes=codes, is_new=False)


def _remove() -> ResponseReturnValue:
    _check(second_factor.enter, "code")
    browser_session.begin(commit(_removed))
    flash("Your second factor is removed. Other sessions of yours have ended.", "success")
    return redirect(url_for("admin.index"))


def _removed(session: Session) -> User:
    user = _me(session)
    second_factor.remove(session, user)
    return browser_session.start(session, user, SignInMethod.password)


def _check(check: Callable[[Session, User, str, str, str], object], field: str) -> None:
    """Raise what `check` refuses of a field; what is wrong is committed first: it counts."""

    def work(session: Session) -> ErpError | None:
        user = _me(session)
        place, device = browser_session.place(), devices.known(user.username)
        try:
            check(session, user, request.form.get(field, ""), place, device)
        except (SignInRefused, BadPassword) as refusal:
            return refusal
        return None

    refusal = commit(work)
    if refusal is not None:
        raise refusal


def _me(session: Session) -> User:
    return session.get_one(User, current_user.id)


_STEPS: dict[str, Callable[[], ResponseReturnValue]] = {
    "begin": _begin,
    "confirm": _confirm,
    "renew": _renew,
    "remove": _remove,
}


def add_addresses(app: Flask) -> None:
    """Add the address of this page."""
    app.add_url_rule("/second-factor", "second_factor", page, methods=("GET", "POST"))
