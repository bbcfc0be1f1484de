"""What a screen is put together from: declared by the module that owns it or contributed by another."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session
from wtforms.fields.core import UnboundField

from erp.registry import current_registry
from erp.text import Note

Row = Any
Getter = str | Callable[[Any], Any]
# Figures, states and fields by label, such as "received of line 1": what a change depends on and writes.
Facts = Mapping[str, Any]


def always(_row: Row) -> bool:
    """Allow an action whatever the row says."""
    return True


@dataclass(frozen=True)
class Result:
    """The answer of an action that needs more than a sentence: `template` is shown on the document's page."""

    message: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    tone: str = "success"


class ActionScreen(Protocol):
    """What the page of an action needs of the screen that shows it."""

    def get_url(self, endpoint: str, **kwargs: Any) -> str:
        """Return the address of one of the screen's pages."""

    def load(self, session: Session, id: int) -> Any:
        """Return a row by id as it is now, or None."""

    def render_page(self, template: str, **context: Any) -> str:
        """Return the page of an action."""

    def do(self, name: str, work: Callable[[Session], Any]) -> Any:
        """Do `work(session)` as one run and one transaction."""

    def done(self, id: int, result: str | Result | None, default: str = "Done.") -> ResponseReturnValue:
        """Return the answer after an action."""


ActionCall = Callable[[Session, Any], "str | Result | None"]
PageCall = Callable[[Any, Any], ResponseReturnValue]


# The keys that lists, documents and forms have themselves.
TAKEN_KEYS = "ejklnx"


@dataclass(frozen=True, kw_only=True)
class Action:
    """A button of a document or of one of its lines.

    `run` acts at once (POST) and returns the sentence to show, or a Result. `page` is called with the screen and
    the row; it has an address of its own, answers GET and POST, and asks for more. `confirm` is the question asked
    before either; `yes` and `no` label its answers. `allowed` says whether the row's state permits the action; it is
    asked again when the button is pressed. `style` is primary, secondary or danger. `depends_on(session, row)` returns
    what a `run` depends on: where that has changed since its page was opened, it is refused; `needs_no_version` says
    why it needs none. A `page` declares its own. A page that is a function only shows something. `help` says before the
    button is pressed what it does. `key` is the letter that presses the button, one of those that no page uses itself.
    """

    name: str
    label: str
    permission: str
    run: ActionCall | None = None
    page: PageCall | None = None
    confirm: str = ""
    yes: str = ""
    no: str = "Cancel"
    allowed: Callable[[Any], bool] = always
    style: str = "secondary"
    icon: str = ""
    help: str = ""
    depends_on: Callable[[Session, Any], Facts] | None = None
    needs_no_version: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        if self.key and (self.key in TAKEN_KEYS or not re.fullmatch("[a-z]", self.key)):
            raise TypeError(
                f"action {self.name} has the key {self.key!r}: a small letter is possible, none of {TAKEN_KEYS}"
            )
        if (self.run is None) == (self.page is None):
            raise TypeError(f"action {self.name} needs either a run or a page")


@dataclass(frozen=True, kw_only=True)
class ListAction:
    """An action on the ticked rows of a list; with `needs_rows` false, on all rows without ticking.

    `depends_on(session, ids)` returns what it depends on, by row id: where that of a ticked row has changed since the
    list was opened, it is refused. `needs_no_version` says why it needs none.
    """

    name: str
    label: str
    permission: str
    run: Callable[[Session, Sequence[int]], str | None]
    confirm: str = ""
    yes: str = ""
    no: str = "Cancel"
    needs_rows: bool = True
    style: str = "secondary"
    icon: str = ""
    depends_on: Callable[[Session, Sequence[int]], Mapping[int, Facts]] | None = None
    needs_no_version: str = ""


@dataclass(frozen=True)
class Effect:
    """What an action on many rows does to one: `text` says it; `refusal` says why nothing is done to it instead."""

    id: int
    name: str
    text: str = ""
    refusal: str = ""
    url: str | None = None


@dataclass(frozen=True)
class Panel:
    """A card on a document's page: `template` rendered with `context(session, row)`; None hides the panel.

    `counted` names the entry of the context whose length stands next to the title. With `is_summary` it answers what a
    person asks first, and is shown above the lines; the others can be folded.
    """

    title: str
    template: str
    context: Callable[[Session, Any], Mapping[str, Any] | None]
    permission: str = ""
    counted: str = ""
    is_summary: bool = False

    def failed(self, text: str) -> ShownPanel:
        """Return the card that says that this one failed."""
        content = Markup('<p class="erp-small-empty text-danger">{}</p>').format(text)
        return ShownPanel(self.title, content, None, self.is_summary)


@dataclass(frozen=True)
class ShownPanel:
    """A panel as the page shows it; `count` is None where nothing is counted."""

    title: str
    content: Any
    count: int | None = None
    is_summary: bool = False


@dataclass(frozen=True)
class DatedPart:
    """A part of a document with the day on which it leaves or comes, for the template `erp/dated_parts.html`.

    `label` is the day in words, `text` how much it is, `note` says more. `tone` is that of a Badge.
    """

    label: str
    text: str
    note: str = ""
    tone: str = "neutral"


MOST_DAYS = 5


