"""Whom runs would notify that follow an action, said before its button is pressed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy.orm import Session

from erp.options import options
from erp.text import Note
from modules.backorder_email.queries.previews import news_of_changes
from modules.backorder_email.queries.templates import templates_by_status
from modules.preorder.queries import PURCHASE_LINE
from modules.sales.planning import Plan, Taken


def do_runs_notify(session: Session) -> bool:
    """Say whether runs that allocate purchase orders may notify anybody; where options forbid it, nothing is read."""
    if not (options.preorder.auto_allocate and options.sales.backorders and options.backorder_email.on_link):
        return False
    return bool(templates_by_status(session))


def plan_notes(session: Session, plans: Mapping[str, Iterable[Plan]]) -> list[Note]:
    """Return whom plans would notify, by the label of what carries them out; the number of labels adds no statement."""
    return _notes(session, {label: [each for plan in found for each in plan.gained] for label, found in plans.items()})


def gain_notes(session: Session, gained: Collection[Taken]) -> list[Note]:
    """Return whom it would notify if lines gained so much of incoming supply."""
    return _notes(session, {"If this is applied": gained}) if do_runs_notify(session) else []


def _notes(session: Session, gained: Mapping[str, Collection[Taken]]) -> list[Note]:
    changes = {
        label: [(each.line_id, each.supply.id) for each in found if each.supply.kind == PURCHASE_LINE]
        for label, found in gained.items()
    }
    return [Note(label, str(news), news.sample) for label, news in news_of_changes(session, changes)]
