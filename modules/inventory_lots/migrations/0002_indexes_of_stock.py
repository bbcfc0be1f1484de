"""Indexes of stock."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FREE = "on_hand - allocated"


def upgrade() -> None:
    _partial("ix_inventory_lots_lot_on_hold", "inventory_lots_lot", ["id"], "on_hold is true")
    _partial("ix_inventory_lots_lot_expires", "inventory_lots_lot", ["expires_on"], "expires_on IS NOT NULL")
    # Without statistics SQLite takes the index that was created last of those that look alike to it.
    _partial("ix_inventory_lots_balance_stocked", "inventory_lots_balance", ["product_id"], "on_hand > 0")
    _partial("ix_inventory_lots_balance_stocked_at", "inventory_lots_balance", ["location_id"], "on_hand > 0")
    op.drop_index("ix_inventory_lots_balance_free", "inventory_lots_balance")
    _partial("ix_inventory_lots_balance_free", "inventory_lots_balance", ["product_id"], f"{FREE} > 0")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE STATISTICS st_inventory_lots_balance_free ON ({FREE}) FROM inventory_lots_balance")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    on_sqlite = sa.text(where.replace("is true", "is 1"))
    op.create_index(name, table, columns, sqlite_where=on_sqlite, postgresql_where=sa.text(where))
