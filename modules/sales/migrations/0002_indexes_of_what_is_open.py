"""Indexes of what is open, and of when goods left."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN = "quantity - packed - cancelled"
NEED = f"{OPEN} - allocated"


def upgrade() -> None:
    _partial("ix_sales_backorder_cancelled", "sales_backorder", ["id"], "state = 'cancelled'")
    _partial("ix_sales_backorder_preorder", "sales_backorder", ["id"], "kind = 'preorder'")
    _partial("ix_sales_order_line_preorder", "sales_order_line", ["product_id"], "is_preorder is true")
    op.create_index("ix_sales_pack_packed_at", "sales_pack", ["packed_at"])
    op.drop_index("ix_sales_order_line_unpromised", "sales_order_line")
    # Without statistics SQLite takes the index that was created last of those that look alike to it.
    op.drop_index("ix_sales_allocation_unpacked", "sales_allocation")
    _partial("ix_sales_allocation_unpacked", "sales_allocation", ["balance_id"], "quantity - packed > 0")
    op.drop_index("ix_sales_order_line_open", "sales_order_line")
    _partial("ix_sales_order_line_open", "sales_order_line", ["promise_date"], f"{OPEN} > 0")
    _partial("ix_sales_order_line_open_id", "sales_order_line", ["id"], f"{OPEN} > 0")
    _partial("ix_sales_order_line_open_product", "sales_order_line", ["product_id", "promise_date"], f"{OPEN} > 0")
    op.drop_index("ix_sales_order_line_needing", "sales_order_line")
    _partial("ix_sales_order_line_needing", "sales_order_line", ["product_id"], f"{NEED} > 0")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE STATISTICS st_sales_order_line_open ON ({OPEN}) FROM sales_order_line")
        op.execute(f"CREATE STATISTICS st_sales_order_line_need ON ({NEED}) FROM sales_order_line")
        op.execute("CREATE STATISTICS st_sales_allocation_unpacked ON (quantity - packed) FROM sales_allocation")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    on_sqlite = sa.text(where.replace("is true", "is 1"))
    op.create_index(name, table, columns, sqlite_where=on_sqlite, postgresql_where=sa.text(where))
