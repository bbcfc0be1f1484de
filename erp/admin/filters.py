"""Filters of lists. Whatever is typed, they never cause an error of the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_admin.contrib.sqla.filters import BaseSQLAFilter, FilterConverter
from sqlalchemy import ColumnElement, SelectBase, not_
from typing_extensions import override

from erp import clock
from erp.admin.formatting import words
from erp.db import LIMIT, contains, equals

BIGGEST = 2**31 - 1


class Filter(BaseSQLAFilter):
    """A filter. Its `clean` raises ValueError for a wrong value; Flask-Admin then says so and leaves the filter out."""

    label = ""
    kind = "text"

    def __init__(self, column: Any, name: str, options: Any = None, **kwargs: Any) -> None:
        super().__init__(column, name, options, self.kind, **kwargs)

    def operation(self) -> str:
        """Return the words between the field's name and the value."""
        return self.label

    def clean(self, value: Any) -> Any:
        """Return the typed value."""
        return str(value).replace("\x00", "").strip()[:200]

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        """Narrow the query."""
        return query.filter(self.condition(self.get_column(alias), value))

    def condition(self, column: Any, value: Any) -> Any:
        """Return the SQL condition."""
        return column == value


class Contains(Filter):
    """Text anywhere in the column."""

    label = "contains"

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return contains(column, value)


class Equals(Filter):
    """Exactly this."""

    label = "is"

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return equals(column, value)


class IsYes(Filter):
    """A switch."""

    label = "is"
    kind = "choice"

    @override
    def get_options(self, view: Any) -> list[tuple[str, str]]:
        return [("1", "yes"), ("0", "no")]

    @override
    def clean(self, value: Any) -> bool:
        if value not in ("0", "1"):
            raise ValueError(value)
        return bool(value == "1")

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return column.is_(value)


class IsEmpty(IsYes):
    """Whether there is no value."""

    label = "is empty"

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return column.is_(None) if value else column.is_not(None)


class _OneOf(Filter):
    kind = "choice"

    @override
    def get_options(self, view: Any) -> list[tuple[str, str]]:
        return [(member.name, words(member.value)) for member in self._enum()]

    @override
    def clean(self, value: Any) -> Any:
        if value not in self._enum().__members__:
            raise ValueError(value)
        return self._enum()[value]

    def _enum(self) -> Any:
        return self.column.type.enum_class


class Is(_OneOf):
    """One word of an enum."""

    label = "is"


class IsNot(_OneOf):
    """Any other word of an enum."""

    label = "is not"

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return column != value


class _Number(Filter):
    """A whole number that fits any integer column."""

    kind = "number"

    @override
    def clean(self, value: Any) -> Any:
        number = int(str(value).strip()[:12])
        if abs(number) > BIGGEST:
            raise ValueError(value)
        return number


class _Exact(Filter):
    """An exact number with at most four decimals."""

    kind = "number"

    @override
    def clean(self, value: Any) -> Decimal:
        try:
            number = Decimal(str(value).strip()[:30])
        except InvalidOperation:
            raise ValueError(value) from None
        if not number.is_finite() or abs(number) > LIMIT:
            raise ValueError(value)
        return number.quantize(Decimal("0.0001"))


class _Day(Filter):
    kind = "date"

    @override
    def clean(self, value: Any) -> date:
        return date.fromisoformat(str(value).strip()[:10])


class _Instant(_Day):
    """A day of the company's zone, compared with instants."""

    def bounds(self, value: date) -> tuple[datetime, datetime]:
        """Return the first instant of the day and of the day after."""
        if value.year < 2 or value.year > 9990:
            raise ValueError(value)
        start = datetime.combine(value, time())
        return clock.from_local(start), clock.from_local(start + timedelta(days=1))

    @override
    def clean(self, value: Any) -> date:
        found = super().clean(value)
        self.bounds(found)
        return found


def _comparisons(base_class: type[Filter]) -> tuple[type[Filter], type[Filter], type[Filter]]:
    class Same(base_class):  # type: ignore[misc, valid-type]
        label = "is"

    class Least(base_class):  # type: ignore[misc, valid-type]
        label = "from" if base_class.kind == "date" else "at least"

        @override
        def condition(self, column: Any, value: Any) -> Any:
            return column >= value

    class Most(base_class):  # type: ignore[misc, valid-type]
        label = "to" if base_class.kind == "date" else "at most"

        @override
        def condition(self, column: Any, value: Any) -> Any:
            return column <= value

    return Same, Least, Most


