"""Initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erp_form_token",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_erp_form_token")),
    )
    op.create_table(
        "erp_import_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("map_name", sa.String(length=60), nullable=False),
        sa.Column("is_update", sa.Boolean(), nullable=False),
        sa.Column("steps", sa.String(length=200), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "checked",
                "applying",
                "applied",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("checked", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("is_from_folder", sa.Boolean(), nullable=False),
        sa.Column("made_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_import_file")),
    )
    op.create_index("ix_erp_import_file_state", "erp_import_file", ["state", "id"], unique=False)
    op.create_index(op.f("ix_erp_import_file_uploaded_at"), "erp_import_file", ["uploaded_at"], unique=False)
    op.create_table(
        "erp_import_map",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_import_map")),
    )
    op.create_index("uq_erp_import_map_kind_name_key", "erp_import_map", ["kind", "name_key"], unique=True)
    op.create_table(
        "erp_job",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("run_requested_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_erp_job")),
    )
    op.create_table(
        "erp_job_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running", "done", "failed", "lost", name="state", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("worker", sa.String(length=160), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_job_run")),
    )
    op.create_index("ix_erp_job_run_job", "erp_job_run", ["job", "id"], unique=False)
    op.create_index(
        "uq_erp_job_run_running",
        "erp_job_run",
        ["job"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "erp_module",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "installing",
                "upgrading",
                "enabled",
                "disabled",
                "suspended",
                "uninstalling",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_erp_module")),
    )
    op.create_table(
        "erp_module_failure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("module", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_module_failure")),
    )
    op.create_index("ix_erp_module_failure_module_at", "erp_module_failure", ["module", "at"], unique=False)
    op.create_table(
        "erp_option_value",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_erp_option_value")),
    )
    op.create_table(
        "erp_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_erp_revision_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_revision")),
    )
    op.create_table(
        "erp_role",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("is_administrator", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_role")),
        sa.UniqueConstraint("name", name=op.f("uq_erp_role_name")),
    )
    op.create_table(
        "erp_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "screen", "command", "job", "api", name="kind", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_run")),
    )
    op.create_index(op.f("ix_erp_run_ended_at"), "erp_run", ["ended_at"], unique=False)
    op.create_table(
        "erp_search_word",
        sa.Column("document", sa.String(length=60), nullable=False),
        sa.Column("word", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("document", "word", "document_id", name=op.f("pk_erp_search_word")),
    )
    op.create_index("ix_erp_search_word_document", "erp_search_word", ["document", "document_id"], unique=False)
    op.create_table(
        "erp_sequence",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("next_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_erp_sequence")),
    )
    op.create_table(
        "erp_sign_in_attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_sign_in_attempt")),
    )
    op.create_index("ix_erp_sign_in_attempt_key_at", "erp_sign_in_attempt", ["key", "at"], unique=False)
    op.create_table(
        "erp_user",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("username", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_user")),
        sa.UniqueConstraint("username", name=op.f("uq_erp_user_username")),
    )
    op.create_table(
        "erp_history_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("document_name", sa.String(length=160), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("field", sa.String(length=80), nullable=False),
        sa.Column("old_value", sa.Text(), nullable=False),
        sa.Column("new_value", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["erp_run.id"], name=op.f("fk_erp_history_entry_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_history_entry")),
        info={"rows": "final"},
    )
    op.create_index(op.f("ix_erp_history_entry_at"), "erp_history_entry", ["at"], unique=False)
    op.create_index("ix_erp_history_entry_document", "erp_history_entry", ["document", "document_id"], unique=False)
    op.create_index(op.f("ix_erp_history_entry_document_name"), "erp_history_entry", ["document_name"], unique=False)
    op.create_table(
        "erp_provider_account",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("bound_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["erp_user.id"], name=op.f("fk_erp_provider_account_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "issuer", name=op.f("pk_erp_provider_account")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_erp_provider_account_issuer_subject")),
    )
    op.create_table(
        "erp_recovery_code",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["erp_user.id"], name=op.f("fk_erp_recovery_code_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_erp_recovery_code")),
    )
    op.create_table(
        "erp_role_right",
        sa.Column("role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("permission", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["erp_role.id"], name=op.f("fk_erp_role_right_role_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("role_id", "permission", name=op.f("pk_erp_role_right")),
    )
    op.create_table(
        "erp_saved_view",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("screen", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["erp_user.id"], name=op.f("fk_erp_saved_view_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_saved_view")),
    )
    op.create_index(op.f("ix_erp_saved_view_screen"), "erp_saved_view", ["screen"], unique=False)
    op.create_index(
        "uq_erp_saved_view_user_screen_name_key", "erp_saved_view", ["user_id", "screen", "name_key"], unique=True
    )
    op.create_table(
        "erp_second_factor",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("last_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["erp_user.id"], name=op.f("fk_erp_second_factor_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_erp_second_factor")),
    )
    op.create_table(
        "erp_session",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "password", "code", "provider", name="method", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["erp_user.id"], name=op.f("fk_erp_session_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_erp_session")),
    )
    op.create_index(op.f("ix_erp_session_user_id"), "erp_session", ["user_id"], unique=False)
    op.create_table(
        "erp_user_role",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["erp_role.id"], name=op.f("fk_erp_user_role_role_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["erp_user.id"], name=op.f("fk_erp_user_role_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role_id", name=op.f("pk_erp_user_role")),
    )
    op.create_table(
        "erp_list_choice",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("screen", sa.String(length=80), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("view_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["erp_user.id"], name=op.f("fk_erp_list_choice_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["view_id"], ["erp_saved_view.id"], name=op.f("fk_erp_list_choice_view_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("user_id", "screen", name=op.f("pk_erp_list_choice")),
    )
    op.create_index(op.f("ix_erp_list_choice_view_id"), "erp_list_choice", ["view_id"], unique=False)