def later_than(days: Iterable[date | None]) -> date | None:
    """Return the last day that has a DatedPart of its own; later ones share one. None where each has its own."""
    found = sorted({each for each in days if each})
    return found[MOST_DAYS - 1] if len(found) > MOST_DAYS else None


@dataclass(frozen=True)
class NextStep:
    """What is to be done next with a document: `action` is the name of its action, `text` says why and what it does."""

    action: str
    text: str


LINE_NAME = "lines/"


@dataclass(frozen=True)
class ActionNotes:
    """Notes on actions: `notes(session, row, names)` says what those with these names would do; `label` is what about.

    On the page of a row they are the actions that run when their button is pressed, those of its lines too; on the page
    of an action it is that action, and `row` is the line where the page is a line's. The name of a line's action begins
    with `lines/`, as in its address.
    """

    label: str
    notes: Callable[[Session, Any, Collection[str]], Sequence[Note]]


Values = Callable[[Session, Sequence[Any]], Mapping[int, Any]]


def of_each(value: Callable[[Any], Any]) -> Values:
    """Return the values of a column that each row has itself."""
    return lambda _session, rows: {row.id: value(row) for row in rows}


def by_ids(read: Callable[[Session, list[int]], Mapping[int, Any]]) -> Values:
    """Return the values of a column that a query gives by the ids of the rows."""
    return lambda session, rows: read(session, [row.id for row in rows])


@dataclass(frozen=True)
class ExtraColumn:
    """A column that is not an attribute: `values` returns those of a whole page by row id, in one query.

    A value may be text, Decimal, date, datetime, bool, an enum member (shown as a badge), Markup or None.
    """

    name: str
    label: str
    values: Values

    @property
    def columns(self) -> Sequence[tuple[str, str]]:
        """The column's (name, label), as ExtraColumns lists several."""
        return ((self.name, self.label),)

    def read(self, session: Session, rows: Sequence[Any]) -> list[list[Any]]:
        """Return a list for each row with the column's value in it."""
        found = self.values(session, rows)
        return [[found.get(row.id)] for row in rows]


@dataclass(frozen=True)
class ExtraColumns:
    """Columns that are read together: `values` is called once a page, however many columns there are.

    `columns` are (name, label) pairs. `values` returns by row id an object, or a mapping, that has a value under each
    column's name; of a row that it leaves out the cells are empty. Values are those of an ExtraColumn.
    """

    columns: Sequence[tuple[str, str]]
    values: Values

    @property
    def label(self) -> str:
        """The labels in one text, for lists of what a module adds."""
        return ", ".join(label for _, label in self.columns)

    def read(self, session: Session, rows: Sequence[Any]) -> list[list[Any]]:
        """Return a list for each row with the value of each column."""
        found = self.values(session, rows)
        return [[_value(found.get(row.id), name) for name, _ in self.columns] for row in rows]


def _value(values: Any, name: str) -> Any:
    return values.get(name) if isinstance(values, Mapping) else getattr(values, name, None)


AnyColumns = ExtraColumn | ExtraColumns


def read_columns(columns: Sequence[AnyColumns], session: Session, rows: Sequence[Any]) -> list[list[Any]]:
    """Return a list for each row with the values of all columns; each declaration is read once."""
    parts = [_read_column(column, session, rows) for column in columns] if rows else []
    return [[value for part in parts for value in part[at]] for at in range(len(rows))]


def _read_column(column: AnyColumns, session: Session, rows: Sequence[Any]) -> list[list[Any]]:
    def failed(text: str) -> list[list[Any]]:
        return [[text] * len(column.columns) for _ in rows]

    return current_registry().contained(column, f"column {column.label}", lambda: column.read(session, rows), failed)


def column_heads(columns: Sequence[AnyColumns]) -> list[tuple[str, str]]:
    """Return the (name, label) of each column, in the order of the values that `read_columns` returns."""
    return [head for column in columns for head in column.columns]


@dataclass(frozen=True)
class QuickFilter:
    """A filter of a list that stands above it with the number of its rows.

    `argument` names it as the address of the list does: the column's label and the filter's word in small letters, such
    as `overdue_is` or `due_on_from`, whatever the name of the column. `value` is `1` or `0` for a column of yes and no,
    `yes` or `no` for `yes_or_no`, the member's name for an enum. With another one the module is broken.
    """

    label: str
    argument: str
    value: str


@dataclass(frozen=True)
class ExtraField:
    """A field in another module's form: `field()` makes it, `read` fills it, `write` stores what was entered.

    `read` is called with None for a new row, `write` in the transaction of the save, when the row has its id. Users
    without the right `permission` see the value on the row's page and have no field in the form. With `is_written`
    false the field only shows something that other changes change.
    """

    name: str
    field: Callable[[], UnboundField[Any]]
    read: Callable[[Session, Any], Any]
    write: Callable[[Session, Any, Any], None]
    permission: str = ""
    is_written: bool = True


@dataclass(frozen=True)
class Card:
    """A card of the dashboard: `numbers` returns rows of (label, value, address of the list that it counts)."""

    title: str
    permission: str
    numbers: Callable[[Session], Sequence[tuple[str, Any, str]]]


@dataclass(frozen=True)
class Badge:
    """A short word in colour. `tone` is neutral, info, success, warning or danger."""

    text: str
    tone: str = "neutral"


@dataclass(frozen=True)
class Chosen:
    """A ticked row of a choosing page, and the quantity typed for it."""

    row: Any
    quantity: Any = None
