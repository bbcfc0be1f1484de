"""Users: their passwords, signing in, their rights, and the headers of every answer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, Response, abort, g, redirect, request, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin, LoginManager, current_user
from flask_wtf import CSRFProtect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import access_log, history, proxies, second_factor, sessions, throttling
from erp.addresses import check_address
from erp.db import db
from erp.errors import BadPassword, BadUser, LastAdministrator, NotFound, SignInRefused
from erp.limits import LARGEST_BODY
from erp.models import FULL_NAME_LENGTH, Role, User
from erp.registry import current_registry
from erp.sign_in_models import SignInMethod
from erp.text import say

MIN_PASSWORD = 10
MAX_PASSWORD = 1000

UNSTORABLE = re.compile(r"[\x00-\x1f\ud800-\udfff]")

PUBLIC_ENDPOINTS = {
    "login",
    "login_code",
    "login_provider",
    "login_provider_answer",
    "static",
    "admin.static",
    "health",
    "ready",
    "metrics",
}
UNTIL_PASSWORD_IS_CHANGED = {"password", "logout"}
UNTIL_SECOND_FACTOR_IS_SET_UP = {"second_factor", "logout"}

login_manager = LoginManager()
csrf = CSRFProtect()


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


def hash_password(password: str) -> str:
    """Return the argon2 hash of a password; raise BadPassword where it is too short."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or "\x00" in password:
        raise BadPassword(
            say("A password has at least {MIN_PASSWORD} characters; any characters will do.", MIN_PASSWORD=MIN_PASSWORD)
        )
    return _hasher().hash(password)


