"""Schemas of what is shown and taken: they check requests, and the document is made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import marshmallow as ma

from erp.api import Computed, Effect, Input, Kind, Report, Task
from modules.api.http.representation import Shape, Shown, shown_fields

LONGEST_LINE = 254
EXACT = r"^-?[0-9]{1,9}(\.[0-9]{1,4})?$"
DAY = r"^(19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$"
INSTANT = (
    r"^(19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Text(ma.fields.String):
    """Text that a database can keep."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        text = super()._deserialize(value, attr, data, **more)
        if _UNSTORABLE.search(text):
            raise ma.ValidationError("A character of it cannot be stored.")
        return text


class Line(Text):
    """Text without line breaks, and without blanks around it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        text = super()._deserialize(value, attr, data, **more)
        if text != text.strip() or not text.isprintable():
            raise ma.ValidationError("One line without blanks around it is allowed.")
        return text


class _Written(Text):
    pattern, allowed = "", ""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        text = super()._deserialize(value, attr, data, **more)
        try:
            if not re.fullmatch(self.pattern.strip("^$"), text):
                raise ValueError(text)
            return self.read(text)
        except ValueError:
            raise ma.ValidationError(f"{self.allowed} is allowed.") from None

    def read(self, text: str) -> Any:
        """Return the value that a text of the pattern stands for; raise ValueError where it stands for none."""
        raise NotImplementedError


class Exact(_Written):
    """A quantity or an amount of money."""

    pattern, allowed = EXACT, 'A decimal number in quotes with at most four decimals, such as "2.5",'

    def read(self, text: str) -> Decimal:
        """Return the number."""
        return Decimal(text)


class Day(_Written):
    """A calendar day."""

    pattern, allowed = DAY, "A day such as 2026-11-30"

    def read(self, text: str) -> date:
        """Return the day."""
        return date.fromisoformat(text)


class Instant(_Written):
    """An instant with its zone."""

    pattern, allowed = INSTANT, "An instant with its zone such as 2026-11-30T08:00:00Z"

    def read(self, text: str) -> datetime:
        """Return the instant."""
        return datetime.fromisoformat(text)


class Whole(ma.fields.Integer):
    """A whole number, and nothing that can only be read as one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **more)


