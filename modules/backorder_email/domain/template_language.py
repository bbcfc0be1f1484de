"""The language of templates: Jinja with a short list of what is allowed, and a bound on all that can grow.

A template reads the documented variables and nothing else. It cannot include, call or define anything. Neither its
output nor its time grows without end: the rounds of loops are counted, and the length of each text is checked, so that
a refusal can name the line. What still takes too long or too much memory is ended by the system (`rendering/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes, pass_context, pass_eval_context
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.meta import find_undeclared_variables
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, markup_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from erp.text import say

MAX_SOURCE = 100_000
MAX_TEXT = 1_000_000
MAX_STEPS = 20_000
MAX_RANGE = 1_000
MAX_NUMBER = 10**18

VARIABLES = ("order", "customer", "company", "cause", "status", "lines", "about")
FUNCTIONS = ("range", "namespace")
METHODS = (
    *("strftime", "isoformat", "upper", "lower", "title", "capitalize", "strip"),
    *("startswith", "endswith", "cycle", "changed"),
)

_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.NSRef, nodes.Const),
    *(nodes.Tuple, nodes.List, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.For, nodes.If, nodes.CondExpr),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat),
    *(nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword, nodes.Assign, nodes.With),
)
_PLAIN_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "e", "escape", "first", "groupby", "int", "last", "length"),
    *("list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort"),
    *("title", "trim", "truncate", "unique", "upper", "urlencode"),
)
_TESTS = (
    *("defined", "undefined", "none", "string", "number", "odd", "even", "divisibleby", "in", "sameas"),
    *("==", "!=", "<", "<=", ">", ">=", "eq", "ne", "lt", "le", "gt", "ge", "equalto"),
)


class Steps:
    """Counts the rounds that the loops of one rendering still may make."""

    def __init__(self, left: int = MAX_STEPS) -> None:
        self._left = left

    def count(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield the items; raise TemplateRuntimeError where the loops make too many rounds in all."""
        for item in items:
            self._left -= 1
            if self._left < 0:
                raise TemplateRuntimeError(say("its loops make more than {MAX_STEPS} rounds", MAX_STEPS=MAX_STEPS))
            yield item


class Sandbox(ImmutableSandboxedEnvironment):
    """The Jinja environment that offers only this language."""

    intercepted_binops = frozenset(("+", "*", "%"))

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape, undefined=StrictUndefined, finalize=show, cache_size=0, keep_trailing_newline=True
        )
        self.globals = {"range": bounded_range, "namespace": Namespace}
        self.filters = {**{name: FILTERS[name] for name in _PLAIN_FILTERS}, **_FILTERS}
        self.tests = {name: TESTS[name] for name in _TESTS}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Add and multiply numbers, join two texts and repeat a text; nothing else can grow."""
        if isinstance(left, Undefined) or isinstance(right, Undefined):
            return super().call_binop(context, operator, left, right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return bounded(left + right) if len(left) + len(right) <= MAX_TEXT else _too_long()
        if operator == "*" and isinstance(left, str) and isinstance(right, int):
            return left * right if len(left) * right <= MAX_TEXT else _too_long()
        if not _is_number(left) or not _is_number(right):
            raise TemplateRuntimeError(
                say("{operator} does not work between these two values, or they are too large", operator=operator)
            )
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        refuse_unknown(tree)
        return _AddChecks().visit(tree)  # type: ignore[no-any-return]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and -MAX_NUMBER <= value <= MAX_NUMBER


def refuse_unknown(tree: nodes.Template) -> None:
    """Raise SecurityError, with its line, for the first thing that the language does not have."""
    for node in tree.find_all(nodes.Node):
        if reason := _refusal(node):
            raise _at(node.lineno, reason)
    if unknown := find_undeclared_variables(tree) - {*VARIABLES, *FUNCTIONS}:
        for node in tree.find_all(nodes.Name):
            if node.name in unknown:
                raise _at(
                    node.lineno,
                    say(
                        "there is no variable {node!r}; known are {VARIABLES}",
                        node=node.name,
                        VARIABLES=", ".join(VARIABLES),
                    ),
                )


def _refusal(node: nodes.Node) -> str:
    if isinstance(node, nodes.Call):
        return _call_refusal(node)
    if isinstance(node, nodes.For) and node.recursive:
        return "a recursive loop is not available"
    if isinstance(node, nodes.Tuple | nodes.List) and not _is_plain(node):
        return "a list may hold only fixed values"
    if isinstance(node, nodes.Pow) or not isinstance(node, _NODES):
        return say("{name} is not available", name=type(node).__name__.lower())
    return ""


def _call_refusal(call: nodes.Call) -> str:
    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return "* and ** are not available"
    if isinstance(call.node, nodes.Name) and call.node.name in FUNCTIONS:
        return ""
    if isinstance(call.node, nodes.Getattr) and call.node.attr in METHODS:
        return ""
    called = getattr(call.node, "attr", getattr(call.node, "name", "this"))
    return say("{called}() is not available", called=called)


def _is_plain(node: nodes.Tuple | nodes.List) -> bool:
    # The targets of `for a, b in ...` are a tuple of names that are stored into.
    is_target = isinstance(node, nodes.Tuple) and node.ctx == "store"
    return is_target or all(isinstance(item, nodes.Const | nodes.Neg) for item in node.items)


def _at(line: int, reason: str) -> SecurityError:
    error = SecurityError(reason)
    error.lineno = line  # type: ignore[attr-defined]
    return error


class _AddChecks(NodeTransformer):
    """Puts a check around each loop, each assigned value and each `~`."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = _filter(node.iter, "counted")
        return node

    def visit_Assign(self, node: nodes.Assign) -> nodes.Assign:
        self.generic_visit(node)
        node.node = _filter(node.node, "bounded")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        return _filter(node.nodes[0], "concatenated", node.nodes[1:])


