"""Initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backorder_email_template",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_backorder_email_template_named")),
        sa.CheckConstraint("subject <> '' AND body <> ''", name=op.f("ck_backorder_email_template_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backorder_email_template")),
        sa.UniqueConstraint("name", name=op.f("uq_backorder_email_template_name")),
    )
    op.create_index(
        "ix_backorder_email_template_kind",
        "backorder_email_template",
        ["kind"],
        unique=True,
        sqlite_where=sa.text("kind <> ''"),
        postgresql_where=sa.text("kind <> ''"),
    )
    op.create_index(op.f("ix_backorder_email_template_name_key"), "backorder_email_template", ["name_key"], unique=True)
    op.create_table(
        "backorder_email_status_template",
        sa.Column("status_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("template_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["status_id"],
            ["procurement_purchase_line_status.id"],
            name=op.f("fk_backorder_email_status_template_status_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["backorder_email_template.id"],
            name=op.f("fk_backorder_email_status_template_template_id"),
        ),
        sa.PrimaryKeyConstraint("status_id", name=op.f("pk_backorder_email_status_template")),
    )
    op.create_index(
        op.f("ix_backorder_email_status_template_template_id"),
        "backorder_email_status_template",
        ["template_id"],
        unique=False,
    )
    op.create_table(
        "backorder_email_message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "sending",
                "sent",
                "failed",
                "cancelled",
                "skipped",
                "needs_review",
                "superseded",
                "uncertain",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "cause",
            sa.Enum(
                "purchase_allocated",
                "status_changed",
                "date_changed",
                "cancelled",
                "announced",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("template_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("facts", sa.String(length=64), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("is_edited", sa.Boolean(), nullable=False),
        sa.Column("attention", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(), nullable=True),
        sa.Column("taken_by", sa.String(length=160), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("begun_at", sa.DateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("news_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'needs_review') = (attention <> '')", name=op.f("ck_backorder_email_message_reason_of_review")
        ),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_backorder_email_message_sent_at_when_sent")
        ),
        sa.CheckConstraint(
            "state <> 'sending' OR (taken_by <> '' AND taken_at IS NOT NULL)",
            name=op.f("ck_backorder_email_message_taken_to_send"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('failed', 'skipped', 'uncertain') OR last_error <> ''",
            name=op.f("ck_backorder_email_message_reason_given"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('pending', 'sending', 'sent') OR subject <> ''",
            name=op.f("ck_backorder_email_message_composed_to_send"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'sent', 'uncertain') OR recipient <> ''",
            name=op.f("ck_backorder_email_message_addressed_to_send"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_backorder_email_message_attempts_not_negative")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["sales_customer.id"], name=op.f("fk_backorder_email_message_customer_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_backorder_email_message_order_id")),
        sa.ForeignKeyConstraint(["run_id"], ["erp_run.id"], name=op.f("fk_backorder_email_message_run_id")),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["backorder_email_template.id"],
            name=op.f("fk_backorder_email_message_template_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backorder_email_message")),
        info={
            "rows": "final once",
            "column": "state",
            "value": "sent",
            "fixed": [
                "cause",
                "order_id",
                "customer_id",
                "recipient",
                "subject",
                "text",
                "html",
                "created_at",
                "sent_at",
            ],
        },
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_backorder_email_message_customer_id"), "backorder_email_message", ["customer_id"], unique=False
    )
    op.create_index(op.f("ix_backorder_email_message_order_id"), "backorder_email_message", ["order_id"], unique=False)
    op.create_index(
        "ix_backorder_email_message_pending",
        "backorder_email_message",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(op.f("ix_backorder_email_message_run_id"), "backorder_email_message", ["run_id"], unique=False)
    op.create_index(
        "ix_backorder_email_message_sending",
        "backorder_email_message",
        ["taken_at"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("ix_backorder_email_message_state", "backorder_email_message", ["state", "id"], unique=False)
    op.create_index(
        op.f("ix_backorder_email_message_template_id"), "backorder_email_message", ["template_id"], unique=False
    )
    op.create_table(
        "backorder_email_news",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "purchase_allocated",
                "status_changed",
                "date_changed",
                "cancelled",
                "announced",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purchase_line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("template_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("old_date", sa.Date(), nullable=True),
        sa.Column("new_date", sa.Date(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "dropped",
            sa.Enum(
                "superseded",
                "removed",
                "unchanged",
                name="dropped",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("oldest_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "(cause IN ('purchase_allocated', 'status_changed')) = (purchase_line_id IS NOT NULL)",
            name=op.f("ck_backorder_email_news_purchase_line_when_allocated"),
        ),
        sa.ForeignKeyConstraint(["line_id"], ["sales_order_line.id"], name=op.f("fk_backorder_email_news_line_id")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["backorder_email_message.id"], name=op.f("fk_backorder_email_news_message_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_backorder_email_news_order_id")),
        sa.ForeignKeyConstraint(
            ["purchase_line_id"],
            ["procurement_purchase_order_line.id"],
            name=op.f("fk_backorder_email_news_purchase_line_id"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["erp_run.id"], name=op.f("fk_backorder_email_news_run_id")),
        sa.ForeignKeyConstraint(
            ["status_id"],
            ["procurement_purchase_line_status.id"],
            name=op.f("fk_backorder_email_news_status_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["backorder_email_template.id"],
            name=op.f("fk_backorder_email_news_template_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backorder_email_news")),
        sa.UniqueConstraint(
            "cause", "kind", "source_id", "line_id", name=op.f("uq_backorder_email_news_cause_kind_source_id_line_id")
        ),
    )
    op.create_index("ix_backorder_email_news_line", "backorder_email_news", ["line_id", "id"], unique=False)
    op.create_index(op.f("ix_backorder_email_news_message_id"), "backorder_email_news", ["message_id"], unique=False)
    op.create_index(op.f("ix_backorder_email_news_order_id"), "backorder_email_news", ["order_id"], unique=False)
    op.create_index(
        op.f("ix_backorder_email_news_purchase_line_id"), "backorder_email_news", ["purchase_line_id"], unique=False
    )
    op.create_index(op.f("ix_backorder_email_news_status_id"), "backorder_email_news", ["status_id"], unique=False)
    op.create_index(op.f("ix_backorder_email_news_template_id"), "backorder_email_news", ["template_id"], unique=False)
    op.create_index(
        "ix_backorder_email_news_uncomposed",
        "backorder_email_news",
        ["run_id"],
        unique=False,
        sqlite_where=sa.text("message_id IS NULL AND dropped IS NULL"),
        postgresql_where=sa.text("message_id IS NULL AND dropped IS NULL"),
    )
