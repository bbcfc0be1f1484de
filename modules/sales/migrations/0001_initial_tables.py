"""Initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sales_customer",
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_customer")),
        sa.UniqueConstraint("code", name=op.f("uq_sales_customer_code")),
    )
    op.create_index(op.f("ix_sales_customer_code_key"), "sales_customer", ["code_key"], unique=True)
    op.create_index(op.f("ix_sales_customer_name"), "sales_customer", ["name"], unique=False)
    op.create_table(
        "sales_order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=True),
        sa.Column("number_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ordered_at", sa.DateTime(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column(
            "shipping_policy",
            sa.Enum(
                "partial", "complete", name="shipping_policy", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "confirmed",
                "done",
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
            "state = 'draft' OR state = 'cancelled' OR number IS NOT NULL", name=op.f("ck_sales_order_numbered")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["sales_customer.id"], name=op.f("fk_sales_order_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order")),
        sa.UniqueConstraint("number", name=op.f("uq_sales_order_number")),
    )
    op.create_index(op.f("ix_sales_order_customer_id"), "sales_order", ["customer_id"], unique=False)
    op.create_index(op.f("ix_sales_order_number_key"), "sales_order", ["number_key"], unique=True)
    op.create_index(op.f("ix_sales_order_ordered_at"), "sales_order", ["ordered_at"], unique=False)
    op.create_index("ix_sales_order_state", "sales_order", ["state", "id"], unique=False)
    op.create_table(
        "sales_order_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=True),
        sa.Column("requested_on", sa.Date(), nullable=True),
        sa.Column("promise_date", sa.Date(), nullable=True),
        sa.Column("is_promise_pinned", sa.Boolean(), nullable=False),
        sa.Column("is_preorder", sa.Boolean(), nullable=False),
        sa.Column("hold_allocation", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "allocated >= 0 AND allocated <= quantity - packed - cancelled",
            name=op.f("ck_sales_order_line_allocated_within_open"),
        ),
        sa.CheckConstraint(
            "packed >= 0 AND cancelled >= 0 AND packed + cancelled <= quantity",
            name=op.f("ck_sales_order_line_open_not_negative"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_sales_order_line_quantity_positive")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_sales_order_line_unit_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["sales_order.id"], name=op.f("fk_sales_order_line_order_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_sales_order_line_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order_line")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_sales_order_line_order_id_position")),
    )
    op.create_index(
        "ix_sales_order_line_needing",
        "sales_order_line",
        ["product_id"],
        unique=False,
        sqlite_where=sa.text("quantity > packed + cancelled + allocated"),
        postgresql_where=sa.text("quantity > packed + cancelled + allocated"),
    )
    op.create_index(
        "ix_sales_order_line_open",
        "sales_order_line",
        ["promise_date"],
        unique=False,
        sqlite_where=sa.text("quantity > packed + cancelled"),
        postgresql_where=sa.text("quantity > packed + cancelled"),
    )
    op.create_index("ix_sales_order_line_product", "sales_order_line", ["product_id", "order_id"], unique=False)
    op.create_index(
        "ix_sales_order_line_unpromised",
        "sales_order_line",
        ["product_id"],
        unique=False,
        sqlite_where=sa.text("promise_date IS NULL AND quantity > packed + cancelled"),
        postgresql_where=sa.text("promise_date IS NULL AND quantity > packed + cancelled"),
    )
    op.create_table(
        "sales_pack",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("number_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("warehouse_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("packed_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_sales_pack_order_id")),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["inventory_lots_warehouse.id"], name=op.f("fk_sales_pack_warehouse_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_pack")),
        sa.UniqueConstraint("number", name=op.f("uq_sales_pack_number")),
    )
    op.create_index(op.f("ix_sales_pack_number_key"), "sales_pack", ["number_key"], unique=True)
    op.create_index(op.f("ix_sales_pack_order_id"), "sales_pack", ["order_id"], unique=False)
    op.create_index(op.f("ix_sales_pack_warehouse_id"), "sales_pack", ["warehouse_id"], unique=False)
    op.create_table(
        "sales_quote",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open", "used", "released", "broken", name="state", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("wanted_on", sa.Date(), nullable=True),
        sa.Column("quoted_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("(state = 'broken') = (why <> '')", name=op.f("ck_sales_quote_broken_for_a_reason")),
        sa.CheckConstraint("(state = 'used') = (order_id IS NOT NULL)", name=op.f("ck_sales_quote_used_by_an_order")),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_sales_quote_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_quote")),
        sa.UniqueConstraint("order_id", name=op.f("uq_sales_quote_order_id")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_sales_quote_token_digest")),
    )
    op.create_index("ix_sales_quote_expires_at", "sales_quote", ["expires_at"], unique=False)
    op.create_table(
        "sales_allocation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("balance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.BigInteger(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "automatic", "manual", "receipt", name="source", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "packed >= 0 AND packed <= quantity", name=op.f("ck_sales_allocation_packed_within_quantity")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_sales_allocation_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["inventory_lots_balance.id"], name=op.f("fk_sales_allocation_balance_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["sales_order_line.id"], name=op.f("fk_sales_allocation_line_id")),
        sa.ForeignKeyConstraint(["run_id"], ["erp_run.id"], name=op.f("fk_sales_allocation_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_allocation")),
    )
    op.create_index("ix_sales_allocation_line", "sales_allocation", ["line_id"], unique=False)
    op.create_index(
        "ix_sales_allocation_unpacked",
        "sales_allocation",
        ["balance_id"],
        unique=False,
        sqlite_where=sa.text("packed < quantity"),
        postgresql_where=sa.text("packed < quantity"),
    )
    op.create_table(
        "sales_backorder",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("backorder", "preorder", name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("allocated_quantity", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_quantity", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open", "allocated", "cancelled", name="state", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("counts_from", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (quantity > allocated_quantity + cancelled_quantity)",
            name=op.f("ck_sales_backorder_open_while_something_is"),
        ),
        sa.CheckConstraint(
            "allocated_quantity >= 0 AND cancelled_quantity >= 0 AND allocated_quantity + cancelled_quantity <= quantity",
            name=op.f("ck_sales_backorder_open_not_negative"),
        ),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_sales_backorder_quantity_not_negative")),
        sa.ForeignKeyConstraint(["line_id"], ["sales_order_line.id"], name=op.f("fk_sales_backorder_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_backorder")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sales_backorder_line", "sales_backorder", ["line_id"], unique=False)
    op.create_index(
        "uq_sales_backorder_open",
        "sales_backorder",
        ["line_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "sales_quote_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quote_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("is_preorder", sa.Boolean(), nullable=False),
        sa.Column("promise_date", sa.Date(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_sales_quote_line_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_sales_quote_line_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["quote_id"], ["sales_quote.id"], name=op.f("fk_sales_quote_line_quote_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_quote_line")),
    )
    op.create_index("ix_sales_quote_line_product", "sales_quote_line", ["product_id"], unique=False)
    op.create_index("uq_sales_quote_line_position", "sales_quote_line", ["quote_id", "position"], unique=True)
    op.create_table(
        "sales_pack_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pack_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("balance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("allocation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_sales_pack_line_quantity_positive")),
        sa.CheckConstraint(
            "reversed >= 0 AND reversed <= quantity", name=op.f("ck_sales_pack_line_reversed_within_quantity")
        ),
        sa.ForeignKeyConstraint(
            ["allocation_id"],
            ["sales_allocation.id"],
            name=op.f("fk_sales_pack_line_allocation_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["inventory_lots_balance.id"], name=op.f("fk_sales_pack_line_balance_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["sales_order_line.id"], name=op.f("fk_sales_pack_line_line_id")),
        sa.ForeignKeyConstraint(["pack_id"], ["sales_pack.id"], name=op.f("fk_sales_pack_line_pack_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_pack_line")),
    )
    op.create_index(op.f("ix_sales_pack_line_allocation_id"), "sales_pack_line", ["allocation_id"], unique=False)
    op.create_index(op.f("ix_sales_pack_line_line_id"), "sales_pack_line", ["line_id"], unique=False)
    op.create_index(op.f("ix_sales_pack_line_pack_id"), "sales_pack_line", ["pack_id"], unique=False)
    op.create_table(
        "sales_quote_part",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("balance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("supply_kind", sa.String(length=40), nullable=True),
        sa.Column("supply_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.CheckConstraint("(balance_id IS NULL) <> (supply_id IS NULL)", name=op.f("ck_sales_quote_part_one_source")),
        sa.CheckConstraint(
            "(supply_kind IS NULL) = (supply_id IS NULL)", name=op.f("ck_sales_quote_part_supply_named")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_sales_quote_part_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["inventory_lots_balance.id"], name=op.f("fk_sales_quote_part_balance_id")
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["sales_quote_line.id"], name=op.f("fk_sales_quote_part_line_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_quote_part")),
    )
    op.create_index("ix_sales_quote_part_balance", "sales_quote_part", ["balance_id"], unique=False)
    op.create_index("ix_sales_quote_part_line", "sales_quote_part", ["line_id"], unique=False)
    op.create_index("ix_sales_quote_part_supply", "sales_quote_part", ["supply_id", "supply_kind"], unique=False)
    op.create_table(
        "sales_pack_reversal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pack_line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("is_freed", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reversed_at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("why <> ''", name=op.f("ck_sales_pack_reversal_why_given")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_sales_pack_reversal_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["pack_line_id"], ["sales_pack_line.id"], name=op.f("fk_sales_pack_reversal_pack_line_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["erp_run.id"], name=op.f("fk_sales_pack_reversal_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_pack_reversal")),
    )
    op.create_index(op.f("ix_sales_pack_reversal_pack_line_id"), "sales_pack_reversal", ["pack_line_id"], unique=False)
