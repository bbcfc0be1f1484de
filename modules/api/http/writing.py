"""Writes: each is one run and one transaction, done once for its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response, request
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from erp import events
from erp.api import Change, Create, Task, Values
from erp.db import db, is_duplicate, one_moment, when_locked, without_locks
from erp.models import RunKind
from erp.text import say
from modules.api import queries, services
from modules.api.errors import KeyMissing, KeyUsed, PlanChanged, PreconditionFailed, UnknownFilter
from modules.api.http import plans
from modules.api.http.problems import details_of, status_of
from modules.api.http.reading import find_row, read_row, require, response_of
from modules.api.http.representation import Shape, etag_of, written
from modules.api.http.sealing import seal, unseal

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

    way = Way(f"{shape.resource.name}.create", shape.secrets, is_lock_free=write.changes_no_row)
    return _once(shape.view.permission, way, work)


def create_many(shape: Shape, write: Create, values: Values) -> Response:
    """Make many rows in one transaction, and answer for each its id or why it is refused."""
    require(write.permission)

    def work(session: Session) -> tuple[int, Any]:
        assert write.run_many is not None
        made = write.run_many(session, values["items"])
        session.flush()
        return 200, {"items": [_of_one(each, None) if isinstance(each, int) else _of_one(None, each) for each in made]}

    return _once(shape.view.permission, Way(f"{shape.resource.name}.create-many"), work)


def change(shape: Shape, write: Change, id: int, values: Values) -> Response:
    """Change a row, and answer it as it is then; as it was, where nothing is left of it."""
    require(write.permission)

    def work(session: Session) -> tuple[int, Any]:
        before = read_row(shape, session, id)
        with _as_it_was_read(shape, session, id):
            write.run(session, id, values)
        session.flush()
        return 200, find_row(shape, session, id) or before

    return _once(shape.view.permission, Way(f"{shape.resource.name}.{write.name}", shape.secrets), work)


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

    return _once(shape.view.permission, Way(f"{shape.resource.name}.{write.name}-many"), work)


def do_task(task: Task, values: Values) -> Response:
    """Do what concerns no row, and answer what it says."""
    plan, planned = request.args.get("plan"), task.planned

    def work(session: Session) -> tuple[int, Any]:
        found = task.run(session, values) if plan is None or planned is None else planned.run(session, values, plan)
        session.flush()
        if found is None:
            raise PlanChanged
        return 200, written(task.fields, found)

    way = Way(task.name, is_planned=planned is not None)
    if planned is None or not _is_dry_run():
        return _once(task.permission, way, work)
    require(task.permission)
    with one_moment(db.session()):
        found, new_plan = planned.preview(db.session(), values)
    return _of_dry_run({"answer": written(task.fields, found), "effects": plans.no_effects(), "plan": new_plan})


def _of_one(id: int | None, refusal: Any) -> dict[str, Any]:
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


@dataclass(frozen=True)
class Way:
    """What a write is called, the names of the secrets in its answer, and how it is tried and done.

    Of one that is `planned` the task itself looks at its plan.
    """

    name: str
    secrets: Collection[str] = ()
    is_lock_free: bool = False
    is_planned: bool = False


def _once(permission: str, way: Way, work: Work) -> Response:
    """Do the work as one run and keep its answer, or answer as before where the key was sent before."""
    require(permission)
    name = f"api.{way.name}"
    if _is_dry_run():
        return _dry_run(name, work, is_lock_free=way.is_lock_free)
    if (plan := request.args.get("plan")) and not way.is_planned:
        work = partial(plans.exactly, work=work, plan=plan)
    key, digest, user_id = _key(), _digest(), int(current_user.id)
    if before := _kept(user_id, key, digest):
        return before
    doing = partial(_do_and_keep, work=work, secrets=way.secrets, key=key, digest=digest, user_id=user_id)
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
        raise UnknownFilter("dry_run", say("true or false is allowed"))
    return value == "true"


def _dry_run(name: str, work: Work, *, is_lock_free: bool) -> Response:
    """Do the work, undo it, and answer what it would change. Its locks are held no longer than those of the write."""

    def tried(session: Session) -> None:
        with without_locks(session) if is_lock_free else nullcontext():
            raise plans.Undone(plans.try_out(session, work))

    try:
        events.run_once(RunKind.api, name, current_user.username, tried)
    except plans.Undone as undone:
        shown = plans.shown(db.session(), *undone.shown)
    return _of_dry_run(shown)


def _of_dry_run(shown: Values) -> Response:
    response = response_of(json.dumps(shown), 200)
    response.mimetype = PLAN_TYPE
    return response


def _do_and_keep(
    session: Session, *, work: Work, secrets: Collection[str], key: str, digest: str, user_id: int
) -> tuple[int, str]:
    status, shown = work(session)
    kept = json.dumps(seal(shown, secrets) if secrets else shown)
    services.keep_answer(session, user_id, key, digest=digest, status=status, body=kept)
    return status, json.dumps(shown)


def _kept(user_id: int, key: str, digest: str) -> Response | None:
    kept = queries.kept_answer(db.session(), user_id, key)
    if kept is None:
        return None
    if kept.digest != digest:
        raise KeyUsed(key)
    response = response_of(json.dumps(unseal(json.loads(kept.body))), kept.status)
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
