"""The verbs of backorder email: they write and flush; who calls them commits."""

from modules.backorder_email.services.composing import as_it_would_leave, compose, compose_lost_runs, compose_run
from modules.backorder_email.services.demo import load_demo
from modules.backorder_email.services.news import (
    drop_news_of_purchase_allocations,
    write_allocation_news,
    write_cancellation_news,
    write_date_news,
    write_status_news,
)
from modules.backorder_email.services.queue import cancel, edit, hurry, mark_as_sent, retry
from modules.backorder_email.services.send_log import NOBODY, SendLog, life_of_database
from modules.backorder_email.services.sending import (
    TakenBatch,
    give_back,
    postpone_claimed,
    recover,
    settle,
    take_batch,
)
from modules.backorder_email.services.templates import (
    delete_template,
    save_template,
    save_templates,
    set_status_template,
    write_status_templates,
)

__all__ = [
    "NOBODY",
    "SendLog",
    "TakenBatch",
    "as_it_would_leave",
    "cancel",
    "compose",
    "compose_lost_runs",
    "compose_run",
    "delete_template",
    "drop_news_of_purchase_allocations",
    "edit",
    "give_back",
    "hurry",
    "life_of_database",
    "load_demo",
    "mark_as_sent",
    "postpone_claimed",
    "recover",
    "retry",
    "save_template",
    "save_templates",
    "set_status_template",
    "settle",
    "take_batch",
    "write_allocation_news",
    "write_cancellation_news",
    "write_date_news",
    "write_status_news",
    "write_status_templates",
]
