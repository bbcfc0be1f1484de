"""An index of held lines: there are few of them, however many lines are open."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_sales_order_line_held",
        "sales_order_line",
        ["id"],
        sqlite_where=sa.text("hold_allocation is 1"),
        postgresql_where=sa.text("hold_allocation is true"),
    )
