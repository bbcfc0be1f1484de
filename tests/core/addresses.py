"""Every address that the application answers, with something filled in for its parts, and the rights it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from erp.admin.site import current_site
from erp.db import db
from erp.registry import current_registry
from tests.core.rows import MAKERS, make_rows

ROLES = ("Administrator", "Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")
OPEN = {
    "static",
    "admin.static",
    "login",
    "login_code",
    "login_provider",
    "login_provider_answer",
    "health",
    "ready",
    "metrics",
}
OF_ANYBODY = {"language", "logout", "password", "second_factor", "admin.index", "search", "session_state"}


def fill(rule, **values):
    """Return the path of a rule with its parts filled in."""
    parts = {name: values.get(name, 1 if converter.__class__.__name__ == "IntegerConverter" else "nothing")
             for name, converter in rule._converters.items()}  # fmt: skip
    _, path = rule.build(parts)
    return path


def gated(app):
    """Yield (path, methods, view) for each address that belongs to a screen."""
    views = {view.endpoint: view for view in current_site()._views}
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if rule.endpoint not in OPEN | OF_ANYBODY and blueprint in views:
            yield fill(rule), rule.methods - {"OPTIONS", "HEAD"}, views[blueprint]


def lists(app):
    """Yield the address of each screen's list."""
    for view in current_site()._views:
        if hasattr(view, "page_of_rows"):
            yield f"{view.url}/", view


# The right that an address asks for in addition to that of its screen. Every other address with a POST is here, too.
EXTRA_RIGHTS = {
    "backorder_email_message.sending_view": "backorder_email.send",
    "erp_import.apply_view": "",
    "erp_import.choose_view": "",
    "erp_import.columns_view": "",
    "erp_import.index_view": "",
    "erp_import.make_view": "",
    "erp_job.action": "",
    "erp_module.step": "",
    "erp_saved_view.columns_view": "",
    "erp_saved_view.default_view": "",
    "erp_saved_view.remove_view": "",
    "erp_saved_view.save_view": "",
    "erp_option.import_ini": "",
    "erp_option.index_view": "",
    "preorder_atp.hint_view": "",
    "preorder_atp.what_if_view": "",
    "preorder_rebalance.apply_view": "preorder.allocate",
    "sales_book.apply_view": "",
    "sales_book.preview_view": "",
}
NOBODY_MAY = "nobody may"


@dataclass(frozen=True)
class EntryPoint:
    """A request to a screen, and all the rights that it asks for."""

    method: str
    path: str
    endpoint: str
    rights: frozenset[str]
    form: Mapping[str, Any] = field(default_factory=dict)


def entry_points(app) -> Iterator[EntryPoint]:
    """Make a row for each screen, and yield every request that it answers, contributed actions and kinds included."""
    ids = {name: _made(name) for name in MAKERS}
    for rule in app.url_map.iter_rules():
        view = next((each for each in current_site()._views if rule.endpoint.startswith(f"{each.endpoint}.")), None)
        if view is None or rule.endpoint in OPEN | OF_ANYBODY:
            continue
        for values, form, *more in _requests(rule.endpoint.partition(".")[2], view, rule, ids):
            for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
                # The right that the form asks for counts only where the form is sent.
                sent, asked = (form, more) if method == "POST" or not form else ({}, [])
                rights = frozenset(filter(None, (view.permission, *asked)))
                yield EntryPoint(method, fill(rule, **values), rule.endpoint, rights, sent)


def _made(view_name):
    session, model = db.session(), current_site().view(view_name).model
    make_rows(session, view_name, 1)
    return session.scalar(select(func.max(model.id)))


def _requests(name, view, rule, ids):
    """Yield (parts of the address, form, further rights) for each request that one rule answers."""
    registry, known = current_registry(), {"id": ids.get(view.view_name, 1)}
    if name in ("document_action", "line_action"):
        yield from _actions(view, name, known)
    elif name == "action_view":
        for action in view.all_list_actions():
            yield {}, {"action": action.name, "rowid": known["id"]}, action.permission
    elif name in ("create_view", "edit_view", "delete_view"):
        can = getattr(view, f"can_{name.removesuffix('_view')}")
        yield known, {}, view.edit_permission if can else NOBODY_MAY
    elif rule.endpoint == "erp_export.file":
        for kind, owned in registry.exports.items():
            yield {"kind_name": kind}, {}, owned.thing.permission
    elif rule.endpoint == "erp_import.index_view":
        for kind, owned in registry.imports.items():
            yield {}, {"kind": kind}, owned.thing.permission
    elif name == "export" and hasattr(view, "can_export"):
        yield {}, {}, "erp.export" if view.can_export else NOBODY_MAY
    elif "POST" in rule.methods and name != "ajax_update":
        yield known, {}, EXTRA_RIGHTS[rule.endpoint]
    else:
        yield known, {}


def _actions(view, name, known):
    own, kind = (view.actions, "actions") if name == "document_action" else (view.line_actions, "line_actions")
    row = db.session.get(view.model, known["id"])
    line = {"line_id": row.lines[0].id} if name == "line_action" else {}
    for action in (*own, *view.contributed(kind)):
        yield {**known, **line, "name": action.name}, {}, action.permission
