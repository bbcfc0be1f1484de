"""Every class of refusal, made with examples of its facts, and what the program gives to it where it is raised."""

from __future__ import annotations

import ast
import inspect
import itertools
import pkgutil
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import erp
import modules
from erp.errors import ErpError
from erp.languages import FOLDER

HOMES = (FOLDER.parent, FOLDER.parents[1] / "modules")
# What commands alone refuse: nobody reads it on a page.
COMMANDS = "erp.cli."
OF_COMMANDS = {
    *("AddressTaken", "BackupTooNew", "BadBackup", "CannotMend", "ConstraintWithoutName", "DatabaseNotEmpty"),
    *("ModulesMissing", "OtherDatabase"),
}
# These stop the start of a process, or tell the author of a module what is wrong with its code.
OF_AUTHORS = {"ConfigError", "ModuleError"}
# A text that is data has no word in it; a text of several lines, or a list, has more than a sentence names.
DATA = "X9"
EXAMPLES: dict[Any, tuple[Any, ...]] = {
    str: (DATA, ""),
    object: (DATA,),
    bool: (False, True),
    int: (1, 2),
    Decimal: (Decimal(1), Decimal("2.5")),
    date: (date(2026, 11, 23),),
    datetime: (datetime(2026, 11, 23, 9, tzinfo=UTC),),
    Path: (Path(f"/{DATA}"),),
    Exception: (ErpError(DATA),),
    ErpError: (ErpError(DATA),),
    OSError: (OSError(2, DATA),),
    type(None): (None,),
}
# Facts of which a class knows the values.
NAMED = {
    "part": ("subject", "body", "html", "text", "template"),
    "column": ("received_on", "expires_on"),
    "problems": ((),),
}
# Facts that are names of fields: the same in every language.
IDENTIFIERS = {"field", "parameter", "column", "part"}
MANY = 12
# Files whose messages stand by a field or a cell, and what is called with them.
FORMS = {"admin", "exchange", "forms", "parsers", "addresses", "identity"}
SAYS_WHAT_IS_WRONG = {"ValidationError", "ValueError", "add_unknown", "add_at", "DataRequired", "InputRequired"}


def refusals() -> list[type[ErpError]]:
    """Return every class of refusal that the core and the modules have, except those of commands."""
    _import_everything()
    found, left = set(), [ErpError]
    while left:
        found.update(below := left.pop().__subclasses__())
        left += below
    own = (each for each in found if each.__module__.startswith(("erp.", "modules.")))
    aside = {each for each in found if each.__module__.startswith(COMMANDS) or each.__name__ in OF_COMMANDS}
    return sorted(set(own) - aside, key=lambda each: each.__qualname__)


def _import_everything() -> None:
    """Import every file of the product: some are imported only where an option or a command asks for them."""
    for package in (erp, modules):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                import_module(found.name)


def has_no_sentence(kind: type[ErpError]) -> bool:
    """Say whether a class has no sentence of its own: each place that raises it gives one."""
    return "message" in inspect.signature(kind.__init__).parameters


def made(kind: type[ErpError], /, **given: Any) -> Iterator[ErpError]:
    """Yield refusals of a class with every kind of fact, its defaults among them, and with the facts that are given."""
    hints = get_type_hints(kind.__init__)
    parameters = {name: each for name, each in inspect.signature(kind.__init__).parameters.items() if name != "self"}
    names = list(parameters)
    choices = [
        (given[name],) if name in given else (*_examples(name, hints[name]), *_default(each))
        for name, each in parameters.items()
    ]
    positional = kind.__init__.__code__.co_argcount - 1
    for values in itertools.islice(itertools.product(*choices), 200):
        keywords = dict(zip(names[positional:], values[positional:], strict=True))
        yield kind(*values[:positional], **keywords)


def _default(parameter: inspect.Parameter) -> tuple[Any, ...]:
    return () if parameter.default is inspect.Parameter.empty else (parameter.default,)


def _examples(name: str, hint: Any) -> tuple[Any, ...]:
    if name in NAMED:
        return NAMED[name]
    if hint in EXAMPLES:
        return EXAMPLES[hint]
    if isinstance(hint, type) and issubclass(hint, ErpError):
        return EXAMPLES[ErpError]
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return tuple(example for part in parts for example in _examples("", part))
    if origin is None:
        raise LookupError(f"no example of {hint} is known: add one")
    if isinstance(origin, type) and issubclass(origin, Mapping):
        keys = [f"{DATA}{place}" if parts[0] is str else place for place in range(MANY)]
        return tuple(dict.fromkeys(keys[:count], _examples("", parts[1])[0]) for count in (1, MANY))
    return tuple([_examples("", parts[0])[0]] * count for count in (1, MANY))


def raised_with(kinds: Mapping[str, type[ErpError]]) -> Iterator[tuple[str, type[ErpError], str, str]]:
    """Yield each plain English text that is given to a refusal: its place, the class, the fact's name and the text."""
    for home in HOMES:
        for path in sorted(home.rglob("*.py")):
            if "cli" in path.parts or path.name == "commands.py":
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and (kind := kinds.get(_name(node.func))):
                    place = f"{path.relative_to(HOMES[1].parent)}, line {node.lineno}"
                    yield from ((place, kind, name, text) for name, text in _plain_facts(node, kind))


def _name(function: ast.AST) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _plain_facts(call: ast.Call, kind: type[ErpError]) -> Iterator[tuple[str, str]]:
    names = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
    given = [*zip(names, call.args, strict=False), *((each.arg, each.value) for each in call.keywords if each.arg)]
    yield from ((name, text) for name, value in given if name not in IDENTIFIERS for text in _plain_texts(value))


def _plain_texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(each.value if isinstance(each, ast.Constant) else DATA for each in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*_plain_texts(node.body), *_plain_texts(node.orelse))
    elif isinstance(node, ast.BoolOp):
        yield from (text for each in node.values for text in _plain_texts(each))


def plain_messages() -> Iterator[tuple[str, str]]:
    """Yield each plain English text with which a field of a form or a cell of a file is refused, with its place."""
    for home in HOMES:
        for path in sorted(home.rglob("*.py")):
            if not FORMS & set(path.relative_to(home).with_suffix("").parts):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func) in SAYS_WHAT_IS_WRONG and node.args:
                    place = f"{path.relative_to(HOMES[1].parent)}, line {node.lineno}"
                    yield from ((place, text) for text in _plain_texts(node.args[-1]))
