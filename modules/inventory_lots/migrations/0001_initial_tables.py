"""Initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inventory_lots_product",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sku", sa.String(length=60), nullable=False),
        sa.Column("sku_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("unit_decimals", sa.Integer(), nullable=False),
        sa.Column(
            "tracking",
            sa.Enum("lot", "none", "serial", name="tracking", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("list_price", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "tracking <> 'serial' OR unit_decimals = 0", name=op.f("ck_inventory_lots_product_serial_in_whole_pieces")
        ),
        sa.CheckConstraint("list_price >= 0", name=op.f("ck_inventory_lots_product_list_price_not_negative")),
        sa.CheckConstraint("unit_decimals BETWEEN 0 AND 4", name=op.f("ck_inventory_lots_product_unit_decimals")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_lots_product")),
        sa.UniqueConstraint("sku", name=op.f("uq_inventory_lots_product_sku")),
    )
    op.create_index(op.f("ix_inventory_lots_product_name"), "inventory_lots_product", ["name"], unique=False)
    op.create_index(op.f("ix_inventory_lots_product_sku_key"), "inventory_lots_product", ["sku_key"], unique=True)
    op.create_table(
        "inventory_lots_warehouse",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("code_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_lots_warehouse")),
        sa.UniqueConstraint("code", name=op.f("uq_inventory_lots_warehouse_code")),
    )
    op.create_index(op.f("ix_inventory_lots_warehouse_code_key"), "inventory_lots_warehouse", ["code_key"], unique=True)
    op.create_table(
        "inventory_lots_location",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("warehouse_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("path", sa.String(length=81), nullable=False),
        sa.Column("path_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("stock", "quarantine", name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["inventory_lots_warehouse.id"], name=op.f("fk_inventory_lots_location_warehouse_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_lots_location")),
        sa.UniqueConstraint("path", name=op.f("uq_inventory_lots_location_path")),
    )
    op.create_index(op.f("ix_inventory_lots_location_path_key"), "inventory_lots_location", ["path_key"], unique=True)
    op.create_index(
        op.f("ix_inventory_lots_location_warehouse_id"), "inventory_lots_location", ["warehouse_id"], unique=False
    )
    op.create_table(
        "inventory_lots_lot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=80), nullable=False),
        sa.Column("number_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("on_hold", sa.Boolean(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_inventory_lots_lot_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_lots_lot")),
        sa.UniqueConstraint("id", "product_id", name=op.f("uq_inventory_lots_lot_id_product_id")),
    )
    op.create_index(op.f("ix_inventory_lots_lot_number"), "inventory_lots_lot", ["number"], unique=False)
    op.create_index("ix_inventory_lots_lot_number_alone", "inventory_lots_lot", ["number_key"], unique=False)
    op.create_index("ix_inventory_lots_lot_number_key", "inventory_lots_lot", ["product_id", "number_key"], unique=True)
    op.create_table(
        "inventory_lots_balance",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "allocated >= 0 AND allocated <= on_hand", name=op.f("ck_inventory_lots_balance_allocated_within_on_hand")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["inventory_lots_location.id"], name=op.f("fk_inventory_lots_balance_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["lot_id", "product_id"],
            ["inventory_lots_lot.id", "inventory_lots_lot.product_id"],
            name=op.f("fk_inventory_lots_balance_lot_id_product_id"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_inventory_lots_balance_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_lots_balance")),
        sa.UniqueConstraint("lot_id", "location_id", name=op.f("uq_inventory_lots_balance_lot_id_location_id")),
    )
    op.create_index(
        "ix_inventory_lots_balance_free",
        "inventory_lots_balance",
        ["product_id"],
        unique=False,
        sqlite_where=sa.text("on_hand > allocated"),
        postgresql_where=sa.text("on_hand > allocated"),
    )
    op.create_index("ix_inventory_lots_balance_location", "inventory_lots_balance", ["location_id"], unique=False)
    op.create_index("ix_inventory_lots_balance_product", "inventory_lots_balance", ["product_id"], unique=False)
    op.create_table(
        "inventory_lots_stock_move",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "receipt",
                "adjustment",
                "transfer",
                "pack",
                "pack_reversal",
                "receipt_reversal",
                "customer_return",
                "scrap",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_inventory_lots_stock_move_quantity_not_zero")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["inventory_lots_location.id"], name=op.f("fk_inventory_lots_stock_move_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["lot_id", "product_id"],
            ["inventory_lots_lot.id", "inventory_lots_lot.product_id"],
            name=op.f("fk_inventory_lots_stock_move_lot_id_product_id"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["inventory_lots_product.id"], name=op.f("fk_inventory_lots_stock_move_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_lots_stock_move")),
        info={"rows": "final"},
    )
    op.create_index(
        "ix_inventory_lots_stock_move_lot", "inventory_lots_stock_move", ["lot_id", "location_id"], unique=False
    )
    op.create_index(
        "ix_inventory_lots_stock_move_product", "inventory_lots_stock_move", ["product_id", "id"], unique=False
    )
    op.create_table(
        "inventory_lots_stock_hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("balance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=40), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_inventory_lots_stock_hold_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["inventory_lots_balance.id"], name=op.f("fk_inventory_lots_stock_hold_balance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_lots_stock_hold")),
    )
    op.create_index(
        "ix_inventory_lots_stock_hold_balance", "inventory_lots_stock_hold", ["balance_id", "ends_at"], unique=False
    )
    op.create_index("ix_inventory_lots_stock_hold_document", "inventory_lots_stock_hold", ["document"], unique=False)
    op.create_index("ix_inventory_lots_stock_hold_ends_at", "inventory_lots_stock_hold", ["ends_at"], unique=False)
