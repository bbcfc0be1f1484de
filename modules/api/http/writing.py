"""Writes: each is one run and one transaction, done once for its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from flask import Response, request
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from erp import events
from erp.api import Change, Create, Task, Values
from erp.db import db, is_duplicate, when_locked
from erp.models import RunKind
from modules.api import queries, services
from modules.api.errors import KeyMissing, KeyUsed, PreconditionFailed, UnknownFilter
from modules.api.http import plans
from modules.api.http.problems import details_of, status_of
from modules.api.http.reading import read_row, require, response_of
from modules.api.http.representation import Shape, etag_of, written

KEY = "Idempotency-Key"
LONGEST_KEY = 200
MOST_ROWS = 200
PLAN_TYPE = "application/vnd.erp.plan+json"

# What a write does, and the status and the body of its answer.
Work = Callable[[Session], tuple[int, Any]]


def create(shape: Shape, write: Create, values: Values) -> Response:
    """Make a row, and answer it."""
    require(write.permission)

    def work(session: Session) -> tuple[int, Any]:
        id = write.run(session, values)
        session.flush()
        return 201, read_row(shape, session, id)

    return _once(shape.view.permission, f"{shape.resource.name}.create", work)


def change(shape: Shape, write: Change, id: int, values: Values) -> Response:
    """Change a row, and answer it as it is then."""
    require(write.permission)

    def work(session: Session) -> tuple[int, Any]:
        read_row(shape, session, id)
        with _as_it_was_read(shape, session, id):
            write.run(session, id, values)
        session.flush()
        return 200, read_row(shape, session, id)

    return _once(shape.view.permission, f"{shape.resource.name}.{write.name}", work)


def change_many(shape: Shape, write: Change, values: Values) -> Response:
    """Change many rows in one transaction, and answer what became of each."""
    require(write.permission)
    ids: Sequence[int] = list(dict.fromkeys(values["ids"]))
    others = {name: value for name, value in values.items() if name != "ids"}

    def work(session: Session) -> tuple[int, Any]:
        assert write.run_many is not None
        for id in ids:
            read_row(shape, session, id)
        refused = write.run_many(session, ids, others)
        session.flush()
        return 200, {"items": [_of_one(id, refused.get(id)) for id in ids]}

    return _once(shape.view.permission, f"{shape.resource.name}.{write.name}-many", work)


def do_task(task: Task, values: Values) -> Response:
    """Do what concerns no row, and answer what it says."""

    def work(session: Session) -> tuple[int, Any]:
        found = task.run(session, values)
        session.flush()
        return 200, written(task.fields, found)

    return _once(task.permission, task.name, work)


def _of_one(id: int, refusal: Any) -> dict[str, Any]:
    if refusal is None:
        return {"id": id, "status": 200, "problem": None}
    status = status_of(refusal)
    problem = {"title": str(refusal), "status": status, "detail": str(refusal), **details_of(refusal)}
    return {"id": id, "status": status, "problem": problem}


def _as_it_was_read(shape: Shape, session: Session, id: int) -> AbstractContextManager[None]:
    """Raise PreconditionFailed where the row is not as the sender read it, now and when its locks are taken."""
    if not request.headers.get("If-Match"):
        return nullcontext()

    def check() -> None:
        if not request.if_match.contains(etag_of(read_row(shape, session, id))):
            raise PreconditionFailed

    check()
    return when_locked(session, check)


def _once(permission: str, name: str, work: Work) -> Response:
    """Do the work as one run and keep its answer, or answer as before where the key was sent before."""
    require(permission)
    name = f"api.{name}"
    if _is_dry_run():
        return _dry_run(name, work)
    if plan := request.args.get("plan"):
        work = partial(plans.exactly, work=work, plan=plan)
    key, digest, user_id = _key(), _digest(), int(current_user.id)
    if before := _kept(user_id, key, digest):
        return before
    doing = partial(_do_and_keep, work=work, key=key, digest=digest, user_id=user_id)
    try:
        status, body = events.run_once(RunKind.api, name, current_user.username, doing)
    except IntegrityError as error:
        # Another request with this key was done meanwhile, and the database refused to keep a second answer.
        if not is_duplicate(error) or not (before := _kept(user_id, key, digest)):
            raise
        return before
    return response_of(body, status)


def _is_dry_run() -> bool:
    value = request.args.get("dry_run", "false")
    if value not in ("true", "false"):
        raise UnknownFilter("dry_run", "true or false is allowed")
    return value == "true"


def _dry_run(name: str, work: Work) -> Response:
    """Do the work, undo it, and answer what it would change. Its locks are held no longer than those of the write."""

    def tried(session: Session) -> None:
        raise plans.Undone(plans.try_out(session, work))

    try:
        events.run_once(RunKind.api, name, current_user.username, tried)
    except plans.Undone as undone:
        response = response_of(json.dumps(plans.shown(db.session(), *undone.shown)), 200)
    response.mimetype = PLAN_TYPE
    return response


def _do_and_keep(session: Session, *, work: Work, key: str, digest: str, user_id: int) -> tuple[int, str]:
    status, shown = work(session)
    body = json.dumps(shown)
    services.keep_answer(session, user_id, key, digest=digest, status=status, body=body)
    return status, body


def _kept(user_id: int, key: str, digest: str) -> Response | None:
    kept = queries.kept_answer(db.session(), user_id, key)
    if kept is None:
        return None
    if kept.digest != digest:
        raise KeyUsed(key)
    response = response_of(kept.body, kept.status)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _key() -> str:
    key = request.headers.get(KEY, "")
    if not 1 <= len(key) <= LONGEST_KEY or "\x00" in key:
        raise KeyMissing
    return key


def _digest() -> str:
    """Return what tells this request from another one: its method, its address and its body."""
    asked = f"{request.method} {request.full_path}\n".encode()
    return hashlib.sha256(asked + request.get_data()).hexdigest()
