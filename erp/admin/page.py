"""Pages that are not the list of a model: reports, settings and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_admin import BaseView
from sqlalchemy.orm import Session

from erp.admin import access


class Page(access.Gated, BaseView):
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
        return access.session()

    def do(self, name: str, work: Callable[[Session], Any]) -> Any:
        """Run `work(session)` as one run and one transaction."""
        return access.do(f"{self.view_name}.{name}", work)
