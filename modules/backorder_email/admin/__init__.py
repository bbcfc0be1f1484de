"""The screens of backorder email, and what it adds to the screens of other modules."""

from modules.backorder_email.admin.messages import PendingEmails
from modules.backorder_email.admin.panels import CARD, CUSTOMER_PANEL, ORDER_PANEL
from modules.backorder_email.admin.templates import STATUS_FIELD, TemplateScreen

__all__ = ["CARD", "CUSTOMER_PANEL", "ORDER_PANEL", "STATUS_FIELD", "PendingEmails", "TemplateScreen"]
