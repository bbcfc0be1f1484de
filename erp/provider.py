"""Signing in at an OpenID Connect provider: what it says of somebody, and whose account that is.

Authlib does the protocol: discovery, the code flow with state, nonce and PKCE, and the checks of the signed answer. It
is imported only where `[erp] oidc_issuer` is set. A provider that is away, or whose answer cannot be trusted, lets
nobody in and keeps nobody out who has a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app
from flask import session as cookie
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from erp import access_log, history, security
from erp.addresses import BadAddress, check_address
from erp.db import commit, db
from erp.errors import ConfigError, NotFound, SignInRefused
from erp.models import FULL_NAME_LENGTH, User
from erp.options import OptionTable, options
from erp.sign_in_models import ProviderAccount
from erp.text import named, say

SECRET = "ERP_OIDC_CLIENT_SECRET"
EXTENSION = "erp_provider"
TIMEOUT_SECONDS = 10
SKEW_SECONDS = 120
_NAME = "oidc"
_SIGNED_BY_KEY_PAIR = {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)} | {"EdDSA"}
_HERE = {"localhost", "127.0.0.1", "::1"}


class NoAccount(SignInRefused):
    """The provider knows somebody who has no account here."""

    def __init__(self, reason: str) -> None:
        super().__init__(say("{reason} Ask an administrator.", reason=named(reason)), throttled=False)


@dataclass(frozen=True)
class Identity:
    """What the provider says of somebody who signed in there."""

    issuer: str
    subject: str
    email: str
    is_verified: bool
    name: str
    username: str


def is_on() -> bool:
    """Say whether users may sign in at a provider."""
    return EXTENSION in current_app.extensions


def label() -> str:
    """Return what users call the provider."""
    return str(options.erp.oidc_label)


def init_app(app: Flask) -> None:
    """Let users sign in at the provider that the options name; raise ConfigError where that cannot be."""
    table: OptionTable = app.extensions["erp"].option_table
    values = table.effective({})
    issuer, client = values["erp.oidc_issuer"].value.rstrip("/"), values["erp.oidc_client_id"].value
    if not issuer:
        return
    _check_settings(issuer, client)
    secret = app.config["ENVIRONMENT"].get(SECRET) or None
    app.extensions[EXTENSION] = _library().make_client(app, _NAME, issuer, client, secret, TIMEOUT_SECONDS)


def _library() -> Any:
    """Return what needs Authlib."""
    return import_module("erp.oidc_client")


def _check_settings(issuer: str, client: str) -> None:
    address = urlsplit(issuer)
    if not (address.scheme == "https" or (address.scheme == "http" and address.hostname in _HERE)):
        raise ConfigError(
            say("[erp] oidc_issuer is {issuer!r}: an address that begins with https:// is allowed.", issuer=issuer)
        )
    if not client:
        raise ConfigError("[erp] oidc_issuer needs oidc_client_id: the name that the provider gave this installation.")
    if find_spec("authlib") is None or find_spec("requests") is None:
        raise ConfigError("[erp] oidc_issuer needs the extra `oidc`: pip install 'modular-erp[oidc]'.")


def go(answer_address: str) -> Response:
    """Return the redirect to the provider; raise ProviderAway."""
    _forget_earlier()
    with _library().trusting():
        client = _client()
        answer: Response = client.authorize_redirect(answer_address)
        if urlsplit(answer.location).scheme not in ("https", "http"):
            raise ValueError("the provider's address for signing in is none")
    return answer


def come_back() -> Identity:
    """Return who signed in at the provider, from the request with its answer.

    Raises ProviderAway, and SignInRefused for an answer that is refused, late, not asked for here, or not to be
    trusted.
    """
    with _library().trusting():
        client = _client()
        issuer = client.server_metadata["issuer"]
        asked = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client.client_id}}
        token = client.authorize_access_token(claims_options=asked, leeway=SKEW_SECONDS)
        found = token.get("userinfo")
        if not found:
            raise ValueError("there is no id_token in the answer")
        return _identity(issuer, {**_more(client, token, found), **found})


def _client() -> Any:
    """Return Authlib's client, once the provider has said what it is and that is what the options name."""
    db.session.rollback()  # no transaction waits for the provider
    client = current_app.extensions[EXTENSION]
    metadata = client.load_server_metadata()
    if str(metadata.get("issuer", "")).rstrip("/") != options.erp.oidc_issuer.rstrip("/"):
        client.server_metadata.clear()
        raise ValueError("the provider names another issuer")
    db.session.rollback()
    # Only the provider's own key signs; a shared secret or none would let others sign.
    signed_by = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = sorted(_SIGNED_BY_KEY_PAIR.intersection(signed_by)) or ["RS256"]
    return client


