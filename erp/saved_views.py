"""Saved views of lists, the one that a list opens with, and the columns that a user chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from erp.db import insert_missing
from erp.errors import ErpError, NotFound
from erp.identity import check_descriptive, identity_key
from erp.list_models import ListChoice, SavedView
from erp.models import User
from erp.text import say

NAME_LENGTH = 60
MOST_VIEWS = 100


class BadView(ErpError):
    """A view that cannot be saved."""


@dataclass(frozen=True)
class ListState:
    """What a user has for one list: the views that are offered, the columns chosen, and the view that it opens with."""

    views: Sequence[SavedView] = ()
    columns: tuple[str, ...] = ()
    default_id: int | None = None

    def view(self, id: int | None) -> SavedView | None:
        """Return an offered view by its id."""
        return next((view for view in self.views if view.id == id), None)

    @property
    def default(self) -> SavedView | None:
        """The view that the list opens with; none where it is not offered any more."""
        return self.view(self.default_id)


def list_state(session: Session, user_id: int, screen: str) -> ListState:
    """Return what a user has for a list, in two statements; of views their own and those that others share."""
    offered = or_(SavedView.user_id == user_id, SavedView.is_shared)
    rows = select(SavedView).where(SavedView.screen == screen, offered).options(joinedload(SavedView.user))
    views = session.scalars(rows.order_by(SavedView.name_key, SavedView.id).limit(MOST_VIEWS)).all()
    chosen = session.execute(
        select(ListChoice.columns, ListChoice.view_id).where(ListChoice.user_id == user_id, ListChoice.screen == screen)
    ).one_or_none()
    return ListState(views, tuple(chosen.columns.split()), chosen.view_id) if chosen else ListState(views)


def views_of(session: Session, user_id: int) -> list[SavedView]:
    """Return the views that a user saved, by list and name."""
    rows = select(SavedView).where(SavedView.user_id == user_id).order_by(SavedView.screen, SavedView.name_key)
    return list(session.scalars(rows))


def save_view(
    session: Session,
    user: User,
    screen: str,
    name: str,
    *,
    query: str = "",
    columns: Sequence[str] = (),
    is_shared: bool = False,
) -> int:
    """Save a view under its name, in place of the user's earlier one of that name; return its id.

    Raises BadView and BadIdentifier.
    """
    name = check_descriptive(name)
    if len(name) > NAME_LENGTH:
        raise BadView(say("The name of a view has at most {NAME_LENGTH} characters.", NAME_LENGTH=NAME_LENGTH))
    own = SavedView.user_id == user.id, SavedView.screen == screen, SavedView.name_key == identity_key(name)
    insert_missing(session, SavedView, [{"user_id": user.id, "screen": screen, "name": name}])
    view = session.scalars(select(SavedView).where(*own)).one()
    view.name, view.query, view.columns, view.is_shared = name, query, " ".join(columns), is_shared
    session.flush()
    return view.id


def delete_view(session: Session, user: User, view_id: int) -> str:
    """Delete a view of the user and return its name; raise NotFound for one of somebody else."""
    view = session.get(SavedView, view_id)
    if view is None or view.user_id != user.id:
        raise NotFound(say("view of yours"), view_id)
    name = view.name
    session.delete(view)
    session.flush()
    return name


def choose_default(session: Session, user: User, screen: str, view_id: int | None) -> None:
    """Let a list open with a view, or with all rows; raise NotFound for a view that is not offered."""
    if view_id is not None and list_state(session, user.id, screen).view(view_id) is None:
        raise NotFound(say("view"), view_id)
    _choice(session, user, screen).view_id = view_id
    session.flush()


def choose_columns(session: Session, user: User, screen: str, columns: Sequence[str]) -> None:
    """Keep which columns of a list a user sees; none is as it comes."""
    _choice(session, user, screen).columns = " ".join(columns)
    session.flush()


def _choice(session: Session, user: User, screen: str) -> ListChoice:
    insert_missing(session, ListChoice, [{"user_id": user.id, "screen": screen}])
    return session.scalars(select(ListChoice).where(ListChoice.user_id == user.id, ListChoice.screen == screen)).one()
