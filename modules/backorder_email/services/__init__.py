"""The changes that backorder email makes: they write and flush; the caller commits."""

from modules.backorder_email.services.batches import TakenBatch, give_back, postpone_batch, recover, settle, take_batch
from modules.backorder_email.services.composition import as_it_would_leave, compose_part, parts_of_runs
from modules.backorder_email.services.demo import load_demo
from modules.backorder_email.services.messages import cancel, confirm, edit, mark_as_sent, retry, skip_waits
from modules.backorder_email.services.news import (
    drop_news_of_removed_allocations,
    write_allocation_news,
    write_announced_news,
    write_cancellation_news,
    write_date_news,
    write_status_news,
)
from modules.backorder_email.services.send_log import NO_MESSAGE, SendLog, database_start_id
from modules.backorder_email.services.templates import (
    delete_template,
    example_of_kind,
    save_template,
    save_templates,
    set_status_templates,
)

__all__ = [
    "NO_MESSAGE",
    "SendLog",
    "TakenBatch",
    "as_it_would_leave",
    "cancel",
    "compose_part",
    "confirm",
    "database_start_id",
    "delete_template",
    "drop_news_of_removed_allocations",
    "edit",
    "example_of_kind",
    "give_back",
    "load_demo",
    "mark_as_sent",
    "parts_of_runs",
    "postpone_batch",
    "recover",
    "retry",
    "save_template",
    "save_templates",
    "set_status_templates",
    "settle",
    "skip_waits",
    "take_batch",
    "write_allocation_news",
    "write_announced_news",
    "write_cancellation_news",
    "write_date_news",
    "write_status_news",
]
