"""What is reserved for lines of supply that is to come, and indexes of the promises that may be broken."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = "sales_order_line"
OPEN = "quantity - packed - cancelled"
UNCOVERED = f"{OPEN} - allocated - incoming"


def upgrade() -> None:
    not_negative = _check("incoming_not_negative", "incoming >= 0")
    op.add_column(TABLE, sa.Column("incoming", sa.BigInteger(), not_negative, server_default="0", nullable=False))
    known = _check("last_incoming_on_where_incoming", "(incoming = 0) = (last_incoming_on IS NULL)")
    op.add_column(TABLE, sa.Column("last_incoming_on", sa.Date(), known, nullable=True))
    _partial("late_supply", ["promise_date"], "last_incoming_on > promise_date")
    _partial("uncovered_promise", ["promise_date"], f"promise_date IS NOT NULL AND {UNCOVERED} > 0")
    _partial(
        "unpromised_request",
        ["promise_date", "requested_on"],
        f"promise_date IS NULL AND requested_on IS NOT NULL AND {OPEN} > 0",
    )
    complete = sa.text("shipping_policy = 'complete'")
    op.create_index(
        "ix_sales_order_complete", "sales_order", ["state"], sqlite_where=complete, postgresql_where=complete
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE STATISTICS st_sales_order_line_uncovered ON ({UNCOVERED}) FROM {TABLE}")


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{TABLE}_{name}"))


def _partial(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(f"ix_sales_order_line_{name}", TABLE, columns, sqlite_where=condition, postgresql_where=condition)
