"""The query of a list: bounded counts, safe paging, a total order, and a search that stays fast on a million rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import request
from flask_admin.contrib.sqla import ModelView
from flask_admin.model.base import ViewArgs
from sqlalchemy.orm import Session, joinedload

from erp.admin.access import screen_session
from erp.admin.filters import DerivedFilter, Filters
from erp.admin.formatting import words
from erp.admin.kept_selects import read_kept_select
from erp.db import contains, equals, is_found, is_one_of, is_postgresql
from erp.registry import Owned, current_registry
from erp.text import joined, named, say

COUNT_BOUND = 10_000
# Of rows that a computed condition finds: to count more would take longer than to read the page.
COMPUTED_BOUND = 1_000


@dataclass(frozen=True)
class PageOfRows:
    """A page of a list: how many rows there are, its own, and the ids of all where they were found for it."""

    count: int
    rows: list[Any]
    ids: list[Any] | None


class ListQuery(ModelView):
    """Columns, filters, search, order and pages of a model's rows.

    `list_loads` are loader options for what the list shows besides the relations in its columns. `sorted_like` names
    columns whose order is that of another one that an index serves, such as an instant and the id. The rows of a list
    that `is_computed` are found by a condition that no column holds: fewer of them are counted.
    """

    view_name: str = ""
    list_loads: Sequence[Any] = ()
    sorted_like: Mapping[str, str] = {}
    is_computed = False
    filter_converter = Filters()
    page_size = 25
    can_set_page_size = True
    page_size_options = (25, 50, 100)
    named_filter_urls = True
    _given_filters: tuple[Owned[Any], ...] = ()

    def count_bound(self, filters: Sequence[Any] | None = ()) -> int:
        """Return how many rows are counted, and can be paged through, while these filters are on."""
        return COMPUTED_BOUND if self._finds_by_computing(filters) else COUNT_BOUND

    def _finds_by_computing(self, filters: Sequence[Any] | None) -> bool:
        return self.is_computed or any(self._is_derived(index) for index, *_ in filters or ())

    def _is_derived(self, index: int) -> bool:
        return isinstance(self._filters[index], DerivedFilter)

    def contributed(self, kind: str) -> list[Any]:
        """Return what other live modules add to this screen."""
        return current_registry().contributed(self.view_name, kind)

    def load_path(self, model: Any, names: str) -> Any:
        """Return the loader of the relations in a dotted name, None where there is none."""
        return load_of(model, names)

    def load_paths(self, model: Any, shown: Iterable[Any]) -> list[Any]:
        """Return the loaders of the relations in the dotted names among what is shown."""
        loads = (self.load_path(model, name) for name in shown if isinstance(name, str))
        return [load for load in loads if load is not None]

    def scaffold_auto_joins(self) -> list[Any]:
        """Flask-Admin's own joins are not used: `load_paths` loads what the columns show."""
        return []

    def _loads(self) -> list[Any]:
        return [*self.load_paths(self.model, (str(name) for name, _ in self._list_columns)), *self.list_loads]

    def is_narrowed(self, args: ViewArgs) -> bool:
        """Say whether a search, or a filter by a column, leaves a few rows whose order is of no use to find them."""
        return bool(args.search) or not all(self._is_derived(index) for index, *_ in args.filters or ())

    def having(self, ids: Sequence[Any]) -> Any:
        """Return a query of the rows of these ids, in no order and with nothing loaded."""
        session = screen_session()
        return session.query(self.model).filter(is_one_of(session, self.model.__mapper__.primary_key[0], ids))

    def _rows_of(self, ids: Sequence[Any]) -> list[Any]:
        """Return the rows of these ids, in their order.

        Their relations are read here, where the ids are known: beside a computed condition PostgreSQL hardly minds what
        joins cost, and would read whole tables for a page.
        """
        key = self.model.__mapper__.primary_key[0]
        rows = screen_session().query(self.model).options(*self._loads()).filter(key.in_(ids)) if ids else ()
        by_id = {sa.inspect(row).identity[0]: row for row in rows}
        return [by_id[id_] for id_ in ids if id_ in by_id]

    def condition(self) -> Any:
        """Return which rows are listed, None for all. Override to narrow the list."""

    def condition_with(self, _argument: str) -> Any:
        """Return which rows are listed while this filter alone is on. Override where a filter shows more of them."""
        return self.condition()

    def candidates(self, _args: ViewArgs) -> Any:
        """Return a select of the ids of all rows that can be listed, few of a large table; None where there is none.

        Override where `condition` is computed row by row, and few rows meet it.
        """

    def _candidates(self, args: ViewArgs) -> list[Any]:
        """Return the conditions that leave the candidates."""
        found = [self.candidates(args)]
        for index, _, value in args.filters or ():
            named = self._filters[index].candidates if self._is_derived(index) else {}
            found.append(named[value]() if value in named else None)
        key = self.model.__mapper__.primary_key[0]
        return [is_found(screen_session(), key, ids) for ids in found if ids is not None]

    def column_of(self, name: str) -> Any:
        """Return the table column behind a dotted name, None for what is computed."""
        mapper, parts = self.model.__mapper__, str(name).split(".")
        for part in parts[:-1]:
            relation = mapper.relationships.get(part)
            if relation is None:
                return None
            mapper = relation.mapper
        return mapper.columns.get(parts[-1])

    def take_filters(self, given: Sequence[Owned[Any]]) -> None:
        """Add filters of other modules to the list's own; each counts while its module is on."""
        self._given_filters = tuple(given)
        self._refresh_filters_cache()

    def get_filters(self) -> list[Any] | None:
        """Return the list's own filters, those of all other columns that it shows, and those of other modules."""
        own = super().get_filters() or []
        named = {each for each in self.column_filters or () if isinstance(each, str)}
        shown = [name for name, _ in self._list_columns if name not in named and self.column_of(name) is not None]
        more = [each for name in shown for each in self.scaffold_filters(name) or ()]
        return [*own, *more, *(self.handle_filter(owned.thing) for owned in self._given_filters)]

    def _is_off(self, index: int) -> bool:
        """Say whether a filter belongs to a module that is off."""
        own = len(self._filters or ()) - len(self._given_filters)
        return index >= own and not current_registry().is_live(self._given_filters[index - own].module)

    def filter_groups(self) -> dict[str, Any]:
        """Return the filters that may be used now, by name."""
        groups = self._get_filter_groups() or {}
        live = {name: [each for each in group if not self._is_off(each["index"])] for name, group in groups.items()}
        return {name: group for name, group in live.items() if group}

    def live_filters(self) -> dict[str, tuple[int, Any]]:
        """Return the filters that may be used now with their places, by the names that addresses have for them."""
        named: dict[str, tuple[int, Any]] = self._filter_args or {}
        return {name: (index, used) for name, (index, used) in named.items() if not self._is_off(index)}

    def get_column_name(self, field: str) -> str:
        """Return a column's label: the screen's, or one made of its name."""
        labels = self.column_labels or {}
        return str(labels.get(field) or words(str(field).replace(".", " ")))

    def get_sortable_columns(self) -> Any:
        """Return the columns that a list can be sorted by: the screen's choice, else the indexed ones."""
        if self.column_sortable_list is not None:
            same = {name: getattr(self.model, other) for name, other in self.sorted_like.items()}
            return super().get_sortable_columns() | same
        self._sortable_joins: dict[str, Any] = {}
        table = self.model.__table__
        first = {index.columns[0].name for index in table.indexes if len(index.columns)}
        first |= {column.name for column in table.columns if column.unique or column.primary_key}
        return {name: getattr(self.model, name) for name, _ in self._list_columns if name in first}

    def _apply_sorting(self, query: Any, joins: Any, sort_column: Any, sort_desc: Any) -> Any:
        column = sort_column if sort_column in self._sortable_columns else None
        query, joins = super()._apply_sorting(query, joins, column, bool(sort_desc))
        # The key makes the order total: without it, rows that are equal would move between pages. It has the direction
        # of the main column, so that one index serves both.
        default = next(iter(self._get_default_order()), None)
        descending = bool(sort_desc) if column else default is None or bool(default[2])
        for key in self.model.__mapper__.primary_key:
            query = query.order_by(key.desc() if descending else key.asc())
        return query, joins

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        for word in search.split():
            condition = self._matches(word)
            query = query.filter(condition)
            count_query = None if count_query is None else count_query.filter(condition)
        return query, count_query, joins, count_joins

    def _matches(self, word: str) -> Any:
        """Return `id IN (… UNION …)`, in which each part can use its own index; a join with OR cannot."""
        key = self.model.__mapper__.primary_key[0]
        conditions = (in_path(path, _contains(field, word)) for field, path in self._search_fields or ())
        parts = [sa.select(key).where(condition) for condition in conditions]
        return key.in_(parts[0] if len(parts) == 1 else sa.union(*parts))

    def search_placeholder(self) -> str | None:
        """Name the columns that are searched."""
        labels = [self.get_column_name(str(name)) for name in self.column_searchable_list or ()]
        return say(
            "Search {labels}",
            labels=joined((named(label if label.isupper() else label.lower()) for label in labels), ", "),
        )

    def _get_list_extra_args(self) -> ViewArgs:
        args = super()._get_list_extra_args()
        args.page = max(args.page or 0, 0)
        words = (args.search or "").replace("\x00", "").strip()[:100]
        args.search = words if words and self._search_supported else None
        # Parameters that this page does not know are dropped from the addresses that it makes.
        args.extra_args = {}
        return args

    def _get_list_filter_args(self) -> Any:
        # A NUL in any parameter would be an error of the database: then no filter is used.
        if any("\x00" in value for value in request.args.values()):
            return None
        return [each for each in super()._get_list_filter_args() or () if not self._is_off(each[0])]

    def selection(self, args: ViewArgs) -> Any:
        """Return a query of the rows that meet the search and the filters, in no order and with nothing loaded."""
        condition, joins = self.condition(), {}  # type: ignore[var-annotated]
        query = screen_session().query(self.model)
        query = query if condition is None else query.filter(condition)
        if args.search:
            query, _, joins, _ = self._apply_search(query, None, joins, {}, args.search)
        if args.filters:
            query, _, joins, _ = self._apply_filters(query, None, joins, {}, args.filters)
        return query

    def sorted_by(self, args: ViewArgs) -> str | None:
        """Return the column that the address asks to sort by."""
        found = self._get_column_by_idx(args.sort)
        return str(found[0]) if found else None

    def page_of_rows(self, args: ViewArgs) -> PageOfRows:
        """Return the page asked for, or the last one where there are fewer.

        Rows that are found by a computed condition or a search are found once, in the order of the list, and counted by
        that.
        """
        size, bound = self.get_safe_page_size(args.page_size), self.count_bound(args.filters)
        finds = bool(args.search) or self._finds_by_computing(args.filters)
        ids = self._found_ids(args, bound) if finds else None
        count = self._bounded_count(args, bound) if ids is None else len(ids)
        args.page = min(args.page or 0, last_page(count, bound, size))
        first = args.page * size
        rows = self._rows_from(args, first, size) if ids is None else self._rows_of(ids[first : first + size])
        return PageOfRows(count, rows, ids)

    def _bounded_count(self, args: ViewArgs, bound: int) -> int:
        key = self.model.__mapper__.primary_key[0]
        some = self.selection(args).with_entities(key).limit(bound + 1).subquery()
        return screen_session().scalars(sa.select(sa.func.count()).select_from(some)).one()

    def _rows_from(self, args: ViewArgs, first: int, size: int) -> list[Any]:
        """Return so many rows from this one on. Their ids come first: nothing is loaded of what stands before them."""
        key = self.model.__mapper__.primary_key[0]
        ids = self.in_order(self.selection(args).with_entities(key), args).offset(first).limit(size).subquery()
        rows = screen_session().query(self.model).options(*self._loads()).filter(key.in_(sa.select(ids)))
        return list(self.in_order(rows, args))

    def _found_ids(self, args: ViewArgs, bound: int) -> list[Any]:
        """Return the ids of the rows in their order, one more than the bound at most."""
        key = self.model.__mapper__.primary_key[0]

        def ids(*candidates: Any) -> Any:
            return self.in_order(self.selection(args).filter(*candidates).with_entities(key), args).limit(bound + 1)

        candidates = self._candidates(args)
        if self.is_narrowed(args):
            return [id_ for (id_,) in ids(*candidates)]
        order = self.sorted_by(args), bool(args.sort_desc)
        name = (self.view_name, order, bound, *(tuple(each) for each in args.filters or ()))
        with nullcontext() if candidates else _no_sorting(screen_session()):
            return [id_ for (id_,) in read_kept_select(name, lambda: ids(*candidates).statement)]

    def in_order(self, query: Any, args: ViewArgs) -> Any:
        """Return a query with the order that the address asks for."""
        return self._apply_sorting(query, {}, self.sorted_by(args), bool(args.sort_desc))[0]


