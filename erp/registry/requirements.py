"""What a module may give to `Core`, and the sentences about what it may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import is_dataclass
from inspect import Parameter, isclass, signature
from typing import Any

from erp.errors import ModuleError
from erp.events import is_hook

# What things that users name, such as commands and kinds of files, may be called.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,59}")


def require_callable(thing: Any, what: str, arguments: int, *names: str) -> None:
    """Raise ModuleError where a thing cannot be called with so many arguments and these names."""
    if not callable(thing):
        raise ModuleError(f"{thing!r} cannot be {what}: a function is allowed.")
    try:
        signature(thing).bind(*[None] * arguments, **dict.fromkeys(names))
    except (TypeError, ValueError) as error:
        called = getattr(thing, "__name__", repr(thing))
        raise ModuleError(f"{called} cannot be {what}: {error}.") from None


def require_event(event: Any) -> None:
    """Raise ModuleError for what is no event."""
    if not (isclass(event) and is_dataclass(event)):
        raise ModuleError(f"{_called(event)} is no event: a class of a module's events.py is allowed.")


def require_answer(hook: Any, answer: Callable[..., Any]) -> None:
    """Raise ModuleError for what is no hook, or for an answer that cannot be called as the hook asks."""
    if not is_hook(hook):
        raise ModuleError(f"{_called(hook)} is no hook: a question of a module's hooks.py is allowed.")
    asked = signature(hook.__wrapped__).parameters.values()
    names = [each.name for each in asked if each.kind is Parameter.KEYWORD_ONLY]
    require_callable(answer, f"an answer to {hook.__name__}", len(asked) - len(names), *names)


def require_screen(view: Any, module: str) -> None:
    """Raise ModuleError for what is no screen of a module: its `view_name` begins with the module's name."""
    if not isclass(view):
        raise ModuleError(f"{view!r} is no screen: a class is allowed.")
    name = getattr(view, "view_name", None)
    if not isinstance(name, str) or not re.fullmatch(rf"{re.escape(module)}\.[a-z][a-z0-9_]*", name):
        raise ModuleError(f"Screen {view.__name__}: view_name {name!r} is refused; {module}.<noun> is allowed.")
    url = getattr(view, "url", None)
    if not isinstance(url, str) or not re.fullmatch(r"(/[a-z0-9][a-z0-9_-]*)+", url):
        raise ModuleError(f"Screen {name}: the address {url!r} is refused; one such as /{module} is allowed.")


def _called(thing: Any) -> str:
    return str(getattr(thing, "__qualname__", None) or repr(thing))
