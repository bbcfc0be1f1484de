"""Lists and single rows."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, make_response, request
from flask_admin.model.base import ViewArgs
from sqlalchemy.orm import Session

from erp.admin.access import may
from erp.api import File, Report, Values
from erp.db import db, one_moment
from erp.errors import NotFound, PermissionDenied
from erp.text import say
from modules.api.errors import BadCursor, UnknownFilter
from modules.api.http.representation import Shape, etag_of, written

PAGE = 50
LARGEST_PAGE = 200
LARGEST_ID = 2**63 - 1
OWN_PARAMETERS = ("limit", "cursor", "search")


def require(permission: str) -> None:
    """Raise PermissionDenied where the token or its user lacks a right."""
    if not may(permission):
        raise PermissionDenied(permission)


def list_rows(shape: Shape) -> Response:
    """Answer a part of a list, and the cursor with which the next part is asked for."""
    require(shape.view.permission)
    limit = _limit()
    query = _selection(shape)
    if (after := request.args.get("cursor")) is not None:
        query = query.filter(shape.model.id > _place(after))
    rows = _load(shape, query.order_by(shape.model.id).limit(limit + 1))
    last = str(rows[limit - 1].id) if len(rows) > limit else None
    return answer({"items": shape.represent(db.session(), rows[:limit]), "next": last})


def show_row(shape: Shape, id: int) -> Response:
    """Answer one row with its entity tag."""
    require(shape.view.permission)
    shown = read_row(shape, db.session(), id)
    response = answer(shown)
    response.set_etag(etag_of(shown))
    response.make_conditional(request)
    return response


def read_row(shape: Shape, session: Session, id: int) -> dict[str, Any]:
    """Return a row of a resource as it is shown; raise NotFound where its list has none of that id."""
    shown = find_row(shape, session, id)
    if shown is None:
        raise NotFound(shape.resource.noun, id)
    return shown


def find_row(shape: Shape, session: Session, id: int) -> dict[str, Any] | None:
    """Return a row of a resource as it is shown; None where its list has none of that id."""
    rows = _load(shape, shape.view.selection(ViewArgs()).filter(shape.model.id == id))
    return shape.represent(session, rows)[0] if rows else None


def show_file(shape: Shape, file: File, id: int) -> Response:
    """Answer the file of a row."""
    require(shape.view.permission)
    read_row(shape, db.session(), id)
    response = make_response(file.read(db.session(), id))
    response.mimetype = file.media_type
    return response


def show_report(report: Report, values: Values) -> Response:
    """Answer figures that are no rows of a table."""
    require(report.permission)
    with one_moment(db.session()):
        rows = report.run(db.session(), values)
    return answer({"items": [written(report.fields, row) for row in rows]})


def answer(shown: object, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return response_of(json.dumps(shown), status)


def response_of(body: str, status: int) -> Response:
    """Return an answer whose body is JSON already."""
    response = make_response(body, status)
    response.mimetype = "application/json"
    return response


def _load(shape: Shape, query: Any) -> list[Any]:
    return list(query.options(*shape.loads).populate_existing().all())


def _limit() -> int:
    text = request.args.get("limit", str(PAGE))
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= LARGEST_PAGE:
        raise UnknownFilter("limit", say("a number from 1 to {LARGEST_PAGE} is allowed", LARGEST_PAGE=LARGEST_PAGE))
    return int(text)


def _place(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdecimal() or int(cursor[:20]) > LARGEST_ID:
        raise BadCursor(cursor)
    return int(cursor[:20])


def _selection(shape: Shape) -> Any:
    """Return the query of the rows that meet the search and the filters of the request."""
    known = shape.view.live_filters()
    filters = []
    for name, value in request.args.items(multi=True):
        if name in OWN_PARAMETERS:
            continue
        if name not in known:
            raise UnknownFilter(name, say("there is no such filter of this list"))
        index, used = known[name]
        if "\x00" in value or not used.validate(value):
            raise UnknownFilter(name, say("the filter does not take {value!r}", value=value[:50]))
        filters.append((index, used.name, value))
    search = request.args.get("search", "").replace("\x00", "").strip()[:100]
    return shape.view.selection(ViewArgs(search=search or None, filters=filters))