def _more(client: Any, token: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the provider says of the identity on request, where the token does not name their address."""
    if "email" in found or "userinfo_endpoint" not in client.server_metadata:
        return {}
    more: Mapping[str, Any] = client.userinfo(token=token)
    if more.get("sub") != found["sub"]:
        raise ValueError("the provider speaks of somebody else")
    return more


def _identity(issuer: str, said: Mapping[str, Any]) -> Identity:
    email, subject = _line(said.get("email")), _line(said["sub"])
    if not subject or len(subject) > 255:
        raise ValueError("the subject is no line of text")
    name = _line(said.get("name"))[:FULL_NAME_LENGTH]
    username = _line(said.get("preferred_username")) or email
    return Identity(issuer, subject, email, said.get("email_verified") is True, name, username)


def _line(value: object) -> str:
    """Return a text of the provider's, empty where it is none that can be kept."""
    return value.strip() if isinstance(value, str) and not security.UNSTORABLE.search(value) else ""


def _forget_earlier() -> None:
    """Forget sign-ins that were begun in this browser and not ended: a cookie has no room for many."""
    for key in [key for key in cookie if key.startswith(f"_state_{_NAME}_")]:
        cookie.pop(key)


def account_of(identity: Identity) -> User:
    """Return the user whose account the identity's is, found or made where the options allow it, in one transaction.

    An account is found by what the provider calls the identity, else once by the email address. Raises NoAccount.
    """
    try:
        return commit(lambda session: _account(session, identity))
    except IntegrityError:
        # Two windows of one identity were first at the same moment.
        return commit(lambda session: _account(session, identity))


def _account(session: Session, identity: Identity) -> User:
    is_this = (ProviderAccount.issuer == identity.issuer, ProviderAccount.subject == identity.subject)
    user = session.scalar(select(User).join(ProviderAccount).where(*is_this))
    if user is None:
        user = _found_by_address(session, identity) or _made(session, identity)
    if not user.is_active:
        raise NoAccount("Your account is deactivated.")
    return user


def _found_by_address(session: Session, identity: Identity) -> User | None:
    """Bind the identity to the one active user who has the identity's address; return None where nobody has it."""
    if not identity.email:
        return None
    has_address = (func.lower(User.email) == identity.email.lower(), User.is_active)
    found = session.scalars(select(User).where(*has_address).with_for_update().limit(2)).all()
    if not found:
        return None
    if not (identity.is_verified or options.erp.oidc_unverified_email):
        raise NoAccount("The sign-in service has not verified your email address.")
    if len(found) > 1:
        raise NoAccount(say("Several users have the address {email}.", email=identity.email))
    _bind(session, found[0], identity)
    return found[0]


def _bind(session: Session, user: User, identity: Identity) -> None:
    if session.get(ProviderAccount, (user.id, identity.issuer)) is not None:
        raise NoAccount(say("{user} signs in with another account of the sign-in service.", user=user.username))
    session.add(ProviderAccount(user_id=user.id, issuer=identity.issuer, subject=identity.subject))
    _note(session, user, f"bound to {identity.subject} at {identity.issuer}")
    session.flush()


def _made(session: Session, identity: Identity) -> User:
    """Make a user where the options say so."""
    if not options.erp.oidc_create:
        raise NoAccount(
            say("Nobody here has the address {email}.", email=identity.email)
            if identity.email
            else "The sign-in service gives no email address of yours, and nobody here has its account."
        )
    username = identity.username[:80]
    if not username or not username.isprintable():
        raise NoAccount("The sign-in service gives you no name.")
    if session.scalar(select(User.id).where(User.username == username)) is not None:
        raise NoAccount(say("There is another user {username!r}.", username=username))
    roles = [name.strip() for name in options.erp.oidc_roles.split(",") if name.strip()]
    try:
        user = security.add_user(
            session,
            username,
            security.generate_password(),
            roles=roles,
            name=identity.name,
            email=_storable(identity.email),
            must_change=False,
        )
    except NotFound as error:
        raise NoAccount(say("[erp] oidc_roles cannot be used: {error}", error=error)) from None
    _bind(session, user, identity)
    return user


def _storable(email: str) -> str:
    try:
        return check_address(email) if email else ""
    except BadAddress:
        return ""


def forget(session: Session, user: User) -> None:
    """Let the user's next sign-in at a provider be matched by email again, and end their sessions."""
    rows = session.scalars(select(ProviderAccount).where(ProviderAccount.user_id == user.id)).all()
    if not rows:
        raise NotFound(say("account of a sign-in service for user"), user.username)
    for row in rows:
        session.delete(row)
    security.end_sessions(session, user)
    _note(session, user, "forgotten")


def _note(session: Session, user: User, what: str) -> None:
    history.record(session, security.subject(user), "sign-in service", new=what)
    access_log.changed(session, user.username, say("sign-in service: {what}", what=what))
