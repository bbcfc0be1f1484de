"""Form fields: exact numbers, local times, enums and a choice that is looked up while typing."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from flask import current_app
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.helpers import get_url
from markupsafe import Markup
from sqlalchemy import or_
from sqlalchemy.orm import Mapper
from wtforms import (
    DateField,
    Field,
    Form,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
    validators,
)
from wtforms.fields.core import UnboundField
from wtforms.widgets import CheckboxInput, ListWidget, TextInput

from erp import clock
from erp.addresses import BadAddress, check_address
from erp.admin.formatting import words
from erp.admin.numerals import as_plain, as_typed, plain_amount
from erp.db import LIMIT, PLACES, contains, db, format_quantity
from erp.text import named, say

ID_LIMIT = 2**63


def as_id(value: Any) -> int | None:
    """Return an id that came from outside, or None where it cannot be one."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 20 and int(text) < ID_LIMIT else None


class NumberInput(TextInput):
    """A text input with the keyboard for numbers; the browser's own number input rounds and knows only floats."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return the input."""
        kwargs["class"] = f"{kwargs.get('class', '')} erp-number".strip()
        kwargs.setdefault("autocomplete", "off")
        return Markup(super().__call__(field, inputmode="decimal", **kwargs))


def read_quantity(text: str) -> Decimal:
    """Return an exact number that was typed; raise ValueError with what is wrong."""
    text = as_plain(text)
    if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{0,18})?|-?\.[0-9]{1,18}", text):
        raise ValueError(say("Enter a number, such as 12 or {as_typed}.", as_typed=as_typed("2.5")))
    value = Decimal(text)
    if value != round(value, PLACES):
        raise ValueError(say("At most {PLACES} decimals are possible.", PLACES=PLACES))
    return value


