"""Failures of third parties' modules: stored when the work is over, counted, and too many of them stopped."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from flask import Flask, g
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from erp import clock
from erp.db import commit, db, lock_switches
from erp.errors import ErpError
from erp.failure_models import ModuleFailure
from erp.models import InstalledModule, ModuleState
from erp.options import options
from erp.registry import Noted, current_registry
from erp.text import plural, say

log = logging.getLogger(__name__)

WITHIN = timedelta(hours=1)
KEPT = timedelta(days=31)


def init_app(app: Flask) -> None:
    """Store what failed at the end of each request, command and job."""
    app.teardown_request(store)
    app.teardown_appcontext(store)


def store(_error: BaseException | None = None) -> None:
    """Store what was noted since the last time, and suspend modules that failed too often."""
    noted: list[Noted] = g.pop("erp_failures", [])
    if not noted:
        return
    try:
        db.session.rollback()
        commit(partial(_store, noted=noted))
    except (SQLAlchemyError, ErpError) as error:
        log.warning("%s of modules could not be stored: %s", plural(len(noted), "failure"), error)


def _store(session: Session, noted: Sequence[Noted]) -> None:
    limit = options.erp.suspend_after_failures
    counts = Counter(recent(session))
    counts.update(failure.module for failure in noted)
    too_many = {name: count for name, count in counts.items() if limit and count >= limit}
    if too_many:
        lock_switches(session)
    for failure in noted:
        session.add(ModuleFailure(module=failure.module, what=failure.what, reason=failure.reason, trace=failure.trace))
    session.execute(delete(ModuleFailure).where(ModuleFailure.at < clock.now() - KEPT))
    for name, count in too_many.items():
        row = session.get(InstalledModule, name)
        if row is not None and row.state == ModuleState.enabled:
            last = next((each.reason for each in reversed(noted) if each.module == name), "")
            text = say("{failures} within an hour; the last one: {last}", failures=plural(count, "failure"), last=last)
            current_registry().suspend(session, row, text)
            log.error("module %s is suspended: %s", name, text)


def recent(session: Session) -> dict[str, int]:
    """Return how often each module failed within the last hour, and since it was last switched on."""
    since = clock.now() - WITHIN
    rows = select(ModuleFailure.module, func.count()).where(ModuleFailure.at > since, ModuleFailure.is_counted)
    return dict(session.execute(rows.group_by(ModuleFailure.module)).all())


def summaries(session: Session) -> dict[str, str]:
    """Return a sentence for each module that failed within the last hour: how often, and where and why last."""
    counts = recent(session)
    newest = select(func.max(ModuleFailure.id)).where(ModuleFailure.module.in_(counts)).group_by(ModuleFailure.module)
    last = session.scalars(select(ModuleFailure).where(ModuleFailure.id.in_(newest))) if counts else ()
    return {
        each.module: say(
            "{failures} within the last hour; the last in {what}: {reason}",
            failures=plural(counts[each.module], "failure"),
            what=each.what,
            reason=each.reason,
        )
        for each in last
    }