class OnDay(_Instant):
    """An instant on a day."""

    label = "on"

    @override
    def condition(self, column: Any, value: Any) -> Any:
        first, end = self.bounds(value)
        return (column >= first) & (column < end)


class FromDay(_Instant):
    """An instant on a day or later."""

    label = "from"

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return column >= self.bounds(value)[0]


class ToDay(_Instant):
    """An instant on a day or earlier."""

    label = "to"

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return column < self.bounds(value)[1]


_TEXTS = (Contains, Equals)
_WHOLES = _comparisons(_Number)
_EXACTS = _comparisons(_Exact)
_DAYS = _comparisons(_Day)
_INSTANTS = (OnDay, FromDay, ToDay)
_FILTERS: Mapping[str, Sequence[type[Filter]]] = {
    **dict.fromkeys(("string", "text", "sentence"), _TEXTS),
    **dict.fromkeys(("integer", "biginteger", "smallinteger"), _WHOLES),
    **dict.fromkeys(("scaled", "quantity", "money"), _EXACTS),
    **dict.fromkeys(("utcdatetime", "datetime"), _INSTANTS),
    "boolean": (IsYes,),
    "date": (*_DAYS, IsEmpty),
    "enum": (Is, IsNot),
}


Condition = Callable[[], ColumnElement[bool]]
Ids = Callable[[], SelectBase]


class DerivedFilter(Filter):
    """A filter by something that no column holds: `choices` gives the condition of each word that it can be.

    `among` is the condition of the rows that can meet one of them, answered by an index: a quick filter counts no
    further than the first of these. `candidates` gives for some words a select of the ids of all rows that can be it,
    few of a large table: a list looks through these where the word is computed row by row, and few rows are it.
    """

    label = "is"
    kind = "choice"

    def __init__(
        self,
        name: str,
        choices: Mapping[str, Condition],
        *,
        among: Condition | None = None,
        candidates: Mapping[str, Ids] | None = None,
    ) -> None:
        super().__init__(None, name)
        self.choices = choices
        self.among = among
        self.candidates = candidates or {}

    @override
    def get_options(self, view: Any) -> list[tuple[str, str]]:
        return [(key, words(key)) for key in self.choices]

    @override
    def clean(self, value: Any) -> Any:
        if value not in self.choices:
            raise ValueError(value)
        return value

    @override
    def get_column(self, alias: Any) -> Any:
        return None

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return self.choices[value]()


def compared(name: str, value: Callable[[], Any]) -> list[Filter]:
    """Return filters by a quantity or a number that SQL computes."""
    return [_computed(kind, name, value) for kind in _EXACTS]


def of_text(name: str, value: Callable[[], Any]) -> Filter:
    """Return the filter by what a text that SQL computes contains."""
    return _computed(Contains, name, value)


def of_day(name: str, value: Callable[[], Any]) -> list[Filter]:
    """Return filters by a day that SQL computes."""
    return [_computed(kind, name, value) for kind in _DAYS]


def _computed(kind: type[Filter], name: str, value: Callable[[], Any]) -> Filter:
    made = type(kind.__name__, (kind,), {"get_column": lambda _self, _alias: value()})(None, name)
    assert isinstance(made, Filter)
    return made


def yes_or_no(
    name: str, condition: Condition, *, among: Condition | None = None, candidates: Ids | None = None
) -> DerivedFilter:
    """Return the filter of rows that meet a condition, or do not; those that do are among the `candidates`."""
    choices = {"yes": condition, "no": lambda: not_(condition())}
    return DerivedFilter(name, choices, among=among, candidates={"yes": candidates} if candidates else None)


class Filters(FilterConverter):
    """Which filters a column of a type gets."""

    @override
    def convert(self, type_name: str, column: Any, name: str, **kwargs: Any) -> list[Any]:
        return [kind(column, name) for kind in _FILTERS.get(type_name.lower(), ())]
