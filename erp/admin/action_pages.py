"""Pages of actions: one asks for a few values, one lets the user choose among rows with checkboxes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from flask import flash, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form

from erp.admin import versions
from erp.admin.access import only_read, screen_session
from erp.admin.cells import Cell, make_cell
from erp.admin.declarations import Action, ActionScreen, Chosen, Facts, Getter, Result, always
from erp.admin.fields import read_quantity
from erp.admin.formatting import follow, line_heading
from erp.admin.numerals import as_typed
from erp.admin.refusals import mark
from erp.db import format_quantity
from erp.errors import BadNumber, ErpError, NothingChosen
from erp.numbers import PLACES
from erp.text import say


class ActionPage:
    """The base of the pages of actions; `action()` returns the action that opens one.

    `name`, `permission`, `icon` and `allowed` are those of the action. `row` is the document, or the line for an action
    of a line. `form_class` asks for more values, shown below. The button is labelled as the page is titled, where it
    says nothing else. A page declares what it depends on, or says in `needs_no_version` why it needs no version.
    """

    name: str = ""
    title: str = ""
    permission: str = ""
    icon: str = ""
    allowed: Callable[[Any], bool] = staticmethod(always)
    button: str = ""
    confirm: str = ""
    yes: str = ""
    no: str = "Cancel"
    style: str = "primary"
    template: str = ""
    help: str = ""
    form_class: type[Form] = Form
    needs_no_version: str = ""

    @classmethod
    def action(cls, **more: Any) -> Action:
        """Return the action that opens the page: labelled as it is titled, dangerous as it is; `more` says more."""
        style = "danger" if cls.style == "danger" else "secondary"
        declared = {"label": cls.title, "permission": cls.permission, "icon": cls.icon, "allowed": cls.allowed}
        if isinstance(cls.help, str):  # one that depends on options is shown on the page alone
            declared["help"] = cls.help
        return Action(**{"name": cls.name, "style": style, "page": cls(), **declared, **more})

    def heading(self, row: Any) -> str:
        """Return what follows the title: which document, or which line of which document."""
        return line_heading(row) if hasattr(row, "position") else str(row)

    def document_id(self, row: Any) -> int:
        """Return the id of the document whose page follows: of a line, its `order_id`."""
        return int(getattr(row, "order_id", row.id))

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return what else the template shows."""
        return {}

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Set the values that the form shows at first."""

    def depends_on(self, session: Session, row: Any) -> Facts:
        """Return the figures and states that the action depends on and the fields that it writes, by label.

        It is called again under the locks of the action, with `row` read again: let it ask a fixed number of queries.
        """
        return {}

    def depends_on_rows(self, session: Session, row: Any) -> Mapping[str, Facts]:
        """Return the same of each row that the page lists, by the row's key; only `concerned` rows are compared."""
        return {}

    def concerned(self, row: Any, form: Any) -> Collection[str]:
        """Return the keys of the listed rows on which the sent form acts."""
        return ()

    def is_valid(self, form: Any) -> bool:
        """Check the form that was posted and mark what is wrong. Override to check more than its validators do."""
        return bool(form.validate())

    def finished(self, screen: ActionScreen, row_id: int, message: str | Result | None) -> ResponseReturnValue:
        """Return the answer after the action: the document's page with the message."""
        return screen.done(row_id, message)

    def __call__(self, screen: ActionScreen, row: Any) -> ResponseReturnValue:
        """Show the page, or run the action when it is posted."""
        form = self.form_class(request.form if request.method == "POST" else None)
        if request.method != "POST":
            version = self._version(row)
            self.prefill(screen_session(), row, form)
            return self._show(screen, row, form, version)
        if not self.is_valid(form):
            flash("Not done: check the marked fields.", "error")
            return self._show(screen, row, form, self._version(row, is_kept=True)), 422
        try:
            return self._submit(screen, row, form)
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            mark(form, error)
            # Users who were not told what has changed keep the version that they opened.
            version = self._version(row, is_kept=not isinstance(error, versions.StalePage))
            return self._show(screen, row, form, version), 409

    def has_changed(self, row: Any) -> bool:
        """Say whether the page was sent and what it depends on has changed since it was opened."""
        if request.method != "POST":
            return False
        concerned = self.concerned(row, self.form_class(request.form))
        return bool(versions.changes(lambda: self._parts(screen_session(), row), concerned))

    def _parts(self, session: Session, row: Any) -> versions.Parts:
        return {versions.PAGE: self.depends_on(session, row), **self.depends_on_rows(session, row)}

    def _version(self, row: Any, *, is_kept: bool = False) -> str:
        kept = request.form.get(versions.FIELD, "") if is_kept else ""
        return kept or versions.as_field(self._parts(screen_session(), row))

    def _submit(self, screen: ActionScreen, row: Any, form: Form) -> ResponseReturnValue:
        id_ = self.document_id(row)
        concerned = self.concerned(row, form)

        def work(session: Session) -> str | Result | None:
            screen.load(session, id_)  # `row`, read again
            with versions.unchanged(session, lambda: self._parts(session, row), concerned):
                return self._run(session, row, form)

        message = screen.do(type(self).__name__, work)
        return self.finished(screen, id_, message)

    def _run(self, session: Session, row: Any, form: Form) -> str | Result | None:
        raise NotImplementedError

    def _show(self, screen: ActionScreen, row: Any, form: Form, version: str, **more: Any) -> str:
        context = self.context(screen_session(), row) | more
        back = screen.get_url(".details_view", id=self.document_id(row))
        shown = {"row": row, "form": form, "version": version, "back": back}
        return screen.render_page(self.template, page=self, **shown, **context)


