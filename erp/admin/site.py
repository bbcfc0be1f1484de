"""The site: the dashboard, the menu, and every registered screen at its address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import Flask, current_app, g, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.theme import Bootstrap4Theme
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from erp import provider, second_factor, security
from erp.admin import account, provider_pages, reading, second_factor_page
from erp.admin.access import may, permitted, screen_session
from erp.admin.charts import DrawnBar, drawn
from erp.admin.contributions import leave_out_unfit, leave_out_wrong_filters
from erp.admin.dashboard_parts import Chart
from erp.admin.declarations import Card
from erp.admin.fields import required
from erp.admin.formatting import add_filters, anchor, follow
from erp.admin.list_query import ListQuery
from erp.admin.page import Gated
from erp.admin.papers import letterhead, sections
from erp.admin.recorded import recorded, recorded_name
from erp.admin.search import add_search
from erp.admin.settings import IMPORTS
from erp.admin.settings import VIEWS as SETTINGS
from erp.admin.work import WorkPage, queue_sizes, work_of
from erp.db import db
from erp.errors import ModuleError
from erp.options import options
from erp.registry import CORE, Owned, Registry, ViewEntry, current_registry
from erp.third_parties import Raised, catching
from erp.url_rules import address_of

VIEWS = (ViewEntry(WorkPage, "", ""), *SETTINGS)


class Dashboard(Gated, AdminIndexView):
    """The first page: what is to be done, by module."""

    view_name = "erp.dashboard"
    title = "Dashboard"
    icon = "fa-home"

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Show the cards that the user may see."""
        session = screen_session()
        registry = current_registry()
        cards: list[Card] = permitted([*registry.live(registry.cards), IMPORTS])
        charts: list[Chart] = permitted(registry.live(registry.charts.values()))
        return self.render(
            "erp/dashboard.html",
            queues=queue_sizes(self.admin, with_others=True),
            charts=[(chart, *_bars(chart, session)) for chart in charts],
            cards=[(card.title, _numbers(card, session)) for card in cards],
        )


def _numbers(card: Card, session: Session) -> list[tuple[str, Any, str]]:
    def read() -> list[tuple[str, Any, str]]:
        return [(label, value, url) for label, value, url in card.numbers(session)]

    return current_registry().contained(card, f"card {card.title}", read, lambda text: [(text, None, "")])


def _bars(chart: Chart, session: Session) -> tuple[list[DrawnBar], str]:
    """Return the bars of a chart; or none, and the sentence that says that it failed."""

    def read() -> tuple[list[DrawnBar], str]:
        return drawn(chart.series, chart.bars(session)), ""

    return current_registry().contained(chart, f"chart {chart.title}", read, lambda text: ([], text))


class Site(Admin):
    """The screens of one application. They are registered once; each request asks which of their modules are on."""

    def add(self, owned: Owned[ViewEntry], filters: Sequence[Owned[Any]] = ()) -> None:
        """Add a registered view with its menu entry and its right, and the filters that other modules give its list."""
        entry = owned.thing
        names = {"name": entry.view.title, "category": entry.menu, "url": entry.view.url}
        names["endpoint"] = entry.view.view_name.replace(".", "_")
        model = getattr(entry.view, "model", None)
        view = entry.view(**names) if model is None else entry.view(model, db, **names)
        view.module, view.permission = owned.module, entry.permission
        self._require_free(view)
        if isinstance(view, ListQuery):
            view.take_filters(filters)
        self.add_view(view)

    def _require_free(self, view: Any) -> None:
        """Raise ModuleError for a screen whose address or name another one has."""
        for other in self._views:
            if view.endpoint == other.endpoint:
                raise ModuleError(f"Screen {view.view_name} has the name of another one, of module {other.module}.")
            if other.url != "/" and f"{view.url}/".startswith(f"{other.url}/"):
                raise ModuleError(f"The address {view.url} belongs to screen {other.view_name}.")

    def put_in_order(self, entries: Sequence[ViewEntry]) -> None:
        """Put the screens in the order of the menu, which is another than that in which they were added."""
        places = {entry.view: place for place, entry in enumerate(entries)}
        self._views.sort(key=lambda view: places.get(type(view), -1))

    def view(self, name: str) -> Any:
        """Return a view by `module.noun`, None where there is none."""
        return next((view for view in self._views if getattr(view, "view_name", "") == name), None)

    def module_at(self, endpoint: str | None) -> str:
        """Return the module whose screen answers at an endpoint of Flask, '' where none does."""
        name = (endpoint or "").rpartition(".")[0]
        return next((view.module for view in self._views if view.endpoint == name and isinstance(view, Gated)), "")

    def creating(self, model: Any) -> Any:
        """Return the view in whose form the user may add a row of a model, None where there is none.

        A document with lines is no answer to a question in another form.
        """
        views = (view for view in self._views if getattr(view, "model", None) is model)
        view = next((view for view in views if not getattr(view, "line_form_columns", ())), None)
        return view if view is not None and view.is_accessible() and view.may_create() else None

    def document_url(self, document: str | None, id: int | None) -> str | None:
        """Return the address of a document by `module.noun` and id, None where the user cannot open it."""
        known = g.setdefault("erp_documents", {})
        if document not in known:
            view = self.view(document or "")
            is_open = view is not None and view.is_accessible() and hasattr(view, "details_view")
            known[document] = f"{view.endpoint}.details_view" if is_open else None
        return None if id is None or known[document] is None else address_of(known[document], id=id)

    def entries(self) -> list[tuple[str, list[Any]]]:
        """Return the menu for the user: each category with its views."""
        shown: dict[str, list[Any]] = {}
        for view in self._views:
            if _is_shown(view):
                shown.setdefault(view.category or "", []).append(view)
        return list(shown.items())


