"""Whom runs would notify that follow an action, said before its button is pressed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from erp.options import options
from erp.text import Note
from modules.backorder_email.queries.previews import news_of_changes
from modules.backorder_email.queries.templates import templates_by_status
from modules.preorder.domain import PURCHASE_LINE
from modules.sales.planning import Taken


def do_runs_notify(session: Session) -> bool:
    """Say whether runs that allocate purchase orders may notify anybody; where options forbid it, nothing is read."""
    if not (options.preorder.auto_allocate and options.sales.backorders and options.backorder_email.on_link):
        return False
    return bool(templates_by_status(session))


def notes_of_gains(session: Session, gains: Mapping[str, Collection[Taken]]) -> list[Note]:
    """Return whom it would notify if lines gained so much of incoming supply, by the label of what would do it.

    Several labels take as many statements as one.
    """
    changes = {
        label: [(each.line_id, each.supply.id) for each in gained if each.supply.kind == PURCHASE_LINE]
        for label, gained in gains.items()
    }
    return [Note(label, str(news), news.sample) for label, news in news_of_changes(session, changes)]


def gain_notes(session: Session, gained: Collection[Taken]) -> list[Note]:
    """Return whom it would notify if a run were applied by which lines gain so much of incoming supply."""
    return notes_of_gains(session, {"If this is applied": gained}) if do_runs_notify(session) else []
