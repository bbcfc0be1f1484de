"""Devices from which a user has signed in before: a signed cookie, whose failures are counted alone."""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

COOKIE = "erp_device"
KEPT = timedelta(days=365)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="device")


def known(username: str) -> str:
    """Return the id of this device where this user has signed in from it before; empty where not."""
    try:
        owner, id_ = _signer().loads(request.cookies.get(COOKIE, ""))
    except (BadSignature, TypeError, ValueError):
        return ""
    return str(id_) if owner == username else ""


def remember(answer: Response, username: str) -> None:
    """Let the browser keep that this user has signed in from here."""
    app = current_app
    id_ = known(username) or secrets.token_hex(16)
    answer.set_cookie(
        COOKIE,
        _signer().dumps([username, id_]),
        max_age=KEPT,
        path=app.session_interface.get_cookie_path(app),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
