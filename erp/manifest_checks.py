"""What is wrong with a manifest, in sentences with file and line: asked when a module is found, before its setup."""

from __future__ import annotations

import ast
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from erp.errors import ModuleError
from erp.manifest import SHIPPED_ROLES, Module, Permission
from erp.options import Choice, Decimal, Duration, Integer, Option

NAME = r"[a-z][a-z0-9_]*"
LONGEST_NAME = 30
RESERVED = ("erp",)
_VERSION = r"\d+(\.\d+)*"

# A sentence, and the text in the manifest near which the mistake is.
Mistake = tuple[str, str]


def is_module_name(name: object) -> bool:
    """Say whether a module may be called so."""
    is_word = isinstance(name, str) and re.fullmatch(NAME, name) and len(name) <= LONGEST_NAME
    return bool(is_word) and not keyword.iskeyword(str(name)) and name not in RESERVED


def require_sound(manifest: object, name: str, folder: Path | None = None) -> None:
    """Raise ModuleError with everything that is wrong with the manifest of the module that was found as `name`."""
    if not isinstance(manifest, Module):
        raise ModuleError(f"MODULE is a {type(manifest).__name__}, not a Module.", name=name)
    if found := [_placed(sentence, near, folder) for sentence, near in _mistakes(manifest, name)]:
        raise ModuleError(" ".join(found), name=name)


def _placed(sentence: str, near: str, folder: Path | None) -> str:
    """Return a sentence with the file and the line of the first `near` in the manifest."""
    file = folder / "module.py" if folder else None
    if file is None or not file.is_file():
        return f"{sentence}."
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    lines = [node.lineno for node in nodes if isinstance(node, ast.Constant) and node.value == near]
    line = f", line {min(lines)}" if lines else ""
    return f"{sentence} ({file.parent.name}/{file.name}{line})."


def _mistakes(module: Any, name: str) -> Iterator[Mistake]:
    if module.name != name:
        yield f"The module in folder {name} calls itself {module.name}", str(module.name)
    elif not is_module_name(name):
        allowed = "lower-case letters, digits and underscores, a letter first, at most 30, are allowed"
        yield f"A module cannot be called {name!r}: {allowed}", name
    if not isinstance(module.title, str) or not module.title.strip():
        yield "The title is empty or no text", "title"
    if not isinstance(module.version, str) or not re.fullmatch(_VERSION, module.version):
        yield f"Version {module.version!r} is refused: numbers with points, such as '1.0', are allowed", module.version
    if not isinstance(module.summary, str):
        yield "The summary is no text", "summary"
    if not isinstance(module.on_by_default, bool):
        yield f"on_by_default {module.on_by_default!r} is refused: True or False is allowed", "on_by_default"
    if not callable(module.setup):
        yield "setup is no function", "setup"
    yield from _dependency_mistakes(module)
    yield from _option_mistakes(module)
    yield from _permission_mistakes(module)


def _dependency_mistakes(module: Any) -> Iterator[Mistake]:
    if not _is_tuple_of(module.depends, str):
        yield 'depends is refused: a tuple of names, such as ("sales",), is allowed', "depends"
        return
    yield from ((f"depends names {name} twice", name) for name in _twice(module.depends))
    if module.name in module.depends:
        yield "The module depends on itself", module.name


def _option_mistakes(module: Any) -> Iterator[Mistake]:
    if not _is_tuple_of(module.options, Option):
        yield "options is refused: a tuple of options is allowed", "options"
        return
    yield from ((f"Two options are called {name}", name) for name in _twice(option.name for option in module.options))
    by_name = {option.name: option for option in module.options}
    for option in module.options:
        if not isinstance(option.name, str) or not re.fullmatch(NAME, option.name):
            yield f"An option cannot be called {option.name!r}", option.name
            continue
        if not isinstance(option.help, str) or not option.help.strip():
            yield f"Option {option.name} has no help text", option.name
        if why := _unfit(option):
            yield f"Option {option.name}: {why}", option.name
        if why := _unfit_condition(option, by_name):
            yield f"Option {option.name}: {why}", option.name


def _unfit(option: Any) -> str:
    """Return why an option cannot have its default, or its bounds."""
    try:
        if isinstance(option, Integer | Decimal | Duration) and not _is_ordered(option):
            return f"its minimum {option.minimum} is above its maximum {option.maximum}"
        if isinstance(option, Choice) and not _is_tuple_of(option.choices, str):
            return "choices is refused: a tuple of words is allowed"
        again = option.parse(option.format(option.default))
        if again == option.default and type(again) is type(option.default):
            return ""
        return f"the default {option.default!r} is refused; {option.allowed}"
    except ValueError:
        return f"the default {option.default!r} is refused; {option.allowed}"
    except Exception:  # the option's own code reads a value of any type here
        return f"the default {option.default!r} is refused; another kind of value is allowed"


def _is_ordered(option: Any) -> bool:
    return bool(option.minimum <= option.maximum)


def _unfit_condition(option: Option[Any], options: dict[str, Option[Any]]) -> str:
    name, value = option.needs
    if not name:
        return ""
    if name not in options or name == option.name:
        return f"only_if names {name!r}, which is no other option of this module"
    try:
        options[name].parse(value)
    except Exception:  # the option's own code reads a value that may be anything
        return f"only_if asks for {name} = {value}, which it cannot be"
    return ""


def _permission_mistakes(module: Any) -> Iterator[Mistake]:
    if not _is_tuple_of(module.permissions, Permission):
        yield "permissions is refused: a tuple of permissions is allowed", "permissions"
        return
    names = [permission.name for permission in module.permissions]
    yield from ((f"Two permissions are called {name}", name) for name in _twice(names))
    for permission in module.permissions:
        name = permission.name
        if not isinstance(name, str) or not re.fullmatch(rf"{re.escape(module.name)}\.{NAME}", name):
            yield f"Permission {name!r} is refused: {module.name}.<verb> is allowed", name
        if not isinstance(permission.title, str) or not permission.title.strip():
            yield f"Permission {name} has no title", name
        if not _is_tuple_of(permission.roles, str):
            yield f"Permission {name}: roles is refused: a tuple of roles is allowed", name
        elif unknown := [role for role in permission.roles if role not in SHIPPED_ROLES[1:]]:
            yield f"Permission {name} names the role {unknown[0]!r}; {', '.join(SHIPPED_ROLES[1:])} are allowed", name


def _is_tuple_of(value: object, kind: type) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(each, kind) for each in value)


def _twice(names: Iterable[Any]) -> list[Any]:
    return [name for name, count in Counter(map(str, names)).items() if count > 1]
