"""The models of each module apart from those of the others, so that a module that fails takes no other along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any

from sqlalchemy import Column, Constraint, Index, event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Mapper, RelationshipProperty, registry

from erp.db.session import Model, model_registries

# The tables that third parties' packages made while their code ran under protection.
_made: dict[str, set[Any]] = {}
_protected: ContextVar[frozenset[Any]] = ContextVar("protected", default=frozenset())


def all_mappers() -> Iterator[Mapper[Any]]:
    """Yield the mapper of every model."""
    for models in list(model_registries().values()):
        yield from mappers_of(models)


def mappers_of(models: registry) -> list[Mapper[Any]]:
    """Return the mappers of one registry; a class whose mapping failed halfway has none."""
    return [manager.mapper for manager in list(models._managers) if manager.is_mapped]


@contextmanager
def protected_tables(package: str, name: str) -> Iterator[None]:
    """Refuse, while the code of a third party's module runs inside, that it changes the tables of others.

    It cannot add to a table that is there. Those that it makes are named `<name>_...`: ArgumentError is raised for any
    other, which is removed.
    """
    before, homes = frozenset(Model.metadata.tables.values()), set(model_registries())
    own = {mapper.local_table for mapper in all_mappers() if _is_in(package, mapper)}
    token = _protected.set(before - own)
    try:
        yield
    finally:
        _protected.reset(token)
        _made.setdefault(package, set()).update(set(Model.metadata.tables.values()) - before)
    # It may have imported the tables of a module that it needs.
    needed = tuple(f"{home.rpartition('.')[2]}_" for home in set(model_registries()) - homes if home != package)
    mapped = {mapper.local_table: mapper for mapper in all_mappers()}
    for table in set(Model.metadata.tables.values()) - before:
        is_own = _is_in(package, mapped[table]) if table in mapped else not table.name.startswith(needed)
        if is_own and not table.name.startswith(f"{name}_"):
            Model.metadata.remove(table)
            raise ArgumentError(f"Table {table.name} must be named {name}_...")


def _refuse_foreign(thing: Any, table: Any) -> None:
    if table in _protected.get():
        named = getattr(thing, "name", None) or type(thing).__name__
        raise ArgumentError(f"{named} cannot be added to table {table.name}, which belongs to another module")


for _kind in (Column, Constraint, Index):
    event.listen(_kind, "before_parent_attach", _refuse_foreign)


def forget_models(package: str, prefix: str) -> None:
    """Remove the models of `package`, their tables, and those that it made without a model and called `prefix`..."""
    gone = {mapper.local_table for mapper in all_mappers() if _is_in(package, mapper)}
    for home, models in list(model_registries().items()):
        if f"{home}.".startswith(f"{package}.") or any(_is_in(package, mapper) for mapper in mappers_of(models)):
            models.dispose(cascade=True)
            del model_registries()[home]
    kept = {mapper.local_table for mapper in all_mappers()}
    for table in set(Model.metadata.tables.values()) - kept:
        if table in gone or (table in _made.get(package, ()) and table.name.startswith(prefix)):
            Model.metadata.remove(table)


def _is_in(package: str, mapper: Mapper[Any]) -> bool:
    return f"{mapper.class_.__module__}.".startswith(f"{package}.")


def configure_models(*, apart_from: Iterable[str] = ()) -> None:
    """Resolve what models say of one another, as the first query would, except for those of some packages."""
    for home, models in list(model_registries().items()):
        if not any(f"{home}.".startswith(f"{package}.") for package in apart_from):
            models.configure(cascade=True)


def configure_models_of(package: str) -> None:
    """Resolve what the models of a third party's package say.

    Raises ArgumentError where one of them would give a model of another package an attribute.
    """
    for home, models in list(model_registries().items()):
        if package and f"{home}.".startswith(f"{package}."):
            _refuse_back_references(mappers_of(models))
            models.configure(cascade=True)


def _refuse_back_references(mappers: Iterable[Mapper[Any]]) -> None:
    own = {mapper.class_ for mapper in mappers}
    for mapper in mappers:
        for relation in mapper._props.values():
            # Asking the relation for its target would configure it.
            target = getattr(relation, "argument", None)
            if isinstance(relation, RelationshipProperty) and relation.backref:
                target = target() if isinstance(target, FunctionType) else target
                if target not in own:
                    raise ArgumentError(
                        f"{mapper.class_.__name__}.{relation.key}: a backref would add to "
                        f"{getattr(target, '__name__', target)}, which belongs to another module; use a query"
                    )
