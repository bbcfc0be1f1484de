"""Index of the open lines in the order in which they are expected: incoming goods are listed so, and what is due."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "procurement_purchase_order_line"


def upgrade() -> None:
    outstanding = sa.text("quantity - received - cancelled > 0")
    op.create_index(
        f"ix_{TABLE}_expected", TABLE, ["expected_on"], sqlite_where=outstanding, postgresql_where=outstanding
    )
