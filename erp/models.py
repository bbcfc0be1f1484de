"""The core's own tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from flask_login import UserMixin
from sqlalchemy import CheckConstraint, Column, Enum, ForeignKey, Index, LargeBinary, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.db import FINAL, BigId, Model, Sentence, UtcDateTime, key_column, partial_index

E = TypeVar("E", bound=StrEnum)

FULL_NAME_LENGTH = 120
EMAIL_LENGTH = 254


def enum_column(enum: type[E], name: str) -> Enum:
    """Return the type of a column that holds the names of `enum`, checked by the database.

    Member names equal their values, so that SQL, filters and Python agree.
    """
    return Enum(enum, native_enum=False, length=20, create_constraint=True, name=name, validate_strings=True)


class ModuleState(StrEnum):
    """The state of an installed module; a module without a row is available."""

    installing = "installing"
    upgrading = "upgrading"
    enabled = "enabled"
    disabled = "disabled"
    suspended = "suspended"
    uninstalling = "uninstalling"


# In these no step of a module is under way.
SETTLED = (ModuleState.enabled, ModuleState.disabled, ModuleState.suspended)


class InstalledModule(Model):
    """A module whose tables are in the database.

    `is_wanted` says whether it is switched on when its installation or upgrade is done.
    """

    __tablename__ = "erp_module"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    state: Mapped[ModuleState] = mapped_column(enum_column(ModuleState, "state"))
    is_wanted: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(Sentence, default="")


class Revision(Model):
    """One row, counted up with every change of a module or an option, so that each process reads them again."""

    __tablename__ = "erp_revision"
    __table_args__ = (CheckConstraint("id = 1", "single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigId)


class OptionValue(Model):
    """An option that an administrator set: `section.option` and its ini text."""

    __tablename__ = "erp_option_value"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    changed_by: Mapped[str] = mapped_column(String(80), default="")


user_role = Table(
    "erp_user_role",
    Model.metadata,
    Column("user_id", ForeignKey("erp_user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("erp_role.id", ondelete="CASCADE"), primary_key=True),
)


def rights_given(roles: Iterable[tuple[bool, str | None]]) -> frozenset[str]:
    """Return what roles give, each with whether it is the administrator's and one right of it: `*` is every right."""
    given = list(roles)
    return frozenset(
        {right for _, right in given if right} | {"*" for is_administrator, _ in given if is_administrator}
    )


