"""Removing the models of a module that failed, so that the models of the others still work."""

from __future__ import annotations

from sqlalchemy.orm import Mapper

from erp.db.session import Model


def forget_models(package: str, prefix: str) -> None:
    """Remove the models of `package`, their tables, and tables called `prefix`... that have no model."""
    gone = [mapper for mapper in Model.registry.mappers if _is_in(package, mapper)]
    for mapper in gone:
        # There is no public way to remove one model: `registry.dispose()` removes all of them.
        Model.registry._dispose_manager_and_mapper(mapper.class_manager)
        Model.registry._managers.pop(mapper.class_manager, None)
    kept = {mapper.local_table for mapper in Model.registry.mappers}
    for table in set(Model.metadata.tables.values()) - kept:
        if table.name.startswith(prefix) or any(table is mapper.local_table for mapper in gone):
            Model.metadata.remove(table)


def _is_in(package: str, mapper: Mapper[object]) -> bool:
    return f"{mapper.class_.__module__}.".startswith(f"{package}.")


def failing_model() -> str:
    """Return the Python module of the model that `configure_models` failed for, or ''."""
    failed = [mapper.class_.__module__ for mapper in Model.registry.mappers if mapper._configure_failed]
    return failed[0] if failed else ""


def configure_models() -> None:
    """Resolve what models say of one another, as the first query would."""
    Model.registry.configure(cascade=True)
