"""Writes the catalogues of the core and of each module that is found again from what these say: `make translations`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug import exceptions

from erp import migrations
from erp.app import create_app
from erp.languages import ENGLISH, LANGUAGES
from erp.languages.extraction import Texts, update, words, write

HTTP_ERRORS = (
    exceptions.BadRequest,
    exceptions.Forbidden,
    exceptions.NotFound,
    exceptions.MethodNotAllowed,
    exceptions.RequestEntityTooLarge,
)
CORE = Path(__file__).parent
# What the pages of modules and of jobs show, of folders whose texts are otherwise for commands.
SHOWN = {f"migrations/{name}.py" for name in ("lifecycle", "plans", "schema", "keys", "export")} | {
    *("backup/jobs.py", "backup/errors.py")
}


def collected(app: Flask) -> dict[str, Texts]:
    """Return the texts of the core, whose name is empty, and of each module that is found."""
    registry = app.extensions["erp"]
    homes = {"": CORE, **{name: registry.found.home(name) for name in registry.modules}}
    texts = {name: Texts(home) for name, home in homes.items()}
    for name, home in homes.items():
        texts[name].read(
            path for kind in ("*.py", "*.html", "*.js") for path in home.rglob(kind) if _is_text(path, home)
        )
    with app.test_request_context(headers={"Accept-Language": ENGLISH}):
        for module, text in _declared(app):
            texts[module if module in homes else ""].add(text)
    return texts


def _is_text(path: Path, home: Path) -> bool:
    """Say whether a file has texts for screens: not commands, which speak English, nor demo data and maps."""
    parts = path.relative_to(home).parts
    if "/".join(parts) in SHOWN:
        return True
    aside = {"cli", "migrations", "skeleton", "backup", "languages", "revisions"}
    return not aside & set(parts) and path.name not in ("demo.py", "maps.py", "commands.py", "text.py", "metrics.py")


def _declared(app: Flask) -> Iterator[tuple[str, str]]:
    """Return what is computed from declarations, such as the names of columns, with the module of each."""
    registry, site = app.extensions["erp"], app.extensions["erp_site"]
    for view in site._views:
        module = getattr(view, "module", "")
        yield from ((module, str(text)) for text in _of_view(view))
    for job in registry.jobs.values():
        yield job.module, (job.thing.run.__doc__ or "").strip().splitlines()[0]
    for error in HTTP_ERRORS:
        yield "", error.description or ""
    for key in registry.option_table.declared:
        yield key.partition(".")[0], words(key.partition(".")[2])


def _of_view(view: Any) -> Iterator[Any]:
    yield getattr(view, "title", "")
    yield view.category or ""
    if getattr(view, "model", None) is None:
        return
    yield from (words(column.key) for column in view.model.__table__.columns if not column.key.endswith("id"))
    if not view.plural:
        yield view.title.lower()
    yield from (label for _, label in view._list_columns)
    for each in view._filters or ():
        yield from (each.name, each.operation(), *(text for _, text in each.get_options(view) or ()))
    yield from (label for label, _ in view.fields_shown())
    yield from (str(view.get_column_name(str(name))).lower() for name in view.column_searchable_list or ())
    form = view._create_form_class()
    yield from (
        text for field in form for text in (field.label.text, field.description) if field.type != "CSRFTokenField"
    )


def main() -> int:
    """Write the catalogues, and say how many texts each language has no translation of."""
    with tempfile.TemporaryDirectory() as instance:
        path = {name: os.environ[name] for name in ("ERP_ERP__MODULE_PATH",) if name in os.environ}
        app = create_app(environment={"ERP_INSTANCE": instance, **path})
        with app.app_context():
            migrations.install_core()
            for name in app.extensions["erp"].modules:
                migrations.install(name)
        texts = collected(app)
    missing = 0
    for language in (each for each in LANGUAGES if each != ENGLISH):
        known = set(texts[""].found)
        for name, own in texts.items():
            catalogue = update(own, language, known if name else ())
            write(catalogue, own.folder, language)
            left = sum(1 for message in catalogue if message.id and not all(_strings(message.string)))
            missing += left
            print(f"{name or 'core'} {language}: {len(catalogue)} texts, {left} without a translation")
    return 1 if missing else 0


def _strings(string: Any) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)


if __name__ == "__main__":
    sys.exit(main())