class User(UserMixin, Model):
    """Somebody who signs in.

    `session_token` is that of the session in which this row was read, if it was in one, `session_method` what that
    session began with, and `has_second_factor` whether the user has set one up.
    """

    __tablename__ = "erp_user"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(FULL_NAME_LENGTH), default="")
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    # The code of a language, empty where the browser says it.
    language: Mapped[str] = mapped_column(String(10), default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    roles: Mapped[list[Role]] = relationship(secondary=user_role, order_by="Role.name")
    session_token = ""
    session_method = ""
    has_second_factor = False

    @cached_property
    def rights(self) -> frozenset[str]:
        """The names of the rights that this user's roles give; `*` is every right."""
        administrators = ((True, None) for role in self.roles if role.is_administrator)
        return rights_given(
            (*administrators, *((False, each.permission) for role in self.roles for each in role.rights))
        )

    def may(self, permission: str) -> bool:
        """Say whether this user holds a right."""
        return bool(self.is_active) and ("*" in self.rights or permission in self.rights)

    def get_id(self) -> str:
        """Return what a session cookie holds: the token of the session."""
        return self.session_token

    def __str__(self) -> str:
        return self.username


class Role(Model):
    """A named set of rights. Administrator holds every right without listing them."""

    __tablename__ = "erp_role"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    is_administrator: Mapped[bool] = mapped_column(default=False)
    rights: Mapped[list[RoleRight]] = relationship(cascade="all, delete-orphan", order_by="RoleRight.permission")

    def __str__(self) -> str:
        return self.name


class RoleRight(Model):
    """One right of one role."""

    __tablename__ = "erp_role_right"

    role_id: Mapped[int] = mapped_column(ForeignKey("erp_role.id", ondelete="CASCADE"), primary_key=True)
    permission: Mapped[str] = mapped_column(String(120), primary_key=True)


class Job(Model):
    """What users asked of a scheduled job: that it pauses, or runs now."""

    __tablename__ = "erp_job"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    is_paused: Mapped[bool] = mapped_column(default=False)
    run_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobRunState(StrEnum):
    """The state of a run of a job; `lost` is one whose worker died."""

    running = "running"
    done = "done"
    failed = "failed"
    lost = "lost"


class JobRun(Model):
    """One run of a job. At most one of a job is `running`."""

    __tablename__ = "erp_job_run"
    __table_args__ = (
        Index("ix_erp_job_run_job", "job", "id"),
        partial_index("uq_erp_job_run_running", "job", where="state = 'running'", unique=True),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    job: Mapped[str] = mapped_column(String(120))
    state: Mapped[JobRunState] = mapped_column(enum_column(JobRunState, "state"))
    worker: Mapped[str] = mapped_column(String(160))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    summary: Mapped[str] = mapped_column(Sentence, default="")
    error: Mapped[str] = mapped_column(Sentence, default="")


class RunKind(StrEnum):
    """What started a run."""

    screen = "screen"
    command = "command"
    job = "job"
    api = "api"


class RunEntry(Model):
    """One action, command or job that changed something; allocations and messages name the run that made them."""

    __tablename__ = "erp_run"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[RunKind] = mapped_column(enum_column(RunKind, "kind"))
    name: Mapped[str] = mapped_column(String(120))
    user_name: Mapped[str] = mapped_column(String(80), default="")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class HistoryEntry(Model):
    """Who changed what, when, from, to and why. Written once, never changed or deleted."""

    __tablename__ = "erp_history_entry"
    __table_args__ = (Index("ix_erp_history_entry_document", "document", "document_id"), {"info": FINAL})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("erp_run.id"))
    document: Mapped[str] = mapped_column(String(80))
    document_id: Mapped[int | None] = mapped_column(BigId)
    document_name: Mapped[str] = mapped_column(String(160), default="", index=True)
    line: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(80))
    field: Mapped[str] = mapped_column(String(80), default="")
    old_value: Mapped[str] = mapped_column(Sentence, default="")
    new_value: Mapped[str] = mapped_column(Sentence, default="")
    why: Mapped[str] = mapped_column(Sentence, default="")


class FormToken(Model):
    """A form for a new document that was sent: `key` is made of its one-time token, `document_id` is what it made."""

    __tablename__ = "erp_form_token"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[str] = mapped_column(String(80))
    document_id: Mapped[int | None] = mapped_column(BigId)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class ImportMap(Model):
    """A map of another system's columns that a user made: `data` is JSON as erp.exchange.own_maps writes it."""

    __tablename__ = "erp_import_map"
    __table_args__ = (Index("uq_erp_import_map_kind_name_key", "kind", "name_key", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = key_column("name", index=False)
    data: Mapped[str] = mapped_column(Text)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, onupdate=clock.now)


class ImportState(StrEnum):
    """The state of an uploaded file: it waits to be checked, was checked, is to be applied, was applied, or failed."""

    waiting = "waiting"
    checked = "checked"
    applying = "applying"
    applied = "applied"
    failed = "failed"


class ImportFile(Model):
    """A file that was uploaded to be imported: checked first, then applied once, in the request or by the job.

    `checked` is JSON of what the check found; `steps` are the names of steps after the import, separated by spaces;
    `made_id` is the document that it made, when it made exactly one.
    """

    __tablename__ = "erp_import_file"
    __table_args__ = (Index("ix_erp_import_file_state", "state", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(BigId)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    kind: Mapped[str] = mapped_column(String(60), default="")
    map_name: Mapped[str] = mapped_column(String(60), default="")
    is_update: Mapped[bool] = mapped_column(default=False)
    steps: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[ImportState] = mapped_column(enum_column(ImportState, "state"), default=ImportState.waiting)
    checked: Mapped[str] = mapped_column(Text, default="")
    summary: Mapped[str] = mapped_column(Sentence, default="")
    error: Mapped[str] = mapped_column(Sentence, default="")
    user_name: Mapped[str] = mapped_column(String(80), default="")
    is_from_folder: Mapped[bool] = mapped_column(default=False)
    made_id: Mapped[int | None] = mapped_column(BigId)
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Sequence(Model):
    """The next number of a kind of document."""

    __tablename__ = "erp_sequence"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    next_number: Mapped[int] = mapped_column(BigId, default=1)