def _filter(value: Any, name: str, arguments: Iterable[nodes.Expr] = ()) -> nodes.Filter:
    made = nodes.Filter(value, name, list(arguments), [], None, None, lineno=value.lineno)
    made.set_environment(value.environment)
    return made


def show(value: Any) -> Any:
    """Return a value as a message prints it: nothing for None, dates in ISO form, anything else unchanged."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | int | float | Decimal | Undefined):
        return value
    raise TemplateRuntimeError("a list or a record cannot be printed; go through it with `for`, or use `join`")


def bounded(value: Any) -> Any:
    """Return the value; raise TemplateRuntimeError where it is a text that is too long."""
    return _too_long() if isinstance(value, str) and len(value) > MAX_TEXT else value


def _too_long() -> Any:
    raise TemplateRuntimeError(say("a text is longer than {MAX_TEXT} characters", MAX_TEXT=MAX_TEXT))


def bounded_range(*bounds: int) -> range:
    """Return a range of at most MAX_RANGE numbers."""
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise TemplateRuntimeError(say("range() is longer than {MAX_RANGE}", MAX_RANGE=MAX_RANGE))
    return numbers


@pass_context
def counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """Return the items of a loop, counting its rounds."""
    steps: Any = context.resolve("_steps")
    return list(steps.count(items)) if hasattr(items, "__len__") else steps.count(items)  # type: ignore[return-value]


def concatenated(*values: Any) -> Any:
    """Join texts: what `~` does."""
    texts = [show(value) for value in values]
    if sum(len(text) if isinstance(text, str) else 20 for text in texts) > MAX_TEXT:
        _too_long()
    return markup_join(texts)


@pass_eval_context
def join(context: EvalContext, values: Iterable[Any], separator: str = "", attribute: str | None = None) -> Any:
    """Join the values of a list with a separator between them."""
    if attribute is not None:
        values = map(make_attrgetter(context.environment, attribute), values)
    texts = [show(value) for value in values]
    if sum(len(str(text)) + len(separator) for text in texts) > MAX_TEXT:
        _too_long()
    if context.autoescape:
        return escape(separator).join(escape(text) for text in texts)
    return str(separator).join(str(text) for text in texts)


def replace(text: Any, old: str, new: str) -> Any:
    """Replace each `old` in a text."""
    kept = text if isinstance(text, Markup) else str(show(text))
    old, new = str(old), str(new)
    if not old or len(kept) + kept.count(old) * max(0, len(new) - len(old)) > MAX_TEXT:
        _too_long()
    return kept.replace(old, new)


def total(values: Iterable[Any], attribute: str | None = None) -> Decimal | int:
    """Return the sum of numbers."""
    found = [getattr(value, attribute, None) if attribute in _NUMBERS else value for value in values]
    if not all(isinstance(value, int | Decimal) for value in found):
        raise TemplateRuntimeError("sum needs numbers")
    return sum(found, start=0)  # type: ignore[arg-type]


_NUMBERS = ("quantity",)


def rounded(value: Any, places: int = 0) -> Decimal:
    """Round half up to at most six places."""
    if not isinstance(value, int | Decimal) or places not in range(7):
        raise TemplateRuntimeError("round needs a number and at most 6 places")
    return Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def day(value: Any, layout: str = "%Y-%m-%d") -> str:
    """Write a date with a layout of strftime; nothing for no date."""
    if value is None:
        return ""
    if not isinstance(value, date) or len(layout) > 100:
        raise TemplateRuntimeError("date needs a date and a short layout")
    return value.strftime(layout)


def text(value: Any) -> Any:
    """Return a value as a text."""
    shown = show(value)
    return shown if isinstance(shown, str) else str(shown)


_FILTERS: dict[str, Callable[..., Any]] = {
    "bounded": bounded,
    "concatenated": concatenated,
    "counted": counted,
    "date": day,
    "join": join,
    "replace": replace,
    "round": rounded,
    "string": text,
    "sum": total,
}


@lru_cache(maxsize=64)
def _compiled(source: str, autoescape: bool) -> Any:
    return Sandbox(autoescape=autoescape).from_string(source)


def render_source(source: str, values: Mapping[str, Any], *, autoescape: bool) -> str:
    """Return the text of a template; raises what Jinja raises, and TemplateRuntimeError where it grows too long."""
    template = _compiled(source, autoescape)
    pieces, length = [], 0
    for piece in template.generate({**values, "_steps": Steps()}):
        length += len(piece)
        pieces.append(piece if length <= MAX_TEXT else _too_long())
    return "".join(pieces)
