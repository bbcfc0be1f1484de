"""The mark `option`: which tests show what an option governs, and for which of its values.

`@pytest.mark.option("sales.backorders", "no")` is a test in which backorders are off; without a value, the test
itself shows several, which it knows only as it runs. The mark is checked: the code under test must read the
values that it names while the test runs.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from erp import core
from erp.options import values as option_values
from erp.registry import current_registry

TESTS = Path(__file__).parents[1]
MARK = "pytest.mark.option"

# Nobody asks for these while a test runs: they are read before there are options.
AT_START = {f"{core.NAME}.{option.name}" for option in core.OPTIONS if option.at_start}

Read = dict[str, set[str]]


@cache
def option_demonstrations() -> list[tuple[str, tuple[str, ...], str]]:
    """Return each mark of all tests: its option, its values, and where it stands."""
    return list(_option_demonstrations())


def _option_demonstrations() -> Iterator[tuple[str, tuple[str, ...], str]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == MARK:
                key, *values = (ast.literal_eval(argument) for argument in node.args)
                yield key, tuple(values), f"{path.relative_to(TESTS.parent)}:{node.lineno}"


@contextmanager
def noted() -> Iterator[Read]:
    """Yield the values that options have while the code inside asks for them, as ini text by option."""
    read: Read = defaultdict(set)
    ask: Callable[..., object] = option_values._Section.__getattr__

    def note(section: option_values._Section, name: str) -> object:
        value = ask(section, name)
        key = f"{section._name}.{name}"
        read[key].add(current_registry().option_table.option(key).format(value))
        return value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(option_values._Section, "__getattr__", note)
        yield read


def unread(marked: Iterable[tuple[str, ...]], read: Read) -> list[str]:
    """Return what the arguments of marks name and no code asked for."""
    named = [(key, set(values)) for key, *values in marked if key not in AT_START]
    missing = [f"{key} = {value}" for key, values in named for value in sorted(values - read[key])]
    return missing + [f"a second value of {key}" for key, values in named if not values and len(read[key]) < 2]
