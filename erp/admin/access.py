"""Who may open what: a screen is there only while its module is on, and opens only with its right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from flask import abort, flash
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from erp import events
from erp.db import commit, db
from erp.models import RunKind
from erp.registry import current_registry

T = TypeVar("T")

MAX_CHARACTERS = 1000


def may(permission: str) -> bool:
    """Say whether the person at the screen holds a right; no right is asked for an empty one."""
    return not permission or bool(current_user.may(permission))


def permitted(things: Iterable[T]) -> list[T]:
    """Return the actions, panels or cards that the person at the screen may use."""
    return [thing for thing in things if may(thing.permission)]  # type: ignore[attr-defined]


def user_name() -> str:
    """Return the name that is written into history: of whoever is signed in."""
    return str(getattr(current_user, "username", ""))


def do(name: str, work: Any) -> Any:
    """Run `work(session)` as one run and one transaction of the person at the screen."""
    user = user_name()
    with events.run(RunKind.screen, name, user):
        return commit(work)


def flash_sentence(message: str, category: str = "success") -> None:
    """Show a sentence on the next page. It travels in the session's cookie, which holds no long one."""
    flash(message if len(message) <= MAX_CHARACTERS else f"{message[:MAX_CHARACTERS]}…", category)


def session() -> Session:
    """Return the session of this request."""
    return db.session()


class Gated:
    """Mix-in of every page: `module` and `permission` are filled in when the page is registered."""

    module: str = "erp"
    permission: str = ""

    def is_live(self) -> bool:
        """Say whether the page's module is on."""
        return current_registry().is_live(self.module)

    def is_accessible(self) -> bool:
        """Say whether the person at the screen may open it."""
        return self.is_live() and may(self.permission)

    def is_visible(self) -> bool:
        """Say whether the menu shows it."""
        return self.is_accessible()

    def _handle_view(self, view: str, /, **kwargs: Any) -> ResponseReturnValue | None:
        # What is off does not exist; `view` is positional so that addresses may have a part called name.
        if not self.is_accessible():
            return abort(403 if self.is_live() else 404)
        return None

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        # Flask-Admin calls a view that raised TypeError once more, which hides the real error.
        return fn(self, *args, **kwargs)

    def render(self, template: str, **kwargs: Any) -> str:
        """Return a template with what all pages know."""
        kwargs.setdefault("screen", self)
        return str(super().render(template, **kwargs))  # type: ignore[misc]
