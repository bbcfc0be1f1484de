"""Base screens: what modules declare their lists, forms, documents, actions and panels with."""

from erp.admin.access import may, screen_session
from erp.admin.action_pages import Choose, FormPage
from erp.admin.bulk import BulkAction, change_of_each
from erp.admin.contact_screen import ContactScreen
from erp.admin.dashboard_parts import Bar, Chart, WorkQueue
from erp.admin.declarations import (
    Action,
    ActionNotes,
    Badge,
    Card,
    Chosen,
    DatedPart,
    Effect,
    ExtraColumn,
    ExtraColumns,
    ExtraField,
    Facts,
    ListAction,
    NextStep,
    Panel,
    QuickFilter,
    Result,
    by_ids,
    later_than,
    of_each,
)
from erp.admin.document import DocumentScreen
from erp.admin.fields import DayField, LookupField, QuantityField, lookup_of
from erp.admin.filters import DerivedFilter, compared, of_text, yes_or_no
from erp.admin.formatting import line_heading
from erp.admin.page import Page
from erp.admin.papers import PaperSection
from erp.admin.screen import Screen
from erp.admin.site import anchor_of, document_anchor, document_url, init_app

__all__ = [
    "Action",
    "ActionNotes",
    "Badge",
    "Bar",
    "BulkAction",
    "Card",
    "Chart",
    "Choose",
    "Chosen",
    "ContactScreen",
    "DatedPart",
    "DayField",
    "DerivedFilter",
    "DocumentScreen",
    "Effect",
    "ExtraColumn",
    "ExtraColumns",
    "ExtraField",
    "Facts",
    "FormPage",
    "ListAction",
    "LookupField",
    "NextStep",
    "Page",
    "Panel",
    "PaperSection",
    "QuantityField",
    "QuickFilter",
    "Result",
    "Screen",
    "WorkQueue",
    "anchor_of",
    "by_ids",
    "change_of_each",
    "compared",
    "document_anchor",
    "document_url",
    "init_app",
    "later_than",
    "line_heading",
    "lookup_of",
    "may",
    "of_each",
    "of_text",
    "screen_session",
    "yes_or_no",
]
