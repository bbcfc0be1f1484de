"""Filters of returns by what no column holds."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_

from erp.admin import yes_or_no
from modules.returns.models import Return
from modules.returns.states import OPEN_STATES


def _waits_too_long() -> ColumnElement[bool]:
    return and_(_is_open(), Return.reminded_at.is_not(None))


def _is_open() -> ColumnElement[bool]:
    return Return.state.in_(OPEN_STATES)


RETURN_FILTERS = (yes_or_no("Waits too long", _waits_too_long, among=_is_open),)
