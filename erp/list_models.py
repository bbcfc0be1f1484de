"""The core's tables of what users keep of lists: saved views, chosen columns."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp.db import BigId, Model, key_column
from erp.models import User


class SavedView(Model):
    """A view of a list that a user saved: its `query` as in an address, and its columns by name, separated by spaces.

    `screen` is the list, `module.noun`. A shared one is offered to everybody who may see the list.
    """

    __tablename__ = "erp_saved_view"
    __table_args__ = (Index("uq_erp_saved_view_user_screen_name_key", "user_id", "screen", "name_key", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"))
    screen: Mapped[str] = mapped_column(String(80), index=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = key_column("name", index=False)
    query: Mapped[str] = mapped_column(Text, default="")
    columns: Mapped[str] = mapped_column(Text, default="")
    is_shared: Mapped[bool] = mapped_column(default=False)
    user: Mapped[User] = relationship()


class ListChoice(Model):
    """What a user chose for one list: its columns by name, and the view that it opens with."""

    __tablename__ = "erp_list_choice"

    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"), primary_key=True)
    screen: Mapped[str] = mapped_column(String(80), primary_key=True)
    columns: Mapped[str] = mapped_column(Text, default="")
    view_id: Mapped[int | None] = mapped_column(ForeignKey("erp_saved_view.id", ondelete="SET NULL"), index=True)
