"""Refusals shown at the fields that they name."""

from __future__ import annotations

from collections.abc import Mapping

from wtforms import Form

from erp.errors import ErpError


def mark(form: Form, error: ErpError, names: Mapping[str, str] | None = None) -> None:
    """Show a refusal at the field that it names, where the form has it; `names` are fields that the form renames.

    Call it after the form was validated.
    """
    field = form._fields.get((names or {}).get(error.field, error.field))
    if field is not None:
        field.errors = [*field.errors, str(error)]