class QuantityField(StringField):
    """An exact number with at most four decimals."""

    widget = NumberInput()

    def __init__(self, *args: Any, minimum: Decimal | None = None, maximum: Decimal = LIMIT, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.minimum = minimum
        self.maximum = maximum

    def _value(self) -> str:
        if self.raw_data and self.process_errors:
            return str(self.raw_data[0])
        return as_typed(format_quantity(self.data)) if isinstance(self.data, Decimal) else str(self.data or "")

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read a plain decimal number; nothing is None."""
        text = valuelist[0].strip() if valuelist else ""
        self.data: Any = read_quantity(text) if text else None

    def pre_validate(self, form: Any) -> None:
        """Refuse what is out of bounds."""
        if self.data is None:
            return
        if self.minimum is not None and self.data < self.minimum:
            raise ValidationError(say("At least {minimum} is possible.", minimum=format_quantity(self.minimum)))
        if abs(self.data) > self.maximum:
            raise ValidationError(say("At most {maximum} is possible.", maximum=format_quantity(self.maximum)))


class MoneyField(QuantityField):
    """An exact amount, shown with at least two decimals."""

    def _value(self) -> str:
        if isinstance(self.data, Decimal) and not self.process_errors:
            return as_typed(plain_amount(self.data))
        return super()._value()


class WholeNumberField(IntegerField):
    """A whole number that every integer column can hold."""

    widget = NumberInput()

    def pre_validate(self, form: Any) -> None:
        """Refuse what no column holds."""
        if self.data is not None and abs(self.data) > 2**31 - 1:
            raise ValidationError("This number is too large.")


class DayField(DateField):
    """A calendar date with the browser's calendar."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read an ISO date; nothing is None."""
        if valuelist and not valuelist[0].strip():
            self.data: Any = None
            return
        super().process_formdata(valuelist)
        if self.data is not None:
            check_year(self.data)


def check_year(day: date) -> None:
    """Raise ValueError for a day so far away that nothing can be computed with it."""
    if day.year not in clock.YEARS:
        raise ValueError("This year is out of range.")


class InstantField(StringField):
    """An instant, shown and entered in the company's time zone."""

    widget = TextInput()
    widget.input_type = "datetime-local"

    def _value(self) -> str:
        if self.raw_data and self.process_errors:
            return str(self.raw_data[0])
        return f"{clock.local(self.data):%Y-%m-%dT%H:%M}" if isinstance(self.data, datetime) else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the time; a minute that did not change keeps its seconds."""
        text = valuelist[0].strip() if valuelist else ""
        before = self.object_data if isinstance(self.object_data, datetime) else None
        if not text:
            self.data: Any = None
        elif before is None or f"{clock.local(before):%Y-%m-%dT%H:%M}" != text[:16]:
            self.data = self._read(text)

    def _read(self, text: str) -> datetime:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("Enter a date and a time, such as 2026-11-23 14:30.") from None
        check_year(found)
        return clock.from_local(found)


class ChoiceField(SelectField):
    """One member of an enum; empty where the column may be."""

    def __init__(self, label: Any = None, validators: Any = None, *, enum: type[Enum], blank: bool = False, **kw: Any):
        choices = [(member.name, words(str(member.value))) for member in enum]
        super().__init__(label, validators, choices=[("", ""), *choices] if blank else choices, coerce=self._read, **kw)
        self.enum = enum

    def _read(self, value: Any) -> Any:
        if value is None or value == "" or isinstance(value, self.enum):
            return value or None
        if value not in self.enum.__members__:
            raise ValueError("Choose one from the list.")
        return self.enum[value]

    def iter_choices(self) -> Any:
        """Mark the current member."""
        name = self.data.name if isinstance(self.data, Enum) else ""
        for value, label in self.choices:
            yield value, label, value == name, {}

    def pre_validate(self, form: Any) -> None:
        """Accept what `_read` accepted, and nothing only where there is a blank choice."""
        if self.data is None and self.choices[0][0] != "":
            raise ValidationError("Choose one from the list.")


class TicksField(SelectMultipleField):
    """Several words of a list, each with a checkbox."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def reason_field() -> UnboundField[StringField]:
    """Return the field for the reason of a change. Fields are shown in the order in which they are made."""
    return StringField("Reason", [validators.Length(max=500)], description="Shown in the history.")


def reason_of(form: Form) -> str:
    """Return the reason that was entered, empty where the form does not ask for one."""
    return (form["why"].data or "") if "why" in form else ""


def check_name(_form: Any, field: StringField) -> None:
    """Refuse a blank name and one with characters that cannot be printed; `validate_<field>` of a form."""
    text = (field.data or "").strip()
    if not text or not text.isprintable():
        raise ValidationError("A name has 1 to 80 characters that can be printed.")


def check_email(_form: Any, field: StringField) -> None:
    """Refuse what is neither empty nor one email address."""
    field.data = (field.data or "").strip()
    try:
        if field.data:
            check_address(field.data)
    except BadAddress as error:
        raise ValidationError(say("This is not an email address: {error}.", error=error.facts["reason"])) from None


class Lookup(QueryAjaxModelLoader):
    """The rows that a choice which is looked up while typing can find; every value from outside is bounded."""

    def get_one(self, pk: Any) -> Any:
        """Return a row by an id from outside."""
        found = as_id(pk)
        with db.session.no_autoflush:
            return None if found is None else db.session.get(self.model, found)

    def get_list(self, term: str, offset: int = 0, limit: int = 10) -> Any:
        """Return rows in which each word of `term` is found in one of the fields."""
        query = self.get_query()
        for name in self.filters or ():
            query = query.filter(getattr(self.model, name))
        for word in (term or "").replace("\x00", "")[:100].split():
            query = query.filter(or_(*(contains(field, word) for field in self._cached_fields)))
        order = self.order_by if self.order_by is not None else self._cached_fields[0]
        query = query.order_by(order, getattr(self.model, self.pk))
        return query.offset(min(max(offset or 0, 0), 10_000)).limit(min(max(limit or 10, 1), 50)).all()

    def answer(self, row: Any) -> list[Any]:
        """Return [id, text] of a row, and where the choice fills other fields the values of these by name.

        The option `fills` names by field the attribute of the row from which it is filled.
        """
        fills = self.options.get("fills", {})
        values = {field: _as_typed(getattr(row, attribute)) for field, attribute in fills.items()}
        return [*self.format(row), *([values] if fills else [])]


def _as_typed(value: Any) -> str:
    return as_typed(plain_amount(value)) if isinstance(value, Decimal) else str(value or "")


def lookup(name: str, model: Any, field: str, options: dict[str, Any]) -> Lookup:
    """Return the loader of `model.field`, a relationship to one row."""
    mapper: Mapper[Any] = model.__mapper__
    return Lookup(name, db, mapper.relationships[field].mapper.class_, **options)


def lookup_of(name: str, target: Any, **options: Any) -> Lookup:
    """Return the rows of the table `target` that a LookupField of the field `name` can find.

    The screen on whose pages the field stands has the same `options` in its `form_ajax_refs`, by the same name.
    """
    return Lookup(name, db, target, **options)


class ComboWidget:
    """A text input that finds rows while typing, and a hidden input that carries the chosen row's id."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return both inputs and the list that the script fills."""
        chosen = field.loader.format(field.data) if field.data is not None else None
        value, text = chosen if chosen else ("", "")
        invalid = " is-invalid" if field.errors else ""
        return Markup(
            '<div class="erp-combo" data-url="{url}"{create}><input type="hidden" name="{name}" value="{value}">'
            '<input type="text" id="{id}" class="form-control{invalid}" value="{text}" placeholder="{placeholder}"'
            ' role="combobox" aria-autocomplete="list" aria-expanded="false" aria-controls="{id}-list"'
            ' autocomplete="off"{required}>'
            '<ul id="{id}-list" class="erp-combo-list" role="listbox" hidden></ul></div>'
        ).format(
            url=get_url(".ajax_lookup", name=field.loader.name),
            create=_creation(field.loader.model),
            name=field.name,
            id=field.id,
            value=value,
            text=text,
            invalid=invalid,
            placeholder=named(field.loader.options.get("placeholder", "Type to search")),
            required="" if field.allow_blank else Markup(" required"),
        )


def _creation(model: Any) -> Markup:
    """Return the attributes with which a choice offers a new row of its model, where the user may add one."""
    view = current_app.extensions["erp_site"].creating(model)
    if view is None:
        return Markup()
    url = view.get_url(f"{view.endpoint}.create_view")
    return Markup(' data-create="{}" data-noun="{}"').format(url, named(view.noun))


class LookupField(Field):
    """A choice of one row that is looked up while typing; `data` is the row."""

    widget = ComboWidget()

    def __init__(self, loader: Lookup, *args: Any, allow_blank: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loader = loader
        self.allow_blank = allow_blank

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the posted id."""
        text = valuelist[0].strip() if valuelist else ""
        self.data: Any = self.loader.get_one(text) if text else None
        if text and self.data is None:
            raise ValueError("Choose one from the list.")

    def pre_validate(self, form: Any) -> None:
        """Ask for a choice where there must be one."""
        if self.data is None and not self.allow_blank and not self.process_errors:
            raise validators.StopValidation("Choose one from the list.")


def required(field: Any) -> bool:
    """Say whether a form marks the field as required."""
    return any(isinstance(each, validators.InputRequired | validators.DataRequired) for each in field.validators)