def _is_shown(view: Any) -> bool:
    def ask() -> bool:
        return bool(view.is_visible() and view.is_accessible())

    return current_registry().contained_of(view.module, f"menu entry {view.view_name}", ask, lambda _: False)


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


def _add_pages(app: Flask) -> None:
    """Add the pages of signing in, of work and of the search, what templates use, and note who may read the replica."""
    add_filters(app)
    app.jinja_env.filters.update(recorded=recorded, recorded_name=recorded_name)
    account.add_addresses(app)
    second_factor_page.add_addresses(app)
    provider_pages.add_addresses(app)
    reading.init_app(app)
    add_search(app)
    app.jinja_env.globals["work_of"] = work_of


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
    _add_screens(site, registry)
    _add_pages(app)
    app.jinja_env.globals.update(
        site=site,
        document_url=document_url,
        document_anchor=document_anchor,
        may=may,
        required=required,
        csp_nonce=security.nonce,
        company=company,
        letterhead=letterhead,
        paper_sections=sections,
        signed_in_user=signed_in_user,
        has_second_factors=second_factor.is_on,
        has_provider=provider.is_on,
        provider_label=provider.label,
        history_url=history_url,
        may_see_modules=may_see_modules,
    )


def _add_screens(site: Site, registry: Registry) -> None:
    """Add every screen that can be used, and put them in the order of the menu."""
    leave_out_unfit(registry, VIEWS)
    # Third parties' screens come last, so that none can have an address of ours.
    views = list(registry.views)
    for owned in (each for each in views if not registry.is_foreign(each.module)):
        site.add(owned, _filters_for(registry, owned.thing.view.view_name))
    for entry in VIEWS:
        site.add(Owned(CORE, entry))
    for owned in (each for each in views if registry.is_foreign(each.module)):
        _add_or_mark_broken(site, registry, owned)
    leave_out_wrong_filters(registry, site.view)
    site.put_in_order(_in_menu_order([owned.thing for owned in views]))


def _in_menu_order(entries: Sequence[ViewEntry]) -> list[ViewEntry]:
    """Return the modules' screens and the core's: what is for settings comes last, whichever module has it."""
    settings = {entry.menu for entry in VIEWS}
    own = [entry for entry in entries if entry.menu not in settings]
    return [*own, *VIEWS, *(entry for entry in entries if entry.menu in settings)]


def _add_or_mark_broken(site: Site, registry: Registry, owned: Owned[ViewEntry]) -> None:
    if owned.module in registry.modules:  # else a screen before of it, or of a module that it needs, was broken
        try:
            with catching():
                site.add(owned, _filters_for(registry, owned.thing.view.view_name))
        except Raised as raised:
            registry.mark_broken(owned.module, raised.error)


def _filters_for(registry: Registry, view_name: str) -> list[Owned[Any]]:
    """Return the filters that modules give a list, whether they are on or not: each request asks which are."""
    given = registry.contributions.get(view_name, ())
    return [Owned(each.module, one) for each in given for one in each.thing.filters]


def may_see_modules() -> bool:
    """Say whether the page of a failure offers the modules: it asks nobody who has not been asked for already."""
    user = g.get("_login_user")
    try:
        return bool(user is not None and user.is_authenticated and user.may("erp.modules"))
    except SQLAlchemyError:
        return False


def company() -> str:
    """Return the company's name."""
    return str(options.erp.company_name)


def signed_in_user() -> Any:
    """Return the user who is signed in, or None. Pages of failures do not ask: the database may be what failed."""
    return current_user if current_user.is_authenticated else None
