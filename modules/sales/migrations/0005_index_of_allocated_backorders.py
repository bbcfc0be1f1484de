"""An index of allocated backorders: the list counts them, whether there are few or many."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    allocated = sa.text("state = 'allocated'")
    op.create_index(
        "ix_sales_backorder_allocated",
        "sales_backorder",
        ["id"],
        sqlite_where=allocated,
        postgresql_where=allocated,
    )
