"""The table of what third parties' modules broke."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from erp import clock
from erp.db import BigId, Model, UtcDateTime


class ModuleFailure(Model):
    """A failure of a third party's module; those from before it was last switched on are not counted."""

    __tablename__ = "erp_module_failure"
    __table_args__ = (Index("ix_erp_module_failure_module_at", "module", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    module: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    what: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    trace: Mapped[str] = mapped_column(Text)
    is_counted: Mapped[bool] = mapped_column(default=True)
