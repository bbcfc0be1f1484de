"""The database: base class, exact column types, transactions, row locks and bulk statements.

Everything here works the same on SQLite and PostgreSQL; only this package knows their differences.
"""

from erp.db.append_only import FINAL, final_once, make_final
from erp.db.bulk import (
    bulk_add,
    bulk_insert,
    bulk_update,
    chunks,
    insert_missing,
    insert_rows,
    is_named,
    is_one_of,
    new_ids,
    read_rows,
    rows_named,
    rows_table,
)
from erp.db.identity import contains, equals, key_column, key_columns, key_of, wrong_keys
from erp.db.locking import (
    after_locking,
    lock_rows,
    lock_selected,
    lock_switches,
    require_any_lock,
    require_lock,
    when_locked,
)
from erp.db.model_registry import configure_models, failing_model, forget_models
from erp.db.session import BigId, ErpSession, Model, carried, db, init_app, is_reading, reading
from erp.db.transactions import as_refusal, commit, commit_parts, is_duplicate, one_moment, unusable_database
from erp.db.types import Money, Quantity, Scaled, UtcDateTime, partial_index, raw, raw_instant, total
from erp.numbers import LIMIT, PLACES, SCALE, format_quantity, from_raw, to_raw

__all__ = [
    "FINAL",
    "LIMIT",
    "PLACES",
    "SCALE",
    "BigId",
    "ErpSession",
    "Model",
    "Money",
    "Quantity",
    "Scaled",
    "UtcDateTime",
    "after_locking",
    "as_refusal",
    "bulk_add",
    "bulk_insert",
    "bulk_update",
    "carried",
    "chunks",
    "commit",
    "commit_parts",
    "configure_models",
    "contains",
    "db",
    "equals",
    "failing_model",
    "final_once",
    "forget_models",
    "format_quantity",
    "from_raw",
    "init_app",
    "insert_missing",
    "insert_rows",
    "is_duplicate",
    "is_named",
    "is_one_of",
    "is_reading",
    "key_column",
    "key_columns",
    "key_of",
    "lock_rows",
    "lock_selected",
    "lock_switches",
    "make_final",
    "new_ids",
    "one_moment",
    "partial_index",
    "raw",
    "raw_instant",
    "read_rows",
    "reading",
    "require_any_lock",
    "require_lock",
    "rows_named",
    "rows_table",
    "to_raw",
    "total",
    "unusable_database",
    "when_locked",
    "wrong_keys",
]
