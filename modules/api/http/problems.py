"""Problem details (RFC 9457): what a program gets where a request is refused or fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from flask import Response, make_response
from werkzeug.exceptions import HTTPException

from erp.errors import (
    ConfigError,
    DatabaseBusy,
    DatabaseFailed,
    DatabaseUnreachable,
    ErpError,
    ModuleOff,
    NotFound,
    NotInitialized,
    PermissionDenied,
)
from erp.history import as_text
from modules.api import errors

CONTENT_TYPE = "application/problem+json"
STATUS: Mapping[type[ErpError], int] = {
    errors.NotSignedIn: 401,
    errors.TooManyRequests: 429,
    errors.KeyMissing: 400,
    errors.KeyUsed: 422,
    errors.PreconditionFailed: 412,
    errors.PlanChanged: 409,
    errors.BadCursor: 422,
    errors.UnknownFilter: 422,
    PermissionDenied: 403,
    NotFound: 404,
    ModuleOff: 404,
    DatabaseBusy: 503,
    DatabaseUnreachable: 503,
    DatabaseFailed: 503,
    NotInitialized: 503,
    ConfigError: 503,
}
CONFLICT, UNPROCESSABLE = 409, 422
_HIDDEN = (DatabaseUnreachable, DatabaseFailed)


def failed(status: int, message: str, error: BaseException | None) -> Response:
    """Return the problem details of a refusal or a failure; `status` is the one that a page would have."""
    if isinstance(error, ErpError):
        status = status_of(error)
    problem = {"type": "about:blank", "title": _title(error, status), "status": status, "detail": message}
    if isinstance(error, ErpError) and not isinstance(error, _HIDDEN):
        problem |= details_of(error)
    response = make_response(json.dumps(problem), status)
    response.mimetype = CONTENT_TYPE
    _add_headers(response, error)
    if messages := _messages(error):
        response.set_data(
            json.dumps({**problem, "detail": "The request is not as the schema says.", "errors": messages})
        )
    return response


def status_of(error: ErpError) -> int:
    """Return the status of a refusal: 422 where it names what of the request is wrong, else 409."""
    other = UNPROCESSABLE if error.field else CONFLICT
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), other)


def details_of(error: ErpError) -> dict[str, Any]:
    """Return what a program can tell a refusal by: its type, its facts, and what of the request is wrong."""
    found: dict[str, Any] = {"type": f"urn:erp:refusal:{type(error).__name__}"}
    if facts := {name: as_json(value) for name, value in error.facts.items()}:
        found["facts"] = facts
    if error.field:
        found["field"] = error.field
    return found


def as_json(value: object) -> Any:
    """Return a fact as JSON has it: numbers and switches as they are, lists of facts, everything else as its text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(one) for one in value]
    return as_text(value)


def _title(error: BaseException | None, status: int) -> str:
    if isinstance(error, ErpError):
        return " ".join((type(error).__doc__ or type(error).__name__).partition("\n")[0].split())
    if isinstance(error, HTTPException):
        return error.name
    return "The service is not available." if status == 503 else "The request failed."


def _messages(error: BaseException | None) -> Any:
    """Return what the check of a request by its schema found, by place in the request."""
    data = getattr(error, "data", None)
    return data.get("messages") if isinstance(data, dict) else None


def _add_headers(response: Response, error: BaseException | None) -> None:
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
    if isinstance(error, errors.NotSignedIn):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.TooManyRequests):
        response.headers["Retry-After"] = str(error.facts["seconds"])
