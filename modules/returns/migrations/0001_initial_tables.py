"""Initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "returns_return",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("number_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "received",
                "closed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("replacement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_returns_return_closed_at_when_closed")
        ),
        sa.CheckConstraint(
            "(state IN ('received', 'closed')) = (received_at IS NOT NULL)",
            name=op.f("ck_returns_return_received_at_when_received"),
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_returns_return_reason_given")),
        sa.CheckConstraint(
            "(received_at IS NULL) = (location_id IS NULL)", name=op.f("ck_returns_return_located_when_received")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["inventory_lots_location.id"], name=op.f("fk_returns_return_location_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_returns_return_order_id")),
        sa.ForeignKeyConstraint(["replacement_id"], ["sales_order.id"], name=op.f("fk_returns_return_replacement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns_return")),
        sa.UniqueConstraint("number", name=op.f("uq_returns_return_number")),
        sa.UniqueConstraint("replacement_id", name=op.f("uq_returns_return_replacement_id")),
    )
    op.create_index(op.f("ix_returns_return_location_id"), "returns_return", ["location_id"], unique=False)
    op.create_index(op.f("ix_returns_return_number_key"), "returns_return", ["number_key"], unique=True)
    op.create_index(op.f("ix_returns_return_order_id"), "returns_return", ["order_id"], unique=False)
    op.create_index("ix_returns_return_state", "returns_return", ["state", "id"], unique=False)
    op.create_table(
        "returns_return_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("return_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("pack_line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("inspected", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "inspected >= 0 AND inspected <= received", name=op.f("ck_returns_return_line_inspected_within_received")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_returns_return_line_quantity_positive")),
        sa.CheckConstraint(
            "received >= 0 AND received <= quantity", name=op.f("ck_returns_return_line_received_within_quantity")
        ),
        sa.ForeignKeyConstraint(
            ["pack_line_id"], ["sales_pack_line.id"], name=op.f("fk_returns_return_line_pack_line_id")
        ),
        sa.ForeignKeyConstraint(
            ["return_id"], ["returns_return.id"], name=op.f("fk_returns_return_line_return_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns_return_line")),
        sa.UniqueConstraint("return_id", "pack_line_id", name=op.f("uq_returns_return_line_return_id_pack_line_id")),
        sa.UniqueConstraint("return_id", "position", name=op.f("uq_returns_return_line_return_id_position")),
    )
    op.create_index(op.f("ix_returns_return_line_pack_line_id"), "returns_return_line", ["pack_line_id"], unique=False)
    op.create_table(
        "returns_inspection",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "restock", "quarantine", "scrap", name="outcome", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("inspected_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'scrap') = (location_id IS NULL)", name=op.f("ck_returns_inspection_located_unless_scrapped")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_returns_inspection_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["returns_return_line.id"], name=op.f("fk_returns_inspection_line_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["inventory_lots_location.id"], name=op.f("fk_returns_inspection_location_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns_inspection")),
    )
    op.create_index(op.f("ix_returns_inspection_line_id"), "returns_inspection", ["line_id"], unique=False)
    op.create_index(op.f("ix_returns_inspection_location_id"), "returns_inspection", ["location_id"], unique=False)
