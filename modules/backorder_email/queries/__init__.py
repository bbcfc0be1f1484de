"""The questions that backorder email answers: they change nothing."""

from modules.backorder_email.queries.checks import broken_invariants
from modules.backorder_email.queries.facts import NewsRow, facts_of, facts_to_preview, news_rows, order_to_preview
from modules.backorder_email.queries.messages import (
    count_due,
    count_sendable,
    counts_by_state,
    due,
    due_on_schedule,
    emails,
    messages_of_customer,
    messages_of_order,
    newest_sendable,
    waiting,
)
from modules.backorder_email.queries.news import (
    news_of_messages,
    news_statuses,
    orders_with_news,
    runs_to_compose,
    uncomposed,
    uncomposed_news,
)
from modules.backorder_email.queries.previews import (
    Sample,
    allocation_news,
    arrival_news,
    date_news,
    notes_of_import,
    sample_facts_of,
    status_news,
)
from modules.backorder_email.queries.runs import do_runs_notify, gain_notes, notes_of_gains
from modules.backorder_email.queries.templates import (
    example_of,
    kinds_by_name,
    template_by_name,
    templates_by_name,
    uses_of_template,
    uses_of_templates,
)

__all__ = [
    "NewsRow",
    "Sample",
    "allocation_news",
    "arrival_news",
    "broken_invariants",
    "count_due",
    "count_sendable",
    "counts_by_state",
    "date_news",
    "do_runs_notify",
    "due",
    "due_on_schedule",
    "emails",
    "example_of",
    "facts_of",
    "facts_to_preview",
    "gain_notes",
    "kinds_by_name",
    "messages_of_customer",
    "messages_of_order",
    "newest_sendable",
    "news_of_messages",
    "news_rows",
    "news_statuses",
    "notes_of_gains",
    "notes_of_import",
    "order_to_preview",
    "orders_with_news",
    "runs_to_compose",
    "sample_facts_of",
    "status_news",
    "template_by_name",
    "templates_by_name",
    "uncomposed",
    "uncomposed_news",
    "uses_of_template",
    "uses_of_templates",
    "waiting",
]
