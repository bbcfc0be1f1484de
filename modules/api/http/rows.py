"""Rows of a model that no screen lists: their right, and filters with the names that those of a list would have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask_admin.model.base import ViewArgs

from erp.admin.access import screen_session
from erp.admin.filters import Filter, Filters
from erp.admin.formatting import words
from erp.admin.list_query import in_path, load_of
from erp.admin.site import current_site
from erp.api import Resource


class Rows:
    """What of a screen a resource needs, for a model without one."""

    column_searchable_list: Sequence[str] = ()

    def __init__(self, resource: Resource) -> None:
        self.model, self.permission = resource.model, resource.permission
        self._condition = resource.condition
        self._filters: dict[str, tuple[Filter, list[Any]]] = {}
        for each in resource.filters:
            made = self._of_column(each) if isinstance(each, str) else [(each, [])]
            self._filters.update({_argument(used): (used, path) for used, path in made})

    def _of_column(self, name: str) -> list[tuple[Filter, list[Any]]]:
        """Return the filters of a column, each with the relations that lead to it."""
        mapper, path = self.model.__mapper__, []
        *relations, last = name.split(".")
        for part in relations:
            relation = mapper.relationships[part]
            path.append(relation.class_attribute)
            mapper = relation.mapper
        column = getattr(mapper.class_, last)
        made = Filters().convert(type(column.type).__name__, column, words(name.replace(".", " ")))
        return [(used, path) for used in made]

    def live_filters(self) -> dict[str, tuple[str, Filter]]:
        """Return the filters by the names that addresses have for them."""
        return {name: (name, used) for name, (used, _) in self._filters.items()}

    def selection(self, args: ViewArgs) -> Any:
        """Return a query of the rows that meet the filters."""
        query = screen_session().query(self.model)
        if self._condition is not None:
            query = query.filter(self._condition())
        for name, _, value in args.filters or ():
            used, path = self._filters[name]
            query = query.filter(in_path(path, used.condition(used.get_column(None), used.clean(value))))
        return query

    def load_paths(self, model: Any, shown: Sequence[str]) -> list[Any]:
        """Return the loaders of the relations in dotted names."""
        return [load for load in (load_of(model, names) for names in shown) if load is not None]


def view_of(resource: Resource) -> Any:
    """Return the screen that lists a resource, or what stands in for it."""
    if not resource.screen:
        return Rows(resource)
    view = current_site().view(resource.screen)
    if view is None:
        raise TypeError(f"resource {resource.name} names no screen: {resource.screen}")
    return view


def _argument(used: Filter) -> str:
    # As Flask-Admin names the filters of a list.
    return re.sub(" +", "_", re.sub("[^a-z0-9 ]", "", f"{used.name} {used.operation()}".lower()))
