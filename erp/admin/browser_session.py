"""The session that a browser has: how it begins, what waits for a code meanwhile, and where it goes first."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from flask import request, url_for
from flask import session as cookie
from flask_admin.helpers import is_safe_url
from flask_login import login_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from erp import access_log, clock, sessions
from erp.admin import devices
from erp.models import User
from erp.sign_in_models import SignInMethod

# How long after the password a code is waited for.
WAITING = timedelta(minutes=10)
_KEY = "erp_waiting"


def start(session: Session, user: User, method: SignInMethod) -> User:
    """Start a session of the user in this browser; the caller commits and then calls `begin`."""
    return sessions.start(session, user, place=place(), device=request.user_agent.string, method=method)


def sign_in(session: Session, user: User, method: SignInMethod) -> User:
    """Start a session of somebody who has just shown who they are, and log it."""
    access_log.signed_in(session, user.username, place())
    return start(session, user, method)


def begin(user: User) -> None:
    """Give the browser the token of its session; nothing that it held before is valid, form tokens included."""
    cookie.clear()
    login_user(user)


def entered(user: User, answer: Response) -> Response:
    """Begin the session of a user who signed in, and let the browser be known from now on."""
    begin(user)
    devices.remember(answer, user.username)
    return answer


def place() -> str:
    """Return the address that the request comes from."""
    return request.remote_addr or ""


def next_page() -> str:
    """Return the address of the page that somebody who signs in gets first."""
    return first_page(request.args.get("next", ""))


def first_page(asked: str) -> str:
    """Return the address that was asked for before signing in; the work where that was none or the dashboard.

    Nothing leads to another host.
    """
    wanted = checked(asked)
    return url_for("erp_work.index") if wanted in ("", url_for("admin.index")) else wanted


def checked(target: str) -> str:
    """Return the address of a page of this host as it is; empty for any other."""
    is_plain = target.startswith("/") and target.isprintable()
    return target if is_plain and is_safe_url(target) else ""


def wait_for_code(user: User) -> None:
    """Let the browser hold, signed, that this user has given the right password."""
    cookie.clear()
    cookie[_KEY] = [user.id, _proof(user), clock.now().isoformat()]


def is_waiting() -> bool:
    """Say whether this browser holds that somebody has given the right password."""
    return _KEY in cookie


def waiting_user(session: Session) -> User | None:
    """Return who gave the right password here and still has to give a code; None where it is too long ago.

    Another password or a deactivation since ends the waiting.
    """
    id_, proof, since = cookie.get(_KEY, (0, "", ""))
    user = session.get(User, id_)
    if user is None or not user.is_active or proof != _proof(user):
        return None
    age = clock.now() - datetime.fromisoformat(since)
    return user if -clock.SKEW <= age <= WAITING else None


def _proof(user: User) -> str:
    return sha256(user.password_hash.encode()).hexdigest()[:32]
