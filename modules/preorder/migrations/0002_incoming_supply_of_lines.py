"""Sales order lines count what purchase orders have for them: what is there already is counted here."""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LINE = sa.table("sales_order_line", *map(sa.column, ("id", "incoming", "last_incoming_on")))
ALLOCATION = sa.table(
    "preorder_purchase_allocation",
    *map(sa.column, ("line_id", "purchase_line_id", "quantity", "received", "ended_at")),
)
PURCHASE_LINE = sa.table("procurement_purchase_order_line", sa.column("id"), sa.column("expected_on", sa.Date()))


def upgrade() -> None:
    of_line = (
        sa.select(sa.func.sum(ALLOCATION.c.quantity - ALLOCATION.c.received))
        .select_from(ALLOCATION.join(PURCHASE_LINE, PURCHASE_LINE.c.id == ALLOCATION.c.purchase_line_id))
        .where(ALLOCATION.c.line_id == LINE.c.id, ALLOCATION.c.ended_at.is_(None))
        .correlate(LINE)
    )
    last = sa.func.max(sa.func.coalesce(PURCHASE_LINE.c.expected_on, sa.literal(date.max, sa.Date())))
    op.execute(
        sa.update(LINE)
        .values(incoming=of_line.scalar_subquery(), last_incoming_on=of_line.with_only_columns(last).scalar_subquery())
        .where(LINE.c.id.in_(sa.select(ALLOCATION.c.line_id).where(ALLOCATION.c.ended_at.is_(None))))
    )
