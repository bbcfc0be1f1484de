"""Dry runs: a write is done and undone, and what it would change is shown with a plan that a later request names.

The plan is a digest of the request and of all that the dry run showed. A write that names it computes the same under
its locks, and is undone where something differs.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from erp.api import Effect
from erp.events import watching
from erp.registry import current_registry
from erp.sequence import trying
from modules.api.errors import PlanChanged
from modules.api.http.representation import written

# Of rows that the write makes: they would be others the next time.
_OF_NEW_ROWS = ("id", "line_id", "order_id", "number", "order", "token")
LONGEST_PLAN = 20_000

Scope = dict[str, list[int]]
Reading = Mapping[str, Mapping[str, Mapping[str, Any]]]
Work = Callable[[Session], tuple[int, Any]]


class Undone(Exception):
    """Carries what a dry run showed out of its transaction, which is undone."""

    def __init__(self, shown: Any) -> None:
        super().__init__()
        self.shown = shown


def effects() -> list[Effect]:
    """Return the effects that the modules which are on show."""
    registry = current_registry()
    return registry.live(registry.effects.values())


def no_effects() -> dict[str, list[Any]]:
    """Return the effects of a dry run whose answer itself says what would change."""
    return {effect.name: [] for effect in effects()}


def try_out(session: Session, work: Work) -> tuple[Any, Reading, Scope]:
    """Do the work; return its answer, the figures after it, and what they are of. The caller undoes it."""
    with watching(session) as facts, trying(session):
        _, body = work(session)
    session.flush()
    scope = {effect.name: sorted(effect.concerned(session, facts)) for effect in effects()}
    return body, _read_all(session, scope), scope


def shown(session: Session, body: Any, after: Reading, scope: Scope) -> dict[str, Any]:
    """Return what a dry run answers, once its work is undone: the figures are read again as they are."""
    found = _differences(_read_all(session, scope), after)
    return {"answer": body, "effects": found, "plan": _token(scope, _digest(body, found))}


def exactly(session: Session, work: Work, plan: str) -> tuple[int, Any]:
    """Do the work; raise PlanChanged where it does something else than the plan says."""
    scope, digest = _parts_of(plan)
    before = _read_all(session, scope)
    with watching(session) as facts:
        status, body = work(session)
    session.flush()
    now = {effect.name: sorted(effect.concerned(session, facts)) for effect in effects()}
    if now != scope or _digest(body, _differences(before, _read_all(session, scope))) != digest:
        raise PlanChanged
    return status, body


def _read_all(session: Session, scope: Mapping[str, Collection[int]]) -> Reading:
    return {
        effect.name: {
            key: written(effect.fields, values)
            for key, values in effect.read(session, scope.get(effect.name, ())).items()
        }
        for effect in effects()
    }


def _differences(before: Reading, after: Reading) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name in after:
        was, now = before.get(name, {}), after[name]
        keys = sorted({*was, *now}, key=str)
        found[name] = [{"before": was.get(key), "after": now.get(key)} for key in keys if was.get(key) != now.get(key)]
    return found


def _digest(body: Any, found: Any) -> str:
    asked = [request.method, request.path, request.get_data().decode("utf-8", "replace")]
    return hashlib.sha256(json.dumps([asked, _without_ids(body), found], sort_keys=True).encode()).hexdigest()


def _without_ids(value: Any) -> Any:
    """Return what is shown without what is new each time: ids, numbers and instants of rows that are made."""
    if isinstance(value, list):
        return [_without_ids(each) for each in value]
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in _OF_NEW_ROWS and not name.endswith("_at")}
        return {name: _without_ids(each) for name, each in kept.items()}
    return value


def _token(scope: Scope, digest: str) -> str:
    return urlsafe_b64encode(json.dumps([scope, digest]).encode()).decode()


def _parts_of(plan: str) -> tuple[Scope, str]:
    try:
        scope, digest = json.loads(urlsafe_b64decode(plan.encode()))
        found = {str(name): [int(each) for each in ids] for name, ids in scope.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise PlanChanged from None
    return found, str(digest)
