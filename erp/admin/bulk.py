"""Actions on many rows of a list: a page shows what would change of each, then what was done and what was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from flask import flash, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Form

from erp.admin import versions
from erp.admin.access import only_read, run_and_commit, screen_session
from erp.admin.declarations import Effect, Facts, ListAction
from erp.errors import ErpError
from erp.registry import current_registry
from erp.text import Note

Change = Callable[[Session, Sequence[int], Any], Sequence[Effect]]


class Named(Protocol):
    """How a row stands at a moment: what `change_of_each` needs of it is what it is called."""

    @property
    def name(self) -> str:
        """Return what the row is called."""


N = TypeVar("N", bound=Named)


def _has_a_page(_session: Session, _ids: Sequence[int]) -> str | None:
    raise TypeError("an action with a page is run by its page")


@dataclass(frozen=True, kw_only=True)
class BulkAction(ListAction):
    """An action on ticked rows that first shows what it would do to each.

    `change(session, ids, form)` does it in the caller's transaction and returns an effect for each row; of what it
    refuses it changes nothing. What a page shows before is done, read and undone: it is exactly what would happen.
    `form_class` asks for more; `prefill(session, ids, form)` sets what it shows at first. `notes(session, ids)` says
    whom it would notify. Where `of_one` is given, each row has a button of that label, which acts at once.
    """

    change: Change
    run: Callable[[Session, Sequence[int]], str | None] = _has_a_page
    form_class: type[Form] = Form
    prefill: Callable[[Session, Sequence[int], Any], None] | None = None
    notes: Callable[[Session, Sequence[int]], Sequence[Note]] | None = None
    help: str = ""
    of_one: str = ""


def facts_of(action: ListAction, session: Session, ids: Sequence[int]) -> dict[str, Facts]:
    """Return what an action depends on, by the keys of the rows in the version of a page."""
    found = action.depends_on(session, ids) if action.depends_on else {}
    return {_key(action, id_): facts for id_, facts in found.items()}


def _key(action: ListAction, id_: int) -> str:
    """Return the key of a row: a list has actions that depend on different facts of one row."""
    if not isinstance(action, BulkAction) or action.depends_on is None:
        return str(id_)
    return f"{action.depends_on.__module__}.{action.depends_on.__qualname__} {id_}"


def change_of_each(
    read: Callable[[Session, Sequence[int]], Mapping[int, N]],
    work: Callable[[Session, Sequence[int], Any], Mapping[int, ErpError]],
    say: Callable[[N, N], str],
    url: Callable[[N], str | None],
) -> Change:
    """Return the `change` of an action that does its work and compares how rows stood before and after.

    `read(session, ids)` says how rows stand, `work(session, ids, form)` returns why some are refused, by id,
    `say(now, was)` says of one what was done, and `url` leads to it. Rows come in the order in which they were ticked.
    """

    def change(session: Session, ids: Sequence[int], form: Any) -> list[Effect]:
        found = read(session, ids)
        before = {id_: found[id_] for id_ in ids if id_ in found}
        refusals = work(session, list(before), form)
        session.flush()
        after = read(session, list(before))
        return [
            Effect(
                id_,
                after[id_].name if id_ in after else was.name,
                "" if id_ in refusals else say(after[id_], was),
                str(refusals.get(id_, "")),
                url(was),
            )
            for id_, was in before.items()
        ]

    return change


@dataclass
class _Undone(Exception):
    """Carries what was read out of a transaction that is rolled back."""

    effects: Sequence[Effect] = field(default_factory=list)


class BulkPage:
    """One request to a bulk action of a screen, about the rows with these ids.

    `parts(session)` reads what the action depends on.
    """

    def __init__(self, screen: Any, action: BulkAction, ids: Sequence[int]) -> None:
        self.screen, self.action, self.ids = screen, action, list(dict.fromkeys(ids))
        self.is_sent = "go" in request.form or "preview" in request.form
        self.form = action.form_class(request.form if self.is_sent else None)

    def parts(self, session: Session) -> Mapping[str, Facts]:
        """Return what the action depends on, by row."""
        return facts_of(self.action, session, self.ids)

    def answer(self) -> ResponseReturnValue:
        """Show what would change, or do it and show what was done."""
        if not self.is_sent and self.action.prefill:
            prefill = partial(self.action.prefill, screen_session(), self.ids, self.form)
            what = f"form of {self.action.name}"
            current_registry().contained(self.action, what, prefill, lambda text: flash(text, "error"))
        if self.is_sent and not self.form.validate():
            return self._show([]), 422
        try:
            if "go" in request.form:
                return self._show(self.do(), is_done=True)
            return self._show(self.preview() if self.is_complete() else [])
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            return self._show([], is_fresh=True), 409

    def is_complete(self) -> bool:
        """Say whether the form has all that it needs: what it shows at first may lack something."""
        return self.is_sent or self.action.form_class(data=self.form.data).validate()

    def do(self) -> Sequence[Effect]:
        """Do it, and return what was done and what was refused."""
        effects: Sequence[Effect] = run_and_commit(f"{self.screen.view_name}.{self.action.name}", self._work)
        only_read()
        return effects

    def preview(self) -> Sequence[Effect]:
        """Return what would be done: it is done in a transaction that is rolled back."""

        def work(session: Session) -> None:
            raise _Undone(self._work(session))

        try:
            run_and_commit(f"{self.screen.view_name}.{self.action.name}", work)
        except _Undone as undone:
            return undone.effects
        finally:
            only_read()
        return []

    def _work(self, session: Session) -> Sequence[Effect]:
        with versions.unchanged(session, lambda: self.parts(session), (_key(self.action, id_) for id_ in self.ids)):
            return self.action.change(session, self.ids, self.form)

    def _notes(self, session: Session) -> Sequence[Note]:
        if self.action.notes is None:
            return []
        read, label = partial(self.action.notes, session, self.ids), self.action.label
        return current_registry().contained(self.action, f"notes of {label}", read, lambda text: [Note(label, text)])

    def _show(self, effects: Sequence[Effect], *, is_done: bool = False, is_fresh: bool = False) -> str:
        session = screen_session()
        kept = "" if is_fresh else request.form.get(versions.FIELD, "")
        version = "" if is_done else kept or versions.as_field(self.parts(session))
        notes = [] if is_done else self._notes(session)
        refused = [each for each in effects if each.refusal]
        return str(
            self.screen.render(
                "erp/bulk.html",
                action=self.action,
                ids=self.ids,
                form=self.form,
                version=version,
                done=[each for each in effects if not each.refusal],
                refused=refused,
                is_done=is_done,
                notes=notes,
                back=self.screen._this_list(),
            )
        )
