"""A list of the rows that meet a condition."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from erp.admin import Screen


class FilteredList(Screen):
    """A read-only list of the rows that meet a condition."""

    can_create = False
    can_edit = False
    can_delete = False

    def condition(self) -> Any:
        """Return which rows are listed."""
        raise NotImplementedError

    @override
    def get_query(self) -> Any:
        return super().get_query().filter(self.condition())

    @override
    def get_count_query(self) -> Any:
        return super().get_count_query().filter(self.condition())
