"""Initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "preorder_on_hand_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_preorder_on_hand_change_quantity_not_zero")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_preorder_on_hand_change_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preorder_on_hand_change")),
        sa.UniqueConstraint("product_id", "date", "note", name=op.f("uq_preorder_on_hand_change_product_id_date_note")),
    )
    op.create_table(
        "preorder_product",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_eligible", sa.Boolean(), nullable=False),
        sa.Column("launch_date", sa.Date(), nullable=True),
        sa.Column("preorder_limit", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "NOT is_eligible OR launch_date IS NOT NULL", name=op.f("ck_preorder_product_launch_date_when_eligible")
        ),
        sa.CheckConstraint(
            "preorder_limit IS NULL OR preorder_limit > 0", name=op.f("ck_preorder_product_limit_positive")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_preorder_product_product_id")
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_preorder_product")),
    )
    op.create_index("ix_preorder_product_launch_date", "preorder_product", ["launch_date"], unique=False)
    op.create_table(
        "preorder_purchase_allocation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purchase_line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "automatic", "manual", "receipt", name="source", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (received < quantity)",
            name=op.f("ck_preorder_purchase_allocation_ended_when_received"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_preorder_purchase_allocation_quantity_positive")),
        sa.CheckConstraint(
            "received >= 0 AND received <= quantity",
            name=op.f("ck_preorder_purchase_allocation_received_within_quantity"),
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["sales_order_line.id"], name=op.f("fk_preorder_purchase_allocation_line_id")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_line_id"],
            ["procurement_purchase_order_line.id"],
            name=op.f("fk_preorder_purchase_allocation_purchase_line_id"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["erp_run.id"], name=op.f("fk_preorder_purchase_allocation_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preorder_purchase_allocation")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_preorder_purchase_allocation_line", "preorder_purchase_allocation", ["line_id"], unique=False)
    op.create_index(
        "ix_preorder_purchase_allocation_open_purchase_line",
        "preorder_purchase_allocation",
        ["purchase_line_id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_preorder_purchase_allocation_purchase_line",
        "preorder_purchase_allocation",
        ["purchase_line_id"],
        unique=False,
    )
    op.create_index(
        "uq_preorder_purchase_allocation_open_pair",
        "preorder_purchase_allocation",
        ["line_id", "purchase_line_id", "source"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "preorder_conversion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receipt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purchase_allocation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("allocation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("backorder_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_preorder_conversion_quantity_not_negative")),
        sa.ForeignKeyConstraint(
            ["allocation_id"],
            ["sales_allocation.id"],
            name=op.f("fk_preorder_conversion_allocation_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["backorder_id"],
            ["sales_backorder.id"],
            name=op.f("fk_preorder_conversion_backorder_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["purchase_allocation_id"],
            ["preorder_purchase_allocation.id"],
            name=op.f("fk_preorder_conversion_purchase_allocation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["procurement_receipt.id"], name=op.f("fk_preorder_conversion_receipt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preorder_conversion")),
    )
    op.create_index(
        op.f("ix_preorder_conversion_allocation_id"), "preorder_conversion", ["allocation_id"], unique=False
    )
    op.create_index(op.f("ix_preorder_conversion_backorder_id"), "preorder_conversion", ["backorder_id"], unique=False)
    op.create_index(
        op.f("ix_preorder_conversion_purchase_allocation_id"),
        "preorder_conversion",
        ["purchase_allocation_id"],
        unique=False,
    )
    op.create_index(op.f("ix_preorder_conversion_receipt_id"), "preorder_conversion", ["receipt_id"], unique=False)
