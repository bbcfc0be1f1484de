"""Every address that the application answers, with something filled in for its parts."""

from __future__ import annotations

from erp.admin.site import current_site

ROLES = ("Administrator", "Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")
OPEN = {"static", "admin.static", "login"}
OF_ANYBODY = {"logout", "password", "admin.index"}


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
