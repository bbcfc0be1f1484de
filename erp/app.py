"""create_app(): builds the application from its parts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, abort, g, has_app_context, request
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from werkzeug.exceptions import RequestEntityTooLarge

from erp import clock, core, db, discovery, failures, logs, migrations
from erp.db import replica
from erp.errors import ConfigError
from erp.options import OptionTable, options, parse_ini, read_ini_file
from erp.registry import CORE, Endpoint, Owned, Registry
from erp.text import say
from erp.third_parties import Raised, catching
from erp.url_rules import UrlRule

SECRET_LENGTH = 16
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class _Application(Flask):
    url_rule_class = UrlRule


def create_app(
    *,
    database_url: str | None = None,
    config_path: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    module_package: str = "modules",
    module_folders: Iterable[Path] | None = None,
    screens: bool = True,
    modules: bool = True,
    testing: bool = False,
) -> Flask:
    """Return the application with every module that was found, each as live as the database says.

    Without `screens` it answers no request, and starts sooner; without `modules`, too, it knows only what they declare.
    Settings come from the arguments, else `environment` (by default the process's), else from their defaults. Raises
    ErpError for a setting or a module that cannot be used.
    """
    environment = os.environ if environment is None else environment
    instance = Path(environment.get("ERP_INSTANCE") or "instance").absolute()
    app = _Application("erp", instance_path=str(instance))
    app.config.update(
        TESTING=testing,
        ENVIRONMENT=environment,
        SECRET_KEY=_secret_key(instance, environment),
        SQLALCHEMY_DATABASE_URI=_database_url(database_url or environment.get("ERP_DATABASE_URL", ""), instance),
        SQLALCHEMY_ENGINE_OPTIONS=db.ENGINE_OPTIONS,
    )
    ini = _ini_path(config_path, environment)
    folders = _module_folders(ini, environment) if module_folders is None else module_folders
    registry = _registry(discovery.find(package=module_package, folders=folders), ini, environment)
    app.extensions["erp"] = registry
    screens = screens or _has_foreign(registry)
    clock.use_zone(_zone)
    for part in (db, replica, logs, failures):
        part.init_app(app)
    if screens or modules:
        _set_up(app, registry, screens)
    if screens:
        _add_pages(app, registry)
    return app


def _has_foreign(registry: Registry) -> bool:
    """Say whether there are modules of third parties: one whose screens do not fit is off in every process."""
    return any(registry.is_foreign(name) for name in registry.modules)


def _add_pages(app: Flask, registry: Registry) -> None:
    """Give the application its screens and its other pages, and import by then alone what only these need."""
    from erp import admin, error_pages, languages, provider, security
    from erp.watch.addresses import init_app as add_watch_addresses

    app.before_request(_mark_reading)
    app.before_request(_spool_upload)
    error_pages.init_app(app)
    _add_templates(app, registry)
    languages.init_app(app, [registry.found.home(name) / "translations" for name in registry.modules])
    security.init_app(app)
    provider.init_app(app)
    _add_endpoints(app, registry, security.csrf)
    admin.init_app(app, registry)
    add_watch_addresses(app)


def _add_endpoints(app: Flask, registry: Registry, csrf: Any) -> None:
    """Give the endpoints for programs their addresses; the gate asks which are on, and lets nobody in by a cookie."""
    for owned in registry.endpoints:
        answer, url, name = _answering(owned.thing), owned.thing.url, f"{owned.module}_endpoint"
        for rule in (url, f"{url}/", f"{url}/<path:below>"):
            app.add_url_rule(rule, name, answer, methods=METHODS, strict_slashes=True)
        csrf.exempt(answer)


def _answering(endpoint: Endpoint) -> Callable[..., Any]:
    def answer(**_parts: str) -> Any:
        return endpoint.answer()

    answer.__module__ = f"endpoint{endpoint.url}"  # by this and its name Flask-WTF knows a view
    return answer


def _ini_path(given: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> Path:
    named = given or environment.get("ERP_CONFIG")
    path = Path(named or "config/erp.ini").absolute()
    if named and not path.is_file():
        raise ConfigError(f"There is no ini file {path}; ERP_CONFIG names it.", path=str(path))
    return path


def _database_url(url: str, instance: Path) -> str:
    if not url:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        return f"sqlite:///{instance / 'erp.sqlite'}"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is not a number raises the latter
        raise ConfigError("ERP_DATABASE_URL is not a database URL such as postgresql://user@host/name.") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("postgresql+psycopg", "sqlite"):
        raise ConfigError(f"ERP_DATABASE_URL: {parsed.drivername} is refused; sqlite or postgresql is allowed.")
    if parsed.drivername == "sqlite" and _is_relative(parsed.database):
        parsed = parsed.set(database=str(Path(parsed.database or "").absolute()))  # else it would be in the instance
    return parsed.render_as_string(hide_password=False)


def _is_relative(database: str | None) -> bool:
    """Say whether the name of a SQLite database is a path below the current folder."""
    return bool(database) and database != ":memory:" and not str(database).startswith(("/", "file:"))


def _secret_key(instance: Path, environment: Mapping[str, str]) -> str:
    given = environment.get("ERP_SECRET_KEY")
    if given is None:
        return _stored_key(instance / "secret_key")
    if len(given) < SECRET_LENGTH:
        raise ConfigError(f"ERP_SECRET_KEY is too short: {SECRET_LENGTH} characters or more are allowed.")
    return given


def _stored_key(path: Path) -> str:
    """Return the secret key of this instance, made at its first start; several processes may start at once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(made, path)  # atomic: the second process finds the first one's key, whole
        except FileExistsError:
            made.unlink()
            return _read_key(path)
        made.unlink()
    return _read_key(path)


def _read_key(path: Path) -> str:
    """Return the key in a file; raise ConfigError where it was damaged: a short key could be guessed."""
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        key, reason = "", str(error)
    else:
        reason = f"it has {len(key)} characters"
    if len(key) < SECRET_LENGTH:
        advice = "Bring the file back, or delete it: then everybody signs in again."
        raise ConfigError(f"The secret key in {path} cannot be used: {reason}. {advice}", path=str(path))
    return key


def _module_folders(ini: Path, environment: Mapping[str, str]) -> list[Path]:
    """Return the folders of `[erp] module_path`, which is needed before the options can be checked."""
    text = environment.get("ERP_ERP__MODULE_PATH")
    if text is None and ini.exists():
        text = parse_ini(read_ini_file(ini), place=f" in {ini}").get(core.NAME, "module_path", fallback="")
    return [Path(folder.strip()).absolute() for folder in (text or "").split(os.pathsep) if folder.strip()]


def _registry(found: discovery.Found, ini: Path, environment: Mapping[str, str]) -> Registry:
    modules = discovery.in_order(discovery.usable(found))
    declared = {core.NAME: core.OPTIONS, **{module.name: module.options for module in modules}}
    return Registry(found, modules, OptionTable(declared, ini, environment, found.broken))


def _set_up(app: Flask, registry: Registry, screens: bool) -> None:
    """Register what the core does on a schedule and shows on the dashboard, then what each module has.

    Commands that use no module need not wait for the imports.
    """
    from erp import backup, checks, watch
    from erp.db import refresh_statistics
    from erp.exchange import run_imports

    registry.add_core_job(backup.back_up, every="backup_every")
    registry.add_core_job(checks.check_invariants, every="check_every")
    registry.add_core_job(watch.report_troubles, every="report_every")
    registry.add_core_job(run_imports, every="import_every")
    registry.add_core_job(refresh_statistics, every="statistics_every")
    with app.app_context():
        if screens:
            from erp.watch.dashboard import CARD

            registry.cards.append(Owned(CORE, CARD))
        registry.setup(screens=screens)
        _leave_out_unreadable(registry)


def _leave_out_unreadable(registry: Registry) -> None:
    """List third parties' modules as broken whose revisions cannot be read."""
    for name in list(registry.modules):
        if registry.is_foreign(name):
            try:
                with catching():
                    migrations.require_readable(name)
            except Raised as raised:
                registry.mark_broken(name, raised.error)


def _zone() -> tzinfo:
    return ZoneInfo(options.erp.timezone) if has_app_context() else UTC


def _mark_reading() -> None:
    # Only `commit` writes, so that no lock is held while a request's body is read or a page is rendered.
    g.erp_reading = True


def _spool_upload() -> None:
    """Read an uploaded file to disk before anything else, so that no transaction waits for a slow sender."""
    if request.mimetype != "multipart/form-data":
        return
    limit = options.erp.upload_limit
    db.db.session.rollback()  # reading the option has begun a transaction
    request.max_content_length = limit * 1_000_000
    refusal = say("The file is larger than {limit} MB, the limit that option [erp] upload_limit sets.", limit=limit)
    if (request.content_length or 0) > request.max_content_length:
        abort(413, refusal)
    try:
        _ = request.files
    except RequestEntityTooLarge:
        abort(413, refusal)


def _add_templates(app: Flask, registry: Registry) -> None:
    """Let each module's templates be found, those below its own name alone."""
    folders = {name: registry.found.home(name) / "templates" / name for name in registry.modules}
    own = PrefixLoader({name: FileSystemLoader(folder) for name, folder in folders.items() if folder.is_dir()})
    app.jinja_loader = ChoiceLoader([loader for loader in (app.jinja_loader, own) if loader is not None])
