"""The base of every screen of a model: list, forms, and a page for each row with its actions, panels and history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flask import abort, flash, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.admin import versions
from erp.admin.access import flash_sentence, may, only_read, permitted, run_and_commit, screen_session
from erp.admin.action_pages import ActionPage
from erp.admin.declarations import (
    LINE_NAME,
    Action,
    ActionNotes,
    Badge,
    Getter,
    NextStep,
    Panel,
    Result,
    ShownPanel,
    read_columns,
)
from erp.admin.formatting import badge, cell
from erp.admin.forms import EditForms
from erp.admin.page import Gated
from erp.admin.papers import show
from erp.errors import ActionRefused, ErpError
from erp.models import HistoryEntry
from erp.registry import current_registry
from erp.text import Note, joined, named, say
from erp.url_rules import address_of

HISTORY_SHOWN = 20
MOST_BUTTONS = 5
BUTTON_LETTERS = 60


class Screen(Gated, EditForms):
    """List, forms and details of one model. Subclasses say what is shown; services do the work.

    In addition to Flask-Admin's attributes (column_list, column_labels, column_searchable_list, column_filters,
    column_default_sort, column_formatters, form_columns, form_args, form_ajax_refs):

    - `model`, `view_name` (`module.noun`), `title` (plural), `noun`, `url`, `icon`
    - `edit_permission`: the right to create, edit and delete; viewing needs the right given to `add_view`
    - `header_fields`: (label, attribute or getter) pairs at the top of a row's page; by default its columns
    - `actions`, `panels`, `list_actions`; `badges(row)` and `document_title(row)`
    - `detail_loads`: loader options for the row's page
    """

    model: Any = None
    url: str = ""
    icon: str = "fa-file-o"
    details_template = "erp/details.html"
    header_fields: Sequence[tuple[str, Getter]] = ()
    actions: Sequence[Action] = ()
    panels: Sequence[Panel] = ()
    detail_loads: Sequence[Any] = ()

    def load(self, session: Session, id: int) -> Any:
        """Return a row by id with what its page shows, or None."""
        return session.get(self.model, id, options=self.page_loads(), populate_existing=True)

    def page_loads(self) -> list[Any]:
        """Return the loader options of a row's page."""
        return [*self.load_paths(self.model, (getter for _, getter in self.fields_shown())), *self.detail_loads]

    def fields_shown(self) -> Sequence[tuple[str, Getter]]:
        """Return the (label, attribute or getter) pairs at the top of the page."""
        if self.header_fields:
            return self.header_fields
        names = self.column_details_list or self.column_list or [name for name, _ in self._list_columns]
        return [(self.get_column_name(str(name)), str(name)) for name in names]

    def header(self, row: Any) -> list[tuple[str, Any]]:
        """Return (label, value) at the top of the page, with the fields of other modules at the end."""
        own = [(label, self.read(row, getter)) for label, getter in self.fields_shown()]
        session = screen_session()
        return own + [
            (self.field_label(extra), cell(self.read_extra(extra, session, row))) for extra in self.extra_fields()
        ]

    def read(self, row: Any, getter: Getter) -> Any:
        """Return what a getter, or an attribute with the screen's formatter, shows of a row."""
        return cell(getter(row)) if callable(getter) else self.value(row, getter)

    def document_title(self, row: Any) -> str:
        """Return the heading of a row's page."""
        return str(row)

    def badges(self, row: Any) -> Sequence[Any]:
        """Return what else is shown next to the heading: Badges, enum members or text."""
        return ()

    def state_badges(self, row: Any) -> list[Markup]:
        """Return the row's state and its other badges, including those that other modules show in its list."""
        state = getattr(row, "state", None)
        (added,) = read_columns(self.contributed("columns"), screen_session(), [row])
        more = [each for each in added if isinstance(each, Badge)]
        return [badge(each) for each in (*([state] if state else []), *self.badges(row), *more)]

    def all_actions(self) -> list[Action]:
        """Return the screen's own actions and those of live modules that the user may use."""
        return permitted(self._own_actions())

    def next_step(self, row: Any) -> NextStep | None:
        """Return what is to be done next with the row; its button is the primary one."""
        return None

    def buttons(self, row: Any, step: NextStep | None = None) -> list[Action]:
        """Return the actions that the row's state allows: the next step or the primary ones first, dangerous last."""
        rank = {"primary": 0, "danger": 2}
        allowed = [action for action in self.all_actions() if self.is_allowed(action, row)]
        if step and any(action.name == step.action for action in allowed):
            allowed = [_ranked(action, step) for action in allowed]
        return sorted(allowed, key=lambda action: rank.get(action.style, 1))

    def visible_buttons(self, row: Any, step: NextStep | None) -> tuple[list[Action], list[Action]]:
        """Return the buttons that fit next to the heading, and those that go into the menu."""
        actions, length, fit = self.buttons(row, step), 0, 0
        for action in actions[:MOST_BUTTONS]:
            length += len(action.label)
            fit += length <= BUTTON_LETTERS or fit == 0
        return actions[:fit], actions[fit:]

    def action_url(self, row: Any, name: str, line: Any = None) -> str:
        """Return the address of an action of a row or of one of its lines."""
        if line is None:
            return address_of(f"{self.endpoint}.document_action", name=name, id=row.id)
        return address_of(f"{self.endpoint}.line_action", name=name, id=row.id, line_id=line.id)

    def render_panels(self, row: Any) -> list[ShownPanel]:
        """Return each panel that the user may see."""
        session, shown = screen_session(), list[ShownPanel]()
        for panel in permitted([*self.panels, *self.contributed("panels")]):
            what, show = f"panel {panel.title}", partial(self._render_panel, panel, session, row)
            content = current_registry().contained(panel, what, show, panel.failed)
            if content is not None:
                shown.append(content)
        return shown

    def _render_panel(self, panel: Panel, session: Session, row: Any) -> ShownPanel | None:
        context = panel.context(session, row)
        if context is None:
            return None
        content = Markup(self.render(panel.template, row=row, screen=self, **context))
        count = len(context[panel.counted]) if panel.counted else None
        return ShownPanel(panel.title, content, count, panel.is_summary)

    def run_at_once(self, row: Any) -> set[str]:
        """Return the names of the actions on a row's page that run when their button is pressed."""
        return {action.name for action in self.buttons(row) if action.run}

    def notes(self, row: Any, names: Collection[str]) -> list[Note]:
        """Return what other modules say that these actions would do."""
        session = screen_session()
        return [note for each in self.contributed("notes") for note in self._notes(each, session, row, names)]

    def _notes(self, each: ActionNotes, session: Session, row: Any, names: Collection[str]) -> list[Note]:
        def read() -> list[Note]:
            return list(each.notes(session, row, names))

        return current_registry().contained(each, f"note {each.label}", read, lambda text: [Note(each.label, text)])

    def is_allowed(self, action: Action, row: Any) -> bool:
        """Say whether the row's state permits an action; where a third party's cannot say, the page tells it."""
        return bool(self.permits(action)(row))

    def permits(self, action: Action) -> Callable[[Any], Any]:
        """Return what says whether a row's state permits an action, for pages that ask it of many rows."""
        registry = current_registry()
        if not registry.foreign_owner(action):
            return action.allowed

        def failed(text: str) -> bool:
            if action.name not in g.setdefault("erp_said", set()):  # it is asked more than once
                flash(joined((named(action.label), text), ": "), "error")
            g.erp_said.add(action.name)
            return False

        return lambda row: registry.contained(action, f"action {action.name}", lambda: action.allowed(row), failed)

    def history(self, row: Any) -> tuple[list[HistoryEntry], int]:
        """Return the last history entries of a row, newest first, and how many there are in all."""
        about = HistoryEntry.document == self.view_name, HistoryEntry.document_id == row.id
        session = screen_session()
        newest = select(HistoryEntry).where(*about).order_by(HistoryEntry.id.desc()).limit(HISTORY_SHOWN)
        found = list(session.scalars(newest))
        many = len(found) == HISTORY_SHOWN
        count = session.scalar(select(func.count()).select_from(HistoryEntry).where(*about)) if many else len(found)
        return found, count or 0

    def page_context(self, row: Any) -> dict[str, Any]:
        """Return what else the template of the row's page needs; override to add to it."""
        return {}

    def show_row(self, id: int, *, result: Result | None = None, status: int = 200) -> ResponseReturnValue:
        """Return the row's page, with `result` at its top."""
        if request.method == "POST":
            only_read()
        row = self.get_one(id)
        entries, count = self.history(row)
        step = self.next_step(row)
        result_panel = Markup(self.render(result.template, row=row, screen=self, **result.context)) if result else None
        page = self.render(
            self.details_template, row=row, header=self.header(row), state_badges=self.state_badges(row),
            next_step=step, buttons=self.visible_buttons(row, step),
            panels=self.render_panels(row), history=entries, history_count=count,
            result=result_panel, result_message=result.message if result else "",
            result_tone=result.tone if result else "", notes=self.notes(row, self.run_at_once(row)),
            **self.page_context(row),
        )  # fmt: skip
        return make_response(page, status)

    @expose("/<int:id>/")
    def details_view(self, id: int) -> ResponseReturnValue:
        """Show a row."""
        return self.show_row(id)

    def refused(self, id: int, error: ErpError) -> ResponseReturnValue:
        """Return the row's page with a refusal (409); nothing was changed."""
        flash(str(error), "error")
        return self.show_row(id, status=409)

    def done(self, id: int, result: str | Result | None, default: str = "Done.") -> ResponseReturnValue:
        """Return the answer after an action: the row's page with a sentence, or with a result at its top."""
        if isinstance(result, Result):
            return self.show_row(id, result=result)
        flash_sentence(result or default)
        return redirect(self.get_url(".details_view", id=id))

    @expose("/<int:id>/<name>/", methods=("GET", "POST"))
    def document_action(self, id: int, name: str) -> ResponseReturnValue:
        """Run an action of a row, or show its page."""
        row = self.get_one(id)
        return self._act(self._find(self._own_actions(), name), id, lambda session: self.load(session, id), row)

    def _own_actions(self) -> list[Action]:
        return [*self.actions, *self.contributed("actions")]

    def _find(self, actions: Sequence[Action], name: str) -> Action:
        action = next((each for each in actions if each.name == name), None)
        if action is None:
            return abort(404)
        return action if may(action.permission) else abort(403)

    def _act(self, action: Action, id: int, fresh: Callable[[Session], Any], target: Any) -> ResponseReturnValue:
        try:
            self._check_allowed(action, target)
            if action.page is not None:
                return show(self, action, target) if _answers(action.page) else abort(405)
            if request.method != "POST":
                return redirect(self.get_url(".details_view", id=id))
            result = self.do(action.name, lambda session: self._run_action(session, action, fresh))
        except ErpError as error:
            only_read()
            return self.refused(id, error)
        return self.done(id, result, say("{action}: done.", action=named(action.label)))

    def _check_allowed(self, action: Action, target: Any) -> None:
        """Raise StalePage or ActionRefused where the row's state forbids an action.

        The page of an action says itself what has changed since it was opened, and keeps what was typed.
        """
        with current_registry().blaming(action, f"action {action.name}"):
            if action.allowed(target):
                return
        if isinstance(action.page, ActionPage) and action.page.has_changed(target):
            return
        if action.run and (found := versions.changes(lambda: _parts(action, screen_session(), target))):
            raise versions.StalePage(found)
        raise ActionRefused(action.label)

    def _run_action(self, session: Session, action: Action, fresh: Callable[[Session], Any]) -> Any:
        target = fresh(session)
        if target is None:
            raise ActionRefused(action.label)
        assert action.run is not None
        with versions.unchanged(session, lambda: _parts(action, session, target)):
            if not action.allowed(target):
                raise ActionRefused(action.label)
            return action.run(session, target)

    def version(self, action: Action, target: Any) -> str:
        """Return the version of the page for the button of an action that runs at once."""
        if not action.run or not action.depends_on:
            return ""
        # Actions of a row that depend on the same share it.
        known: dict[Any, str] = g.setdefault("erp_versions", {})
        key = action.depends_on, type(target), target.id, screen_session().get_transaction()
        if key not in known:
            known[key] = versions.as_field(_parts(action, screen_session(), target))
        return known[key]

    def do(self, name: str, work: Callable[[Session], Any]) -> Any:
        """Do `work(session)` as one run and one transaction."""
        return run_and_commit(f"{self.view_name}.{name}", work)

    def render_page(self, template: str, **context: Any) -> str:
        """Return a page of an action; `template` extends `erp/page.html`."""
        if page := context.get("page"):
            row = context["row"]
            context["notes"] = self.notes(row, {page.name if isinstance(row, self.model) else LINE_NAME + page.name})
        return str(self.render(template, screen=self, **context))


def _ranked(action: Action, step: NextStep) -> Action:
    """Return an action as a page shows it whose next step is known: that one is primary, no other is."""
    if action.name == step.action:
        return replace(action, style="primary")
    return replace(action, style="secondary") if action.style == "primary" else action


def _answers(page: Any) -> bool:
    """Say whether a page takes this request: one that is a function only shows something."""
    return isinstance(page, ActionPage) or request.method != "POST"


def _parts(action: Action, session: Session, target: Any) -> versions.Parts:
    return {versions.PAGE: action.depends_on(session, target) if action.depends_on else {}}
