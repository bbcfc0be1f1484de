"""The verbs of backorder email: they write and flush; who calls them commits."""

from modules.backorder_email.services.composing import as_it_would_leave, compose, compose_lost_runs, compose_run
from modules.backorder_email.services.demo import load_demo
from modules.backorder_email.services.marks import NOBODY, Marks, life_of_database
from modules.backorder_email.services.news import (
    drop_news_of_links,
    tell_of_cancellations,
    tell_of_dates,
    tell_of_links,
    tell_of_statuses,
)
from modules.backorder_email.services.queue import cancel, edit, hurry, mark_as_sent, retry
from modules.backorder_email.services.sending import (
    Claim,
    claim,
    give_back,
    postpone_claimed,
    recover,
    settle,
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
    "Claim",
    "Marks",
    "as_it_would_leave",
    "cancel",
    "claim",
    "compose",
    "compose_lost_runs",
    "compose_run",
    "delete_template",
    "drop_news_of_links",
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
    "tell_of_cancellations",
    "tell_of_dates",
    "tell_of_links",
    "tell_of_statuses",
    "write_status_templates",
]
