"""Every request below `/api/v1`: who asks, how often, and which operation answers."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

from flask import current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from erp import security
from erp.db import commit, db
from erp.registry import Endpoint, current_registry
from modules.api import queries, services
from modules.api.errors import NotSignedIn, TooManyRequests
from modules.api.http.problems import failed
from modules.api.http.sealing import sent_token
from modules.api.queries import TokenUser

URL = "/api/v1"


def answer() -> ResponseReturnValue:
    """Answer a request with the operation at its address, as the user of its token.

    Raises NotSignedIn, TooManyRequests, and what the operation refuses.
    """
    user = _user()
    refusal = commit(partial(_count, user=user))
    if refusal is not None:
        raise refusal
    security.act_as(user)
    operations = _operations()
    endpoint, arguments = operations.url_map.bind_to_environ(request.environ).match()
    found: ResponseReturnValue = operations.view_functions[endpoint](**arguments)
    return found


def _user() -> TokenUser:
    secret = sent_token()
    user = queries.user_of_token(db.session(), secret) if secret else None
    if user is None:
        raise NotSignedIn
    return user


def _count(session: Session, *, user: TokenUser) -> TooManyRequests | None:
    try:
        services.count_request(session, user.token_id)
    except TooManyRequests as refusal:
        return refusal
    services.note_use(session, user.token_id, user.last_used_at)
    return None


def _operations() -> Any:
    """Return the operations of the modules that are on, made when they are first asked for.

    Making them imports flask-smorest, for which commands and screens do not wait.
    """
    made = current_app.extensions.setdefault("erp_api", {})
    enabled = current_registry().enabled()
    if enabled not in made:
        documented = importlib.import_module("modules.api.http.documented")
        made.clear()
        made[enabled] = documented.operations(current_app, URL)
    return made[enabled]


def document() -> str:
    """Return the OpenAPI document of the modules that are on."""
    return str(_operations().extensions["erp_document"])


ENDPOINT = Endpoint(URL, answer, failed)
