"""The screens of backorder email, and what it adds to the screens of other modules."""

from modules.backorder_email.admin.messages import CARD, CUSTOMER_PANEL, ORDER_PANEL, PendingEmails
from modules.backorder_email.admin.templates import STATUS_FIELD, TemplateScreen

__all__ = ["CARD", "CUSTOMER_PANEL", "ORDER_PANEL", "STATUS_FIELD", "PendingEmails", "TemplateScreen"]
