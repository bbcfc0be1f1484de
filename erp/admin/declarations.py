"""What a screen is put together from: declared by the module that owns it or contributed by another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms.fields.core import UnboundField

if TYPE_CHECKING:
    from erp.admin.screen import Screen

Row = Any
Getter = str | Callable[[Any], Any]


def always(_row: Row) -> bool:
    """Allow an action whatever the row says."""
    return True


@dataclass(frozen=True)
class Result:
    """What an action tells in more than a sentence: `template` is shown on the document's page with `context`."""

    message: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    tone: str = "success"


ActionCall = Callable[[Session, Any], "str | Result | None"]
PageCall = Callable[["Screen", Any], ResponseReturnValue]


@dataclass(frozen=True, kw_only=True)
class Action:
    """A button of a document or of one of its lines.

    A `run` is done at once (POST) and returns the sentence to show, or a Result. A `page` has an address of its
    own, answers GET and POST and asks for more. `confirm` is asked before either; `yes` and `no` label its answers.
    `allowed` says whether the row's state lets it happen; it is asked again when the button is pressed.
    `style` is primary, secondary or danger.
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

    def __post_init__(self) -> None:
        if (self.run is None) == (self.page is None):
            raise TypeError(f"action {self.name} needs either a run or a page")


@dataclass(frozen=True, kw_only=True)
class ListAction:
    """Something done to the ticked rows of a list; with `needs_rows` false, to all of them without ticking."""

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


@dataclass(frozen=True)
class Panel:
    """A card on a document's page: `template` rendered with `context(session, row)`; None hides the panel."""

    title: str
    template: str
    context: Callable[[Session, Any], Mapping[str, Any] | None]
    permission: str = ""


@dataclass(frozen=True)
class ExtraColumn:
    """A column that is not an attribute: `values` gives those of a whole page by row id, in one query.

    A value may be text, Decimal, date, datetime, bool, an enum member (shown as a badge), Markup or None.
    """

    name: str
    label: str
    values: Callable[[Session, Sequence[Any]], Mapping[int, Any]]


@dataclass(frozen=True)
class ExtraField:
    """A field in another module's form: `field()` makes it, `read` fills it, `write` keeps what was entered.

    `read` is called with None for a new row; `write` in the transaction of the save, when the row has its id. Whoever
    lacks the right `permission` sees the value on the row's page, and has no field in the form.
    """

    name: str
    field: Callable[[], UnboundField[Any]]
    read: Callable[[Session, Any], Any]
    write: Callable[[Session, Any, Any], None]
    permission: str = ""


@dataclass(frozen=True)
class Card:
    """A card of the dashboard: rows of (label, value, address), each a link to the list that it counts."""

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
