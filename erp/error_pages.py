"""The page for a request that is refused or fails: one sentence, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wsgi import ClosingIterator, FileWrapper

from erp.db import db
from erp.errors import (
    DatabaseBusy,
    DatabaseFailed,
    DatabaseUnreachable,
    ErpError,
    InvalidTransition,
    ModuleOff,
    NotFound,
    NotInitialized,
    PermissionDenied,
    StaleRecord,
)
from erp.text import say

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

UNAVAILABLE = "The database cannot be reached or is busy. Try again in a moment."
STATUS: dict[type[ErpError], int] = {
    PermissionDenied: 403,
    NotFound: 404,
    ModuleOff: 404,
    InvalidTransition: 409,
    StaleRecord: 409,
    DatabaseBusy: 503,
    NotInitialized: 503,
}


def init_app(app: Flask) -> None:
    """Show this page for every error that a screen does not handle itself."""
    app.register_error_handler(ErpError, refused)
    app.register_error_handler(DataError, unfit)
    app.register_error_handler(OperationalError, failed)
    app.register_error_handler(HTTPException, plain)
    app.wsgi_app = AnswerFromFirstPiece(app.wsgi_app)  # type: ignore[method-assign]


class AnswerFromFirstPiece:
    """Lets an answer begin when its first piece is there.

    A file that is read from the database while it is sent could else say neither 200 nor 503 where the database fails
    before there is anything to send. Where it fails later, the answer breaks off, as its reader sees.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        begun: list[Any] = []

        def note(*head: Any) -> Callable[[bytes], object]:
            begun[:] = head
            return _unused

        pieces: Iterable[bytes] = self.application(environ, note)
        wrapper: type[object] = environ.get("wsgi.file_wrapper", FileWrapper)
        if isinstance(pieces, wrapper):
            start_response(*begun)
            return pieces
        close = getattr(pieces, "close", _nothing)
        others = iter(pieces)
        try:
            first = next(others, b"")
        except OperationalError as error:
            close()
            log.warning("%s %s: %s", environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"), error.orig)
            start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
            return [UNAVAILABLE.encode()]
        start_response(*begun)
        return ClosingIterator(chain([first] if first else [], others), close)


def _unused(_piece: bytes) -> None:
    raise NotImplementedError("no part of this program writes an answer in this way")


def _nothing() -> None:
    """Close what cannot be closed."""


def refused(error: ErpError) -> ResponseReturnValue:
    """Show a refusal's sentence."""
    db.session.rollback()
    if isinstance(error, DatabaseUnreachable | DatabaseFailed):
        # What anybody may read names no server, user or file.
        log.warning("%s %s: %s", request.method, request.path, error)
        return _page(503, UNAVAILABLE, error)
    return _page(STATUS.get(type(error), 400), str(error), error)


def unfit(error: DataError) -> ResponseReturnValue:
    """Show that a value does not fit, such as a number of thirty digits in an address."""
    db.session.rollback()
    log.info("%s %s: %s", request.method, request.path, error.orig)
    return _page(400, "A value in this request is not one that the database can hold.", error)


def failed(error: OperationalError) -> ResponseReturnValue:
    """Show that the database cannot be reached or was busy for too long."""
    log.warning("%s %s: %s", request.method, request.path, error.orig)
    return _page(503, UNAVAILABLE, error)


def plain(error: HTTPException) -> ResponseReturnValue:
    """Show an HTTP error without technical details."""
    if error.response is not None:
        return error
    if isinstance(error, InternalServerError):
        return _crashed(error.original_exception)
    return _page(error.code or 500, error.description or error.name, error)


def _crashed(error: BaseException | None) -> ResponseReturnValue:
    """Name the module through whose code an error came, and count it against a third party's.

    What a third party's screen declares may fail in code that is not its own: the module of the screen is named then.
    """
    registry = current_app.extensions["erp"]
    module = "" if error is None else registry.blame(error)
    shown = current_app.extensions["erp_site"].module_at(request.endpoint)
    module = module or (shown if registry.is_foreign(shown) else "")
    if error is not None and registry.is_foreign(module):
        registry.note(module, f"page {request.path}", error)
    where = say(" in module {module}", module=module) if module else ""
    message = say("Something went wrong{where}. The log says what, and nothing was changed.", where=where)
    return _page(500, message, error, module=module)


def _page(status: int, message: str, error: BaseException | None, *, module: str = "") -> ResponseReturnValue:
    """Return the page, or what the endpoint answers to the programs that it is for."""
    if endpoint := current_app.extensions["erp"].endpoint_at(request.path):
        answer: ResponseReturnValue = endpoint.thing.failed(status, message, error)
        return answer
    return render_template("erp/refused.html", status=status, message=message, module=module), status
