"""Base screens: what modules declare their lists, forms, documents, actions and panels with."""

from erp.admin.action_pages import Choose, FormPage
from erp.admin.contact import ContactScreen
from erp.admin.declarations import (
    Action,
    Badge,
    Card,
    Chosen,
    ExtraColumn,
    ExtraField,
    ListAction,
    Panel,
    Result,
)
from erp.admin.document import DocumentScreen
from erp.admin.fields import DayField, InstantField, LookupField, MoneyField, QuantityField, WholeNumberField
from erp.admin.lines import LineChanges
from erp.admin.page import Page
from erp.admin.screen import Screen
from erp.admin.site import document_anchor, document_url, init_app

__all__ = [
    "Action",
    "Badge",
    "Card",
    "Choose",
    "Chosen",
    "ContactScreen",
    "DayField",
    "DocumentScreen",
    "ExtraColumn",
    "ExtraField",
    "FormPage",
    "InstantField",
    "LineChanges",
    "ListAction",
    "LookupField",
    "MoneyField",
    "Page",
    "Panel",
    "QuantityField",
    "Result",
    "Screen",
    "WholeNumberField",
    "document_anchor",
    "document_url",
    "init_app",
]
