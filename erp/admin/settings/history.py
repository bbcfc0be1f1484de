"""Settings > History: every change of a document, an option, a module or a user's rights."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from erp.admin.formatting import anchor, words
from erp.admin.recorded import recorded, recorded_name
from erp.admin.screen import Screen
from erp.models import HistoryEntry
from erp.text import joined, say


def _document(screen: Screen, entry: HistoryEntry) -> Any:
    name = recorded_name(entry)
    text = say("{name}, line {line}", name=name, line=entry.line) if entry.line else name
    return anchor(screen.admin.document_url(entry.document, entry.document_id), text)


def _action(entry: HistoryEntry) -> str:
    action = words(entry.action)
    return joined((action, words(entry.field)), ": ") if entry.field else action


class HistoryScreen(Screen):
    """All entries, newest first. They cannot be edited."""

    model = HistoryEntry
    view_name = "erp.history"
    title = "History"
    noun = "entry"
    plural = "entries"
    url = "/settings/history"
    icon = "fa-history"
    can_create = can_edit = can_delete = False
    column_list = ("at", "user_name", "document_name", "action", "old_value", "new_value", "why")
    column_labels = {
        "at": "When",
        "user_name": "Who",
        "document": "Kind",
        "document_name": "What",
        "document_id": "Id",
        "old_value": "Old value",
        "new_value": "New value",
    }
    column_searchable_list = ("document_name", "user_name")
    column_filters = ("at", "user_name", "document", "document_id", "document_name", "action", "field", "why")
    column_sortable_list = ("at",)
    column_formatters = {
        "document_name": lambda view, context, entry, name: _document(view, entry),
        "action": lambda view, context, entry, name: _action(entry),
        "field": lambda view, context, entry, name: words(entry.field),
        "old_value": lambda view, context, entry, name: recorded(entry.old_value, entry.field),
        "new_value": lambda view, context, entry, name: recorded(entry.new_value, entry.field),
    }
    column_export_list = ("at", "user_name", "document", "document_name", "line", "action", "field", "old_value",
                          "new_value", "why")  # fmt: skip
    column_details_list = ("document", "line", "field", *column_list, "run_id")
    empty_message = "Nothing has been changed yet. Every change of a document, an option or a user is listed here."

    @override
    def document_title(self, row: Any) -> str:
        return joined((recorded_name(row), words(row.action)), ": ")

    @override
    def history(self, row: Any) -> tuple[list[HistoryEntry], int]:
        return [], 0
