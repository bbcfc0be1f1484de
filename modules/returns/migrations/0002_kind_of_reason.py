"""Kind of reason."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("returns_return", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "cause",
                sa.Enum(
                    "damaged",
                    "wrong",
                    "unwanted",
                    "other",
                    name="cause",
                    native_enum=False,
                    create_constraint=True,
                    length=20,
                ),
                server_default=sa.text("'other'"),
                nullable=False,
            )
        )
