"""What all pages have in common, and the base of pages that are not the list of a model: reports, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue
from flask_admin import BaseView
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.admin.access import may, run_and_commit, run_in_parts, screen_session
from erp.models import HistoryEntry
from erp.registry import current_registry

HISTORY_SHOWN = 15


class Gated:
    """Mix-in of every page: it exists while its module is on, and opens only with its right.

    `module` and `permission` are filled in when the page is registered.
    """

    module: str = "erp"
    permission: str = ""
    # Why an address of its own that takes a POST needs no version, by the name of the method.
    needs_no_version: Mapping[str, str] = {}

    def is_live(self) -> bool:
        """Say whether the page's module is on."""
        return current_registry().is_live(self.module)

    def is_accessible(self) -> bool:
        """Say whether the user may open it."""
        return self.is_live() and may(self.permission)

    def is_visible(self) -> bool:
        """Say whether the menu shows it."""
        return self.is_accessible()

    def _handle_view(self, view: str, /, **kwargs: Any) -> ResponseReturnValue | None:
        # The page of a disabled module does not exist; `view` is positional so that addresses may have a part `name`.
        if not self.is_accessible():
            return abort(403 if self.is_live() else 404)
        return None

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        # Flask-Admin calls a view that raised TypeError once more, which hides the real error.
        try:
            return fn(self, *args, **kwargs)
        except (SystemExit, GeneratorExit) as error:  # a page must not end the thread that serves it
            raise RuntimeError(f"a page raised {type(error).__name__}") from error

    def render(self, template: str, **kwargs: Any) -> str:
        """Return a template, rendered with this page as `screen`."""
        kwargs.setdefault("screen", self)
        return str(super().render(template, **kwargs))  # type: ignore[misc]


class Page(Gated, BaseView):
    """A page with an address, an entry in the menu and a right of its own.

    Subclasses set `view_name`, `title`, `url` and `icon`, and answer addresses below it with methods that are
    marked with `@expose("/")`, `@expose("/<int:id>/")` and so on; they return `self.render(template, ...)`.
    """

    view_name: str = ""
    title: str = ""
    url: str = ""
    icon: str = "fa-file-o"

    def session(self) -> Session:
        """Return the session of this request."""
        return screen_session()

    def last_entries(self, *conditions: Any) -> list[HistoryEntry]:
        """Return the last entries of the history about what the page shows, newest first."""
        about = select(HistoryEntry).where(HistoryEntry.document == self.view_name, *conditions)
        return list(self.session().scalars(about.order_by(HistoryEntry.id.desc()).limit(HISTORY_SHOWN)))

    def do(self, name: str, work: Callable[[Session], Any]) -> Any:
        """Do `work(session)` as one run and one transaction."""
        return run_and_commit(f"{self.view_name}.{name}", work)

    def do_in_parts(self, name: str, work: Callable[[Session], Any]) -> Any:
        """Do `work(session)`, which commits itself part by part, as one run."""
        return run_in_parts(f"{self.view_name}.{name}", work)
