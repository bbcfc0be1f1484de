"""Validators of form fields that hold identifiers and descriptive names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_admin.contrib.sqla.validators import Unique
from sqlalchemy import select
from wtforms import Field, ValidationError

from erp.db import db, key_of
from erp.identity import BadIdentifier, check_descriptive, check_identifier, identity_key
from erp.text import say


def text_validators(column: Any, validators: Sequence[Any]) -> list[Any]:
    """Return the validators of a text column together with those that an identifier or a descriptive name needs."""
    if key_of(column) is not None:
        return [*(each for each in validators if not isinstance(each, Unique)), Identifier(column)]
    return [*validators, check_description] if column.key == "name" else [*validators]


class Identifier:
    """Refuses an identifier that cannot be kept, and one that another row has, however it is written there."""

    field_flags = {"unique": True}

    def __init__(self, column: Any) -> None:
        self.column = column
        self.key = key_of(column)

    def __call__(self, form: Any, field: Field) -> None:
        """Raise ValidationError with what is wrong."""
        text = _kept(check_identifier, field.data or "")
        if self.key is None or not self.key.unique:
            return
        (id_,) = self.column.table.primary_key
        found = db.session.execute(select(id_, self.column).where(self.key == identity_key(text))).first()
        if found is not None and found[0] != getattr(form._obj, id_.key, None):
            raise ValidationError(
                "Already exists." if found[1] == text else say("Already exists: {found}.", found=found[1])
            )


def check_description(_form: Any, field: Field) -> None:
    """Refuse a descriptive name with characters that cannot be seen."""
    if field.data:
        _kept(check_descriptive, field.data)


def _kept(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except BadIdentifier as refused:
        raise ValidationError(say("This {refused}.", refused=refused.facts["reason"])) from None