def is_password(user: User, password: str) -> bool:
    """Say whether this is the user's password."""
    try:
        return _hasher().verify(user.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def generate_password() -> str:
    """Return a password that nobody can guess."""
    return secrets.token_urlsafe(12)


def subject(user: User) -> history.Subject:
    """Return what the history calls a user."""
    return history.Subject("erp.user", user.id, user.username)


def find_user(session: Session, username: str) -> User:
    """Return a user by name; raise NotFound."""
    query = select(User).where(User.username == username)
    user: User | None = None if UNSTORABLE.search(username) else session.scalar(query)
    if user is None:
        raise NotFound("user", username)
    return user


def check_user(*, name: str, email: str) -> None:
    """Raise BadUser where a full name cannot be stored, and BadAddress where an email address is none."""
    if len(name) > FULL_NAME_LENGTH or UNSTORABLE.search(name):
        raise BadUser(
            say("A full name is one line of at most {FULL_NAME_LENGTH} characters.", FULL_NAME_LENGTH=FULL_NAME_LENGTH)
        )
    if email:
        check_address(email)


def add_user(
    session: Session,
    username: str,
    password: str,
    *,
    roles: Iterable[str] = (),
    name: str = "",
    email: str = "",
    must_change: bool = True,
) -> User:
    """Add a user with these roles, by name; the password must be changed at the first sign-in by default.

    Raises BadUser and BadAddress for a name or an address that cannot be stored.
    """
    check_user(name=name, email=email)
    user = User(username=username, name=name, email=email, password_hash=hash_password(password))
    user.must_change_password = must_change
    user.roles = [find_role(session, role) for role in roles]
    session.add(user)
    session.flush()
    names = ", ".join(role.name for role in user.roles)
    history.record(session, subject(user), "created", new=names)
    access_log.changed(session, username, f"created with roles {names or 'none'}")
    return user


def find_role(session: Session, name: str) -> Role:
    """Return a role by name; raise NotFound."""
    role = None if UNSTORABLE.search(name) else session.scalar(select(Role).where(Role.name == name))
    if role is None:
        raise NotFound("role", name)
    return role


def set_password(session: Session, user: User, password: str, *, must_change: bool = False) -> None:
    """Set a user's password, which ends their sessions."""
    user.password_hash = hash_password(password)
    user.must_change_password = must_change
    sessions.end_all(session, user)
    history.record(session, subject(user), "password changed")
    access_log.changed(session, user.username, "password changed")


def set_active(session: Session, user: User, is_active: bool) -> None:
    """Let a user in or keep them out, which ends their sessions at once."""
    if user.is_active == is_active:
        return
    if not is_active:
        keep_an_administrator(session, user)
    user.is_active = is_active
    sessions.end_all(session, user)
    what = "activated" if is_active else "deactivated"
    history.record(session, subject(user), what)
    access_log.changed(session, user.username, what)


def end_sessions(session: Session, user: User) -> int:
    """End all sessions of a user; return how many there were."""
    count = sessions.end_all(session, user)
    history.record(session, subject(user), "signed out everywhere")
    access_log.changed(session, user.username, "signed out everywhere")
    return count


def set_roles(session: Session, user: User, roles: Sequence[Role]) -> None:
    """Give a user these roles and no others; raise LastAdministrator where nobody else active has every right."""
    before = sorted(role.name for role in user.roles)
    if not any(role.is_administrator for role in roles) and user.is_active:
        keep_an_administrator(session, user)
    user.roles = list(roles)
    after = sorted(role.name for role in roles)
    if before != after:
        old, new = ", ".join(before), ", ".join(after)
        history.record(session, subject(user), "roles changed", field="roles", old=old, new=new)
        access_log.changed(session, user.username, f"roles {old or 'none'} became {new or 'none'}")


def keep_an_administrator(session: Session, without: User) -> None:
    """Raise LastAdministrator where nobody else who is active has a role with every right."""
    if not any(role.is_administrator for role in without.roles):
        return
    # The second of two administrators who deactivate each other waits, and is refused.
    session.execute(select(Role.id).where(Role.is_administrator).order_by(Role.id).with_for_update())
    is_other = (Role.is_administrator, User.is_active, User.id != without.id)
    if not session.scalar(select(func.count(User.id)).join(User.roles).where(*is_other)):
        raise LastAdministrator(without.username)


def sign_in(session: Session, username: str, password: str, place: str, device: str = "") -> User:
    """Return the user whose name and password these are; raise SignInRefused after counting the attempt.

    Where `second_factor.is_asked`, a code is still to come, and the failures before it stay: the password alone gives
    nobody more tries for the code.
    `device` is the id of a device from which this user has signed in before. The caller commits in either case:
    attempts are counted over all processes.
    """
    if throttling.is_throttled(session, username, place, device):
        access_log.refused(session, username, place, "throttled")
        raise SignInRefused(throttling.sentence(), throttled=True)
    user: User | None = session.scalar(select(User).where(User.username == username))
    # A name that does not exist takes as long as one that does.
    known = user if user is not None else _nobody()
    if not is_password(known, password) or user is None or not user.is_active:
        throttling.count_failure(session, username, place, device)
        access_log.refused(session, username, place, "wrong")
        raise SignInRefused("The name or the password is not right.", throttled=False)
    if not second_factor.is_asked(session, user):
        throttling.forget_failures(session, username, place, device)
    return user


def check_password(session: Session, user: User, password: str, place: str, device: str = "") -> None:
    """Check the password of somebody who is signed in before a step that a session left open must not do.

    Raises BadPassword and SignInRefused after counting the attempt as one of signing in; the caller commits.
    """
    if throttling.is_throttled(session, user.username, place, device):
        raise SignInRefused(throttling.sentence(), throttled=True)
    if not is_password(user, password):
        throttling.count_failure(session, user.username, place, device)
        raise BadPassword("The current password is not right.")


@lru_cache(maxsize=1)
def _nobody() -> User:
    return User(username="", password_hash=_hasher().hash(secrets.token_hex()))


class Nobody(AnonymousUserMixin):  # type: ignore[misc]
    """A visitor who is not signed in."""

    username = ""

    def may(self, permission: str) -> bool:
        """Say no."""
        return False


def may(user: Any, permission: str) -> bool:
    """Say whether a user holds a right; an administrator holds every one."""
    return bool(user.is_authenticated and user.may(permission))


def act_as(user: Any) -> None:
    """Let this request act as a user, or as nobody, and forget what its cookies say."""
    g._login_user = user  # where Flask-Login keeps who is signed in


def load_user(token: str) -> User | None:
    """Return the user of a session; None where it has ended."""
    user = sessions.user_of(db.session(), token)
    if user is None or second_factor.has_ended(user):
        return None
    g.erp_user_language = user.language
    return user


def nonce() -> str:
    """Return this answer's nonce for scripts."""
    if "erp_nonce" not in g:
        g.erp_nonce = secrets.token_urlsafe(16)
    return str(g.erp_nonce)


class Sessions(SecureCookieSessionInterface):
    """Session cookies that are Secure over https, and still work over plain http."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether this request came over https."""
        return request.is_secure

    def get_cookie_path(self, app: Flask) -> str:
        """Return the path prefix of this request: what else the host serves does not get the cookie."""
        return request.script_root or "/"


def _gate() -> ResponseReturnValue | None:
    """Answer before any view: the address of a module that is off is not found, even without being signed in."""
    if request.endpoint in PUBLIC_ENDPOINTS:
        return None
    if endpoint := current_registry().endpoint_at(request.path):
        if not current_registry().is_live(endpoint.module):
            abort(404)
        act_as(Nobody())
        return None
    _refuse_what_is_off(request.path)
    if request.routing_exception is not None:
        return None
    if not current_user.is_authenticated:
        wanted = _wanted() if request.method == "GET" and request.path != "/" else None
        return redirect(url_for("login", next=wanted))
    if _must_change_password() and request.endpoint not in UNTIL_PASSWORD_IS_CHANGED:
        return redirect(url_for("password"))
    if second_factor.has_to_set_up(current_user) and request.endpoint not in UNTIL_SECOND_FACTOR_IS_SET_UP:
        return redirect(url_for("second_factor"))
    return None


def _must_change_password() -> bool:
    """Say whether the user has to change the password first; who signed in at a provider used none."""
    return bool(current_user.must_change_password) and current_user.session_method != SignInMethod.provider


def _wanted() -> str:
    """Return the address that was asked for, to be led to after signing in."""
    return f"{request.script_root}{request.full_path.rstrip('?')}"


def _refuse_what_is_off(path: str) -> None:
    registry = current_registry()
    for owned in registry.views:
        url = owned.thing.view.url
        if f"{path}/".startswith(f"{url.rstrip('/')}/") and not registry.is_live(owned.module):
            abort(404)


def _headers(response: Response) -> Response:
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'self'; script-src 'self' 'nonce-{nonce()}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    )
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint not in PUBLIC_ENDPOINTS:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def init_app(app: Flask) -> None:
    """Guard every address: signing in, form tokens and headers."""
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.session_interface = Sessions()
    count = proxies.trusted_proxies(app.config["ENVIRONMENT"])
    app.wsgi_app = proxies.behind(app.wsgi_app, count)  # type: ignore[assignment, method-assign]
    login_manager.init_app(app, add_context_processor=False)
    login_manager.user_loader(load_user)
    login_manager.anonymous_user = Nobody
    login_manager.session_protection = None
    app.before_request(_gate)
    csrf.init_app(app)
    app.after_request(_headers)
