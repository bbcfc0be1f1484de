"""The site: the dashboard, the menu, and every registered screen at its address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, current_app, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.theme import Bootstrap4Theme
from flask_login import current_user

from erp import provider, second_factor, security
from erp.admin import account, provider_pages, reading, second_factor_page
from erp.admin.access import may, permitted, screen_session
from erp.admin.declarations import Card
from erp.admin.fields import required
from erp.admin.formatting import add_filters, anchor, follow
from erp.admin.page import Gated
from erp.admin.settings import IMPORTS, VIEWS
from erp.db import db
from erp.options import options
from erp.registry import CORE, Owned, Registry, ViewEntry, current_registry


class Dashboard(Gated, AdminIndexView):
    """The first page: what is to be done, by module."""

    view_name = "erp.dashboard"
    title = "Dashboard"
    icon = "fa-home"

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Show the cards that the user may see."""
        session = screen_session()
        cards: list[Card] = permitted([*current_registry().live(current_registry().cards), IMPORTS])
        return self.render("erp/dashboard.html", cards=[(card.title, card.numbers(session)) for card in cards])


class Site(Admin):
    """The screens of one application. They are registered once; each request asks which of their modules are on."""

    def add(self, owned: Owned[ViewEntry]) -> None:
        """Add a registered view with its menu entry and its right."""
        entry = owned.thing
        names = {"name": entry.view.title, "category": entry.menu, "url": entry.view.url}
        names["endpoint"] = entry.view.view_name.replace(".", "_")
        model = getattr(entry.view, "model", None)
        view = entry.view(**names) if model is None else entry.view(model, db, **names)
        view.module, view.permission = owned.module, entry.permission
        self.add_view(view)

    def view(self, name: str) -> Any:
        """Return a view by `module.noun`, None where there is none."""
        return next((view for view in self._views if getattr(view, "view_name", "") == name), None)

    def document_url(self, document: str | None, id: int | None) -> str | None:
        """Return the address of a document by `module.noun` and id, None where the user cannot open it."""
        view = self.view(document or "")
        if view is None or id is None or not view.is_accessible() or not hasattr(view, "details_view"):
            return None
        return url_for(f"{view.endpoint}.details_view", id=id)

    def entries(self) -> list[tuple[str, list[Any]]]:
        """Return the menu for the user: each category with its views."""
        shown: dict[str, list[Any]] = {}
        for view in self._views:
            if view.is_visible() and view.is_accessible():
                shown.setdefault(view.category or "", []).append(view)
        return list(shown.items())


def current_site() -> Site:
    """Return the site of the current application."""
    site: Site = current_app.extensions["erp_site"]
    return site


def document_url(document: str | None, id: int | None) -> str | None:
    """Return the address of a document by `module.noun` and id, None where the user cannot open it."""
    return current_site().document_url(document, id)


def document_anchor(document: str, id: int | None, text: Any) -> Any:
    """Return a link to a document, or the text alone where the user cannot open it."""
    return anchor(document_url(document, id), text)


def anchor_of(document: str, path: str, text: str = "") -> Callable[[Any], Any]:
    """Return a getter that shows the document at a dotted path as a link to it; nothing where there is none.

    `text` is the path to what is shown in its place.
    """

    def show(row: Any) -> Any:
        target = follow(row, path)
        return "" if target is None else document_anchor(document, target.id, follow(row, text or path))

    return show


def history_url(document: str, id: int) -> str:
    """Return the address of all entries about a document."""
    return url_for("erp_history.index_view", flt0_kind_is=document, flt1_id_is=id)


def init_app(app: Flask, registry: Registry) -> None:
    """Give the application its screens: the modules' in dependency order, then the core's."""
    site = Site(
        app,
        name="ERP",
        index_view=Dashboard(name="Dashboard", url="/"),
        theme=Bootstrap4Theme(base_template="erp/base.html", fluid=True),
        csp_nonce_generator=security.nonce,
    )
    app.extensions["erp_site"] = site
    # Every asset's address names its version, so that browsers may keep it.
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = timedelta(days=30)
    for owned in list(registry.views):
        _add_or_mark_broken(site, registry, owned)
    for entry in VIEWS:
        site.add(Owned(CORE, entry))
    account.add_addresses(app)
    second_factor_page.add_addresses(app)
    provider_pages.add_addresses(app)
    reading.init_app(app)
    add_filters(app)
    app.jinja_env.globals.update(
        site=site,
        document_url=document_url,
        document_anchor=document_anchor,
        may=may,
        required=required,
        csp_nonce=security.nonce,
        company=company,
        signed_in_user=signed_in_user,
        has_second_factors=second_factor.is_on,
        has_provider=provider.is_on,
        provider_label=provider.label,
        history_url=history_url,
    )


def _add_or_mark_broken(site: Site, registry: Registry, owned: Owned[ViewEntry]) -> None:
    if owned.module in registry.modules:  # else a screen before of it, or of a module that it needs, was broken
        try:
            site.add(owned)
        except Exception as error:  # a third party's code may raise anything; it is shown, and the others start
            registry.mark_broken(owned.module, error)


def company() -> str:
    """Return the company's name."""
    return str(options.erp.company_name)


def signed_in_user() -> Any:
    """Return the user who is signed in, or None. Pages of failures do not ask: the database may be what failed."""
    return current_user if current_user.is_authenticated else None