class FormPage(ActionPage):
    """A page that asks for a few values and runs an action with them."""

    template = "erp/form_page.html"

    def do(self, session: Session, row: Any, form: Any) -> str | Result | None:
        """Run the action in the caller's transaction, and return the message."""
        raise NotImplementedError

    @override
    def _run(self, session: Session, row: Any, form: Form) -> str | Result | None:
        return self.do(session, row, form)


@dataclass(frozen=True)
class Choice:
    """A row of a choosing page as it is shown."""

    key: str
    cells: Sequence[Cell]
    is_ticked: bool
    can_tick: bool
    quantity: str | None
    error: str = ""


class Choose(ActionPage):
    """A table of rows with checkboxes and one button; with `quantity_label`, also a quantity for each row.

    Posted ids are only looked up among the rows that the page would show now.
    """

    template = "erp/choose_rows.html"
    columns: Sequence[tuple[str, Getter]] = ()
    quantity_label: str = ""
    empty: str = "There is nothing to choose."
    all_are_ticked: ClassVar[bool] = False

    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        """Return the rows to choose among."""
        raise NotImplementedError

    def key(self, item: Any) -> str:
        """Return the text that identifies a row in the form."""
        return str(item.id)

    def quantity(self, item: Any) -> Decimal | None:
        """Return the quantity that is offered, which is also the largest; None where none can be typed."""
        return None

    def decimals(self, row: Any) -> int:
        """Return how many decimals a quantity may have."""
        return PLACES

    def is_ticked(self, item: Any) -> bool:
        """Say whether a row is ticked at first."""
        return self.all_are_ticked

    def can_tick(self, item: Any) -> bool:
        """Say whether a row can be chosen."""
        return True

    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str | Result | None:
        """Run the action on the chosen rows in the caller's transaction, and return the message."""
        raise NotImplementedError

    def depends_on_row(self, item: Any) -> Facts:
        """Return the figures of a row that its choice depends on, by label."""
        return {}

    @override
    def depends_on_rows(self, session: Session, row: Any) -> Mapping[str, Facts]:
        return {self.key(item): self.depends_on_row(item) for item in self.rows(session, row)}

    @override
    def concerned(self, row: Any, form: Any) -> Collection[str]:
        return request.form.getlist("row")

    @override
    def _run(self, session: Session, row: Any, form: Form) -> str | Result | None:
        return self.do(session, row, self.chosen(session, row), form)

    def chosen(self, session: Session, row: Any) -> list[Chosen]:
        """Return the ticked rows as they are now, each with its quantity.

        Raise NothingChosen where none is ticked, BadNumber where a quantity is wrong.
        """
        ticked = set(request.form.getlist("row"))
        found = [
            Chosen(item, self._typed(row, item))
            for item in self.rows(session, row)
            if self.key(item) in ticked and self.can_tick(item)
        ]
        if not found:
            raise NothingChosen
        return found

    def _typed(self, row: Any, item: Any) -> Decimal | None:
        offered = self.quantity(item)
        text = request.form.get(f"quantity-{self.key(item)}", "").strip()
        if offered is None or not text:
            return offered
        try:
            value = read_quantity(text)
        except ValueError as error:
            raise BadNumber(text, say("is not a quantity: {error}", error=error)) from None
        if not 0 < value <= offered:
            raise BadNumber(
                format_quantity(value), say("is not between 0 and {offered}", offered=format_quantity(offered))
            )
        if value != round(value, self.decimals(row)):
            raise BadNumber(
                format_quantity(value), say("has more than {decimals} decimals", decimals=self.decimals(row))
            )
        return value

    def choices(self, session: Session, row: Any) -> list[Choice]:
        """Return the rows ready to show, with what the user ticked and typed."""
        return [self._choice(row, item) for item in self.rows(session, row)]

    def _choice(self, row: Any, item: Any) -> Choice:
        posted, key, offered = request.method == "POST", self.key(item), self.quantity(item)
        ticked = key in request.form.getlist("row") if posted else self.is_ticked(item)
        typed = request.form.get(f"quantity-{key}") if posted else None
        values = [getter(item) if callable(getter) else follow(item, getter) for _, getter in self.columns]
        return Choice(
            key=key,
            cells=[make_cell(value) for value in values],
            is_ticked=ticked and self.can_tick(item),
            can_tick=self.can_tick(item),
            quantity=None if offered is None else typed if typed is not None else as_typed(format_quantity(offered)),
            error=self._wrong(row, item) if posted and ticked else "",
        )

    def _wrong(self, row: Any, item: Any) -> str:
        try:
            self._typed(row, item)
        except BadNumber as error:
            return str(error)
        return ""

    @override
    def _show(self, screen: ActionScreen, row: Any, form: Form, version: str, **more: Any) -> str:
        choices = self.choices(screen_session(), row)
        heads = [
            (label, any(choice.cells[at].is_number for choice in choices)) for at, (label, _) in enumerate(self.columns)
        ]
        return super()._show(screen, row, form, version, choices=choices, heads=heads, **more)