class YesOrNo(ma.fields.Boolean):
    """True or false, and nothing that can only be read as one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


def _numbers(pattern: str, format_: str | None = None) -> dict[str, Any]:
    return {"pattern": pattern, **({"format": format_} if format_ else {})}


_FIELDS: dict[Kind, tuple[type[ma.fields.Field[Any]], dict[str, Any]]] = {
    Kind.text: (Text, {}),
    Kind.word: (Text, {}),
    Kind.whole: (Whole, {}),
    Kind.switch: (YesOrNo, {}),
    Kind.quantity: (Exact, _numbers(EXACT)),
    Kind.money: (Exact, _numbers(EXACT)),
    Kind.day: (Day, _numbers(DAY, "date")),
    Kind.instant: (Instant, _numbers(INSTANT, "date-time")),
}


def _shown_field(shown: Shown) -> ma.fields.Field[Any]:
    if isinstance(shown.field, Computed) and shown.kind is Kind.objects:
        inner = [Shown(each.name, each.kind or Kind.text, (), each.is_nullable, each) for each in shown.field.fields]
        one = _schema(name_of(shown.name, "item"), {each.name: _shown_field(each) for each in inner})
        return ma.fields.List(ma.fields.Nested(one), required=True, allow_none=True)
    kind, metadata = _FIELDS[shown.kind]
    # What is stored may be larger than what is taken.
    found = {key: value for key, value in metadata.items() if key != "pattern"}
    if shown.words:
        found["enum"] = [*shown.words, *([None] if shown.is_nullable else [])]
    return kind(required=True, allow_none=shown.is_nullable, metadata=found)


def _schema(name: str, fields: dict[str, Any]) -> ma.Schema:
    class Meta:
        unknown = ma.RAISE

    made: type[ma.Schema] = type(name, (ma.Schema,), {**fields, "Meta": Meta})
    return made()


def name_of(*parts: str) -> str:
    """Return the name of a schema: words with capitals."""
    return "".join(word.capitalize() for part in parts for word in re.split(r"[^A-Za-z0-9]+", part))


def row_schema(shape: Shape) -> ma.Schema:
    """Return the schema of a row as it is shown."""
    fields = {shown.name: _shown_field(shown) for shown in shape.fields}
    if shape.resource.lines is not None:
        lines = {shown.name: _shown_field(shown) for shown in shape.line_fields}
        line = _schema(name_of("line of", shape.resource.noun), lines)
        fields["lines"] = ma.fields.List(ma.fields.Nested(line), required=True)
    return _schema(name_of(shape.resource.noun), fields)


def page_schema(shape: Shape, row: ma.Schema) -> ma.Schema:
    """Return the schema of a part of a list."""
    items = ma.fields.List(ma.fields.Nested(row), required=True)
    cursor = {"description": "The cursor of the next part; null where this is the last one."}
    following = ma.fields.String(required=True, allow_none=True, metadata=cursor)
    return _schema(name_of(shape.resource.noun, "list"), {"items": items, "next": following})


def report_schema(report: Report) -> ma.Schema:
    """Return the schema of the answer of a report."""
    row = _schema(name_of(report.name, "row"), {each.name: _shown_field(each) for each in shown_fields(report.fields)})
    return _schema(name_of(report.name), {"items": ma.fields.List(ma.fields.Nested(row), required=True)})


def task_schema(task: Task) -> ma.Schema:
    """Return the schema of the answer of a task."""
    return _schema(name_of(task.name, "answer"), {each.name: _shown_field(each) for each in shown_fields(task.fields)})


def query_schema(report: Report) -> ma.Schema:
    """Return the schema of what a report asks for in the address; a whole number is its digits there."""
    return _schema(name_of(report.name, "query"), {each.name: _query_field(each) for each in report.inputs})


def _query_field(each: Input) -> ma.fields.Field[Any]:
    if each.kind is not Kind.whole:
        return _input_field("", each)
    given: dict[str, Any] = {"required": each.is_required, "metadata": {"description": each.help}}
    if not each.is_required:
        given["load_default"] = each.default
    return ma.fields.Integer(validate=ma.validate.Range(each.least, each.most), **given)


def input_schema(name: str, inputs: tuple[Input, ...], *, with_ids: int = 0) -> ma.Schema:
    """Return the schema of what a write takes; `with_ids` is the most rows that it may name."""
    fields = {each.name: _input_field(name, each) for each in inputs}
    if with_ids:
        one = Whole(validate=ma.validate.Range(1, 2**63 - 1))
        fields["ids"] = ma.fields.List(one, required=True, validate=ma.validate.Length(1, with_ids))
    return _schema(name, fields)


def many_schema(name: str, one: ma.Schema, most: int) -> ma.Schema:
    """Return the schema of many rows that are made at once, at most so many."""
    rows = ma.fields.List(ma.fields.Nested(one), required=True, validate=ma.validate.Length(1, most))
    return _schema(name, {"items": rows})


def _input_field(of: str, each: Input) -> ma.fields.Field[Any]:
    given: dict[str, Any] = {"required": each.is_required, "metadata": {"description": each.help} if each.help else {}}
    if not each.is_required:
        given |= {"load_default": each.default, "allow_none": each.default is None}
    if each.kind is Kind.objects:
        inner = input_schema(of + name_of(each.name), each.fields)
        return ma.fields.List(ma.fields.Nested(inner), **given, validate=ma.validate.Length(1, 1000))
    kind, metadata = _FIELDS[each.kind]
    given["metadata"] = {**metadata, **given["metadata"]}
    if each.kind is Kind.whole:
        given["validate"] = ma.validate.Range(each.least, each.most)
    if each.kind is Kind.text:
        kind = Line if each.longest <= LONGEST_LINE else Text
        given["validate"] = ma.validate.Length(min=1 if each.is_required else 0, max=each.longest)
    if each.words:
        given["validate"] = ma.validate.OneOf(each.words)
    return kind(**given)


class ProblemSchema(ma.Schema):
    """Problem details."""

    type = ma.fields.String(required=True, metadata={"description": "urn:erp:refusal:NAME for a refusal."})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True, metadata={"description": "A sentence for people."})
    facts = ma.fields.Dict(metadata={"description": "What the refusal is about, by name."})
    field = ma.fields.String(metadata={"description": "What of the request is wrong."})
    errors = ma.fields.Dict(metadata={"description": "What is not as the schema says, by place."})


class OutcomeSchema(ma.Schema):
    """What became of one of many rows."""

    new_row = {"description": "Null where none was made."}
    id = ma.fields.Integer(required=True, allow_none=True, metadata=new_row)
    status = ma.fields.Integer(required=True, metadata={"description": "200, or that of the problem."})
    problem = ma.fields.Nested(ProblemSchema, required=True, allow_none=True)


class OutcomesSchema(ma.Schema):
    """What became of each of many rows."""

    items = ma.fields.List(ma.fields.Nested(OutcomeSchema), required=True)


def plan_schema(effects: Sequence[Effect]) -> ma.Schema:
    """Return the schema of the answer to a dry run."""
    fields = {}
    for effect in effects:
        amounts = {each.name: _shown_field(each) for each in shown_fields(effect.fields)}
        before_or_after = _schema(name_of(effect.name, "amounts"), amounts)
        pair = {side: ma.fields.Nested(before_or_after, required=True, allow_none=True) for side in ("before", "after")}
        change = _schema(name_of(effect.name, "change"), pair)
        fields[effect.name] = ma.fields.List(ma.fields.Nested(change), required=True)
    found = _schema("Effects", fields)
    about = {"description": "What the write would answer."}
    return _schema(
        "Plan",
        {
            "answer": ma.fields.Dict(required=True, metadata=about),
            "effects": ma.fields.Nested(found, required=True),
            "plan": ma.fields.String(required=True, metadata={"description": "Sent as `plan` with the same request."}),
        },
    )
