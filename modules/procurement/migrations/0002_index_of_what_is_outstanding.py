"""Index of what is outstanding."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "procurement_purchase_order_line"
OUTSTANDING = "quantity - received - cancelled"


def upgrade() -> None:
    # Without statistics SQLite takes the index that was created last of those that look alike to it.
    index, outstanding = f"ix_{TABLE}_outstanding", sa.text(f"{OUTSTANDING} > 0")
    op.drop_index(index, TABLE)
    op.create_index(index, TABLE, ["product_id"], sqlite_where=outstanding, postgresql_where=outstanding)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE STATISTICS st_{TABLE}_outstanding ON ({OUTSTANDING}) FROM {TABLE}")
