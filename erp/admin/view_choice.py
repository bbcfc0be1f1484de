"""Which saved view and which columns of a list a user sees."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import g, request
from flask_admin.model.base import ViewArgs
from flask_login import current_user

from erp.admin.access import screen_session
from erp.admin.fields import as_id
from erp.admin.list_query import ListQuery
from erp.list_models import SavedView
from erp.saved_views import ListState, list_state

ALL = "0"


class ViewChoice(ListQuery):
    """Lists that a user sees as they chose."""

    def list_state(self) -> ListState:
        """Return what the user has for this list, read once a request."""
        if "erp_list_state" not in g:
            g.erp_list_state = list_state(screen_session(), current_user.id, self.view_name)
        state: ListState = g.erp_list_state
        return state

    def view_shown(self) -> SavedView | None:
        """Return the saved view that the address names."""
        return self.list_state().view(as_id(request.args.get("view", "")))

    def columns_chosen(self) -> Sequence[str]:
        """Return the columns of the saved view, or those that the user chose for the list; none is as it comes."""
        view = self.view_shown()
        return view.columns.split() if view and view.columns else self.list_state().columns

    def address_of_view(self) -> str:
        """Return where an address leads that names only a view, or nothing where the list opens with a view."""
        if request.args.keys() - {"view"}:
            return ""
        view = self.view_shown() if request.args else self.list_state().default
        return self.view_url(view) if view and view.query else ""

    def view_url(self, view: SavedView) -> str:
        """Return the address of a saved view."""
        query = f"{view.query}&" if view.query else ""
        return f"{self.get_url('.index_view')}?{query}view={view.id}"

    def query_shown(self, args: ViewArgs) -> str:
        """Return what a view of the list as it is now keeps: search, filters, order and how many rows a page."""
        return str(urlsplit(self._get_list_url(args.clone(page=0, extra_args={}))).query)

    def _get_list_extra_args(self) -> ViewArgs:
        args = super()._get_list_extra_args()
        view = as_id(request.args.get("view", ""))
        if view is not None:
            args.extra_args = {"view": view}
        return args
