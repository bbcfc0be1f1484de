"""For maintainers: write the next revision of the core or a module from the difference between tables and models."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection

from erp.errors import ErpError
from erp.migrations import old_rows, revisions
from erp.registry import CORE, current_registry


class ConstraintWithoutName(ErpError):
    """A constraint that could not be named in a refusal, nor dropped."""

    def __init__(self, table: str, condition: str) -> None:
        super().__init__(f"Table {table}: the constraint ({condition}) has no name. Give it one.")


_TEMPLATE = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = {before}
branch_labels = None
depends_on = None


def upgrade() -> None:
{body}
'''


def owners() -> list[str]:
    """Return the core and every module, those that others need first."""
    return [CORE, *current_registry().modules]


def revise(owner: str, message: str, *, warn: Callable[[str], None] = lambda _: None) -> Path | None:
    """Write the revision that brings the owner's tables up to its models; None where they agree already.

    A new column that needs a value gets one for the rows that are there. `warn` is called with a sentence for whatever
    loses data or needs a decision. Raises ConstraintWithoutName.
    """
    _require_names(owner)
    with revisions.moving() as connection:
        _move_up_to(connection, owner)
        body = _difference(connection, owner, warn)
    return _write(owner, message, body) if body else None


def _require_names(owner: str) -> None:
    for table in revisions.tables(owner):
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint) and constraint.name is None:
                raise ConstraintWithoutName(table.name, str(constraint.sqltext))


def _move_up_to(connection: Connection, owner: str) -> None:
    for each in owners():
        revisions.move(connection, each)
        if each == owner:
            return


def _difference(connection: Connection, owner: str, warn: Callable[[str], None]) -> str:
    options = revisions.options(owner)
    context = MigrationContext.configure(connection, opts=options)
    found = produce_migrations(context, options["target_metadata"]).upgrade_ops
    if not isinstance(found, UpgradeOps) or found.is_empty():
        return ""
    # SQLite changes an existing table by making it again, in a batch; a new table needs none.
    is_later = revisions.revision(connection, owner) is not None
    for sentence in old_rows.prepare(found):
        warn(sentence)
    code = render_python_code(
        found, render_item=revisions.render_item, render_as_batch=is_later, migration_context=context
    )
    return "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))


def _write(owner: str, message: str, body: str) -> Path:
    folder = revisions.directory(owner)
    folder.mkdir(exist_ok=True)
    last = max((int(path.name[:4]) for path in folder.glob("[0-9]*.py")), default=0)
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    path = folder / f"{last + 1:04d}_{slug}.py"
    before = f'"{last:04d}"' if last else "None"
    path.write_text(_TEMPLATE.format(message=message, number=f"{last + 1:04d}", before=before, body=body))
    return path
