"""Proxies in front of the server: whom a request comes from, and the path prefix below which it was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.proxy_fix import ProxyFix

from erp.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST = 9
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_FORWARDED_PREFIX = "HTTP_X_FORWARDED_PREFIX"


def trusted_proxies(environment: Mapping[str, str]) -> int:
    """Return how many proxies stand in front (ERP_TRUSTED_PROXIES); raise ConfigError for what is no small number."""
    text = environment.get("ERP_TRUSTED_PROXIES", "").strip() or "0"
    if not re.fullmatch(r"[0-9]", text):
        raise ConfigError(f"ERP_TRUSTED_PROXIES is {text!r}: the number of proxies in front, 0 to {MOST}, is allowed.")
    return int(text)


def behind(application: WSGIApplication, count: int) -> WSGIApplication:
    """Return the application behind so many proxies; with 0 every forwarded header is ignored."""
    if not count:
        return application
    return _CheckedPrefix(ProxyFix(application, x_for=count, x_proto=count, x_host=count, x_prefix=count))


class _CheckedPrefix:
    """Drops a path prefix that could lead elsewhere, such as `//other.example`."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        prefixes: list[Any] = [part.strip() for part in environ.get(_FORWARDED_PREFIX, "").split(",")]
        if not all(_PREFIX.fullmatch(prefix) for prefix in prefixes):
            del environ[_FORWARDED_PREFIX]
        else:
            environ[_FORWARDED_PREFIX] = ",".join(prefix.rstrip("/") for prefix in prefixes)
        return self._application(environ, start_response)
