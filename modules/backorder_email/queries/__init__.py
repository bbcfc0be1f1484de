"""Reads of backorder email: they change nothing."""

from modules.backorder_email.queries.checks import broken_invariants
from modules.backorder_email.queries.facts import NewsRow, facts_of, news_rows
from modules.backorder_email.queries.messages import (
    counts_by_state,
    due,
    emails,
    messages_of_customer,
    messages_of_order,
    needing_attention,
    sendable,
    waiting,
)
from modules.backorder_email.queries.news import (
    news_of_messages,
    news_statuses,
    pending_about,
    runs_to_compose,
    uncomposed,
    unsent_dates,
)
from modules.backorder_email.queries.preview import facts_to_try, order_to_try
from modules.backorder_email.queries.templates import (
    template_by_name,
    templates_by_status,
    uses_of_template,
    uses_of_templates,
)

__all__ = [
    "NewsRow",
    "broken_invariants",
    "counts_by_state",
    "due",
    "emails",
    "facts_of",
    "facts_to_try",
    "messages_of_customer",
    "messages_of_order",
    "needing_attention",
    "news_of_messages",
    "news_rows",
    "news_statuses",
    "order_to_try",
    "pending_about",
    "runs_to_compose",
    "sendable",
    "template_by_name",
    "templates_by_status",
    "uncomposed",
    "unsent_dates",
    "uses_of_template",
    "uses_of_templates",
    "waiting",
]
