"""Index of the purchase orders whose goods may still come, among those of years."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "procurement_purchase_order"


def upgrade() -> None:
    is_open = sa.text("state IN ('ordered', 'partly_received')")
    op.create_index(f"ix_{TABLE}_open", TABLE, ["id"], sqlite_where=is_open, postgresql_where=is_open)
