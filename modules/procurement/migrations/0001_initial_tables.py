"""Initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "procurement_purchase_line_status",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procurement_purchase_line_status")),
        sa.UniqueConstraint("name", name=op.f("uq_procurement_purchase_line_status_name")),
    )
    op.create_index(
        op.f("ix_procurement_purchase_line_status_name_key"),
        "procurement_purchase_line_status",
        ["name_key"],
        unique=True,
    )
    op.create_index(
        "uq_procurement_purchase_line_status_default",
        "procurement_purchase_line_status",
        ["is_default"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "procurement_supplier",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("code_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("postcode", sa.String(length=20), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("country", sa.String(length=100), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procurement_supplier")),
        sa.UniqueConstraint("code", name=op.f("uq_procurement_supplier_code")),
    )
    op.create_index(op.f("ix_procurement_supplier_code_key"), "procurement_supplier", ["code_key"], unique=True)
    op.create_index(op.f("ix_procurement_supplier_name"), "procurement_supplier", ["name"], unique=False)
    op.create_table(
        "procurement_purchase_order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=True),
        sa.Column("number_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ordered_on", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "ordered",
                "partly_received",
                "received",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state = 'draft' OR state = 'cancelled' OR number IS NOT NULL",
            name=op.f("ck_procurement_purchase_order_numbered"),
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["procurement_supplier.id"], name=op.f("fk_procurement_purchase_order_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procurement_purchase_order")),
        sa.UniqueConstraint("number", name=op.f("uq_procurement_purchase_order_number")),
    )
    op.create_index(
        op.f("ix_procurement_purchase_order_number_key"), "procurement_purchase_order", ["number_key"], unique=True
    )
    op.create_index("ix_procurement_purchase_order_state", "procurement_purchase_order", ["state", "id"], unique=False)
    op.create_index(
        op.f("ix_procurement_purchase_order_supplier_id"), "procurement_purchase_order", ["supplier_id"], unique=False
    )
    op.create_table(
        "procurement_purchase_order_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("unit_cost", sa.BigInteger(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("status_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "allocated >= 0 AND (allocated = 0 OR allocated <= quantity - received - cancelled)",
            name=op.f("ck_procurement_purchase_order_line_allocated_within_outstanding"),
        ),
        sa.CheckConstraint(
            "cancelled >= 0 AND cancelled <= quantity",
            name=op.f("ck_procurement_purchase_order_line_cancelled_within_quantity"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_procurement_purchase_order_line_quantity_positive")),
        sa.CheckConstraint("received >= 0", name=op.f("ck_procurement_purchase_order_line_received_not_negative")),
        sa.CheckConstraint("unit_cost >= 0", name=op.f("ck_procurement_purchase_order_line_unit_cost_not_negative")),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["procurement_purchase_order.id"],
            name=op.f("fk_procurement_purchase_order_line_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_procurement_purchase_order_line_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["status_id"],
            ["procurement_purchase_line_status.id"],
            name=op.f("fk_procurement_purchase_order_line_status_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procurement_purchase_order_line")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_procurement_purchase_order_line_order_id_position")),
    )
    op.create_index(
        "ix_procurement_purchase_order_line_outstanding",
        "procurement_purchase_order_line",
        ["product_id"],
        unique=False,
        sqlite_where=sa.text("quantity > received + cancelled"),
        postgresql_where=sa.text("quantity > received + cancelled"),
    )
    op.create_index(
        "ix_procurement_purchase_order_line_product", "procurement_purchase_order_line", ["product_id"], unique=False
    )
    op.create_index(
        op.f("ix_procurement_purchase_order_line_status_id"),
        "procurement_purchase_order_line",
        ["status_id"],
        unique=False,
    )
    op.create_table(
        "procurement_receipt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("balance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_procurement_receipt_quantity_positive")),
        sa.CheckConstraint(
            "reversed >= 0 AND reversed <= quantity", name=op.f("ck_procurement_receipt_reversed_within_quantity")
        ),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["inventory_lots_balance.id"], name=op.f("fk_procurement_receipt_balance_id")
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["procurement_purchase_order_line.id"], name=op.f("fk_procurement_receipt_line_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procurement_receipt")),
    )
    op.create_index(op.f("ix_procurement_receipt_line_id"), "procurement_receipt", ["line_id"], unique=False)
    op.create_index(op.f("ix_procurement_receipt_received_at"), "procurement_receipt", ["received_at"], unique=False)
    op.create_table(
        "procurement_supply_hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=40), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_procurement_supply_hold_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["line_id"],
            ["procurement_purchase_order_line.id"],
            name=op.f("fk_procurement_supply_hold_line_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procurement_supply_hold")),
    )
    op.create_index("ix_procurement_supply_hold_document", "procurement_supply_hold", ["document"], unique=False)
    op.create_index("ix_procurement_supply_hold_ends_at", "procurement_supply_hold", ["ends_at"], unique=False)
    op.create_index("ix_procurement_supply_hold_line", "procurement_supply_hold", ["line_id", "ends_at"], unique=False)
    op.create_table(
        "procurement_receipt_reversal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receipt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reversed_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_procurement_receipt_reversal_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["procurement_receipt.id"], name=op.f("fk_procurement_receipt_reversal_receipt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procurement_receipt_reversal")),
    )
    op.create_index(
        op.f("ix_procurement_receipt_reversal_receipt_id"), "procurement_receipt_reversal", ["receipt_id"], unique=False
    )
