"""Pages of actions: one asks for a few values, one lets the user choose among rows with checkboxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from flask import flash, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Form

from erp.admin.access import screen_session
from erp.admin.declarations import ActionScreen, Chosen, Getter, Result
from erp.admin.fields import read_quantity
from erp.admin.listing import Cell, make_cell
from erp.admin.refusals import mark
from erp.db import format_quantity
from erp.errors import BadNumber, ErpError, NothingChosen


class ActionPage:
    """The base of the pages of actions. An instance is the `page` of an Action.

    `row` is the document, or the line for an action of a line. `form_class` asks for more values, shown below.
    """

    title: str = ""
    button: str = "Save"
    confirm: str = ""
    yes: str = ""
    no: str = "Cancel"
    style: str = "primary"
    template: str = ""
    help: str = ""
    form_class: type[Form] = Form

    def heading(self, row: Any) -> str:
        """Return what follows the title: which document, which product."""
        return str(row)

    def document_id(self, row: Any) -> int:
        """Return the id of the document whose page follows: of a line, its `order_id`."""
        return int(getattr(row, "order_id", row.id))

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return what else the template shows."""
        return {}

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Set the values that the form shows at first."""

    def is_valid(self, form: Any) -> bool:
        """Check the form that was posted and mark what is wrong. Override to check more than its validators do."""
        return bool(form.validate())

    def finished(self, screen: ActionScreen, row_id: int, message: str | Result | None) -> ResponseReturnValue:
        """Return the answer after the action: the document's page with the message."""
        return screen.done(row_id, message)

    def __call__(self, screen: ActionScreen, row: Any) -> ResponseReturnValue:
        """Show the page, or run the action when it is posted."""
        session = screen_session()
        form = self.form_class(request.form if request.method == "POST" else None)
        if request.method != "POST":
            self.prefill(session, row, form)
        elif self.is_valid(form):
            try:
                return self._submit(screen, row, form)
            except ErpError as error:
                session.rollback()
                g.erp_reading = True
                flash(str(error), "error")
                mark(form, error)
                return self._show(screen, row, form), 409
        else:
            flash("Not done: check the marked fields.", "error")
        return self._show(screen, row, form), 422 if request.method == "POST" else 200

    def _submit(self, screen: ActionScreen, row: Any, form: Form) -> ResponseReturnValue:
        raise NotImplementedError

    def _show(self, screen: ActionScreen, row: Any, form: Form) -> str:
        context = self.context(screen_session(), row)
        back = screen.get_url(".details_view", id=self.document_id(row))
        return screen.render_page(self.template, page=self, row=row, form=form, back=back, **context)


class FormPage(ActionPage):
    """A page that asks for a few values and runs an action with them."""

    template = "erp/form_page.html"

    def do(self, session: Session, row: Any, form: Any) -> str | Result | None:
        """Run the action in the caller's transaction, and return the message."""
        raise NotImplementedError

    def _submit(self, screen: ActionScreen, row: Any, form: Form) -> ResponseReturnValue:
        id_ = self.document_id(row)
        message = screen.do(type(self).__name__, lambda session: self.do(session, row, form))
        return self.finished(screen, id_, message)


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

    def is_ticked(self, item: Any) -> bool:
        """Say whether a row is ticked at first."""
        return self.all_are_ticked

    def can_tick(self, item: Any) -> bool:
        """Say whether a row can be chosen."""
        return True

    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str | Result | None:
        """Run the action on the chosen rows in the caller's transaction, and return the message."""
        raise NotImplementedError

    def _submit(self, screen: ActionScreen, row: Any, form: Form) -> ResponseReturnValue:
        id_ = self.document_id(row)
        message = screen.do(type(self).__name__, lambda session: self.do(session, row, self.chosen(session, row), form))
        return self.finished(screen, id_, message)

    def chosen(self, session: Session, row: Any) -> list[Chosen]:
        """Return the ticked rows as they are now, each with its quantity.

        Raise NothingChosen where none is ticked, BadNumber where a quantity is wrong.
        """
        ticked = set(request.form.getlist("row"))
        found = [
            Chosen(item, self._typed(item))
            for item in self.rows(session, row)
            if self.key(item) in ticked and self.can_tick(item)
        ]
        if not found:
            raise NothingChosen
        return found

    def _typed(self, item: Any) -> Decimal | None:
        offered = self.quantity(item)
        text = request.form.get(f"quantity-{self.key(item)}", "").strip()
        if offered is None or not text:
            return offered
        try:
            value = read_quantity(text)
        except ValueError as error:
            raise BadNumber(text, f"is not a quantity: {error}") from None
        if not 0 < value <= offered:
            raise BadNumber(format_quantity(value), f"is not between 0 and {format_quantity(offered)}")
        return value

    def choices(self, session: Session, row: Any) -> list[Choice]:
        """Return the rows ready to show, with what the user ticked and typed."""
        return [self._choice(item) for item in self.rows(session, row)]

    def _choice(self, item: Any) -> Choice:
        posted, key, offered = request.method == "POST", self.key(item), self.quantity(item)
        ticked = key in request.form.getlist("row") if posted else self.is_ticked(item)
        typed = request.form.get(f"quantity-{key}") if posted else None
        values = [getter(item) if callable(getter) else _follow(item, getter) for _, getter in self.columns]
        return Choice(
            key=key,
            cells=[make_cell(value) for value in values],
            is_ticked=ticked and self.can_tick(item),
            can_tick=self.can_tick(item),
            quantity=None if offered is None else typed if typed is not None else format_quantity(offered),
            error=self._wrong(item) if posted and ticked else "",
        )

    def _wrong(self, item: Any) -> str:
        try:
            self._typed(item)
        except BadNumber as error:
            return str(error)
        return ""

    def _show(self, screen: ActionScreen, row: Any, form: Form) -> str:
        session = screen_session()
        choices = self.choices(session, row)
        heads = [
            (label, any(choice.cells[at].is_number for choice in choices)) for at, (label, _) in enumerate(self.columns)
        ]
        back = screen.get_url(".details_view", id=self.document_id(row))
        context = self.context(session, row)
        return screen.render_page(
            self.template, page=self, row=row, form=form, choices=choices, heads=heads, back=back, **context
        )


def _follow(item: Any, path: str) -> Any:
    for part in path.split("."):
        item = item.get(part) if isinstance(item, dict) else getattr(item, part, None)
    return item
