"""An index of orders in order of service: work lists look at the first of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_sales_order_service", "sales_order", ["state", sa.text("priority DESC"), "ordered_at", "id"])
    # Without statistics SQLite takes the index that was created last of those that look alike to it.
    op.drop_index("ix_sales_order_state", "sales_order")
    op.create_index("ix_sales_order_state", "sales_order", ["state", "id"])
