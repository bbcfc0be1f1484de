"""Settings > Saved views: what a user saved of lists, and the buttons of lists that save, share and open with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy.orm import Session

from erp import saved_views
from erp.admin.access import flash_sentence, may
from erp.admin.fields import as_id
from erp.admin.formatting import below_prefix
from erp.admin.listing import Listing
from erp.admin.page import Page
from erp.errors import ErpError
from erp.text import say

SHARE = "erp.share_views"
LONGEST_QUERY = 4_000
_OWN = "It changes only what users see of a list, and nobody but the user changes it."


class SavedViewsPage(Page):
    """The views that the user saved."""

    view_name = "erp.saved_view"
    title = "Saved views"
    url = "/settings/views"
    icon = "fa-bookmark-o"
    needs_no_version = {"save_view": _OWN, "remove_view": _OWN, "default_view": _OWN, "columns_view": _OWN}

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Show the user's own views by list."""
        own = saved_views.views_of(self.session(), current_user.id)
        shown = [(view, screen) for view in own if (screen := self._screen(view.screen)) is not None]
        return self.render("erp/settings/views.html", views=shown)

    @expose("/save/", methods=("POST",))
    def save_view(self) -> ResponseReturnValue:
        """Save the list as it is shown, under a name."""
        screen, is_shared = self._asked_screen(), "shared" in request.form
        if is_shared and not may(SHARE):
            return abort(403)
        query, columns = _clean(request.form.get("query", "")), request.form.get("columns", "")[:LONGEST_QUERY].split()

        def work(session: Session) -> int:
            name, user = request.form.get("name", ""), current_user
            saved = saved_views.save_view(
                session, user, screen.view_name, name, query=query, columns=columns, is_shared=is_shared
            )
            if "default" in request.form:
                saved_views.choose_default(session, user, screen.view_name, saved)
            return saved

        return self._run(screen, work, lambda saved: f"{screen.url}/?{query}{'&' if query else ''}view={saved}")

    @expose("/<int:id>/delete/", methods=("POST",))
    def remove_view(self, id: int) -> ResponseReturnValue:
        """Delete a view of the user."""
        screen = self._asked_screen()
        back = self.get_url(".index_view") if request.form.get("back") else f"{screen.url}/"
        return self._run(screen, lambda session: saved_views.delete_view(session, current_user, id), lambda _: back)

    @expose("/default/", methods=("POST",))
    def default_view(self) -> ResponseReturnValue:
        """Let a list open with a view, or with all its rows."""
        screen, view_id = self._asked_screen(), as_id(request.form.get("view", "")) or None
        work = lambda session: saved_views.choose_default(session, current_user, screen.view_name, view_id)  # noqa: E731
        return self._run(screen, work, lambda _: f"{screen.url}/")

    @expose("/columns/", methods=("POST",))
    def columns_view(self) -> ResponseReturnValue:
        """Keep which columns of a list the user sees."""
        screen, names = self._asked_screen(), request.form.getlist("column")
        known = {*(name for name, _ in screen._list_columns), *screen.added_names()}
        chosen = [name for name in names if name in known] if "reset" not in request.form else []
        query = _clean(request.form.get("query", ""))
        work = lambda session: saved_views.choose_columns(session, current_user, screen.view_name, chosen)  # noqa: E731
        return self._run(screen, work, lambda _: f"{screen.url}/?{query or 'view=0'}")

    def _asked_screen(self) -> Listing:
        """Return the list that the form names; 404 for one that the user may not see."""
        return self._screen(request.form.get("screen", "")) or abort(404)

    def _screen(self, name: str) -> Listing | None:
        view = self.admin.view(name)
        return view if isinstance(view, Listing) and view.is_accessible() else None

    def _run(self, screen: Any, work: Callable[[Session], Any], address: Callable[[Any], str]) -> ResponseReturnValue:
        try:
            found = self.do("choose", work)
        except ErpError as error:
            flash(str(error), "error")
            return redirect(below_prefix(f"{screen.url}/?view=0"))
        if isinstance(found, str):
            flash_sentence(say("The view {found} is deleted.", found=found))
        return redirect(below_prefix(address(found)))


def _clean(query: str) -> str:
    """Return the query of an address written again, so that nothing but names and values is kept."""
    pairs = parse_qsl(query[:LONGEST_QUERY], keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if name not in ("page", "view")])
