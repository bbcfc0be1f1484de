"""The screens of backorder email, and what it adds to the screens of other modules."""

from modules.backorder_email.admin.messages import QUEUES, PendingEmails
from modules.backorder_email.admin.notes import PURCHASE_NOTES, SALES_NOTES
from modules.backorder_email.admin.panels import CARD, CUSTOMER_PANEL, ORDER_PANEL
from modules.backorder_email.admin.templates import STATUS_FIELD, TemplateScreen

__all__ = [
    "CARD",
    "CUSTOMER_PANEL",
    "ORDER_PANEL",
    "PURCHASE_NOTES",
    "QUEUES",
    "SALES_NOTES",
    "STATUS_FIELD",
    "PendingEmails",
    "TemplateScreen",
]