@contextmanager
def _no_sorting(session: Session) -> Iterator[None]:
    """Let PostgreSQL read rows by the index that has their order, and stop when there are enough.

    It takes a computed condition for one that few rows meet: then it would compute all of them, and sort those.
    """
    on_postgresql = is_postgresql(session)
    if on_postgresql:
        session.execute(sa.text("SET LOCAL enable_sort = off"))
    yield
    if on_postgresql:
        session.execute(sa.text("SET LOCAL enable_sort = on"))


def last_page(count: int, bound: int, size: int) -> int:
    """Return the number of the last page, from 0, of so many rows of which no more than `bound` are paged through."""
    return max(0, -(-min(count, bound) // size) - 1)


def load_of(model: Any, names: str) -> Any:
    """Return the loader of the relations of a model in a dotted name, None where there is none."""
    mapper, load = model.__mapper__, None
    for part in names.split("."):
        relation = mapper.relationships.get(part)
        if relation is None or relation.uselist:
            break
        step = relation.class_attribute
        load = joinedload(step) if load is None else load.joinedload(step)
        mapper = relation.mapper
    return load


def _contains(field: Any, word: str) -> Any:
    if word.startswith("=") and len(word) > 1:
        return equals(field, word[1:])
    return contains(field, word)


def in_path(path: Sequence[Any] | None, condition: Any) -> Any:
    """Turn the condition on a related row into one on the key that points to it."""
    for relation in reversed(list(path or ())):
        local, remote = relation.property.local_remote_pairs[0]
        condition = local.in_(sa.select(remote).where(condition))
    return condition
