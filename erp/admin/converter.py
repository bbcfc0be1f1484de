"""How the columns of a model become fields of a form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_admin.contrib.sqla.form import AdminModelConverter
from flask_admin.model.form import converts
from wtforms import Field, Form

from erp.admin.fields import (
    ChoiceField,
    DayField,
    InstantField,
    LookupField,
    MoneyField,
    QuantityField,
    WholeNumberField,
)
from erp.admin.formatting import words
from erp.admin.identifiers import text_validators


def _made(kind: Callable[..., Field]) -> Callable[..., Field]:
    """Return the method of a converter that makes this field whatever the column is."""
    return lambda _converter, field_args, **_extra: kind(**field_args)


class Converter(AdminModelConverter):
    """How columns of the product's own types become form fields."""

    conv_money = converts("Money")(_made(MoneyField))
    conv_scaled = converts("Scaled", "Quantity")(_made(QuantityField))
    conv_instant = converts("UtcDateTime")(_made(InstantField))
    convert_date = converts("Date")(_made(DayField))
    handle_integer_types = converts("Integer")(_made(WholeNumberField))

    def _get_label(self, name: str, field_args: Any) -> str:
        labels = getattr(self.view, "column_labels", None) or {}
        return str(field_args.get("label") or labels.get(name) or words(name))

    @converts("String")
    def conv_String(self, column: Any, field_args: Any, **extra: Any) -> Any:
        """Texts of one line: identifiers, which no other row may have, and descriptive names."""
        field_args["validators"] = text_validators(column, field_args["validators"])
        return super().conv_String(column, field_args, **extra)

    @converts("Enum", "sqlalchemy.sql.sqltypes.Enum")
    def convert_enum(self, column: Any, field_args: Any, **extra: Any) -> Field:
        """Words of an enum."""
        field_args.pop("filters", None)
        return ChoiceField(enum=column.type.enum_class, blank=column.nullable, **field_args)

    def _model_select_field(self, prop: Any, multiple: Any, remote_model: Any, **kwargs: Any) -> Any:
        loader = getattr(self.view, "_form_ajax_refs", {}).get(prop.key)
        if loader and not multiple:
            return LookupField(loader, **kwargs)
        return super()._model_select_field(prop, multiple, remote_model, **kwargs)


def with_fields(form_class: type[Form], fields: Sequence[tuple[str, Callable[[], Any]]]) -> type[Form]:
    """Return the form with further fields at its end."""
    return type(form_class.__name__, (form_class,), {name: make() for name, make in fields}) if fields else form_class
