"""Quick filters: the states of a list above it, each with the number of its rows, counted within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from flask_admin.model.base import ViewArgs
from sqlalchemy import ColumnElement, and_, func, literal, select, true

from erp.admin.access import screen_session
from erp.admin.dashboard_parts import WorkQueue
from erp.admin.declarations import QuickFilter
from erp.admin.filters import Condition, DerivedFilter
from erp.admin.kept_selects import read_kept_select
from erp.admin.list_query import ListQuery
from erp.errors import ModuleError
from erp.registry import current_registry

MOST_COUNTED = 1_000
ALL = "0"
# Of rows whose state is computed, no more than so many are looked at.
MOST_LOOKED_AT = 500


@dataclass(frozen=True)
class QuickCount:
    """A quick filter as the page shows it: its address, how many rows it has, and whether they are at least so many."""

    label: str
    url: str
    count: int
    is_least: bool = False
    is_on: bool = False


def counted(label: str, url: str, count: int, looked_at: int) -> QuickCount:
    """Return a count as the page shows it; one that stopped at its bounds is of at least so many."""
    is_least = count > MOST_COUNTED or looked_at > MOST_LOOKED_AT
    return QuickCount(label, url, min(count, MOST_LOOKED_AT if looked_at else MOST_COUNTED), is_least)


class QuickFiltered(ListQuery):
    """Lists with quick filters, those of other live modules among them."""

    quick_filters: Sequence[QuickFilter] = ()
    # The condition, answered by an index, of the rows that can be in a list that is a work queue.
    queue_among: Condition | None = None

    def quick_counts(self, args: ViewArgs) -> list[QuickCount]:
        """Return the quick filters with their counts, in one statement whatever their number."""
        offered = [*self.quick_filters, *self.contributed("quick_filters")]
        if not offered:
            return []
        on = [(self.get_filter_arg(index, self._filters[index]), value) for index, _, value in args.filters or ()]
        found = self._counted(offered)
        return [
            replace(
                counted(each.label, self._url_of(each.argument, each.value), found[2 * at], found[2 * at + 1]),
                is_on=on == [(each.argument, each.value)],
            )
            for at, each in enumerate(offered)
        ]

    def require_filter(self, what: str, argument: str, value: str) -> None:
        """Raise ModuleError where the list has no filter `argument`, or it cannot be set to `value`.

        `what` says whose they are, such as `QuickFilter 'Overdue'`.
        """
        known: dict[str, tuple[int, Any]] = self._filter_args or {}
        if argument not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ModuleError(f"{what} of screen {self.view_name}: there is no filter {argument}; there are {there}.")
        used = known[argument][1]
        try:
            used.clean(value)
        except ValueError:
            words = ", ".join(str(key) for key, _ in used.get_options(self) or ())
            allowed = f"; {words} are allowed" if words else ""
            raise ModuleError(
                f"{what} of screen {self.view_name}: filter {argument} cannot be {value!r}{allowed}."
            ) from None

    def url_of_queue(self, queue: WorkQueue) -> str:
        """Return the address of a queue."""
        return self._url_of(queue.argument, queue.value)

    def _url_of(self, argument: str, value: str) -> str:
        asked = {f"flt0_{argument}": value} if argument else {"view": ALL}
        return str(self.get_url(f"{self.endpoint}.index_view", **asked))

    def queue_size(self, queue: WorkQueue) -> tuple[Any, Any]:
        """Return how many rows of a queue there are, and how many were looked at, as expressions of one statement."""
        if queue.argument:
            return self._parts_of(QuickFilter(queue.title, queue.argument, queue.value))
        return self._within(true(), self.queue_among, self.condition())

    def _counted(self, offered: Sequence[QuickFilter]) -> Sequence[int]:
        """Return the two numbers of each quick filter; one of a third party that fails has none, and alone."""
        foreign = [each for each in offered if current_registry().foreign_owner(each)]
        own = [each for each in offered if each not in foreign]
        key = (self.view_name, *((each.argument, each.value) for each in own))
        parts = read_kept_select(key, lambda: select(*chain(*map(self._parts_of, own)))) if own else [()]
        numbers = iter(parts[0])
        counts: list[int] = []
        for each in offered:
            counts += self._counted_alone(each) if each in foreign else [next(numbers), next(numbers)]
        return counts

    def _counted_alone(self, each: QuickFilter) -> list[int]:
        def count() -> list[int]:
            return list(screen_session().execute(select(*self._parts_of(each))).one())

        return current_registry().contained(each, f"quick filter {each.label}", count, lambda _: [0, 0])

    def _parts_of(self, each: QuickFilter) -> tuple[Any, Any]:
        """Return how many rows of a quick filter there are, and how many were looked at, as expressions."""
        used = self._filters[self._filter_args[each.argument][0]]
        condition = used.condition(used.column, used.clean(each.value))
        among = used.among if isinstance(used, DerivedFilter) else None
        return self._within(condition, among, self.condition_with(each.argument))

    def _within(self, condition: ColumnElement[bool], first: Condition | None, own: Any) -> tuple[Any, Any]:
        listed = condition if own is None else and_(condition, own)
        if first is None:
            return self._count(listed, most=MOST_COUNTED + 1), literal(0)
        key = self.model.__mapper__.primary_key[0]
        among = select(key).where(first()).order_by(key.desc()).limit(MOST_LOOKED_AT + 1)
        looked_at = select(func.count()).select_from(among.subquery()).scalar_subquery()
        # Without another limit: with one PostgreSQL looks for a plan that begins soon, and reads the whole table.
        return self._count(listed, key.in_(among)), looked_at

    def _count(self, *conditions: ColumnElement[bool], most: int | None = None) -> Any:
        key = self.model.__mapper__.primary_key[0]
        rows = select(key).where(*conditions).limit(most)
        return select(func.count()).select_from(rows.subquery()).scalar_subquery()
